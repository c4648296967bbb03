#include "broker/core/queue_arguments.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "broker/core/argument_equivalence.hpp"
#include "broker/core/argument_value.hpp"
#include "broker/core/queue_argument_checks.hpp"
#include "broker/core/queue_type_arguments.hpp"
#include "broker/core/resource_name.hpp"

namespace leveret::broker {
namespace {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

constexpr std::size_t routing_key_max_bytes = 255;

Complaint check_expires(const FieldValue& value, DeclaredArguments& arguments) {
  auto expires_ms = duration_ms(value);
  if (expires_ms && *expires_ms == 0) return about_number("value_zero", 0);
  return store(std::move(expires_ms), arguments.settings.expires_ms);
}

Complaint check_message_ttl(const FieldValue& value, DeclaredArguments& arguments) {
  return store(duration_ms(value), arguments.settings.message_ttl_ms);
}

Complaint check_dead_letter_exchange(const FieldValue& value, DeclaredArguments& arguments) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  arguments.settings.dead_letter_exchange = *value.as_string();
  return {};
}

Complaint check_dead_letter_routing_key(const FieldValue& value, DeclaredArguments& arguments) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  if (arguments.table.find("x-dead-letter-exchange") == nullptr) {
    return "routing_key_but_no_dlx_defined";
  }
  const std::string_view key = *value.as_string();
  // RabbitMQ takes it, and cannot deliver what is dead-lettered by it.
  if (key.size() > routing_key_max_bytes) return quoted("longer than 255 bytes");
  arguments.settings.dead_letter_routing_key = key;
  return {};
}

Complaint check_max_length(const FieldValue& value, DeclaredArguments& arguments) {
  return store(non_negative(value), arguments.settings.max_length);
}

Complaint check_max_length_bytes(const FieldValue& value, DeclaredArguments& arguments) {
  return store(non_negative(value), arguments.settings.max_length_bytes);
}

Complaint check_max_priority(const FieldValue& value, DeclaredArguments& arguments) {
  constexpr std::uint64_t priority_max = 255;
  auto priority = non_negative(value);
  if (priority && *priority > priority_max) {
    return "{max_value_exceeded," + std::to_string(*priority) + "}";
  }
  return store(std::move(priority), arguments.settings.max_priority);
}

Complaint check_overflow(const FieldValue& value, DeclaredArguments& arguments) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  const std::string_view name = *value.as_string();
  QueueOverflow& overflow = arguments.settings.overflow;
  if (name == "drop-head") {
    overflow = QueueOverflow::drop_head;
  } else if (name == "reject-publish") {
    overflow = QueueOverflow::reject_publish;
  } else if (name == "reject-publish-dlx") {
    overflow = QueueOverflow::reject_publish_dlx;
  } else {
    return "invalid_overflow";
  }
  return {};
}

// The mode and the version of a classic queue say how RabbitMQ keeps its messages. They mean
// nothing here, but a value that RabbitMQ refuses is a mistake to be told.
Complaint check_queue_mode(const FieldValue& value, DeclaredArguments&) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  const std::string_view mode = *value.as_string();
  if (mode == "default" || mode == "lazy") return {};
  return quoted("unsupported queue mode '" + std::string(mode) + "'");
}

Complaint check_queue_version(const FieldValue& value, DeclaredArguments&) {
  const auto version = non_negative(value);
  if (!version) return version.error();
  if (*version == 1 || *version == 2) return {};
  return quoted("unsupported queue version '" + std::to_string(*version) + "'");
}

Complaint check_single_active_consumer(const FieldValue& value, DeclaredArguments& arguments) {
  if (value.type() != FieldType::boolean) return unacceptable_type(value);
  arguments.settings.single_active_consumer = *value.as_bool();
  return {};
}

Complaint check_consumer_timeout(const FieldValue& value, DeclaredArguments& arguments) {
  return store(non_negative(value), arguments.settings.consumer_timeout_ms);
}

