#include "broker/links/queue_link.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "broker/links/exchange_link.hpp"
#include "broker/links/federation_headers.hpp"

namespace leveret::links {

using broker::LinkAckMode;
using protocol::FieldTable;
using protocol::FieldValue;

namespace {

bool has_consumer_priorities(const FieldTable& server_properties) {
  const FieldValue* capabilities = server_properties.find("capabilities");
  const FieldTable* table = capabilities == nullptr ? nullptr : capabilities->as_table();
  const FieldValue* priorities = table == nullptr ? nullptr : table->find("consumer_priorities");
  return priorities != nullptr && priorities->as_bool().value_or(false);
}

}  // namespace

QueueLink::QueueLink(boost::asio::io_context& context, LinkHost& host,
                     broker::QueueDefinitionRef queue, broker::FederationUpstream upstream,
                     const std::string& policy, bool is_hungry)
    : Link(context, host, federation_ends(LinkKind::queue_federation, queue->vhost, queue->name,
                                          upstream, policy)),
      queue_(std::move(queue)),
      upstream_(std::move(upstream)), is_hungry_(is_hungry) {}

void QueueLink::set_up() {
  if (!has_consumer_priorities(source().server_properties())) {
    return fail("the upstream lacks consumer priorities");
  }
  std::vector<std::byte> bytes(4 + queue_->arguments.encoded_size());
  protocol::WireWriter writer(bytes);
  queue_->arguments.encode(writer);
  protocol::queue::Declare declare;
  declare.queue = upstream_.queue;
  declare.durable = queue_->durable;
  declare.auto_delete = queue_->auto_delete;
  declare.arguments = protocol::TableView{std::span(bytes).subspan(4)};
  require(source(), declare, [this](const Answer&) {
    if (upstream_.ack_mode != LinkAckMode::no_ack) {
      protocol::basic::Qos qos;
      qos.prefetch_count = upstream_.prefetch_count;
      require(source(), qos, [](const Answer&) {});
    }
    is_ready_ = true;
    run();
    adjust();
  });
}

void QueueLink::on_hunger(broker::QueueRef queue, bool is_hungry) {
  if (queue != queue_->ref) return;
  is_hungry_ = is_hungry;
  adjust();
}

void QueueLink::adjust() {
  if (!is_ready_ || is_calling_ || is_hungry_ == is_consuming_ || is_stopping()) return;
  is_calling_ = true;
  is_consuming_ = is_hungry_;
  const auto then = [this](const Answer&) {
    is_calling_ = false;
    adjust();
  };
  if (!is_consuming_) {
    protocol::basic::Cancel cancel;
    cancel.consumer_tag = upstream_.consumer_tag;
    return require(source(), cancel, then);
  }
  FieldTable arguments;
  // Those who are there go first; and another federated queue does not take this for hunger.
  arguments.set("x-priority", FieldValue::int64(-1));
  consume(upstream_.queue, upstream_.consumer_tag, arguments, then);
}

void QueueLink::on_disconnected() { is_ready_ = is_consuming_ = is_calling_ = false; }

void QueueLink::on_delivery(const Delivery& delivery) {
  MessageHeaders message(delivery.properties);
  add_received_from_queue(message, {source_uri(), queue_->name, delivery.redelivered, {}},
                          delivery.exchange, delivery.routing_key);
  if (!upstream_.trust_user_id) message.properties().user_id.reset();
  transfer().forward(delivery.tag, "", queue_->name, message.encode(), delivery.body);
  count_forwarded();
}

}  // namespace leveret::links
