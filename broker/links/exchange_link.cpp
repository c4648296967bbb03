#include "broker/links/exchange_link.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace leveret::links {

using broker::BindingDefinition;
using broker::LinkAckMode;
using protocol::FieldTable;
using protocol::FieldValue;

namespace {

constexpr std::uint16_t not_found = 404;

std::string encoded(const FieldTable& table) {
  std::string bytes(4 + table.encoded_size(), '\0');
  protocol::WireWriter writer(std::as_writable_bytes(std::span(bytes)));
  table.encode(writer);
  return bytes;
}

/// A table's bytes as a method takes them; they must outlive the method.
protocol::TableView view_of(const std::string& bytes) {
  return protocol::TableView{std::as_bytes(std::span(bytes)).subspan(4)};
}

}  // namespace

std::string local_uri(const std::string& vhost) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string uri = "amqp:///";
  for (const char character : vhost) {
    const auto code = static_cast<unsigned char>(character);
    uri += {'%', digits[code >> 4], digits[code & 15]};
  }
  return uri;
}

LinkEnds federation_ends(LinkKind kind, const std::string& vhost, const std::string& name,
                         const broker::FederationUpstream& upstream, const std::string& policy) {
  LinkEnds ends;
  ends.kind = kind;
  ends.vhost = ends.usual_vhost = vhost;
  ends.name = name;
  ends.upstream = upstream.name;
  ends.source_uris = upstream.uris;
  ends.destination_uris = {local_uri(vhost)};
  ends.connection_name =
      "Federation link (upstream: " + upstream.name + ", policy: " + policy + ")";
  ends.ack_mode = upstream.ack_mode;
  ends.reconnect_delay = std::chrono::milliseconds(std::max(upstream.reconnect_delay_ms, 100u));
  return ends;
}

ExchangeLink::ExchangeLink(boost::asio::io_context& context, LinkHost& host,
                           std::string cluster_name, broker::ExchangeDefinition exchange,
                           broker::FederationUpstream upstream, const std::string& policy,
                           const std::vector<BindingDefinition>& bindings)
    : Link(context, host, federation_ends(LinkKind::exchange_federation, exchange.vhost,
                                          exchange.name, upstream, policy)),
      cluster_name_(std::move(cluster_name)), exchange_(std::move(exchange)),
      upstream_(std::move(upstream)) {
  for (const BindingDefinition& binding : bindings) add_binding(binding);
}

// ---- setting up ----------------------------------------------------------------------------

void ExchangeLink::set_up() {
  const FieldValue* name = source().server_properties().find("cluster_name");
  const std::string cluster = name == nullptr ? "" : std::string(name->as_string().value_or(""));
  upstream_place_ = {cluster, source().vhost()};
  queue_ = "federation: " + upstream_.exchange + " -> " + cluster_name_;
  if (source().vhost() != exchange_.vhost) {
    queue_ += ":" + exchange_.vhost + ":" + exchange_.name;
  } else if (upstream_.exchange != exchange_.name) {
    queue_ += ":" + exchange_.name;
  }
  command_channel_ = upstream_.uses_one_channel
                         ? ClientConnection::message_channel
                         : source().open_channel([](const Answer&) {});
  declare_queue();
}

void ExchangeLink::declare_queue() {
  FieldTable arguments;
  if (upstream_.expires_ms) arguments.set("x-expires", FieldValue::int64(*upstream_.expires_ms));
  if (upstream_.message_ttl_ms) {
    arguments.set("x-message-ttl", FieldValue::int64(*upstream_.message_ttl_ms));
  }
  arguments.set("x-internal-purpose", FieldValue::long_string("federation"));
  const std::string bytes = encoded(arguments);
  protocol::queue::Declare declare;
  declare.queue = queue_;
  declare.durable = true;
  declare.arguments = view_of(bytes);
  require(source(), declare, [this](const Answer&) { ensure_exchange(); });
}

