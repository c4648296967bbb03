#include "broker/core/effective_settings.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "broker/core/exchange_arguments.hpp"

namespace leveret::broker {

namespace {

/// The smaller one of two numbers, or that which is there.
template <class Number, class Other>
void take_smaller(std::optional<Number>& into, const std::optional<Other>& other) {
  if (!other) return;
  into = into ? std::min(*into, static_cast<Number>(*other)) : static_cast<Number>(*other);
}

template <class Value>
void take(std::optional<Value>& into, const std::optional<Value>& other) {
  if (other) into = other;
}

template <class Value>
void take_if_missing(std::optional<Value>& into, const std::optional<Value>& other) {
  if (!into) into = other;
}

PolicySettings merged(const MatchedPolicies& matched) {
  return merge_policies(
      matched.policy == nullptr ? nullptr : &matched.policy->settings(),
      matched.operator_policy == nullptr ? nullptr : &matched.operator_policy->settings());
}

/// What `declared` is together with `policy`. `arguments` tell what was really declared, where
/// that cannot be seen.
QueueSettings join(const QueueSettings& declared, const protocol::FieldTable& arguments,
                   const PolicySettings& policy) {
  QueueSettings settings = declared;
  const auto is_declared = [&](std::string_view name) { return arguments.find(name) != nullptr; };
  take_if_missing(settings.dead_letter_exchange, policy.dead_letter_exchange);
  take_if_missing(settings.dead_letter_routing_key, policy.dead_letter_routing_key);
  if (policy.dead_letter_strategy && !is_declared("x-dead-letter-strategy")) {
    settings.dead_letter_strategy = *policy.dead_letter_strategy;
  }
  if (policy.overflow && (declared.type == QueueType::quorum || !is_declared("x-overflow"))) {
    settings.overflow = *policy.overflow;
  }
  // A quorum queue does not send on what it refuses; RabbitMQ warns then, and drops from the head.
  if (declared.type == QueueType::quorum &&
      settings.overflow == QueueOverflow::reject_publish_dlx) {
    settings.overflow = QueueOverflow::drop_head;
  }
  take_smaller(settings.message_ttl_ms, policy.message_ttl_ms);
  take_smaller(settings.expires_ms, policy.expires_ms);
  take_smaller(settings.max_length, policy.max_length);
  take_smaller(settings.delivery_limit, policy.delivery_limit);
  if (policy.consumer_timeout_ms) {
    settings.consumer_timeout_ms = shorter_timeout_ms(settings.consumer_timeout_ms.value_or(0),
                                                      *policy.consumer_timeout_ms);
  }
  if (policy.consumer_timeout_action && !is_declared("x-consumer-timeout-action")) {
    settings.consumer_timeout_action = *policy.consumer_timeout_action;
  }
  if (declared.type == QueueType::stream) {
    take(settings.max_length_bytes, policy.max_length_bytes);
    take(settings.max_age_ms, policy.max_age_ms);
    take(settings.stream_max_segment_size_bytes, policy.stream_max_segment_size_bytes);
    take(settings.stream_filter_size_bytes, policy.stream_filter_size_bytes);
  } else {
    take_smaller(settings.max_length_bytes, policy.max_length_bytes);
  }
  return settings;
}

}  // namespace

PolicySettings merge_policies(const PolicySettings* policy, const PolicySettings* operators) {
  PolicySettings settings = policy == nullptr ? PolicySettings{} : *policy;
  if (operators == nullptr) return settings;
  // An operator's policy says nothing else.
  take_smaller(settings.message_ttl_ms, operators->message_ttl_ms);
  take_smaller(settings.expires_ms, operators->expires_ms);
  take_smaller(settings.max_length, operators->max_length);
  take_smaller(settings.max_length_bytes, operators->max_length_bytes);
  take_smaller(settings.delivery_limit, operators->delivery_limit);
  take(settings.overflow, operators->overflow);
  return settings;
}

const MatchedPolicies& matched_policies(const QueueDefinition& queue) {
  static const MatchedPolicies none;
  return queue.policies == nullptr ? none : queue.policies->matched;
}

QueueDefinitionRef with_policies(const QueueDefinition& queue, MatchedPolicies matched) {
  auto changed = std::make_shared<QueueDefinition>(queue);
  if (queue.policies != nullptr) changed->settings = queue.policies->declared;
  changed->policies.reset();
  if (!matched.empty()) {
    const PolicySettings policy = merged(matched);
    changed->policies = std::make_shared<const AppliedPolicies>(
        AppliedPolicies{std::move(matched), changed->settings});
    changed->settings = join(changed->policies->declared, queue.arguments, policy);
  }
  return changed;
}

ExchangeRedefined with_policies(const ExchangeDefinition& exchange, MatchedPolicies matched) {
  std::optional<std::string> alternate = *alternate_exchange_of(exchange);  // It was checked.
  if (!alternate && !exchange.name.empty()) {
    // RabbitMQ says that a policy matches the default exchange, too, but does not look there.
    alternate = merged(matched).alternate_exchange;
  }
  return {exchange.vhost, exchange.name, std::move(alternate), std::move(matched)};
}

}  // namespace leveret::broker
