// The ways a connection ends: the client's close, ours, silence, a broken socket.

#include "broker/session/connection_session.hpp"

namespace leveret::broker {

using protocol::AmqpError;
namespace connection = protocol::connection;

namespace {
// How long a client may take to answer our connection.close, and to hang up after our close-ok
// (RabbitMQ: CLOSING_TIMEOUT).
constexpr std::chrono::milliseconds close_timeout{30'000};
// How long a client that we do not trust is kept waiting (RabbitMQ: SILENT_CLOSE_DELAY). It makes
// guessing passwords slow.
constexpr std::chrono::milliseconds silent_delay{3'000};
}  // namespace

void ConnectionSession::fail(std::uint16_t channel, const AmqpError& error) {
  if (state_ == State::closing || state_ == State::leaving || state_ == State::silent ||
      state_ == State::closed) {
    return;
  }
  const auto place = channels_.find(channel);
  const bool closes_all = error.is_hard() || channel == 0 || place == channels_.end();
  std::string method(protocol::method_name(error.method()));
  if (!method.empty()) method = " on " + method;
  log(SessionEvent::Level::warning,
      closes_all ? SessionEvent::Category::connection : SessionEvent::Category::channel,
      "closing " + std::string(closes_all ? "connection " : "channel ") +
          (closes_all ? "" : std::to_string(channel) + " of ") + name() + " (user '" + user_ +
          "', vhost '" + vhost_ + "'): error" + method + " on channel " + std::to_string(channel) +
          ": " + error.reply_text());
  if (!closes_all) return place->second->close_with(error);
  // Until the two have agreed on frames, RabbitMQ tells a client nothing: it hangs up.
  if (state_ == State::awaiting_header || state_ == State::awaiting_start_ok ||
      state_ == State::awaiting_tune_ok) {
    return close_silently();
  }
  close_with(error);
}

void ConnectionSession::fail_out_of_turn(protocol::MethodId method) {
  const std::string state = state_ == State::awaiting_open ? "opening" : "running";
  fail(0, AmqpError::channel_error("unexpected method in connection state " + state)
              .raised_by(method));
}

void ConnectionSession::close_with(const AmqpError& error) {
  release_everything();
  const std::string text = error.reply_text();
  connection::Close close;
  close.reply_code = static_cast<std::uint16_t>(error.code());
  close.reply_text = text;
  close.class_id = error.method().class_id;
  close.method_id = error.method().method_id;
  write(0, close);
  // A frame that could not be understood means that nothing after it can be: no close-ok will be
  // recognised. And who cannot log in is nobody to wait for. Both get the time to read why:
  // php-amqplib, which looks at the socket before it reads, must not find it closed.
  const bool hopeless = error.code() == protocol::ReplyCode::frame_error ||
                        state_ == State::awaiting_start_ok;
  deadline_ = shard_.now() + (hopeless ? silent_delay : close_timeout);
  state_ = State::closing;
  arm_timer();
}

void ConnectionSession::close_silently() {
  release_everything();
  state_ = State::silent;
  deadline_ = shard_.now() + silent_delay;
  arm_timer();
}

void ConnectionSession::on(const connection::Close& method) {
  // Some clients close from several threads, and each waits for an answer (amqp091-go). And when
  // both said close at the same time, each answers the other.
  if (state_ == State::leaving || state_ == State::closing) {
    return write(0, connection::CloseOk{});
  }
  if (state_ == State::awaiting_start_ok || state_ == State::awaiting_tune_ok) {
    return close_silently();
  }
  if (method.reply_code != 200 && method.reply_code != 0) {
    log(SessionEvent::Level::info, SessionEvent::Category::connection,
        "connection " + name() + ": closed by the client: " + std::to_string(method.reply_code) +
            " " + std::string(method.reply_text));
  }
  state_ = State::ending;
  begin_wait();
  release_everything();
  finish_ending();
}

void ConnectionSession::on(const connection::CloseOk& method) {
  if (state_ != State::closing) return fail_out_of_turn(method.id);
  finish();
}

void ConnectionSession::release_everything() {
  if (!channels_.empty()) {
    shard_.send(ShardId{0},
                TopologyRequest{EndpointRef{}, ReleaseChannels{user_, channels_.size()}});
  }
  for (auto& [number, channel] : channels_) {
    channel->release();
    channel->tell_closed();
    dead_channels_.push_back(std::move(channel));
  }
  channels_.clear();
  for (const QueueRef queue : exclusive_queues_) {
    ++pending_deletion_count_;
    shard_.send(queue.shard, DeleteQueue{queue, shard_.endpoint_ref(slot_), false, false});
  }
  exclusive_queues_.clear();
  if (admitted_) {
    admitted_ = false;
    tell_closed();
    shard_.send(ShardId{0}, TopologyRequest{EndpointRef{}, ReleaseConnection{user_, vhost_}});
  }
}

void ConnectionSession::receive(QueueReply&&) {
  // Exclusive queues go with their connection, before the client hears close-ok.
  --pending_deletion_count_;
  finish_ending();
}

void ConnectionSession::finish_ending() {
  if (state_ != State::ending || pending_deletion_count_ > 0) return;
  write(0, connection::CloseOk{});
  log(SessionEvent::Level::info, SessionEvent::Category::connection,
      "connection " + name() + ": closed (user '" + user_ + "', vhost '" + vhost_ + "')");
  state_ = State::leaving;
  deadline_ = shard_.now() + close_timeout;
  arm_timer();
  end_wait();
}

void ConnectionSession::finish() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  cancel();
  host_.close_after_flush();
}

void ConnectionSession::on_peer_gone(std::string_view why) {
  if (state_ == State::closed) return;
  if (state_ == State::open) {
    log(SessionEvent::Level::warning, SessionEvent::Category::connection,
        "connection " + name() + " (user '" + user_ + "', vhost '" + vhost_ +
            "'): lost without connection.close: " + std::string(why));
  }
  release_everything();
  state_ = State::closed;
  cancel();
}

void ConnectionSession::end_forcibly(const std::string& reason) {
  if (state_ == State::open) close_with(AmqpError::connection_forced(reason));
}

void ConnectionSession::receive(const Shutdown&) {
  switch (state_) {
    case State::awaiting_header:
    case State::awaiting_start_ok:
    case State::leaving:
      return finish();
    case State::awaiting_tune_ok:
    case State::awaiting_open:
    case State::open:
      // oslo.messaging reconnects at once on 320, and takes nothing else so well.
      return close_with(
          AmqpError::connection_forced("broker forced connection closure with reason 'shutdown'"));
    case State::ending:
    case State::closing:
    case State::silent:
    case State::closed:
      return;
  }
}

void ConnectionSession::receive(const VhostRemoved& message) {
  if (state_ != State::open || vhost_ != message.name) return;
  // RabbitMQ's words (rabbit_connection_tracking_handler.erl).
  fail(0, AmqpError::connection_forced("vhost '" + vhost_ + "' is deleted"));
}

// ---- time ----------------------------------------------------------------------------------

void ConnectionSession::arm_timer() {
  Instant next = deadline_;
  if (state_ == State::open && heartbeat_s_ > 0) {
    // A second look at who seems dead comes sooner, well before three intervals.
    next = shard_.now() + std::chrono::milliseconds(heartbeat_s_ * 1000 / (seems_dead_ ? 8 : 2));
  }
  shard_.timers().arm(*this, next);
}

void ConnectionSession::on_timer(Instant now) {
  if (deadline_ <= now) {
    if (state_ != State::closing && state_ != State::leaving && state_ != State::silent) {
      log(SessionEvent::Level::warning, SessionEvent::Category::connection,
          "closing connection " + name() + ": the handshake has taken too long");
    }
    return finish();
  }
  if (state_ == State::open && heartbeat_s_ > 0) beat(now);
  if (state_ != State::closed) arm_timer();
}

void ConnectionSession::beat(Instant now) {
  const std::chrono::milliseconds interval{heartbeat_s_ * 1000};
  // py-amqp sends a heartbeat only after a whole silent interval, looked at every quarter: a
  // client is dead after two intervals without a byte and not a moment before. While the socket
  // is not read nothing can be heard, so nothing is concluded. And when the process has slept,
  // timers come before what waits in the sockets: only who is silent at a second look is dead.
  const bool seemed_dead = seems_dead_;
  seems_dead_ = wants_input() && now - last_received_ > interval * 2;
  if (seemed_dead && seems_dead_) {
    log(SessionEvent::Level::warning, SessionEvent::Category::connection,
        "closing connection " + name() + " (user '" + user_ + "'): missed heartbeats from the "
            "client, silent for " + std::to_string((now - last_received_).count()) +
            " ms, timeout " + std::to_string(heartbeat_s_) + " s");
    release_everything();
    return finish();
  }
  if (now - last_sent_ >= interval / 2 && outbox_.empty()) {
    outbox_.append(protocol::heartbeat_frame);
    note_output();
  }
}

}  // namespace leveret::broker
