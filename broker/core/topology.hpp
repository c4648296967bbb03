/// One shard's copy of the topology: virtual hosts, exchanges, bindings, where queues live, and
/// users. Routing reads it without asking anybody; only apply() changes it.
///
/// All copies apply the same deltas in the same order. That of shard 0 is the first to know.
///
/// Owner: one ShardState.   Thread: that shard.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/binding_index.hpp"
#include "broker/core/destination.hpp"
#include "broker/core/queue_definition.hpp"
#include "broker/core/topology_delta.hpp"
#include "protocol/basic_properties.hpp"

namespace leveret::broker {

/// A binding as its destination remembers it.
struct IncomingBinding {
  std::uint32_t source;  ///< Slot of the exchange.
  std::string routing_key;
  protocol::FieldTable arguments;
  /// The same source, key and arguments, in RabbitMQ's sense of the same.
  bool operator==(const IncomingBinding& other) const {
    return source == other.source && routing_key == other.routing_key &&
           same_binding_arguments(arguments, other.arguments);
  }
};

struct ExchangeRecord {
  ExchangeDefinition definition;
  std::uint32_t slot = 0;
  BindingIndex index;
  std::uint64_t binding_count = 0;        ///< Bindings with this exchange as their source.
  std::vector<IncomingBinding> incoming;  ///< Bindings that lead here from other exchanges.
  std::uint64_t visited_in_route = 0;
};

struct QueueRecord {
  QueueDefinitionRef definition;
  bool paused = false;
  std::vector<IncomingBinding> incoming;
  std::uint64_t visited_in_route = 0;
};

/// A queue that a message goes to, or an exchange that keeps something: what becomes of the message
/// is decided where it does.
struct RouteTarget {
  QueueRef queue;                    ///< Of an exchange: its home, and its id as the slot's index.
  std::uint64_t durable_number = 0;  ///< 0: its publisher does not log a message for that.
  bool keeps_transient = false;      ///< A quorum queue: all messages are persistent to it.

  static RouteTarget of(const QueueDefinition& queue) {
    // A stream writes what it gets to the log itself.
    const QueueType type = queue.settings.type;
    return {queue.ref, type == QueueType::stream ? 0 : queue.durable_number,
            type == QueueType::quorum};
  }
  static RouteTarget of(const ExchangeDefinition& exchange) {
    return {{exchange.home, {static_cast<std::uint32_t>(exchange.state_id), 0}},
            exchange.durable_number};
  }
  bool is_exchange() const { return names_exchange(queue); }
  /// Whether the log has to keep a message for the target.
  bool is_logged(bool is_persistent) const {
    return durable_number != 0 && (is_persistent || keeps_transient);
  }
};

/// A message's properties, with the headers decoded only when a headers exchange lies on its way.
class LazyProperties {
 public:
  /// `properties` must outlive this object.
  explicit LazyProperties(const protocol::BasicProperties& properties) : properties_(properties) {}

  /// Null when the message has none, or none that can be read.
  const protocol::FieldTable* headers();
  const protocol::BasicProperties& encoded() const { return properties_; }

 private:
  const protocol::BasicProperties& properties_;
  std::optional<protocol::FieldTable> headers_;
  bool decoded_ = false;
};

/// What one virtual host holds, by name.
struct Vhost {
  std::string name;
  std::string default_queue_type;  ///< Empty: the node's.
  bool is_traced = false;          ///< Changes only with Topology's count of those.
  boost::unordered_flat_map<std::string_view, std::uint32_t> exchanges;
  boost::unordered_flat_map<std::string_view, std::uint32_t> queues;
};

class Topology {
 public:
  Topology();

  /// Grows with every applied delta; what was computed under another version may be wrong.
  std::uint64_t version() const { return version_; }

  /// Applies a delta. Requires: it fits, as shard 0 made sure.
  void apply(const TopologyDelta& delta);

