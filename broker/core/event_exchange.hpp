/// The exchange amq.rabbitmq.event: a message for each thing that happens on the node, without a
/// body, with the facts in the headers. The routing key says what: `queue.created`.
///
/// Owner:  one ShardState.   Thread: that shard.
/// Spec:   RabbitMQ's plugin rabbitmq_event_exchange. Where that writes Erlang terms as texts
///         (arguments, client properties, addresses) there are field tables and plain texts here,
///         and no process ids.
#pragma once

#include <string>
#include <string_view>

#include "broker/core/topology_delta.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

class ShardState;

class EventExchange {
 public:
  static constexpr std::string_view name = "amq.rabbitmq.event";

  explicit EventExchange(ShardState& shard) : shard_(shard) {}

  /// The virtual host whose exchange gets events; empty: none does.
  void set_vhost(std::string vhost) { vhost_ = std::move(vhost); }
  const std::string& vhost() const { return vhost_; }
  /// Whether facts are worth gathering.
  bool is_on() const { return !vhost_.empty(); }

  /// Publishes an event. `facts` get the time, and `user` if somebody did it.
  void publish(std::string_view what, protocol::FieldTable facts, std::string_view user = {});
  /// Publishes what a change of the topology has brought about.
  void publish(const TopologyDelta& delta, std::string_view user);

 private:
  void tell(const VhostAdded& change, std::string_view user);
  void tell(const VhostRemoved& change, std::string_view user);
  void tell(const ExchangeAdded& change, std::string_view user);
  void tell(const ExchangeRemoved& change, std::string_view user);
  void tell(const QueueAdded& change, std::string_view user);
  void tell(const QueueRemoved& change, std::string_view user);
  void tell(const BindingAdded& change, std::string_view user);
  void tell(const BindingRemoved& change, std::string_view user);
  void tell(const QueueRedefined& change, std::string_view user);
  template <class Other>
  void tell(const Other&, std::string_view) {}  ///< Told as what has led to it, or nothing new.

  ShardState& shard_;
  std::string vhost_;
};

/// Facts in the making: `Facts().text("name", name).flag("durable", true).table()`.
class Facts {
 public:
  Facts& text(std::string name, std::string_view value) {
    table_.append(std::move(name), protocol::FieldValue::long_string(std::string(value)));
    return *this;
  }
  Facts& flag(std::string name, bool value) {
    table_.append(std::move(name), protocol::FieldValue::boolean(value));
    return *this;
  }
  Facts& number(std::string name, std::int64_t value) {
    table_.append(std::move(name), protocol::FieldValue::int64(value));
    return *this;
  }
  Facts& table(std::string name, protocol::FieldTable value) {
    table_.append(std::move(name), protocol::FieldValue::table(std::move(value)));
    return *this;
  }
  protocol::FieldTable take() { return std::move(table_); }

 private:
  protocol::FieldTable table_;
};

}  // namespace leveret::broker