void ExchangeLink::ensure_exchange() {
  protocol::exchange::Declare look;
  look.exchange = upstream_.exchange;
  look.type = broker::exchange_type_name(exchange_.type);
  look.passive = true;
  source().call_apart(look, [this](const Answer& found) {
    if (found.is_ok()) return choose_suffix();
    if (found.code != not_found) return fail(found.text);
    const std::string bytes = encoded(exchange_.arguments);
    protocol::exchange::Declare declare;
    declare.exchange = upstream_.exchange;
    declare.type = broker::exchange_type_name(exchange_.type);
    declare.durable = exchange_.durable;
    declare.auto_delete = exchange_.auto_delete;
    declare.internal = exchange_.internal;
    declare.arguments = view_of(bytes);
    require(source(), declare, [this](const Answer&) { choose_suffix(); });
  });
}

/// The one of the two names that is not used now.
void ExchangeLink::choose_suffix() {
  const std::string name = internal_exchange('B');
  protocol::exchange::Declare look;
  look.exchange = name;
  look.type = "fanout";
  look.passive = true;
  source().call_apart(look, [this](const Answer& found) {
    if (!found.is_ok() && found.code != not_found) return fail(found.text);
    suffix_ = found.is_ok() ? 'A' : 'B';
    declare_internal_exchange();
  });
}

void ExchangeLink::declare_internal_exchange() {
  const std::string name = internal_exchange(suffix_);
  protocol::exchange::Delete remove;
  remove.exchange = name;
  source().call_apart(remove, [this](const Answer&) {  // There may be none.
    if (upstream_knows_no_federation_) return declare_fanout();
    declare_counting_exchange();
  });
}

void ExchangeLink::declare_counting_exchange() {
  FieldTable arguments;
  arguments.set("x-max-hops", FieldValue::int64(upstream_.max_hops));
  arguments.set("x-downstream-name", FieldValue::long_string(cluster_name_));
  arguments.set("x-downstream-vhost", FieldValue::long_string(exchange_.vhost));
  arguments.set("x-internal-purpose", FieldValue::long_string("federation"));
  const std::string bytes = encoded(arguments);
  protocol::exchange::Declare declare;
  const std::string name = internal_exchange(suffix_);
  declare.exchange = name;
  declare.type = "x-federation-upstream";
  declare.durable = declare.internal = declare.auto_delete = true;
  declare.arguments = view_of(bytes);
  is_declaring_ = true;
  source().call_apart(declare, [this](const Answer& declared) {
    is_declaring_ = false;
    if (declared.is_ok()) return bind_all();
    upstream_knows_no_federation_ = true;
    declare_fanout();
  });
}

bool ExchangeLink::tries_again_at_once() {
  // Older brokers close the connection when they do not know a type.
  if (!std::exchange(is_declaring_, false)) return false;
  return !std::exchange(upstream_knows_no_federation_, true);
}

void ExchangeLink::declare_fanout() {
  FieldTable arguments;
  arguments.set("x-internal-purpose", FieldValue::long_string("federation"));
  const std::string bytes = encoded(arguments);
  const std::string name = internal_exchange(suffix_);
  protocol::exchange::Declare declare;
  declare.exchange = name;
  declare.type = "fanout";
  declare.durable = declare.internal = declare.auto_delete = true;
  declare.arguments = view_of(bytes);
  require(source(), declare, [this](const Answer&) { bind_all(); });
}

void ExchangeLink::bind_all() {
  const std::string name = internal_exchange(suffix_);
  protocol::queue::Bind bind;
  bind.queue = queue_;
  bind.exchange = name;
  require(source(), bind, [](const Answer&) {});
  if (upstream_.ack_mode != LinkAckMode::no_ack) {
    protocol::basic::Qos qos;
    qos.prefetch_count = upstream_.prefetch_count;
    require(source(), qos, [](const Answer&) {});
  }
  is_bound_ = true;
  for (const auto& [id, binding] : bindings_) send_binding(binding, true);
  // It is answered when all bindings are there, and only then the old ones may go.
  const std::string old = internal_exchange(suffix_ == 'A' ? 'B' : 'A');
  protocol::exchange::Delete remove;
  remove.exchange = old;
  source().call(command_channel_, remove, [this](const Answer& removed) {
    if (!removed.is_ok()) return fail(removed.text);
    consume(queue_, "", {}, [this](const Answer&) { run(); });
  });
}

