/// One AMQP connection, without its socket: bytes in, bytes out in the outbox, wishes to the host.
///
/// Owner:  the shell's connection object.   Thread: its shard.
/// Spec:   AMQP 0-9-1 sections 2.2.4, 4.2.2-4.2.8, class connection; RabbitMQ's rabbit_reader
///         where it says more.
#pragma once

#include <array>
#include <boost/container/flat_map.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "broker/core/endpoint.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/session/channel.hpp"
#include "broker/session/outbox.hpp"
#include "broker/session/session_host.hpp"
#include "broker/session/session_settings.hpp"
#include "protocol/frame_parser.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/generated/methods.hpp"

namespace leveret::broker {

class ConnectionSession final : public Endpoint, private Timer {
 public:
  /// `shard` and `host` must outlive the session.
  ConnectionSession(ShardState& shard, std::shared_ptr<const SessionSettings> settings,
                    SessionHost& host, Peer peer, ConnectionId id);
  ~ConnectionSession();

  // ---- what the shell calls ----
  /// Takes bytes as they were read. Requires: wants_input().
  void on_bytes(std::span<const std::byte> bytes);
  /// Goes on with what was read before input was no longer wanted.
  void resume();
  /// False: do not read the socket until the host is told otherwise.
  bool wants_input() const;
  Outbox& outbox() { return outbox_; }
  /// Bytes of the outbox have been sent.
  void on_sent();
  /// The socket is closed or broken. Nothing can be said any more.
  void on_peer_gone(std::string_view why);
  /// The socket may be closed and the session destroyed.
  bool finished() const { return state_ == State::closed && !awaits_admission_; }
  /// What the operator knows the connection by: "address:port (connection_name)".
  std::string name() const;
  /// Nothing: it has not been opened, or is at its end. What only the host knows is left out.
  std::optional<ConnectionStatus> status() const;
  /// Somebody who may has had enough of it: the client is told 320 with his words.
  void end_forcibly(const std::string& reason);
  /// What events call it (EventExchange::process_id).
  std::string process_id() const;

  // ---- what channels call ----
  ShardState& shard() { return shard_; }
  const SessionSettings& settings() const { return *settings_; }
  ConnectionId id() const { return id_; }
  const std::string& user() const { return user_; }
  const std::string& vhost_name() const { return vhost_; }
  Vhost& vhost() { return *shard_.topology().find_vhost(vhost_); }
  Result<void, protocol::AmqpError> check_access(Operation operation, ResourceKind kind,
                                                 std::string_view resource) const;
  /// Topic permissions: only topic exchanges have any.
  Result<void, protocol::AmqpError> check_topic_access(Operation operation,
                                                       const ExchangeRecord& exchange,
                                                       std::string_view routing_key) const;
  bool may_impersonate() const;
  bool wants_cancel_notify() const { return client_wants_cancel_notify_; }
  bool outbox_full() const { return outbox_full_; }
  /// So much is waiting to be sent that a direct reply, which no credit holds back, is better lost
  /// than kept. It is logged when that begins.
  bool refuses_replies();
  bool reading_is_blocked() const { return blocked_; }

  template <class Method>
  void write(std::uint16_t channel, const Method& method) {
    if (state_ == State::closed) return;
    protocol::WireWriter writer(outbox_.reserve(protocol::method_frame_size(method)));
    protocol::write_method_frame(writer, channel, method);
    note_answer(protocol::method_frame_size(method));
    note_output();
  }
  /// Writes a method that carries a message: deliver, get-ok, return.
  template <class Method>
  void write_content(std::uint16_t channel, const Method& method, const MessageRef& message) {
    write_content(channel, method, message, message->properties());
  }
  /// The same with other properties than the message was published with.
  template <class Method>
  void write_content(std::uint16_t channel, const Method& method, const MessageRef& message,
                     std::span<const std::byte> properties) {
    if (state_ == State::closed) return;
    write_content_frames(channel, method, message, properties);
    // Deliveries are held back by credit, answers only by not reading what asks for them.
    if (!std::is_same_v<Method, protocol::basic::Deliver>) note_answer(message->body_size());
    note_output();
  }

  /// A peer's mistake on a channel: closes the channel or, where the code says so, all.
  void fail(std::uint16_t channel, const protocol::AmqpError& error);
  /// Parses no further until end_wait(): an answer is on its way.
  void begin_wait() { waiting_ = true; }
  void end_wait();
  /// A message that is not a reply, or a part of a large one, was published: in an alarm, the
  /// connection is not read further.
  void on_publish();
  /// Publishes go to a shard that has too much to do: wait until it has caught up.
  void wait_for_inbox();
  /// The queue is deleted when the connection ends. Requires: it is homed on this shard.
  void own_exclusive_queue(QueueRef queue);
  void close_channel(std::uint16_t number);
  void log(SessionEvent::Level level, SessionEvent::Category category, std::string text);

  // ---- connection methods ----
  template <class Method>
  void on(const Method&) {
    fail_out_of_turn(Method::id);
  }
  void on(const protocol::connection::StartOk& method);
  void on(const protocol::connection::TuneOk& method);
  void on(const protocol::connection::Open& method);
  void on(const protocol::connection::Close& method);
  void on(const protocol::connection::CloseOk& method);
  void on(const protocol::connection::UpdateSecret& method);

  // ---- Endpoint ----
  using Endpoint::receive;
  void receive(QueueReply&& message) override;
  void receive(TopologyReply&& message) override;
  void receive(const ResourceAlarm& message) override;
  void receive(const Shutdown& message) override;
  void receive(const VhostRemoved& message) override;
  void on_inbox_drained() override;

