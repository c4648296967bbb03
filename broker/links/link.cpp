#include "broker/links/link.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <random>
#include <utility>

namespace leveret::links {

using broker::LinkAckMode;

namespace {

// How long a link that is stopped waits for the confirms of what it has published.
constexpr std::chrono::seconds drain_patience{5};

std::vector<std::byte> encoded(const protocol::FieldTable& table) {
  std::vector<std::byte> bytes(4 + table.encoded_size());
  protocol::WireWriter writer(bytes);
  table.encode(writer);
  return bytes;
}

std::string kind_text(LinkKind kind) {
  switch (kind) {
    case LinkKind::shovel: return "shovel";
    case LinkKind::exchange_federation: return "federation of exchange";
    case LinkKind::queue_federation: return "federation of queue";
  }
  return "link";
}

}  // namespace

Link::Link(boost::asio::io_context& context, LinkHost& host, LinkEnds ends)
    : context_(context), host_(host), ends_(std::move(ends)), timer_(context) {}

Link::~Link() { disconnect(); }

LinkStatus Link::status() const {
  LinkStatus status;
  status.kind = ends_.kind;
  status.vhost = ends_.vhost;
  status.name = ends_.name;
  status.upstream = ends_.upstream;
  status.state = state_;
  status.last_error = last_error_;
  status.source_uri = source_.uri;
  status.destination_uri = destination_.uri;
  status.forwarded_count = forwarded_count_;
  status.settled_count = settled_count_;
  status.unconfirmed_count = transfer_ ? transfer_->unconfirmed_count() : 0;
  status.restart_count = restart_count_;
  return status;
}

void Link::log(LinkLogLevel level, const std::string& text) {
  std::string what = kind_text(ends_.kind) + " '" + ends_.name + "' in vhost '" + ends_.vhost + "'";
  if (!ends_.upstream.empty()) what += ", upstream '" + ends_.upstream + "'";
  host_.log(level, what + ": " + text);
}

void Link::call_after(std::chrono::milliseconds delay, std::function<void()> call) {
  timer_.expires_after(delay);
  timer_.async_wait([this, number = ++timer_number_, alive = std::weak_ptr(alive_),
                     call = std::move(call)](const boost::system::error_code& error) {
    if (!error && !alive.expired() && number == timer_number_) call();
  });
}

// ---- connecting ----------------------------------------------------------------------------

void Link::connect() {
  state_ = LinkState::starting;
  const auto shuffled = [](std::vector<std::string> uris) {
    thread_local std::minstd_rand random{std::random_device{}()};
    std::ranges::shuffle(uris, random);
    return uris;
  };
  source_.untried = shuffled(ends_.source_uris);
  destination_.untried = shuffled(ends_.destination_uris);
  connect_side(source_);
}

void Link::connect_side(Side& side) {
  const std::string text = std::move(side.untried.back());
  side.untried.pop_back();
  side.uri = broker::without_credentials(text);
  auto uri = broker::AmqpUri::parse(text);
  if (!uri) return fail("'" + side.uri + "' is not a valid URI");
  side.connection = std::make_shared<ClientConnection>(context_, host_, std::move(*uri),
                                                       ends_.usual_vhost, ends_.connection_name,
                                                       side);
  const auto kept = side.connection;  // It may fail at once, and be forgotten.
  kept->open();
}

void Link::on_side_open(Side& side) {
  if (&side == &source_) return connect_side(destination_);
  transfer_.emplace(ends_.ack_mode, source_.connection, destination_.connection);
  if (ends_.ack_mode != LinkAckMode::on_confirm) return set_up();
  require(destination(), protocol::confirm::Select{}, [this](const Answer&) { set_up(); });
}

void Link::on_side_failed(Side& side, const std::string& why) {
  if (!is_open() && !is_stopping() && !side.untried.empty()) {
    log(LinkLogLevel::warning, side.uri + ": " + why + "; trying another URI");
    // Not within the failing connection's own call.
    return call_after({}, [this, &side] { connect_side(side); });
  }
  fail(side.uri + ": " + why);
}

void Link::run() {
  if (is_stopping()) return;
  state_ = LinkState::running;
  last_error_.clear();
  log(LinkLogLevel::info, "running, from " + source_.uri + " to " + destination_.uri);
}

void Link::consume(const std::string& queue, const std::string& tag,
                   const protocol::FieldTable& arguments, OnAnswer then) {
  const std::vector<std::byte> bytes = encoded(arguments);
  protocol::basic::Consume method;
  method.queue = queue;
  method.consumer_tag = tag;
  method.no_ack = ends_.ack_mode == LinkAckMode::no_ack;
  method.arguments = protocol::TableView{std::span(bytes).subspan(4)};
  require(source(), method, std::move(then));
}

// ---- messages ------------------------------------------------------------------------------

void Link::take(const Delivery& delivery) {
  // What comes while the link stops goes back to its queue with the connection.
  if (is_open() && !is_stopping()) on_delivery(delivery);
}

void Link::take_confirm(std::uint64_t tag, bool multiple, bool accepted) {
  if (!is_open()) return;
  const std::uint64_t count = transfer_->on_confirm(tag, multiple, accepted);
  settled_count_ += count;
  if (is_stopping()) return check_drained();
  if (count > 0) on_settled(count);
}

void Link::on_room() {
  if (is_open()) transfer_->resume();
}

// ---- failing -------------------------------------------------------------------------------

void Link::disconnect() {
  const bool was_open = is_open();
  transfer_.reset();
  for (Side* side : {&source_, &destination_}) {
    // It keeps itself until it has said goodbye, and tells nothing more.
    if (const auto connection = std::exchange(side->connection, nullptr)) connection->close({});
  }
  if (was_open) on_disconnected();
}

void Link::fail(const std::string& why) {
  if (is_closing_) return;
  if (is_stopping()) return close_all();
  const bool at_once = tries_again_at_once();
  disconnect();
  if (at_once) return call_after({}, [this] { connect(); });
  last_error_ = why;
  state_ = LinkState::terminated;
  ++restart_count_;
  if (!ends_.reconnect_delay) {
    return log(LinkLogLevel::error, why + "; it is not started again: reconnect-delay is 0");
  }
  log(LinkLogLevel::warning, why + "; begins anew in " +
                                 std::to_string(ends_.reconnect_delay->count()) + " ms");
  call_after(*ends_.reconnect_delay, [this] { connect(); });
}

void Link::finish(const std::string& why) {
  log(LinkLogLevel::info, why);
  ends_.reconnect_delay.reset();
}

// ---- stopping ------------------------------------------------------------------------------

void Link::stop(bool for_good, std::function<void()> stopped) {
  stopped_ = std::move(stopped);
  stops_for_good_ = for_good;
  cancel_call();
  if (!is_open()) return close_all();
  drain();
}

void Link::drain() {
  call_after(drain_patience, [this] { close_all(); });
  // Its reading goes on: the answer comes behind deliveries that are not wanted any more.
  source().resume_reading();
  check_drained();
}

void Link::check_drained() {
  if (is_closing_ || is_cleaning_up_ || transfer_->unconfirmed_count() > 0) return;
  if (!stops_for_good_) return close_all();
  is_cleaning_up_ = true;
  clean_up([this] { close_all(); });
}

void Link::close_all() {
  if (std::exchange(is_closing_, true)) return;
  cancel_call();
  const auto left = std::make_shared<int>(0);
  // The link may be gone when this is called: only what is captured may be used.
  const auto closed = [left, stopped = stopped_] {
    if (--*left == 0) stopped();
  };
  for (Side* side : {&source_, &destination_}) {
    if (side->connection != nullptr) ++*left;
  }
  if (*left == 0) return boost::asio::post(context_, stopped_);
  for (Side* side : {&source_, &destination_}) {
    if (side->connection != nullptr) side->connection->close(closed);
  }
}

}  // namespace leveret::links
