#include "tests/sim/sim_client.hpp"

#include <array>

#include "protocol/bytes.hpp"
#include "tests/session/methods.hpp"

namespace leveret::broker {

SimClient::SimClient(SimWorld& world, std::uint16_t shard, std::uint64_t number)
    : world_(world), shard_(shard), number_(number) {
  ShardState& state = world.shard(shard);
  state.begin_turn(world.now());
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
  own.consumers[std::string(method.consumer_tag)] =
      {own.wanted_queue, own.wanted_no_ack, own.wanted_no_ack ? 0u : own.prefetch, 0};
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
  if (Model::keeps(place->second.queue)) world_.complain("a consumer is cancelled for no reason");
  channel().consumers.erase(place);
}

void SimClient::on(const protocol::basic::Ack& method) {
  auto& open = channel().unconfirmed;
  const auto first = method.multiple ? open.begin() : open.find(method.delivery_tag);
  const auto last = open.upper_bound(method.delivery_tag);
  if (first == open.end() || first == last || std::prev(last)->first != method.delivery_tag) {
    return world_.complain("a confirm of what is not open: " + std::to_string(method.delivery_tag));
  }
  open.erase(first, last);
}

// ---- messages ------------------------------------------------------------------------------

void SimClient::on(const protocol::basic::GetOk& method) {
  fetched_ = true;
  content_ = {channel().wanted_queue, "", method.delivery_tag, channel().wanted_no_ack,
              method.redelivered};
  answered();
}

void SimClient::on(const protocol::basic::Deliver& method) {
  const std::string tag(method.consumer_tag);
  const auto place = channel().consumers.find(tag);
  if (place == channel().consumers.end()) {
    content_ = {};
    return world_.complain("a delivery for a consumer that is not there: " + tag);
  }
  content_ = {place->second.queue, tag, method.delivery_tag, place->second.no_ack,
              method.redelivered};
}

void SimClient::on_body(std::span<const std::byte> body) {
  const MessageNumber number = std::stoull(std::string(protocol::text_of(body)));
  const Content content = std::exchange(content_, {});
  if (content.queue.empty()) {  // It was returned.
    world_.model().for_copies_of(number, [](Copy& copy) { copy.state = Copy::State::done; });
    return;
  }
  const std::string what = "message " + std::to_string(number) + " of " + content.queue;
  world_.note("client " + std::to_string(number_) + " channel " + std::to_string(current_) +
              " gets " + what + " by '" + content.tag + "' tag " +
              std::to_string(content.delivery_tag));
  Copy* copy = world_.model().find(content.queue, number);
  if (copy == nullptr) return world_.complain(what + " was never sent there");
  if (copy->state != Copy::State::queued) {
    return world_.complain(what + " comes, but its state is " +
                           std::to_string(static_cast<int>(copy->state)));
  }
  if (copy->seen != content.redelivered) world_.complain(what + ": redelivered is wrong");
  copy->seen = true;
  if (content.no_ack) {
    copy->state = Copy::State::done;
    return;
  }
  Channel& own = channel();
  if (dropped_ || own.closing) return;  // It has gone back already.
  if (!content.tag.empty()) {
    Consumer& consumer = own.consumers.at(content.tag);
    ++consumer.held_count;
    if (consumer.prefetch != 0 && consumer.held_count > consumer.prefetch) {
      world_.complain("more than the prefetch of " + content.tag);
    }
    if (global_limit_reached(own)) {
      world_.complain("more than the prefetch of the channel of " + content.tag);
    }
  }
  copy->state = Copy::State::held;
  own.held[content.delivery_tag] = {content.queue, number, content.tag};
}

bool SimClient::global_limit_reached(const Channel& channel) const {
  if (channel.global_prefetch == 0) return false;
  std::uint64_t count = 0;
  for (const auto& [tag, held] : channel.held) count += held.tag.empty() ? 0 : 1;
  for (const Settled& settled : channel.tx_settled) count += settled.held.tag.empty() ? 0 : 1;
  return count >= channel.global_prefetch;
}

// ---- at rest -------------------------------------------------------------------------------

bool SimClient::busy() const {
  if (!ready_) return true;
  for (const auto& [number, channel] : channels_) {
    if (channel.waits || channel.closing) return true;
  }
  return false;
}

void SimClient::check_at_rest() {
  if (gone_) return;
  const std::string who = "client " + std::to_string(number_);
  if (busy()) world_.complain(who + " still waits for an answer");
  if (!session_->wants_input()) world_.complain(who + " is not heard any more");
  for (const auto& [number, channel] : channels_) {
    if (channel.confirming && !channel.unconfirmed.empty()) {
      world_.complain(who + ": confirm " + std::to_string(channel.unconfirmed.begin()->first) +
                      " on channel " + std::to_string(number) + " does not come");
    }
  }
}

void SimClient::add_to(const std::string& queue, QueueView& view) const {
  if (gone_) return;
  for (const auto& [number, channel] : channels_) {
    for (const auto& [tag, consumer] : channel.consumers) {
      if (consumer.queue != queue) continue;
      ++view.consumer_count;
      const bool has_own_credit = consumer.prefetch == 0 || consumer.held_count < consumer.prefetch;
      const bool has_credit =
          consumer.no_ack || (has_own_credit && !global_limit_reached(channel));
      if (has_credit) {
        view.hungry = tag + " (client " + std::to_string(number_) + ", channel " +
                      std::to_string(number) + ", holds " +
                      std::to_string(consumer.held_count) + " of " +
                      std::to_string(consumer.prefetch) + ", channel " +
                      std::to_string(channel.held.size() + channel.tx_settled.size()) + " of " +
                      std::to_string(channel.global_prefetch) + ")";
      }
    }
  }
}

}  // namespace leveret::broker
