/// The exchange amq.rabbitmq.event: a message for each thing that happens on the node, without a
/// body, with the facts in the headers. The routing key says what: `queue.created`.
///
/// Owner:  one ShardState.   Thread: that shard.
/// Spec:   RabbitMQ's plugin rabbitmq_event_exchange (3.10 to 3.13), with its names, types and
///         texts. Where it names Erlang's processes there are texts of the same form. What else
///         differs is listed in tests/integration/events_like_rabbitmq_test.py.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/core/erlang_terms.hpp"
#include "broker/core/ids.hpp"
#include "broker/core/topology_delta.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

class ShardState;

class EventExchange {
 public:
  static constexpr std::string_view name = "amq.rabbitmq.event";
  /// What RabbitMQ calls itself where it does something by itself.
  static constexpr std::string_view broker_user = "rmq-internal";

  explicit EventExchange(ShardState& shard) : shard_(shard) {}

  /// The virtual host whose exchange gets events; empty: none does.
  void set_vhost(std::string vhost) { vhost_ = std::move(vhost); }
  const std::string& vhost() const { return vhost_; }
  /// The name of this node, and the number that the system has given its process.
  void set_node(std::string node, std::int64_t process) {
    node_ = std::move(node);
    process_ = process;
  }
  /// Whether facts are worth gathering.
  bool is_on() const { return !vhost_.empty(); }

  /// Publishes an event. `facts` get the time, and `user` if somebody did it.
  void publish(std::string_view what, protocol::FieldTable facts, std::string_view user = {});
  /// What RabbitMQ calls the process of a connection, or of one of its channels: a text that
  /// nothing else bears while this process lives.
  std::string process_id(ConnectionId connection, std::uint16_t channel = 0) const;
  /// Publishes what a change of the topology has brought about. Without `user` the broker did it.
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
  std::string node_;
  std::int64_t process_ = 0;
};

/// Facts in the making: `Facts().text("name", name).flag("durable", true).take()`.
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
  /// The fields of a table as texts (erlang_terms.hpp).
  Facts& terms(std::string name, const protocol::FieldTable& value) {
    table_.append(std::move(name), protocol::FieldValue::array(erlang_terms(value)));
    return *this;
  }
  protocol::FieldTable take() { return std::move(table_); }

 private:
  protocol::FieldTable table_;
};

}  // namespace leveret::broker
