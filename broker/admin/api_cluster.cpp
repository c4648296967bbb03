#include "broker/admin/api_cluster.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "broker/admin/body.hpp"
#include "broker/admin/list_query.hpp"

namespace leveret::admin {

namespace json = boost::json;

namespace {

struct FeatureFlag {
  std::string_view name, description;
};

/// Those of RabbitMQ that clients may ask for, and that are here.
constexpr std::array feature_flags{
    FeatureFlag{"drop_unroutable_metric", "Count unroutable publishes to be dropped in stats"},
    FeatureFlag{"empty_basic_get_metric", "Count AMQP `basic.get` on empty queues in stats"},
    FeatureFlag{"implicit_default_bindings", "Default bindings are implicit, and not stored"},
    FeatureFlag{"quorum_queue", "Support queues of type `quorum`"},
    FeatureFlag{"stream_queue", "Support queues of type `stream`"},
    FeatureFlag{"user_limits", "Configure connection and channel limits for a user"},
    FeatureFlag{"virtual_host_metadata", "Virtual host metadata (description, tags, etc)"},
};

/// RabbitMQ keeps it there, too, so that it travels with definitions.
broker::ParameterKey cluster_name_key() {
  return {std::nullopt, std::string(broker::global_parameters), "cluster_name"};
}

}  // namespace

std::string cluster_name(const Call& call) {
  const std::string* text = call.find_parameter(cluster_name_key());
  if (text == nullptr) return call.node.cluster_name;
  boost::system::error_code error;
  const json::value value = json::parse(*text, error);
  return !error && value.is_string() ? std::string(value.get_string()) : call.node.cluster_name;
}

Awaitable<Reply> get_cluster_name(Call& call) {
  co_return object_reply(call, json::object{{"name", cluster_name(call)}});
}

Awaitable<Reply> put_cluster_name(Call& call) {
  const auto name = needed_text_in(call.body, "name");
  if (!name) co_return bad_request(name.error());
  broker::DefinitionChange wanted =
      broker::PutParameter{{cluster_name_key(), json::serialize(json::string(*name))}};
  co_return changed_reply(co_await change(call, std::move(wanted)));
}

Awaitable<Reply> list_extensions(Call& call) {
  // Scripts that plugins would add to RabbitMQ's own pages.
  co_return list_reply(call, json::array(), Paging::never);
}

Awaitable<Reply> list_feature_flags(Call& call) {
  json::array rows;
  for (const FeatureFlag& flag : feature_flags) {
    rows.push_back(json::object{{"name", flag.name},
                                {"desc", flag.description},
                                {"doc_url", ""},
                                {"state", "enabled"},
                                {"stability", "stable"},
                                {"provided_by", "leveret"}});
  }
  co_return list_reply(call, std::move(rows), Paging::never);
}

Awaitable<Reply> list_deprecated_features(Call& call) {
  co_return list_reply(call, json::array(), Paging::never);
}

Awaitable<Reply> get_version(Call& call) {
  co_return json_reply(json::string(call.node.product_version));
}

Awaitable<Reply> hash_password(Call& call) {
  const auto hash =
      broker::PasswordHash::of(call.names[0], broker::HashAlgorithm::sha256).base64();
  co_return json_reply(json::object{{"ok", hash}});
}

}  // namespace leveret::admin