Complaint check_consumer_timeout_action(const FieldValue& value, DeclaredArguments& arguments) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  const auto action = find_ack_timeout_action(*value.as_string());
  if (!action) return quoted("expected close-channel or requeue");
  arguments.settings.consumer_timeout_action = *action;
  return {};
}

Complaint check_deduplication(const FieldValue& value, DeclaredArguments& arguments) {
  if (value.type() != FieldType::boolean) return unacceptable_type(value);
  arguments.settings.deduplicates = *value.as_bool();
  return {};
}

Complaint check_queue_type(const FieldValue& value) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  const std::string_view type = *value.as_string();
  if (find_type(type)) return {};
  return quoted("unsupported queue type '" + std::string(type) + "'");
}

/// The arguments whose values are checked, in the order in which RabbitMQ checks them. A queue's
/// type decides which of them it has.
struct CheckedArgument {
  std::string_view name;
  Complaint (*check)(const FieldValue&, DeclaredArguments&);
};
constexpr std::array checked_arguments{
    CheckedArgument{"x-expires", check_expires},
    CheckedArgument{"x-message-ttl", check_message_ttl},
    CheckedArgument{"x-dead-letter-exchange", check_dead_letter_exchange},
    CheckedArgument{"x-dead-letter-routing-key", check_dead_letter_routing_key},
    CheckedArgument{"x-dead-letter-strategy", check_dead_letter_strategy},
    CheckedArgument{"x-max-length", check_max_length},
    CheckedArgument{"x-max-length-bytes", check_max_length_bytes},
    CheckedArgument{"x-max-in-memory-length", check_amount_without_meaning},
    CheckedArgument{"x-max-in-memory-bytes", check_amount_without_meaning},
    CheckedArgument{"x-max-priority", check_max_priority},
    CheckedArgument{"x-overflow", check_overflow},
    CheckedArgument{"x-queue-mode", check_queue_mode},
    CheckedArgument{"x-queue-version", check_queue_version},
    CheckedArgument{"x-single-active-consumer", check_single_active_consumer},
    CheckedArgument{"x-consumer-timeout", check_consumer_timeout},
    CheckedArgument{"x-consumer-timeout-action", check_consumer_timeout_action},
    CheckedArgument{"x-quorum-initial-group-size", check_count_of_members},
    CheckedArgument{"x-delivery-limit", check_delivery_limit},
    CheckedArgument{"x-max-age", check_max_age},
    CheckedArgument{"x-stream-max-segment-size-bytes", check_stream_max_segment_size},
    CheckedArgument{"x-stream-filter-size-bytes", check_stream_filter_size},
    CheckedArgument{"x-initial-cluster-size", check_count_of_members},
    CheckedArgument{"x-queue-leader-locator", check_queue_leader_locator},
    CheckedArgument{"x-message-deduplication", check_deduplication},
};

tl::unexpected<AmqpError> invalid_argument(std::string_view argument, std::string_view queue,
                                           std::string_view vhost, std::string_view complaint) {
  std::string text("invalid arg '");
  text.append(argument).append("' for ").append(queue_resource(queue, vhost));
  text.append(complaint);
  return tl::unexpected(AmqpError::precondition_failed(std::move(text)));
}

Result<void, AmqpError> check_type_argument(std::string_view queue, std::string_view vhost,
                                            const FieldTable& arguments) {
  const FieldValue* type = arguments.find("x-queue-type");
  if (type == nullptr) return {};
  const Complaint complaint = check_queue_type(*type);
  if (complaint.empty()) return {};
  return invalid_argument("x-queue-type", queue, vhost, ": " + complaint);
}

Result<void, AmqpError> check_values(std::string_view queue, std::string_view vhost,
                                     DeclaredArguments& arguments) {
  for (const CheckedArgument& argument : checked_arguments) {
    const FieldValue* value = arguments.table.find(argument.name);
    if (value == nullptr || !has_argument(arguments.settings.type, argument.name)) continue;
    if (const Complaint complaint = argument.check(*value, arguments); !complaint.empty()) {
      return invalid_argument(argument.name, queue, vhost, ": " + complaint);
    }
  }
  for (const auto& [name, value] : arguments.table) {
    if (is_of_other_types_only(arguments.settings.type, name)) {
      const std::string_view module = type_module(arguments.settings.type);
      return invalid_argument(name, queue, vhost, " of queue type " + std::string(module));
    }
  }
  return {};
}