// ---- bindings ------------------------------------------------------------------------------

void ExchangeLink::add_binding(const BindingDefinition& definition) {
  Binding& binding = bindings_[{definition.routing_key, encoded(definition.arguments)}];
  const bool is_new = binding.destinations.empty();
  binding.routing_key = definition.routing_key;
  binding.arguments = definition.arguments;
  binding.destinations.emplace(definition.to_queue, definition.destination);
  if (is_new) send_binding(binding, true);
}

void ExchangeLink::remove_binding(const BindingDefinition& definition) {
  const auto place = bindings_.find({definition.routing_key, encoded(definition.arguments)});
  if (place == bindings_.end()) return;
  place->second.destinations.erase({definition.to_queue, definition.destination});
  if (!place->second.destinations.empty()) return;
  send_binding(place->second, false);
  bindings_.erase(place);
}

void ExchangeLink::forget_destination(bool is_queue, const std::string& name) {
  for (auto place = bindings_.begin(); place != bindings_.end();) {
    Binding& binding = place->second;
    if (binding.destinations.erase({is_queue, name}) == 0 || !binding.destinations.empty()) {
      ++place;
      continue;
    }
    send_binding(binding, false);
    place = bindings_.erase(place);
  }
}

void ExchangeLink::send_binding(const Binding& binding, bool is_bound) {
  if (!is_bound_) return;
  const std::string downstream = exchange_.vhost + ":" + exchange_.name + " " + suffix_;
  const auto arguments = bound_from(binding.arguments, upstream_.max_hops, here(), downstream,
                                    upstream_place_);
  if (!arguments) return;
  const std::string bytes = encoded(*arguments);
  const std::string internal = internal_exchange(suffix_);
  const auto send = [&](auto method) {
    method.source = upstream_.exchange;
    method.destination = internal;
    method.routing_key = binding.routing_key;
    method.nowait = upstream_.bind_nowait;
    method.arguments = view_of(bytes);
    if (upstream_.bind_nowait) return source().write(command_channel_, method);
    source().call(command_channel_, method, [this](const Answer& answer) {
      if (!answer.is_ok()) fail(answer.text);
    });
  };
  if (is_bound) {
    send(protocol::exchange::Bind{});
  } else {
    send(protocol::exchange::Unbind{});
  }
}

// ---- messages ------------------------------------------------------------------------------

void ExchangeLink::on_delivery(const Delivery& delivery) {
  MessageHeaders message(delivery.properties);
  // An upstream without federation sends everything.
  if (!may_forward(message.headers(), upstream_.max_hops, here())) {
    return transfer().drop(delivery.tag);
  }
  add_received_from_exchange(
      message, {source_uri(), exchange_.name, delivery.redelivered, upstream_place_});
  if (!upstream_.trust_user_id) message.properties().user_id.reset();
  transfer().forward(delivery.tag, exchange_.name, delivery.routing_key, message.encode(),
                     delivery.body);
  count_forwarded();
}

void ExchangeLink::clean_up(std::function<void()> done) {
  if (upstream_.keeps_resources || !is_bound_) return done();
  is_bound_ = false;
  protocol::queue::Delete remove_queue;
  remove_queue.queue = queue_;
  source().call_apart(remove_queue, [this, done = std::move(done)](const Answer&) {
    const std::string name = internal_exchange(suffix_);
    protocol::exchange::Delete remove_exchange;
    remove_exchange.exchange = name;
    source().call_apart(remove_exchange, [done](const Answer&) { done(); });
  });
}

}  // namespace leveret::links
