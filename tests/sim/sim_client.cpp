#include "tests/sim/sim_client.hpp"

#include <array>

#include "protocol/bytes.hpp"
#include "tests/session/methods.hpp"

namespace leveret::broker {

SimClient::SimClient(SimWorld& world, std::uint16_t shard, std::uint64_t number)
    : world_(world), shard_(shard), number_(number) {
  ShardState& state = world.shard(shard);
  world.begin_turn(state);
  session_ = std::make_unique<ConnectionSession>(state, world.settings(), *this,
                                                 Peer{"127.0.0.1", 1, true}, ConnectionId{number});
  session_->on_bytes(protocol::bytes_of(protocol_header().bytes));
}

// ---- the socket ----------------------------------------------------------------------------

void SimClient::say(const Frames& frames, std::uint16_t channel) {
  const Frames moved = channel == 0 ? frames : on_channel(channel, frames);
  world_.note("client " + std::to_string(number_) + " says" + describe(moved.bytes));
  session_->on_bytes(protocol::bytes_of(moved.bytes));
}

void SimClient::ask(Channel& channel, const Frames& frames) {
  channel.waits = true;
  say(frames, current_);
}

bool SimClient::resume() {
  if (!std::exchange(interest_changed_, false) || gone_ || dropped_) return false;
  if (session_->wants_input()) session_->resume();
  return true;
}

bool SimClient::flush() {
  if (gone_ || (!reading_ && !closing_)) return false;
  bool sent = false;
  while (!session_->outbox().empty()) {
    std::array<std::span<const std::byte>, 4> pieces;
    const std::size_t count = session_->outbox().gather(pieces);
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < count; ++i) {
      hear(pieces[i]);
      size += pieces[i].size();
    }
    session_->outbox().consume(size);
    session_->on_sent();
    sent = true;
  }
  return sent;
}

void SimClient::drop() {
  world_.note("client " + std::to_string(number_) + " vanishes");
  session_->on_peer_gone("it was dropped");
  dropped_ = true;
  reading_ = true;
  for (auto& [number, channel] : channels_) give_up(channel);
  flush();  // What had been written before; whoever reads it is told of deliveries that were made.
  gone_ = true;
}

void SimClient::hear(std::span<const std::byte> bytes) {
  parser_.feed(bytes);
  while (true) {
    const auto frame = parser_.next();
    if (!frame) return world_.complain("the broker's frames are broken");
    if (!*frame) break;
    current_ = (*frame)->channel;
    if (current_ != 0 && !channels_.contains(current_)) {
      world_.complain("a frame on a channel that is not open");
      break;
    }
    if ((*frame)->type == protocol::FrameType::body) {
      on_body((*frame)->payload);
    } else if ((*frame)->type == protocol::FrameType::header) {
      on_header((*frame)->payload);
    } else if ((*frame)->type == protocol::FrameType::method) {
      (void)protocol::dispatch_method((*frame)->payload, *this);
    }
  }
  parser_.park();
}

// ---- connection and channel ----------------------------------------------------------------

void SimClient::on(const protocol::connection::Start&) {
  const FieldTable capabilities =
      table({{"consumer_cancel_notify", FieldValue::boolean(true)}});
  say(start_ok("PLAIN", std::string_view("\0guest\0guest", 12),
               table({{"capabilities", FieldValue::table(capabilities)}})),
      0);
}

void SimClient::on(const protocol::connection::Tune&) {
  say(tune_ok(2047, 131072, 0), 0);
  say(connection_open("/"), 0);
}

void SimClient::on(const protocol::channel::Close& method) {
  if (method.reply_code != 404 && method.reply_code != 403 && method.reply_code != 405) {
    world_.complain("channel closed: " + std::string(method.reply_text));
  }
  world_.note("client " + std::to_string(number_) + " hears " + std::string(method.reply_text));
  if (!channel().closing) give_up(channel());
  const std::uint16_t number = current_;
  channels_.erase(number);
  if (!dropped_) say(channel_close_ok(), number);
}

void SimClient::on(const protocol::channel::CloseOk&) {
  if (!channel().closing) world_.complain("close-ok that was not asked for");
  channels_.erase(current_);
}

// ---- answers -------------------------------------------------------------------------------

void SimClient::on(const protocol::queue::DeclareOk& method) {
  ready_count_ = method.message_count;
  consumer_count_ = method.consumer_count;
  answered();
}

void SimClient::on(const protocol::basic::ConsumeOk& method) {
  Channel& own = channel();
  Consumer consumer{own.wanted_queue, own.wanted_no_ack, own.wanted_no_ack ? 0u : own.prefetch};
  if (sim_queue(own.wanted_queue).is_stream()) {
    consumer.start = own.wanted_start;
    if (own.wanted_start == Start::first) consumer.next_offset = 0;
    if (own.wanted_start == Start::offset) consumer.next_offset = own.wanted_offset;
  }
  own.consumers[std::string(method.consumer_tag)] = consumer;
  answered();
}

void SimClient::on(const protocol::basic::CancelOk& method) {
  channel().consumers.erase(std::string(method.consumer_tag));
  answered();
}

void SimClient::on(const protocol::basic::Cancel& method) {
  const auto place = channel().consumers.find(std::string(method.consumer_tag));
  if (place == channel().consumers.end()) {
    return world_.complain("a consumer is cancelled that is not there");
  }
  if (sim_queue(place->second.queue).is_kept()) {
    world_.complain("a consumer is cancelled for no reason");
  }
  channel().consumers.erase(place);
}

/// What is said of one publish, or of all up to one.
template <class Visit>
void SimClient::take_verdicts(std::uint64_t tag, bool multiple, Visit&& visit) {
  auto& open = channel().unconfirmed;
  const auto first = multiple ? open.begin() : open.find(tag);
  const auto last = open.upper_bound(tag);
  if (first == open.end() || first == last || std::prev(last)->first != tag) {
    return world_.complain("a verdict on what is not open: " + std::to_string(tag));
  }
  for (auto one = first; one != last; ++one) visit(one->second);
  open.erase(first, last);
}

void SimClient::on(const protocol::basic::Ack& method) {
  take_verdicts(method.delivery_tag, method.multiple,
                [this](MessageNumber number) { world_.model().confirm(number); });
}

void SimClient::on(const protocol::basic::Nack& method) {
  take_verdicts(method.delivery_tag, method.multiple, [this](MessageNumber number) {
    if (!world_.model().refuse(number)) {
      world_.complain("message " + std::to_string(number) + " is refused");
    }
  });
}

void SimClient::on(const protocol::tx::CommitOk&) {
  world_.model().end_commit(channel().commit);
  answered();
}

}  // namespace leveret::broker