 private:
  enum class State : std::uint8_t {
    awaiting_header,
    awaiting_start_ok,
    awaiting_tune_ok,
    awaiting_open,
    open,
    ending,   ///< The client has said close: only our close-ok is missing.
    leaving,  ///< The client has our close-ok and hangs up first.
    closing,  ///< We have said close: only the client's close-ok is heeded.
    silent,   ///< Nothing is said or heeded any more; the socket closes after a delay.
    closed,
  };

  void on_timer(Instant now) override;

  // connection_session.cpp
  std::span<const std::byte> take_protocol_header(std::span<const std::byte> bytes);
  void parse();
  void on_frame(const protocol::Frame& frame);
  void on_connection_frame(const protocol::Frame& frame);
  void on_channel_frame(const protocol::Frame& frame);
  void open_channel(const protocol::Frame& frame);
  void add_channel(std::uint16_t number, std::span<const std::byte> open);
  void end_open_channel(const TopologyReply& answer);
  void note_output();
  void note_answer(std::uint64_t size) {
    if (outbox_full_) answered_while_full_bytes_ += size;
  }
  /// The client does not read, and goes on asking.
  bool has_enough_answers() const {
    return outbox_full_ && answered_while_full_bytes_ > settings_->write_high_watermark_bytes;
  }
  template <class Method>
  void write_content_frames(std::uint16_t channel, const Method& method,
                            const MessageRef& message, std::span<const std::byte> properties);
  /// The body in as many frames as it needs, by reference where that is cheaper.
  void write_body(std::uint16_t channel, const MessageRef& message);
  void set_outbox_full(bool full);

  // connection_handshake.cpp
  void start();
  void authenticate(std::string_view mechanism, std::span<const std::byte> response);
  void refuse_login(const std::string& user, const std::string& why);
  bool check_tuning(const protocol::connection::TuneOk& method);
  void read_capabilities(const protocol::FieldTable& client_properties);

  // session_events.cpp
  void tell_login(bool succeeded, std::string_view user, std::string_view why_not = {});
  void tell_opened();
  void tell_closed();
  protocol::FieldTable decoded_client_properties() const;

  // connection_ending.cpp
  void fail_out_of_turn(protocol::MethodId method);
  void close_with(const protocol::AmqpError& error);
  void close_silently();
  void release_everything();
  void finish_ending();
  void finish();
  void arm_timer();
  void beat(Instant now);

  ShardState& shard_;
  std::shared_ptr<const SessionSettings> settings_;
  SessionHost& host_;
  Peer peer_;
  ConnectionId id_;
  Slot slot_;
  State state_ = State::awaiting_header;
  bool waiting_ = false;
  bool parsing_ = false;
  bool awaits_admission_ = false;
  bool admitted_ = false;
  bool blocked_ = false;         ///< An alarm holds this publisher.
  bool waiting_for_inbox_ = false;
  bool seems_dead_ = false;      ///< Was silent for too long when looked at last.
  bool outbox_full_ = false;
  std::uint64_t answered_while_full_bytes_ = 0;
  bool loses_replies_ = false;
  bool acts_for_broker_ = false;  ///< An internal peer has logged in without a name.
  bool client_wants_cancel_notify_ = false;
  bool client_wants_blocked_ = false;
  bool client_wants_auth_failure_close_ = false;
  std::uint16_t channel_max_ = 0;
  std::uint16_t heartbeat_s_ = 0;
  std::uint32_t frame_max_bytes_ = 0;
  std::uint8_t header_size_ = 0;
  std::array<std::byte, 8> header_{};
  std::uint32_t pending_deletion_count_ = 0;
  std::uint16_t awaited_channel_ = 0;
  std::vector<std::byte> awaited_open_;  ///< Its channel.open, while shard 0 is asked.
  std::string user_;
  std::string vhost_;
  std::string client_name_;
  std::string mechanism_;
  std::vector<std::byte> client_properties_;  ///< The table's content as it came.
  WallTime connected_at_{};
  protocol::FrameParser parser_;
  Outbox outbox_;
  boost::container::flat_map<std::uint16_t, std::unique_ptr<Channel>> channels_;
  std::vector<std::unique_ptr<Channel>> dead_channels_;  ///< Until their last frame is done.
  std::vector<QueueRef> exclusive_queues_;
  std::size_t exclusive_queues_pruned_at_ = 16;
  Instant last_received_{};
  Instant last_sent_{};
  Instant deadline_ = never;  ///< Of the handshake, of the client's close-ok, of the silence.
};

template <class Method>
void ConnectionSession::write_content_frames(std::uint16_t channel, const Method& method,
                                             const MessageRef& message,
                                             std::span<const std::byte> properties) {
  const std::span<const std::byte> body = message->body();
  // A small message is one piece of output: method, header and body together.
  const bool in_one_piece = !body.empty() && body.size() < Outbox::shared_min_bytes &&
                            body.size() + protocol::frame_overhead_bytes <= frame_max_bytes_;
  const std::size_t size =
      protocol::method_frame_size(method) + protocol::header_frame_size(properties) +
      (in_one_piece ? protocol::frame_overhead_bytes + body.size() : 0);
  protocol::WireWriter writer(outbox_.reserve(size));
  protocol::write_method_frame(writer, channel, method);
  protocol::write_header_frame(writer, channel, body.size(), properties);
  if (!in_one_piece) return write_body(channel, message);
  protocol::write_body_frame_head(writer, channel, static_cast<std::uint32_t>(body.size()));
  writer.write_bytes(body);
  protocol::write_frame_end(writer);
}

template <class Method>
void Channel::write(const Method& method) {
  connection_.write(number_, method);
}

}  // namespace leveret::broker
