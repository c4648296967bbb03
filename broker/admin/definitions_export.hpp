/// All definitions in one JSON object, as RabbitMQ's tools export and import them.
///
/// Thread: pure functions, any.
/// Spec:   RabbitMQ's GET /api/definitions and GET /api/definitions/V.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "broker/admin/call.hpp"

namespace leveret::admin {

/// Everything but what is always there, and what goes with a connection.
boost::json::object export_definitions(const Call& call, const broker::TopologySnapshot& topology);
/// What is in one virtual host, to be imported into any: without users and permissions, and queues,
/// exchanges and bindings without its name. Requires: the topology is that of the virtual host.
boost::json::object export_vhost_definitions(const Call& call, const std::string& vhost,
                                             const broker::TopologySnapshot& topology);

}  // namespace leveret::admin
