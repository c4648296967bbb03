/// What holds for a queue or exchange: its arguments, its policy and the operator's policy, joined
/// by RabbitMQ's rules.
///
/// Of numbers the smaller one holds. Otherwise an argument goes before a policy; but policies go
/// before it where they say what a quorum queue does when it is full, and how much a stream keeps.
///
/// Thread: pure functions, any.
/// Spec:   RabbitMQ's rabbit_amqqueue_process.erl, rabbit_quorum_queue.erl and
///         rabbit_stream_queue.erl; for quorum queues `expires` is a number like any other, as in
///         RabbitMQ 3.13.
#pragma once

#include <memory>

#include "broker/core/matched_policies.hpp"
#include "broker/core/policy.hpp"
#include "broker/core/queue_definition.hpp"
#include "broker/core/topology_delta.hpp"

namespace leveret::broker {

/// The policies that went into a queue's settings, and what they were without them.
struct AppliedPolicies {
  MatchedPolicies matched;
  QueueSettings declared;
};

/// What matches a queue now; nothing is known of those that have no policies.
const MatchedPolicies& matched_policies(const QueueDefinition& queue);

/// The queue as it is with these policies in the place of those that it has.
QueueDefinitionRef with_policies(const QueueDefinition& queue, MatchedPolicies matched);

/// The same for an exchange.
ExchangeRedefined with_policies(const ExchangeDefinition& exchange, MatchedPolicies matched);

}  // namespace leveret::broker
