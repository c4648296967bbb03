// What the event exchange hears of changed definitions.

#include "broker/core/event_exchange.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/core/topology_controller.hpp"

namespace leveret::broker {

namespace {

/// Routing key and facts of an event. Without a key there is none.
struct Told {
  std::string_view what;
  protocol::FieldTable facts;
};

struct Teller {
  Told operator()(const PutUser& put) const {
    return {"user.created", Facts().text("name", put.user.name).take()};
  }
  Told operator()(const DeleteUser& gone) const {
    return {"user.deleted", Facts().text("name", gone.name).take()};
  }
  Told operator()(const SetPermissions& set) const {
    return {"permission.created", Facts()
                                      .text("user", set.granted.user)
                                      .text("vhost", set.granted.vhost)
                                      .text("configure", set.granted.configure)
                                      .text("write", set.granted.write)
                                      .text("read", set.granted.read)
                                      .take()};
  }
  Told operator()(const ClearPermissions& cleared) const {
    return {"permission.deleted",
            Facts().text("user", cleared.user).text("vhost", cleared.vhost).take()};
  }
  Told operator()(const SetTopicPermissions& set) const {
    return {"topic.permission.created", Facts()
                                            .text("user", set.granted.user)
                                            .text("vhost", set.granted.vhost)
                                            .text("exchange", set.granted.exchange)
                                            .text("write", set.granted.permissions.write)
                                            .text("read", set.granted.permissions.read)
                                            .take()};
  }
  Told operator()(const ClearTopicPermissions& cleared) const {
    return {"topic.permission.deleted", Facts()
                                            .text("user", cleared.user)
                                            .text("vhost", cleared.vhost)
                                            .text("exchange", cleared.exchange.value_or(""))
                                            .take()};
  }
  Told operator()(const PutParameter& put) const {
    protocol::FieldTable facts = named(put.parameter.key).take();
    facts.append("value", protocol::FieldValue::long_string(put.parameter.json));
    return {is_policy(put.parameter.key) ? "policy.set" : "parameter.set", std::move(facts)};
  }
  Told operator()(const DeleteParameter& gone) const {
    return {is_policy(gone.key) ? "policy.cleared" : "parameter.cleared",
            named(gone.key).take()};
  }
  /// Virtual hosts are in the topology, and so are their changes.
  template <class Other>
  Told operator()(const Other&) const {
    return {};
  }

  static bool is_policy(const ParameterKey& key) { return key.component == "policy"; }
  static Facts named(const ParameterKey& key) {
    Facts facts;
    facts.text("component", key.component).text("name", key.name);
    if (key.vhost) facts.text("vhost", *key.vhost);
    return facts;
  }
};

}  // namespace

void TopologyController::tell_event(const DefinitionChange& change, const std::string& user) {
  Told told = std::visit(Teller{}, change);
  if (!told.what.empty()) shard_.events().publish(told.what, std::move(told.facts), user);
}

}  // namespace leveret::broker
