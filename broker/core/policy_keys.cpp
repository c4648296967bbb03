#include "broker/core/policy_keys.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/json_term.hpp"
#include "broker/core/message_expiration.hpp"
#include "broker/core/policy_mirroring.hpp"
#include "broker/core/queue_type_arguments.hpp"

namespace leveret::broker {

namespace {

namespace json = boost::json;
using protocol::AmqpError;

// ---- values --------------------------------------------------------------------------------

/// The whole number in `value`, if it is one and not negative.
std::optional<std::uint64_t> whole_number(const json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0) {
    return static_cast<std::uint64_t>(value.get_int64());
  }
  return std::nullopt;
}

std::optional<std::string_view> text(const json::value& value) {
  if (!value.is_string()) return std::nullopt;
  return std::string_view(value.get_string());
}

// ---- keys ----------------------------------------------------------------------------------

constexpr std::uint64_t anything = std::numeric_limits<std::uint64_t>::max();

/// Takes a number from `Min` to `Max`; one above `Kept` counts as `Kept`.
template <auto Member, std::uint64_t Min = 0, std::uint64_t Max = anything,
          std::uint64_t Kept = anything>
bool take_number(const json::value& value, PolicySettings& settings) {
  const auto number = whole_number(value);
  if (!number || *number < Min || *number > Max) return false;
  using Number = typename std::remove_reference_t<decltype(settings.*Member)>::value_type;
  constexpr std::uint64_t representable = std::numeric_limits<Number>::max();
  constexpr std::uint64_t largest = std::min(Kept, representable);
  settings.*Member = static_cast<Number>(std::min(*number, largest));
  return true;
}

template <auto Member, std::size_t MaxBytes = std::string::npos>
bool take_text(const json::value& value, PolicySettings& settings) {
  const auto taken = text(value);
  if (!taken || taken->size() > MaxBytes) return false;
  settings.*Member = std::string(*taken);
  return true;
}

template <std::uint64_t Min, std::uint64_t Max>
bool is_number(const json::value& value, PolicySettings&) {
  const auto number = whole_number(value);
  return number && *number >= Min && *number <= Max;
}

bool is_one_of(const json::value& value, std::initializer_list<std::string_view> choices) {
  const auto chosen = text(value);
  return chosen && std::ranges::find(choices, *chosen) != choices.end();
}

bool take_strategy(const json::value& value, PolicySettings& settings) {
  if (!is_one_of(value, {"at-most-once", "at-least-once"})) return false;
  settings.dead_letter_strategy = *text(value) == "at-least-once"
                                      ? DeadLetterStrategy::at_least_once
                                      : DeadLetterStrategy::at_most_once;
  return true;
}

bool take_overflow(const json::value& value, PolicySettings& settings) {
  if (!is_one_of(value, {"drop-head", "reject-publish", "reject-publish-dlx"})) return false;
  settings.overflow = *text(value) == "drop-head"        ? QueueOverflow::drop_head
                      : *text(value) == "reject-publish" ? QueueOverflow::reject_publish
                                                         : QueueOverflow::reject_publish_dlx;
  return true;
}

bool take_timeout_action(const json::value& value, PolicySettings& settings) {
  const auto name = text(value);
  if (name) settings.consumer_timeout_action = find_ack_timeout_action(*name);
  return settings.consumer_timeout_action.has_value();
}

bool take_max_age(const json::value& value, PolicySettings& settings) {
  const auto age = text(value);
  if (age) settings.max_age_ms = parse_max_age_ms(*age);
  return settings.max_age_ms.has_value();
}

bool take_federation_pattern(const json::value& value, PolicySettings& settings) {
  if (!take_text<&PolicySettings::federation_upstream_pattern>(value, settings)) return false;
  return PermissionPattern::compile(*settings.federation_upstream_pattern).has_value();
}

bool is_queue_mode(const json::value& value, PolicySettings&) {
  return is_one_of(value, {"default", "lazy"});
}

bool is_leader_locator(const json::value& value, PolicySettings&) {
  return is_one_of(value, {"client-local", "balanced", "random", "least-leaders"});
}

bool is_master_locator(const json::value& value, PolicySettings&) {
  return is_one_of(value, {"min-masters", "client-local", "random"});
}

/// Checked by check_mirroring().
bool is_anything(const json::value&, PolicySettings&) { return true; }

constexpr QueueTypes classic = QueueTypes::only(QueueType::classic);
constexpr QueueTypes quorum = QueueTypes::only(QueueType::quorum);
constexpr QueueTypes stream = QueueTypes::only(QueueType::stream);
constexpr QueueTypes any_type = QueueTypes::all();

enum class Who : bool { users_only, operators_too };

struct Key {
  std::string_view name;
  /// Checks a value and keeps it, if it means anything.
  bool (*take)(const json::value&, PolicySettings&);
  std::string_view complaint;  ///< What follows a value that is wrong.
  /// Which queues have what it is about.
  QueueTypes types = any_type;
  Who who = Who::users_only;
  /// Queues that have it in a policy that is for no others.
  QueueTypes if_asked_for = QueueTypes::none();
};

using Settings = PolicySettings;
constexpr auto also_operators = Who::operators_too;
constexpr std::uint64_t segment_max_bytes = 3'000'000'000;

/// In the order of their names, in which RabbitMQ checks them.
///
/// Those that only is_...() looks at are inert: they say how RabbitMQ keeps messages in memory and
/// on several nodes.
constexpr std::array keys{
    Key{"alternate-exchange", take_text<&Settings::alternate_exchange>,
        "is not a valid alternate exchange name"},
    Key{"consumer-disconnected-timeout", is_number<0, anything>,
        "is not a valid consumer disconnected timeout", quorum},
    Key{"consumer-timeout", take_number<&Settings::consumer_timeout_ms>,
        "is not a valid consumer timeout"},
    // Leveret's own, as is the argument.
    Key{"consumer-timeout-action", take_timeout_action,
        "is not a valid consumer timeout action", classic | quorum},
    Key{"dead-letter-exchange", take_text<&Settings::dead_letter_exchange>,
        "is not a valid dead letter exchange name", classic | quorum},
    // RabbitMQ takes longer ones, and cannot deliver what is dead-lettered by them.
    Key{"dead-letter-routing-key", take_text<&Settings::dead_letter_routing_key, 255>,
        "is not a valid dead letter routing key", classic | quorum},
    Key{"dead-letter-strategy", take_strategy, "is not a valid dead letter strategy", quorum},
    // RabbitMQ's classic queues have none. Those here have, but only a policy that is for nothing
    // else can say so; others pass them by, as in RabbitMQ.
    Key{"delivery-limit", take_number<&Settings::delivery_limit>, "is not a valid delivery limit",
        quorum, also_operators, classic},
    Key{"expires", take_number<&Settings::expires_ms, 1, anything, expiry_max_ms>,
        "is not a valid queue expiry", classic | quorum, also_operators},
    Key{"federation-upstream", take_text<&Settings::federation_upstream>,
        "is not a valid federation upstream name"},
    Key{"federation-upstream-pattern", take_federation_pattern,
        "is not a valid federation upstream pattern name"},
    Key{"federation-upstream-set", take_text<&Settings::federation_upstream_set>,
        "is not a valid federation upstream set name"},
    Key{"ha-mode", is_anything, "", classic},
    Key{"ha-params", is_anything, "", classic},
    Key{"ha-promote-on-failure", is_anything, "", classic},
    Key{"ha-promote-on-shutdown", is_anything, "", classic},
    Key{"ha-sync-batch-size", is_anything, ""},
    Key{"ha-sync-mode", is_anything, "", classic},
    Key{"initial-cluster-size", is_number<0, anything>, "is not a valid cluster size", stream},
    Key{"max-age", take_max_age, "is not a valid max age", stream},
    Key{"max-in-memory-bytes", is_number<0, anything>, "is not a valid maximum memory in bytes",
        classic | quorum, also_operators},
    Key{"max-in-memory-length", is_number<0, anything>, "is not a valid maximum memory in bytes",
        classic | quorum, also_operators},
    Key{"max-length", take_number<&Settings::max_length>, "is not a valid maximum length",
        classic | quorum, also_operators},
    Key{"max-length-bytes", take_number<&Settings::max_length_bytes>,
        "is not a valid maximum length in bytes", any_type, also_operators},
    Key{"message-ttl", take_number<&Settings::message_ttl_ms, 0, anything, expiry_max_ms>,
        "is not a valid message TTL", classic | quorum, also_operators},
    Key{"overflow", take_overflow, "is not a valid overflow value", classic | quorum,
        also_operators},
    Key{"queue-leader-locator", is_leader_locator, "is not a valid queue leader locator value"},
    Key{"queue-master-locator", is_master_locator, "invalid queue-master-locator value", classic},
    Key{"queue-mode", is_queue_mode, "is not a valid queue-mode value", classic},
    Key{"queue-version", is_number<1, 2>, "is not a valid queue-version value", any_type,
        also_operators},
    Key{"stream-filter-size-bytes", take_number<&Settings::stream_filter_size_bytes, 16, 255>,
        "is not a valid filter size. Valid range is 16-255", stream},
    Key{"stream-max-segment-size-bytes",
        take_number<&Settings::stream_max_segment_size_bytes, 0, segment_max_bytes>,
        "is not a valid segment size", stream},
    Key{"target-group-size", is_number<0, anything>, "is not a valid target group size", quorum},
};

/// RabbitMQ 4.3 knows them.
constexpr std::array<std::string_view, 3> keys_to_come{"delayed-retry-max", "delayed-retry-min",
                                                       "delayed-retry-type"};

bool is_for(const Key& key, PolicyKind kind) {
  return kind == PolicyKind::user || key.who == also_operators;
}

tl::unexpected<AmqpError> invalid(std::string text) {
  return tl::unexpected(AmqpError::precondition_failed(std::move(text)));
}

/// What is wrong about several keys at once, in RabbitMQ's words.
std::string check_together(const json::object& definition, const PolicySettings& settings) {
  if (std::string complaint = check_mirroring(definition); !complaint.empty()) return complaint;
  const int upstreams = static_cast<int>(settings.federation_upstream.has_value()) +
                        static_cast<int>(settings.federation_upstream_set.has_value()) +
                        static_cast<int>(settings.federation_upstream_pattern.has_value());
  if (upstreams < 2) return {};
  return "cannot specify federation-upstream, federation-upstream-set or "
         "federation-upstream-pattern together";
}

}  // namespace

