/// The keys that the definition of a policy may have.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   RabbitMQ's rabbit_policies and rabbit_mirror_queue_misc of 3.10, with the keys of later
///         versions; texts of 3.10.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>

#include "broker/core/policy.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

/// What a definition says, and for which types of queues it may be.
struct PolicyDefinition {
  PolicySettings settings;
  QueueTypes queue_types = QueueTypes::all();
};

/// Reads and checks a definition of a policy for queues of the types in `asked`. Errors: 406
/// precondition_failed with RabbitMQ's text about the first thing that is wrong, 540
/// not_implemented for a key that Leveret cannot do yet.
Result<PolicyDefinition, protocol::AmqpError> parse_policy_definition(
    PolicyKind kind, QueueTypes asked, const boost::json::object& definition);

}  // namespace leveret::broker
