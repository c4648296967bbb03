/// A policy: which queues and exchanges it is for, and what it says about them.
///
/// A user's policy and an operator's are written alike; an operator's may say less, and what both
/// say is joined by `merge_policies()`, so that the operator's limits hold.
///
/// Thread: immutable once made, any.
/// Spec:   RabbitMQ's policies; texts and rules of 3.10, keys and targets of 3.12 to 4.2.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core/permission_pattern.hpp"
#include "broker/core/queue_arguments.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

enum class PolicyKind : std::uint8_t { user, operators };

/// The component whose parameters are policies of a kind: `policy`, `operator_policy`.
std::string_view policy_component(PolicyKind kind);
/// Nothing: parameters of this component are no policies.
std::optional<PolicyKind> policy_kind_of(std::string_view component);

/// A set of types of queues.
class QueueTypes {
 public:
  static constexpr QueueTypes all() { return QueueTypes(0b111); }
  static constexpr QueueTypes none() { return QueueTypes(0); }
  static constexpr QueueTypes only(QueueType type) {
    return QueueTypes(static_cast<std::uint8_t>(1U << static_cast<unsigned>(type)));
  }

  constexpr bool contains(QueueType type) const { return (*this & only(type)) != none(); }
  constexpr QueueTypes operator&(QueueTypes other) const {
    return QueueTypes(static_cast<std::uint8_t>(bits_ & other.bits_));
  }
  constexpr QueueTypes operator|(QueueTypes other) const {
    return QueueTypes(static_cast<std::uint8_t>(bits_ | other.bits_));
  }
  constexpr bool operator==(const QueueTypes&) const = default;

 private:
  constexpr explicit QueueTypes(std::uint8_t bits) : bits_(bits) {}
  std::uint8_t bits_;
};

/// What a policy says; absent means nothing.
struct PolicySettings {
  std::optional<std::string> alternate_exchange;  ///< Exchanges only.

  std::optional<std::string> dead_letter_exchange;  ///< Empty: the default exchange.
  std::optional<std::string> dead_letter_routing_key;
  std::optional<DeadLetterStrategy> dead_letter_strategy;
  std::optional<std::uint64_t> message_ttl_ms;  ///< At most ten years, as is the next.
  std::optional<std::uint64_t> expires_ms;
  std::optional<std::uint64_t> max_length;
  std::optional<std::uint64_t> max_length_bytes;
  std::optional<QueueOverflow> overflow;
  std::optional<std::uint32_t> delivery_limit;
  std::optional<std::uint64_t> consumer_timeout_ms;  ///< 0: no limit.
  std::optional<AckTimeoutAction> consumer_timeout_action;
  std::optional<std::uint64_t> max_age_ms;
  std::optional<std::uint64_t> stream_max_segment_size_bytes;
  std::optional<std::uint8_t> stream_filter_size_bytes;

  // What is federated from where; at most one of them.
  std::optional<std::string> federation_upstream;
  std::optional<std::string> federation_upstream_set;
  std::optional<std::string> federation_upstream_pattern;

  bool operator==(const PolicySettings&) const = default;
};

/// What both policies say together, either of which may be null. Where both say the same thing the
/// smaller number holds, and what the operator's says otherwise.
PolicySettings merge_policies(const PolicySettings* policy, const PolicySettings* operators);

class Policy {
 public:
  /// Reads the JSON text of a parameter: `pattern`, `definition`, `priority`, and `apply-to`, which
  /// is `all` when it is missing. Errors: 406 precondition_failed, soft, with all that is wrong, in
  /// RabbitMQ's words; 540 not_implemented for keys that Leveret cannot do yet.
  static Result<Policy, protocol::AmqpError> parse(PolicyKind kind, std::string_view name,
                                                   std::string_view json);

  const std::string& name() const { return name_; }
  double priority() const { return priority_; }
  const PolicySettings& settings() const { return settings_; }

  /// As in RabbitMQ a policy is not for a queue of whose type it says anything that such queues do
  /// not have.
  bool is_for_queue(std::string_view name, QueueType type) const {
    return queue_types_.contains(type) && pattern_.matches(name);
  }
  bool is_for_exchange(std::string_view name) const {
    return for_exchanges_ && pattern_.matches(name);
  }
  /// Whether it makes no difference which of the two is there.
  bool is_same_as(const Policy& other) const;

 private:
  std::string name_;
  PermissionPattern pattern_;
  double priority_ = 0;
  QueueTypes queue_types_ = QueueTypes::none();
  bool for_exchanges_ = false;
  PolicySettings settings_;
};

using PolicyRef = std::shared_ptr<const Policy>;

}  // namespace leveret::broker
