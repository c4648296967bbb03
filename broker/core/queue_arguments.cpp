#include "broker/core/queue_arguments.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "broker/core/argument_equivalence.hpp"
#include "broker/core/argument_value.hpp"
#include "broker/core/message_expiration.hpp"
#include "broker/core/resource_name.hpp"

namespace leveret::broker {
namespace {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

/// What is wrong with a value, as RabbitMQ says it after the colon; empty when nothing is.
using Complaint = std::string;

constexpr std::size_t routing_key_max_bytes = 255;

struct Arguments {
  const FieldTable& table;
  QueueSettings& settings;
};

Complaint quoted(std::string_view text) { return byte_list_text(text); }

Complaint unacceptable_type(const FieldValue& value) {
  return "{unacceptable_type," + std::string(type_name(value.type())) + "}";
}

Complaint about_number(std::string_view what, std::int64_t number) {
  return "{" + std::string(what) + "," + std::to_string(number) + "}";
}

/// The integer in `value`, checked to be at least 0.
Result<std::uint64_t, Complaint> non_negative(const FieldValue& value) {
  const auto number = integer_argument(value);
  if (!number) {
    return tl::unexpected(
        quoted("expected integer, got " + std::string(type_name(value.type()))));
  }
  if (*number < 0) return tl::unexpected(about_number("value_negative", *number));
  return static_cast<std::uint64_t>(*number);
}

Result<std::uint64_t, Complaint> duration_ms(const FieldValue& value) {
  auto duration = non_negative(value);
  if (duration && *duration > expiry_max_ms) {
    return tl::unexpected("{value_too_large," + std::to_string(*duration) + "}");
  }
  return duration;
}

template <class Setting>
Complaint store(Result<std::uint64_t, Complaint> checked, std::optional<Setting>& setting) {
  if (!checked) return std::move(checked.error());
  setting = static_cast<Setting>(*checked);
  return {};
}

Complaint check_expires(const FieldValue& value, Arguments& arguments) {
  auto expires_ms = duration_ms(value);
  if (expires_ms && *expires_ms == 0) return about_number("value_zero", 0);
  return store(std::move(expires_ms), arguments.settings.expires_ms);
}

Complaint check_message_ttl(const FieldValue& value, Arguments& arguments) {
  return store(duration_ms(value), arguments.settings.message_ttl_ms);
}

Complaint check_dead_letter_exchange(const FieldValue& value, Arguments& arguments) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  arguments.settings.dead_letter_exchange = *value.as_string();
  return {};
}

Complaint check_dead_letter_routing_key(const FieldValue& value, Arguments& arguments) {
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

Complaint check_max_length(const FieldValue& value, Arguments& arguments) {
  return store(non_negative(value), arguments.settings.max_length);
}

Complaint check_max_length_bytes(const FieldValue& value, Arguments& arguments) {
  return store(non_negative(value), arguments.settings.max_length_bytes);
}

Complaint check_max_priority(const FieldValue& value, Arguments& arguments) {
  constexpr std::uint64_t priority_max = 255;
  auto priority = non_negative(value);
  if (priority && *priority > priority_max) {
    return "{max_value_exceeded," + std::to_string(*priority) + "}";
  }
  return store(std::move(priority), arguments.settings.max_priority);
}

Complaint check_overflow(const FieldValue& value, Arguments& arguments) {
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
Complaint check_queue_mode(const FieldValue& value, Arguments&) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  const std::string_view mode = *value.as_string();
  if (mode == "default" || mode == "lazy") return {};
  return quoted("unsupported queue mode '" + std::string(mode) + "'");
}

Complaint check_queue_version(const FieldValue& value, Arguments&) {
  const auto version = non_negative(value);
  if (!version) return version.error();
  if (*version == 1 || *version == 2) return {};
  return quoted("unsupported queue version '" + std::to_string(*version) + "'");
}

Complaint check_single_active_consumer(const FieldValue& value, Arguments& arguments) {
  if (value.type() != FieldType::boolean) return unacceptable_type(value);
  arguments.settings.single_active_consumer = *value.as_bool();
  return {};
}

Complaint check_queue_type(const FieldValue& value) {
  if (value.type() != FieldType::long_string) return unacceptable_type(value);
  const std::string_view type = *value.as_string();
  if (type == "classic" || type == "quorum" || type == "stream") return {};
  return quoted("unsupported queue type '" + std::string(type) + "'");
}

/// The arguments whose values are checked, in the order in which RabbitMQ checks them.
struct CheckedArgument {
  std::string_view name;
  Complaint (*check)(const FieldValue&, Arguments&);
};
constexpr std::array checked_arguments{
    CheckedArgument{"x-expires", check_expires},
    CheckedArgument{"x-message-ttl", check_message_ttl},
    CheckedArgument{"x-dead-letter-exchange", check_dead_letter_exchange},
    CheckedArgument{"x-dead-letter-routing-key", check_dead_letter_routing_key},
    CheckedArgument{"x-max-length", check_max_length},
    CheckedArgument{"x-max-length-bytes", check_max_length_bytes},
    CheckedArgument{"x-max-priority", check_max_priority},
    CheckedArgument{"x-overflow", check_overflow},
    CheckedArgument{"x-queue-mode", check_queue_mode},
    CheckedArgument{"x-queue-version", check_queue_version},
    CheckedArgument{"x-single-active-consumer", check_single_active_consumer},
};

/// Arguments of quorum queues and streams. A classic queue refuses them whatever their values.
constexpr std::array<std::string_view, 9> arguments_of_other_types{
    "x-delivery-limit",           "x-dead-letter-strategy",
    "x-initial-cluster-size",     "x-max-age",
    "x-max-in-memory-bytes",      "x-max-in-memory-length",
    "x-queue-leader-locator",     "x-quorum-initial-group-size",
    "x-stream-max-segment-size-bytes",
};

/// Arguments that a classic queue knows, in the order in which RabbitMQ compares them.
constexpr std::array<std::string_view, 13> compared_arguments{
    "x-expires",
    "x-message-ttl",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-priority",
    "x-overflow",
    "x-queue-mode",
    "x-queue-version",
    "x-single-active-consumer",
    "x-queue-type",
    "x-queue-master-locator",
};

constexpr std::array<std::string_view, 2> unsupported_queue_types{"quorum", "stream"};

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
  if (const Complaint complaint = check_queue_type(*type); !complaint.empty()) {
    return invalid_argument("x-queue-type", queue, vhost, ": " + complaint);
  }
  const std::string_view name = *type->as_string();
  if (std::ranges::find(unsupported_queue_types, name) == unsupported_queue_types.end()) return {};
  return tl::unexpected(AmqpError::not_implemented(
      "queue type '" + std::string(name) + "' is not supported yet by this version of Leveret"));
}

/// A queue of one connection is gone with it, so RabbitMQ forgets that it was declared durable.
bool effective_durable(const QueueFlags& flags) { return flags.durable && !flags.exclusive; }

}  // namespace

Result<QueueSettings, AmqpError> parse_queue_arguments(std::string_view queue,
                                                       std::string_view vhost,
                                                       [[maybe_unused]] const QueueFlags& flags,
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
  Arguments arguments{table, settings};
  for (const CheckedArgument& argument : checked_arguments) {
    const FieldValue* value = table.find(argument.name);
    if (value == nullptr) continue;
    if (const Complaint complaint = argument.check(*value, arguments); !complaint.empty()) {
      return invalid_argument(argument.name, queue, vhost, ": " + complaint);
    }
  }
  for (const auto& [name, value] : table) {
    if (std::ranges::find(arguments_of_other_types, name) != arguments_of_other_types.end()) {
      return invalid_argument(name, queue, vhost, " of queue type rabbit_classic_queue");
    }
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
        return check_equivalent_arguments(compared_arguments, resource, existing.arguments,
                                          received.arguments);
      });
}

AmqpError locked_queue(std::string_view queue, std::string_view vhost) {
  return AmqpError::resource_locked(
      "cannot obtain exclusive access to locked " + queue_resource(queue, vhost) +
      ". It could be originally declared on another connection or the exclusive property value "
      "does not match that of the original declaration.");
}

}  // namespace leveret::broker