Result<PolicyDefinition, AmqpError> parse_policy_definition(PolicyKind kind, QueueTypes asked,
                                                            const json::object& definition) {
  if (definition.empty()) return invalid("no policy provided");
  PolicyDefinition parsed;
  json::object unknown = definition;
  for (const Key& key : keys) {
    const json::value* value = is_for(key, kind) ? definition.if_contains(key.name) : nullptr;
    if (value == nullptr) continue;
    if (!key.take(*value, parsed.settings)) {
      return invalid(json_term_text(*value) + " " + std::string(key.complaint));
    }
    const bool is_asked_for = asked == key.if_asked_for;
    parsed.queue_types =
        parsed.queue_types & (is_asked_for ? key.types | key.if_asked_for : key.types);
    unknown.erase(key.name);
  }
  if (kind == PolicyKind::user) {
    std::string complaint = check_together(definition, parsed.settings);
    if (!complaint.empty()) return invalid(std::move(complaint));
    for (const std::string_view name : keys_to_come) {
      if (!unknown.contains(name)) continue;
      return tl::unexpected(AmqpError::not_implemented(
          "policy key '" + std::string(name) +
          "' is not supported yet by this version of Leveret"));
    }
  }
  if (unknown.empty()) return parsed;
  return invalid(json_pairs_text(unknown) + " are not recognised policy settings");
}

}  // namespace leveret::broker
