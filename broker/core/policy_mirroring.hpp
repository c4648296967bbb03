/// What policies say about the mirrors of a queue on other nodes (`ha-mode` and what belongs to
/// it). RabbitMQ had them up to 3.13, and without other nodes they mean nothing: they are checked,
/// so that the definitions of an old broker can be taken over, and nothing becomes of them.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   rabbit_mirror_queue_misc.erl of RabbitMQ 3.10.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace leveret::broker {

/// What is wrong about mirroring in a policy's definition, in RabbitMQ's words; empty when nothing
/// is.
std::string check_mirroring(const boost::json::object& definition);

}  // namespace leveret::broker