  Vhost* find_vhost(std::string_view name);
  ExchangeRecord* find_exchange(Vhost& vhost, std::string_view name);
  QueueRecord* find_queue(Vhost& vhost, std::string_view name);
  /// Wherever its home is. Null when it has gone.
  const QueueRecord* find_queue(QueueRef ref) const;
  const Users& users() const { return *users_; }
  const std::shared_ptr<const Users>& users_ref() const { return users_; }
  /// Whether any virtual host is traced: asked for each message.
  bool has_traced_vhosts() const { return traced_vhost_count_ > 0; }
  std::size_t queue_count() const { return queue_count_; }
  /// Whether some queue got a dead-letter exchange from a policy after it had been declared. What
  /// was delivered before does not know of it.
  bool has_late_dead_lettering() const { return has_late_dead_lettering_; }

  /// Whether this very binding exists.
  bool has_binding(const BindingDefinition& binding);
  /// All queues of a vhost, in no order.
  std::vector<QueueDefinitionRef> queues_of(const Vhost& vhost) const;
  /// All exchanges of a vhost, in no order; until the next delta.
  std::vector<const ExchangeDefinition*> exchanges_of(const Vhost& vhost) const;

  std::vector<const Vhost*> vhosts() const;
  /// Adds all bindings of a vhost, in no order.
  void add_bindings_of(const Vhost& vhost, std::vector<BindingDefinition>& bindings) const;
  /// All bindings that lead away from an exchange, in no order. Looks at every destination.
  std::vector<BindingDefinition> bindings_from(const Vhost& vhost,
                                               const ExchangeRecord& exchange) const;

  /// Collects the queues that a message published to `exchange` goes to, each once; and exchanges
  /// on its way that keep something, which the message does not pass here.
  /// `routing_keys` are the publish's key and those of CC and BCC.
  /// An exchange that matches nothing passes the message to its alternate exchange.
  /// Returns whether the keys alone decided: then other messages that have them go there, too.
  bool route(Vhost& vhost, ExchangeRecord& exchange,
             std::span<const std::string_view> routing_keys, LazyProperties& properties,
             std::vector<RouteTarget>& targets) {
    if (exchange.definition.keeps_something()) {
      targets.push_back(RouteTarget::of(exchange.definition));
      return true;
    }
    return route_on(vhost, exchange, routing_keys, properties, targets);
  }
  /// The same from an exchange that keeps something, when that has been done.
  bool route_on(Vhost& vhost, ExchangeRecord& exchange,
                std::span<const std::string_view> routing_keys, LazyProperties& properties,
                std::vector<RouteTarget>& targets);

  /// The exchange in a slot.
  ExchangeRecord& exchange_at(std::uint32_t slot) { return *exchanges_[slot]; }

 private:
  void change(const VhostAdded& change);
  void change(const VhostDefaultQueueType& change);
  void change(const VhostTracing& change);
  void change(const VhostRemoved& change);
  void change(const ExchangeAdded& change);
  void change(const ExchangeRemoved& change);
  void change(const QueueAdded& change);
  void change(const QueueRemoved& change);
  void change(const QueuePaused& change);
  void change(const BindingAdded& change);
  void change(const BindingRemoved& change);
  void change(const UsersReplaced& change);
  void change(const ExchangeRedefined& change);
  void change(const QueueRedefined& change);

  void forget_incoming(std::vector<IncomingBinding>& incoming, Destination destination);
  std::vector<IncomingBinding>* incoming_of(Vhost& vhost, const BindingDefinition& binding,
                                            Destination& destination);
  void visit_destinations(Vhost& vhost, ExchangeRecord& exchange,
                          std::span<const std::string_view> routing_keys,
                          LazyProperties& properties, std::vector<RouteTarget>& targets);

  std::uint64_t version_ = 1;
  std::vector<std::unique_ptr<Vhost>> vhosts_;
  std::vector<std::unique_ptr<ExchangeRecord>> exchanges_;
  std::vector<std::uint32_t> free_exchanges_;
  std::vector<QueueRecord> queues_;
  std::vector<std::uint32_t> free_queues_;
  /// Places in queues_, by home and by the index of the slot there. What has gone may be left.
  std::vector<std::vector<std::uint32_t>> queues_by_home_;
  std::size_t queue_count_ = 0;
  std::size_t traced_vhost_count_ = 0;
  bool has_late_dead_lettering_ = false;
  std::shared_ptr<const Users> users_;

  // Working memory of route(), kept so that routing does not allocate.
  std::uint64_t route_number_ = 0;
  std::vector<ExchangeRecord*> pending_exchanges_;
  std::vector<Destination> matched_;
};

}  // namespace leveret::broker
