/// The client's side of one AMQP connection, for links between brokers. Nothing blocks: calls are
/// answered by functions, messages by events.
///
/// Channel 1 carries messages: it is opened with the connection, and an error on it ends the
/// connection. Other channels are for calls that may fail.
///
/// Owner:  one Link, by shared_ptr: a handler that is still to come keeps it, too.
/// Thread: that of the links.
/// Spec:   AMQP 0-9-1, the client's part.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/amqp_uri.hpp"
#include "broker/links/link_host.hpp"
#include "protocol/field_table.hpp"
#include "protocol/frame_parser.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/generated/methods.hpp"

namespace leveret::links {

/// What a call came to.
struct Answer {
  std::uint16_t code = 0;  ///< 0: well. Otherwise the channel has been closed with this.
  std::string text;
  std::string queue;  ///< Of queue.declare-ok.
  std::uint32_t message_count = 0;
  bool is_ok() const { return code == 0; }
};
using OnAnswer = std::function<void(const Answer&)>;

/// A message as it was delivered; the views are good until the call returns.
struct Delivery {
  std::uint64_t tag = 0;
  bool redelivered = false;
  std::string exchange, routing_key;
  std::span<const std::byte> properties;  ///< Flags and values.
  std::span<const std::byte> body;
};

/// What happens on a connection. A handler may write to it, and end it.
class ClientEvents {
 public:
  /// Channel 1 is open.
  virtual void on_open() = 0;
  virtual void on_delivery(const Delivery& delivery) = 0;
  virtual void on_confirm(std::uint64_t tag, bool multiple, bool accepted) = 0;
  /// The broker has cancelled a consumer.
  virtual void on_cancelled() = 0;
  /// has_room() may say something else now.
  virtual void on_room() = 0;
  /// The connection has ended by itself; `why` is a sentence. No event follows.
  virtual void on_failed(const std::string& why) = 0;

 protected:
  ~ClientEvents() = default;
};

class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  static constexpr std::uint16_t message_channel = 1;

  /// All but the name must outlive the events; `vhost` stands where the URI says none.
  ClientConnection(boost::asio::io_context& context, LinkHost& host, broker::AmqpUri uri,
                   const std::string& vhost, std::string name, ClientEvents& events);

  /// Connects; on_open() or on_failed() tells how that went.
  void open();
  /// Says connection.close. `closed`, if there is one, is called when that is answered, or late.
  /// No event follows.
  void close(std::function<void()> closed);
  /// Stops without a word. No event follows.
  void abandon();

  template <class Method>
  void write(std::uint16_t channel, const Method& method) {
    protocol::WireWriter writer(grow(protocol::method_frame_size(method)));
    protocol::write_method_frame(writer, channel, method);
    flush_later();
  }
  /// Writes a method that is answered.
  template <class Method>
  void call(std::uint16_t channel, const Method& method, OnAnswer on_answer) {
    write(channel, method);
    calls_[channel].push_back(std::move(on_answer));
  }
  /// Opens a channel for calls and says its number.
  std::uint16_t open_channel(OnAnswer on_answer);
  /// Calls on a channel of its own, so that an error does no harm.
  template <class Method>
  void call_apart(const Method& method, OnAnswer on_answer) {
    const std::uint16_t channel = open_channel([](const Answer&) {});
    call(channel, method, [this, channel, answer = std::move(on_answer)](const Answer& given) {
      if (given.is_ok()) close_channel(channel);
      answer(given);
    });
  }
  /// Writes a message on channel 1. `properties` are flags and values.
  void publish(std::string_view exchange, std::string_view routing_key,
               std::span<const std::byte> properties, std::span<const std::byte> body);
  void settle(std::uint64_t tag, bool multiple, bool accepted);

  /// Whether more may be published: the broker has not blocked us, and takes what we write.
  bool has_room() const { return !blocked_ && pending_bytes() < output_max_bytes; }
  /// Leaves what comes in the socket, until resume_reading().
  void pause_reading() { reading_paused_ = true; }
  void resume_reading();

  const broker::AmqpUri& uri() const { return uri_; }
  const std::string& vhost() const { return vhost_; }
  const protocol::FieldTable& server_properties() const { return server_properties_; }

  // ---- methods from the broker; called by the dispatcher ----
  template <class Method>
  void on(const Method&) {
    answer({});
  }
  void on(const protocol::connection::Start& method);
  void on(const protocol::connection::Secure& method);
  void on(const protocol::connection::Tune& method);
  void on(const protocol::connection::OpenOk& method);
  void on(const protocol::connection::Close& method);
  void on(const protocol::connection::CloseOk& method);
  void on(const protocol::connection::Blocked& method);
  void on(const protocol::connection::Unblocked& method);
  void on(const protocol::channel::Close& method);
  void on(const protocol::channel::CloseOk& method);
  void on(const protocol::channel::Flow& method);
  void on(const protocol::queue::DeclareOk& method);
  void on(const protocol::basic::Deliver& method);
  void on(const protocol::basic::Return& method);
  void on(const protocol::basic::Ack& method);
  void on(const protocol::basic::Nack& method);
  void on(const protocol::basic::Cancel& method);

 private:
  enum class State { idle, connecting, opening, open, closing, ended };
  static constexpr std::size_t output_max_bytes = 1024 * 1024;

  std::size_t pending_bytes() const { return output_.size() - sent_; }
  std::span<std::byte> grow(std::size_t size);
  void flush_later();
  void flush();
  void wait_writable();
  void connect(const boost::asio::ip::tcp::resolver::results_type& endpoints);
  void begin_handshake();
  void wait_readable();
  void on_readable();
  void parse();
  void on_frame(const protocol::Frame& frame);
  void on_header(const protocol::Frame& frame);
  void on_body(const protocol::Frame& frame);
  void finish_content();
  void answer(const Answer& given);
  void close_channel(std::uint16_t channel);
  void arm_deadline(std::chrono::milliseconds delay, std::string what);
  void beat();
  void fail(const std::string& why);
  void end();

  boost::asio::io_context& context_;
  LinkHost& host_;
  broker::AmqpUri uri_;
  std::string vhost_;
  std::string name_;
  ClientEvents& events_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;   ///< Of connecting, and of closing.
  boost::asio::steady_timer heartbeat_;
  protocol::FrameParser parser_;
  State state_ = State::idle;
  protocol::FieldTable server_properties_;
  std::uint32_t frame_max_ = 0;
  std::uint16_t heartbeat_s_ = 0;
  int silent_beats_ = 0;  ///< Half intervals without a byte.
  bool has_written_ = false;
  std::function<void()> on_closed_;

  std::map<std::uint16_t, std::deque<OnAnswer>> calls_;
  std::vector<std::uint16_t> free_channels_;
  std::uint16_t last_channel_ = message_channel;
  std::uint16_t current_channel_ = 0;  ///< Of the method that is being handled.

  std::vector<std::byte> output_;
  std::size_t sent_ = 0;
  bool flush_queued_ = false;
  bool waits_writable_ = false;
  bool waits_readable_ = false;
  bool reading_paused_ = false;
  bool blocked_ = false;

  bool in_content_ = false;
  bool is_returned_ = false;
  Delivery delivery_;
  std::uint64_t body_missing_ = 0;
  std::vector<std::byte> properties_;
  std::vector<std::byte> body_;
};

}  // namespace leveret::links