Result<void, AmqpError> check_flags(std::string_view queue, std::string_view vhost,
                                    const QueueFlags& flags) {
  const std::string_view property = flags.auto_delete  ? "auto-delete"
                                    : flags.exclusive  ? "exclusive-owner"
                                    : !flags.durable   ? "non-durable"
                                                       : "";
  if (property.empty()) return {};
  return tl::unexpected(AmqpError::precondition_failed(
      "invalid property '" + std::string(property) + "' for " + queue_resource(queue, vhost)));
}

/// A queue of one connection is gone with it, so RabbitMQ forgets that it was declared durable.
bool effective_durable(const QueueFlags& flags) { return flags.durable && !flags.exclusive; }

}  // namespace

QueueType queue_type_of(const FieldTable& arguments) {
  const FieldValue* type = arguments.find("x-queue-type");
  if (type == nullptr || type->type() != FieldType::long_string) return QueueType::classic;
  return find_type(*type->as_string()).value_or(QueueType::classic);
}

Result<void, AmqpError> check_server_named(const FieldTable& arguments) {
  const QueueType type = queue_type_of(arguments);
  if (type == QueueType::classic) return {};
  return tl::unexpected(AmqpError::precondition_failed(
      "Cannot declare a server-named queue for type " + std::string(type_module(type))));
}

Result<QueueSettings, AmqpError> parse_queue_arguments(std::string_view queue,
                                                       std::string_view vhost,
                                                       const QueueFlags& flags,
                                                       const FieldTable& table) {
  // RabbitMQ looks at the dead-letter exchange before anything else, since it checks permissions
  // on it, and so has another text for its type (rabbit_channel.erl).
  auto dead_letter =
      text_argument("x-dead-letter-exchange", queue_resource(queue, vhost), table);
  if (!dead_letter) return tl::unexpected(std::move(dead_letter.error()));
  if (auto checked = check_type_argument(queue, vhost, table); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  QueueSettings settings;
  settings.type = queue_type_of(table);
  DeclaredArguments arguments{table, settings};
  if (auto checked = check_values(queue, vhost, arguments); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  if (settings.type == QueueType::classic) return settings;
  if (auto checked = check_flags(queue, vhost, flags); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  if (auto checked = check_stream_limits(settings); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  // A quorum queue does not send on what it refuses: RabbitMQ warns, and drops from the head.
  if (settings.overflow == QueueOverflow::reject_publish_dlx) {
    settings.overflow = QueueOverflow::drop_head;
  }
  return settings;
}

Result<void, AmqpError> check_queue_equivalence(std::string_view queue, std::string_view vhost,
                                                const QueueDeclaration& existing,
                                                const QueueDeclaration& received) {
  if (existing.flags.exclusive != received.flags.exclusive) {
    return tl::unexpected(locked_queue(queue, vhost));
  }
  const std::string resource = queue_resource(queue, vhost);
  return check_equivalent_flag("durable", resource, effective_durable(existing.flags),
                               effective_durable(received.flags))
      .and_then([&] {
        return check_equivalent_flag("auto_delete", resource, existing.flags.auto_delete,
                                     received.flags.auto_delete);
      })
      .and_then([&] {
        return check_equivalent_arguments(arguments_of(queue_type_of(existing.arguments)),
                                          resource, existing.arguments, received.arguments);
      });
}

AmqpError locked_queue(std::string_view queue, std::string_view vhost) {
  return AmqpError::resource_locked(
      "cannot obtain exclusive access to locked " + queue_resource(queue, vhost) +
      ". It could be originally declared on another connection or the exclusive property value "
      "does not match that of the original declaration.");
}

}  // namespace leveret::broker
