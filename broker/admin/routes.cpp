#include <array>

#include "broker/admin/api_bindings.hpp"
#include "broker/admin/api_cluster.hpp"
#include "broker/admin/api_connections.hpp"
#include "broker/admin/api_definitions.hpp"
#include "broker/admin/api_exchanges.hpp"
#include "broker/admin/api_health.hpp"
#include "broker/admin/api_limits.hpp"
#include "broker/admin/api_links.hpp"
#include "broker/admin/api_nodes.hpp"
#include "broker/admin/api_overview.hpp"
#include "broker/admin/api_parameters.hpp"
#include "broker/admin/api_permissions.hpp"
#include "broker/admin/api_policies.hpp"
#include "broker/admin/api_queues.hpp"
#include "broker/admin/api_users.hpp"
#include "broker/admin/api_vhosts.hpp"
#include "broker/admin/router.hpp"

namespace leveret::admin {

namespace {

using A = Audience;

// A path without variables comes before one that would take its name for a variable.
const std::array routes{
    Route{Verb::get, "overview", A::management, get_overview},
    Route{Verb::get, "nodes", A::monitoring, list_nodes},
    Route{Verb::get, "nodes/:node", A::monitoring, get_node},
    Route{Verb::get, "whoami", A::management, get_whoami},
    Route{Verb::get, "aliveness-test/:vhost", A::vhost, test_aliveness},

    Route{Verb::get, "users", A::administrator, list_users},
    Route{Verb::get, "users/without-permissions", A::administrator, list_users_without_permissions},
    Route{Verb::post, "users/bulk-delete", A::administrator, delete_users},
    Route{Verb::get, "users/:user", A::administrator, get_user},
    Route{Verb::put, "users/:user", A::administrator, put_user},
    Route{Verb::remove, "users/:user", A::administrator, delete_user},

    Route{Verb::get, "vhosts", A::management, list_vhosts},
    Route{Verb::get, "vhosts/:vhost", A::administrator, get_vhost},
    Route{Verb::put, "vhosts/:vhost", A::administrator, put_vhost},
    Route{Verb::remove, "vhosts/:vhost", A::administrator, delete_vhost},

    Route{Verb::get, "queues", A::management, list_queues},
    Route{Verb::get, "queues/:vhost", A::vhost, list_queues},
    Route{Verb::get, "queues/:vhost/:queue", A::vhost, get_queue},
    Route{Verb::put, "queues/:vhost/:queue", A::vhost, put_queue},
    Route{Verb::remove, "queues/:vhost/:queue", A::vhost, delete_queue},
    Route{Verb::get, "queues/:vhost/:queue/bindings", A::vhost, list_bindings_of_queue},
    Route{Verb::remove, "queues/:vhost/:queue/contents", A::vhost, purge_queue},
    Route{Verb::post, "queues/:vhost/:queue/get", A::vhost, get_messages},
    // LavinMQ has them where RabbitMQ's are, ours are apart.
    Route{Verb::put, "queues/:vhost/:queue/pause", A::vhost, pause_queue},
    Route{Verb::put, "queues/:vhost/:queue/resume", A::vhost, resume_queue},
    Route{Verb::put, "x/queues/:vhost/:queue/pause", A::vhost, pause_queue},
    Route{Verb::put, "x/queues/:vhost/:queue/resume", A::vhost, resume_queue},

    Route{Verb::get, "exchanges", A::management, list_exchanges},
    Route{Verb::get, "exchanges/:vhost", A::vhost, list_exchanges},
    Route{Verb::get, "exchanges/:vhost/:exchange", A::vhost, get_exchange},
    Route{Verb::put, "exchanges/:vhost/:exchange", A::vhost, put_exchange},
    Route{Verb::remove, "exchanges/:vhost/:exchange", A::vhost, delete_exchange},
    Route{Verb::get, "exchanges/:vhost/:exchange/bindings/source", A::vhost,
          list_bindings_from_exchange},
    Route{Verb::get, "exchanges/:vhost/:exchange/bindings/destination", A::vhost,
          list_bindings_to_exchange},
    Route{Verb::post, "exchanges/:vhost/:exchange/publish", A::vhost, publish_message},

    Route{Verb::get, "connections", A::management, list_connections},
    Route{Verb::get, "connections/username/:user", A::management, list_connections_of_user},
    Route{Verb::remove, "connections/username/:user", A::management, close_connections_of_user},
    Route{Verb::get, "connections/:connection", A::management, get_connection},
    Route{Verb::remove, "connections/:connection", A::management, close_connection},
    Route{Verb::get, "connections/:connection/channels", A::management,
          list_channels_of_connection},
    Route{Verb::get, "vhosts/:vhost/connections", A::vhost, list_connections_of_vhost},
    Route{Verb::get, "channels", A::management, list_channels},
    Route{Verb::get, "channels/:channel", A::management, get_channel},
    Route{Verb::get, "vhosts/:vhost/channels", A::vhost, list_channels_of_vhost},
    Route{Verb::get, "consumers", A::management, list_consumers},
    Route{Verb::get, "consumers/:vhost", A::vhost, list_consumers_of_vhost},

    Route{Verb::get, "shovels", A::monitoring, list_shovels},
    Route{Verb::get, "shovels/:vhost", A::monitoring, list_shovels},
    Route{Verb::get, "federation-links", A::monitoring, list_federation_links},
    Route{Verb::get, "federation-links/:vhost", A::monitoring, list_federation_links},

    Route{Verb::get, "bindings", A::management, list_bindings},
    Route{Verb::get, "bindings/:vhost", A::vhost, list_bindings},
    Route{Verb::get, "bindings/:vhost/e/:source/:kind/:destination", A::vhost, list_bindings_to},
    Route{Verb::post, "bindings/:vhost/e/:source/:kind/:destination", A::vhost, post_binding},
    Route{Verb::get, "bindings/:vhost/e/:source/:kind/:destination/:key", A::vhost, get_binding},
    Route{Verb::remove, "bindings/:vhost/e/:source/:kind/:destination/:key", A::vhost,
          delete_binding},

    Route{Verb::get, "permissions", A::administrator, list_permissions},
    Route{Verb::get, "permissions/:vhost/:user", A::administrator, get_permissions},
    Route{Verb::put, "permissions/:vhost/:user", A::administrator, put_permissions},
    Route{Verb::remove, "permissions/:vhost/:user", A::administrator, delete_permissions},
    Route{Verb::get, "vhosts/:vhost/permissions", A::administrator, list_permissions_of_vhost},
    Route{Verb::get, "users/:user/permissions", A::administrator, list_permissions_of_user},

    Route{Verb::get, "topic-permissions", A::administrator, list_topic_permissions},
    Route{Verb::get, "topic-permissions/:vhost/:user", A::administrator, get_topic_permissions},
    Route{Verb::put, "topic-permissions/:vhost/:user", A::administrator, put_topic_permissions},
    Route{Verb::remove, "topic-permissions/:vhost/:user", A::administrator,
          delete_topic_permissions},
    Route{Verb::remove, "topic-permissions/:vhost/:user/:exchange", A::administrator,
          delete_topic_permissions},
    Route{Verb::get, "vhosts/:vhost/topic-permissions", A::administrator,
          list_topic_permissions_of_vhost},
    Route{Verb::get, "users/:user/topic-permissions", A::administrator,
          list_topic_permissions_of_user},

    Route{Verb::get, "policies", A::management, list_policies},
    Route{Verb::get, "policies/:vhost", A::vhost, list_policies_of_vhost},
    Route{Verb::get, "policies/:vhost/:policy", A::policymaker, get_policy},
    Route{Verb::put, "policies/:vhost/:policy", A::policymaker, put_policy},
    Route{Verb::remove, "policies/:vhost/:policy", A::policymaker, delete_policy},
    Route{Verb::get, "operator-policies", A::management, list_operator_policies},
    Route{Verb::get, "operator-policies/:vhost", A::vhost, list_operator_policies_of_vhost},
    Route{Verb::get, "operator-policies/:vhost/:policy", A::administrator, get_operator_policy},
    Route{Verb::put, "operator-policies/:vhost/:policy", A::administrator, put_operator_policy},
    Route{Verb::remove, "operator-policies/:vhost/:policy", A::administrator,
          delete_operator_policy},

    Route{Verb::get, "parameters", A::policymaker, list_parameters},
    Route{Verb::get, "parameters/:component", A::policymaker, list_parameters},
    Route{Verb::get, "parameters/:component/:vhost", A::policymaker, list_parameters},
    Route{Verb::get, "parameters/:component/:vhost/:name", A::policymaker, get_parameter},
    Route{Verb::put, "parameters/:component/:vhost/:name", A::policymaker, put_one_parameter},
    Route{Verb::remove, "parameters/:component/:vhost/:name", A::policymaker,
          delete_one_parameter},
    Route{Verb::get, "global-parameters", A::policymaker, list_global_parameters},
    Route{Verb::get, "global-parameters/:name", A::policymaker, get_global_parameter},
    Route{Verb::put, "global-parameters/:name", A::policymaker, put_global_parameter},
    Route{Verb::remove, "global-parameters/:name", A::policymaker, delete_global_parameter},

    Route{Verb::get, "vhost-limits", A::management, list_vhost_limits},
    Route{Verb::get, "vhost-limits/:vhost", A::management, get_vhost_limits},
    Route{Verb::put, "vhost-limits/:vhost/:limit", A::administrator, put_vhost_limit},
    Route{Verb::remove, "vhost-limits/:vhost/:limit", A::administrator, delete_vhost_limit},
    Route{Verb::get, "user-limits", A::management, list_user_limits},
    Route{Verb::get, "user-limits/:user", A::management, get_user_limits},
    Route{Verb::put, "user-limits/:user/:limit", A::administrator, put_user_limit},
    Route{Verb::remove, "user-limits/:user/:limit", A::administrator, delete_user_limit},

    Route{Verb::get, "definitions", A::administrator, get_definitions},
    Route{Verb::post, "definitions", A::administrator, post_definitions},
    Route{Verb::get, "definitions/:vhost", A::administrator, get_vhost_definitions},
    Route{Verb::post, "definitions/:vhost", A::administrator, post_vhost_definitions},
    Route{Verb::get, "all-configuration", A::administrator, get_definitions},
    Route{Verb::post, "all-configuration", A::administrator, post_definitions},

    Route{Verb::get, "health/checks/alarms", A::management, check_alarms},
    Route{Verb::get, "health/checks/local-alarms", A::management, check_alarms},
    Route{Verb::get, "health/checks/virtual-hosts", A::management, check_virtual_hosts},
    Route{Verb::get, "health/checks/port-listener/:port", A::management, check_port_listener},
    Route{Verb::get, "health/checks/protocol-listener/:protocol", A::management,
          check_protocol_listener},
    Route{Verb::get, "health/checks/node-is-quorum-critical", A::management, check_single_node},
    Route{Verb::get, "health/checks/node-is-mirror-sync-critical", A::management,
          check_single_node},
    Route{Verb::get, "health/checks/certificate-expiration/:within/:unit", A::management,
          check_certificate_expiration},
    Route{Verb::get, "health/checks/is-in-service", A::management, check_is_in_service},
    Route{Verb::get, "health/checks/below-node-connection-limit", A::management,
          check_below_connection_limit},
    Route{Verb::get, "health/checks/ready-to-serve-clients", A::management,
          check_ready_to_serve_clients},

    Route{Verb::get, "cluster-name", A::management, get_cluster_name},
    Route{Verb::put, "cluster-name", A::administrator, put_cluster_name},
    Route{Verb::get, "extensions", A::management, list_extensions},
    Route{Verb::get, "feature-flags", A::administrator, list_feature_flags},
    Route{Verb::get, "deprecated-features", A::administrator, list_deprecated_features},
    Route{Verb::get, "deprecated-features/used", A::administrator, list_deprecated_features},
    Route{Verb::get, "version", A::management, get_version},
    Route{Verb::get, "auth/hash_password/:password", A::administrator, hash_password},
};

}  // namespace

std::span<const Route> all_routes() { return routes; }

}  // namespace leveret::admin
