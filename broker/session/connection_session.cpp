#include "broker/session/connection_session.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/frame_text.hpp"
#include "protocol/limits.hpp"

namespace leveret::broker {

using protocol::AmqpError;
using protocol::Frame;
using protocol::FrameType;
using protocol::MethodId;

namespace {
AmqpError unexpected_frame(const Frame& frame) {
  return AmqpError::unexpected_frame(
      protocol::describe_frame(static_cast<std::uint8_t>(frame.type), frame.payload));
}
}  // namespace

ConnectionSession::ConnectionSession(ShardState& shard,
                                     std::shared_ptr<const SessionSettings> settings,
                                     SessionHost& host, Peer peer, ConnectionId id)
    : shard_(shard), settings_(std::move(settings)), host_(host), peer_(std::move(peer)), id_(id),
      parser_(protocol::frame_min_size_bytes) {
  connected_at_ = shard_.wall_time();
  slot_ = shard_.add_endpoint(*this);
  last_received_ = last_sent_ = shard_.now();
  deadline_ = shard_.now() + std::chrono::milliseconds(settings_->handshake_timeout_ms);
  arm_timer();
}

ConnectionSession::~ConnectionSession() {
  if (state_ != State::closed) on_peer_gone("the broker has dropped it");
  shard_.remove_endpoint(slot_);
}

std::string ConnectionSession::name() const {
  const bool is_ipv6 = peer_.address.find(':') != std::string::npos;
  std::string name = (is_ipv6 ? "[" + peer_.address + "]" : peer_.address) + ":" +
                     std::to_string(peer_.port);
  if (!client_name_.empty()) name += " (" + client_name_ + ")";
  return name;
}

void ConnectionSession::log(SessionEvent::Level level, SessionEvent::Category category,
                            std::string text) {
  host_.log({level, category, std::move(text)});
}

// ---- input ---------------------------------------------------------------------------------

bool ConnectionSession::wants_input() const {
  if (state_ == State::closed) return false;
  if (state_ == State::closing || state_ == State::leaving || state_ == State::silent) return true;
  return !waiting_ && !blocked_ && !waiting_for_inbox_ && !has_enough_answers();
}

void ConnectionSession::on_bytes(std::span<const std::byte> bytes) {
  last_received_ = shard_.now();
  seems_dead_ = false;
  if (state_ == State::awaiting_header) bytes = take_protocol_header(bytes);
  parser_.feed(bytes);
  parse();
}

void ConnectionSession::resume() { parse(); }

std::span<const std::byte> ConnectionSession::take_protocol_header(
    std::span<const std::byte> bytes) {
  const std::size_t taken = std::min(bytes.size(), header_.size() - header_size_);
  std::copy_n(bytes.begin(), taken, header_.begin() + header_size_);
  header_size_ = static_cast<std::uint8_t>(header_size_ + taken);
  if (header_size_ < header_.size()) return {};

  // RabbitMQ takes the header of 0-9 for that of 0-9-1, too: some old clients send it.
  constexpr std::array<char, 8> of_0_9{'A', 'M', 'Q', 'P', 1, 1, 0, 9};
  const bool known =
      std::equal(header_.begin(), header_.end(), protocol::protocol_header.begin()) ||
      std::memcmp(header_.data(), of_0_9.data(), header_.size()) == 0;
  if (known) {
    start();
    return bytes.subspan(taken);
  }
  log(SessionEvent::Level::warning, SessionEvent::Category::connection,
      "closing connection " + name() + ": it does not begin as AMQP 0-9-1 does");
  outbox_.append(protocol::protocol_header);
  host_.flush_later();
  finish();
  return {};
}

void ConnectionSession::parse() {
  if (parsing_) return;  // An answer came by a direct call: the loop below goes on with it.
  parsing_ = true;
  while (wants_input()) {
    auto frame = parser_.next();
    if (!frame) {
      if (state_ == State::closing || state_ == State::leaving || state_ == State::silent) break;
      fail(0, frame.error());
      break;
    }
    if (!*frame) break;
    on_frame(**frame);
    dead_channels_.clear();
  }
  parser_.park();
  parsing_ = false;
}

void ConnectionSession::end_wait() {
  if (!waiting_) return;
  waiting_ = false;
  if (!parsing_) host_.input_interest_changed();
}

void ConnectionSession::on_frame(const Frame& frame) {
  if (state_ == State::silent) return;
  if (frame.channel == 0) return on_connection_frame(frame);
  if (state_ == State::closing || state_ == State::leaving) return;
  if (state_ != State::open) return fail(0, unexpected_frame(frame));
  on_channel_frame(frame);
}

void ConnectionSession::on_connection_frame(const Frame& frame) {
  switch (frame.type) {
    case FrameType::heartbeat:
      return;
    case FrameType::method: {
      auto done = protocol::dispatch_method(frame.payload, *this);
      if (!done) fail(0, done.error());
      return;
    }
    case FrameType::header:
    case FrameType::body:
      return fail(0, unexpected_frame(frame));
  }
}

void ConnectionSession::on_channel_frame(const Frame& frame) {
  if (frame.type == FrameType::heartbeat) {
    return fail(0, unexpected_frame(frame));
  }
  const auto place = channels_.find(frame.channel);
  if (place == channels_.end()) return open_channel(frame);
  Channel& channel = *place->second;
  if (channel.closed_by_both() && frame.type == FrameType::method &&
      peek_method_id(frame.payload) == protocol::channel::Open::id) {
    close_channel(frame.channel);
    return open_channel(frame);
  }
  switch (frame.type) {
    case FrameType::method:
      return channel.on_method(frame.payload);
    case FrameType::header:
      return channel.on_header(frame.payload);
    case FrameType::body:
      return channel.on_body(frame.payload, frame.ends);
    case FrameType::heartbeat:
      return;
  }
}

void ConnectionSession::open_channel(const Frame& frame) {
  if (frame.type != FrameType::method) {
    return fail(0, AmqpError::unexpected_frame(
                       "expected method frame, got non method frame instead"));
  }
  const MethodId id = peek_method_id(frame.payload);
  if (id != protocol::channel::Open::id) {
    return fail(0, AmqpError::channel_error("expected 'channel.open'").raised_by(id));
  }
  // What is limited is how many there are, not their numbers.
  if (channels_.size() >= channel_max_) {
    return fail(0, AmqpError::not_allowed("number of channels opened (" +
                                          std::to_string(channels_.size()) +
                                          ") has reached the negotiated channel_max (" +
                                          std::to_string(channel_max_) + ")"));
  }
  if (!shard_.topology().users().limits_of(user_).channels_max) {
    shard_.send(ShardId{0}, TopologyRequest{EndpointRef{}, AdmitChannel{user_, false}});
    return add_channel(frame.channel, frame.payload);
  }
  awaited_channel_ = frame.channel;
  awaited_open_.assign(frame.payload.begin(), frame.payload.end());
  awaits_admission_ = true;
  begin_wait();
  shard_.send(ShardId{0},
              TopologyRequest{shard_.endpoint_ref(slot_), AdmitChannel{user_, true}});
}

void ConnectionSession::add_channel(std::uint16_t number, std::span<const std::byte> open) {
  const auto place = channels_.emplace(number, std::make_unique<Channel>(*this, number)).first;
  place->second->on_method(open);
  // One that could not be understood has taken the connection along.
  if (state_ == State::open) channels_.find(number)->second->tell_opened();
}

/// Shard 0 has said whether the user may have another channel.
void ConnectionSession::end_open_channel(const TopologyReply& answer) {
  const std::vector<std::byte> open = std::exchange(awaited_open_, {});
  if (!answer.outcome) {
    fail(0, answer.outcome.error());
  } else if (state_ == State::open) {
    add_channel(awaited_channel_, open);
  } else {
    shard_.send(ShardId{0}, TopologyRequest{EndpointRef{}, ReleaseChannels{user_}});
  }
  end_wait();
}

void ConnectionSession::close_channel(std::uint16_t number) {
  const auto place = channels_.find(number);
  place->second->release();
  place->second->tell_closed();
  dead_channels_.push_back(std::move(place->second));
  channels_.erase(place);
  shard_.send(ShardId{0}, TopologyRequest{EndpointRef{}, ReleaseChannels{user_}});
}

// ---- permissions ---------------------------------------------------------------------------

Result<void, AmqpError> ConnectionSession::check_access(Operation operation, ResourceKind kind,
                                                        std::string_view resource) const {
  if (acts_for_broker_) return {};
  return shard_.topology().users().check_access(user_, vhost_, operation, kind, resource);
}

Result<void, AmqpError> ConnectionSession::check_topic_access(Operation operation,
                                                              const ExchangeRecord& exchange,
                                                              std::string_view routing_key) const {
  if (exchange.definition.type != ExchangeType::topic || acts_for_broker_) return {};
  return shard_.topology().users().check_topic_access(user_, vhost_, operation,
                                                      exchange.definition.name, routing_key);
}

bool ConnectionSession::may_impersonate() const {
  const User* user = shard_.topology().users().find(user_);
  return acts_for_broker_ || (user != nullptr && user->has_tag("impersonator"));
}

// ---- output --------------------------------------------------------------------------------

void ConnectionSession::note_output() {
  last_sent_ = shard_.now();
  host_.flush_later();
  if (!outbox_full_ && outbox_.pending_bytes() > settings_->write_high_watermark_bytes) {
    set_outbox_full(true);
  }
}

void ConnectionSession::on_sent() {
  last_sent_ = shard_.now();
  if (outbox_full_ && outbox_.pending_bytes() <= settings_->write_high_watermark_bytes / 2) {
    set_outbox_full(false);
    last_received_ = shard_.now();  // It could not be heard while it was not read.
    host_.input_interest_changed();
  }
}

bool ConnectionSession::refuses_replies() {
  // A requester may be slow, and a reply large. In an alarm, what nobody reads goes first.
  constexpr std::uint64_t patience_marks = 64;
  const std::uint64_t mark = settings_->write_high_watermark_bytes;
  const bool refuses =
      outbox_.pending_bytes() > (shard_.alarm().memory ? mark : mark * patience_marks);
  if (refuses && !loses_replies_) {
    loses_replies_ = true;
    log(SessionEvent::Level::warning, SessionEvent::Category::connection,
        "connection " + name() + " (user '" + user_ + "', vhost '" + vhost_ +
            "'): does not read its replies; they are dropped while " +
            std::to_string(outbox_.pending_bytes()) + " bytes wait for it");
  }
  return refuses;
}

void ConnectionSession::set_outbox_full(bool full) {
  outbox_full_ = full;
  answered_while_full_bytes_ = 0;
  if (!full) loses_replies_ = false;
  for (auto& [number, channel] : channels_) channel->set_outbox_full(full);
}

void ConnectionSession::write_body(std::uint16_t channel, const MessageRef& message) {
  std::span<const std::byte> body = message->body();
  const std::size_t payload_max = frame_max_bytes_ - protocol::frame_overhead_bytes;
  while (!body.empty()) {
    const auto payload = body.first(std::min(body.size(), payload_max));
    protocol::WireWriter head(outbox_.reserve(protocol::frame_head_bytes));
    protocol::write_body_frame_head(head, channel, static_cast<std::uint32_t>(payload.size()));
    if (payload.size() < Outbox::shared_min_bytes) {
      outbox_.append(payload);
    } else {
      outbox_.append_shared(message, payload);
    }
    protocol::WireWriter end(outbox_.reserve(1));
    protocol::write_frame_end(end);
    body = body.subspan(payload.size());
  }
}

// ---- alarms and the like -------------------------------------------------------------------

void ConnectionSession::on_publish() {
  if (!shard_.alarm().active() || blocked_) return;
  blocked_ = true;
  if (!client_wants_blocked_) return;
  const ResourceAlarm& alarm = shard_.alarm();
  write(0, protocol::connection::Blocked{alarm.memory && alarm.disk ? "low on memory & low on disk"
                                         : alarm.memory             ? "low on memory"
                                                                    : "low on disk"});
}

void ConnectionSession::receive(const ResourceAlarm& message) {
  if (message.active() || !blocked_) return;
  blocked_ = false;
  last_received_ = shard_.now();  // It could not be heard while it was not read.
  if (client_wants_blocked_) write(0, protocol::connection::Unblocked{});
  host_.input_interest_changed();
}

void ConnectionSession::own_exclusive_queue(QueueRef queue) {
  if (exclusive_queues_.size() >= exclusive_queues_pruned_at_) {
    // Some may have been deleted meanwhile, by the client or for want of consumers.
    std::erase_if(exclusive_queues_, [&](QueueRef one) { return !shard_.has_queue(one); });
    exclusive_queues_pruned_at_ = std::max<std::size_t>(16, exclusive_queues_.size() * 2);
  }
  exclusive_queues_.push_back(queue);
}

void ConnectionSession::wait_for_inbox() {
  if (waiting_for_inbox_) return;
  waiting_for_inbox_ = true;
  shard_.wait_for_inbox(slot_);
}

void ConnectionSession::on_inbox_drained() {
  waiting_for_inbox_ = false;
  last_received_ = shard_.now();
  host_.input_interest_changed();
}

}  // namespace leveret::broker
