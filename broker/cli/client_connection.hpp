/// The client's side of one AMQP connection with one channel, made for load: what is written is
/// gathered and sent together, what is read is given as views.
///
/// Usage: open(); then either react to ClientEvents, or wait for single answers with call().
///
/// Owner: one load.   Thread: the one that runs the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/cli/amqp_url.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/frame_parser.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/generated/methods.hpp"

namespace leveret::cli {

/// A message as it was delivered; the views are good until the call returns.
struct Delivery {
  std::uint64_t tag = 0;
  bool redelivered = false;
  std::span<const std::byte> properties;  ///< Flags and values.
  std::span<const std::byte> body;
};

/// What happens on a connection. A handler may write to it, and to others.
class ClientEvents {
 public:
  /// The channel is open.
  virtual void on_open() {}
  /// A method that answers one of ours: any -ok but those of the handshake.
  virtual void on_reply() {}
  virtual void on_delivery(const Delivery&) {}
  /// All deliveries that came together have been given.
  virtual void on_deliveries_end() {}
  virtual void on_confirm(std::uint64_t /*tag*/, bool /*multiple*/, bool /*accepted*/) {}
  virtual void on_return() {}
  virtual void on_blocked(bool /*blocked*/) {}
  /// Everything written has been handed to the system.
  virtual void on_drained() {}
  /// close() has been answered.
  virtual void on_closed() {}
  /// The connection has ended by itself; `why` is a sentence.
  virtual void on_failed(const std::string& why) = 0;

 protected:
  ~ClientEvents() = default;
};

class ClientConnection {
 public:
  /// `context` and `events` must outlive the connection.
  ClientConnection(boost::asio::io_context& context, const AmqpUrl& url, ClientEvents& events);

  /// Connects and opens the channel; on_open() or on_failed() tells how that went.
  void open();
  /// Says connection.close; on_closed() follows.
  void close();
  /// Stops without a word. No event follows.
  void abandon();

  /// Appends a method; it leaves with the next flush().
  template <class Method>
  void write(const Method& method, std::uint16_t channel = load_channel) {
    protocol::WireWriter writer(grow(protocol::method_frame_size(method)));
    protocol::write_method_frame(writer, channel, method);
  }
  /// Appends a whole message; it leaves with the next flush().
  void publish(const protocol::basic::Publish& method, const protocol::BasicProperties& properties,
               std::span<const std::byte> body);
  /// Makes room for `size` bytes of whole frames, to be written at once.
  std::span<std::byte> grow(std::size_t size);
  /// Sends what is there, now or as soon as the socket takes it.
  void flush();
  /// Leaves what comes in the socket, until resume_reading().
  void pause_reading() { reading_paused_ = true; }
  void resume_reading();
  std::size_t pending_bytes() const { return output_.size() - sent_; }
  /// What has been written and not been sent.
  std::span<const std::byte> pending() const { return std::span(output_).subspan(sent_); }
  std::uint32_t frame_max_bytes() const { return frame_max_; }

  /// Writes a method, and runs the context until it is answered. False: the connection has failed.
  template <class Method>
  bool call(const Method& method) {
    write(method);
    flush();
    const std::uint64_t before = reply_count_;
    return run_until([&] { return reply_count_ != before; });
  }
  /// Runs the context until the channel is open.
  bool wait_until_open();
  /// The queue that the last queue.declare-ok named.
  const std::string& declared_queue() const { return declared_queue_; }
  /// How many messages it said are ready.
  std::uint32_t declared_message_count() const { return declared_message_count_; }

  static constexpr std::uint16_t load_channel = 1;

  // ---- methods from the broker; called by the dispatcher ----
  template <class Method>
  void on(const Method&) {
    note_reply();
  }
  void on(const protocol::connection::Start& method);
  void on(const protocol::connection::Tune& method);
  void on(const protocol::connection::OpenOk& method);
  void on(const protocol::connection::Close& method);
  void on(const protocol::connection::CloseOk& method);
  void on(const protocol::connection::Blocked& method);
  void on(const protocol::connection::Unblocked& method);
  void on(const protocol::channel::OpenOk& method);
  void on(const protocol::channel::Close& method);
  void on(const protocol::queue::DeclareOk& method);
  void on(const protocol::basic::Deliver& method);
  void on(const protocol::basic::Return& method);
  void on(const protocol::basic::Ack& method);
  void on(const protocol::basic::Nack& method);
  void on(const protocol::basic::Cancel& method);

 private:
  enum class State { idle, connecting, opening, open, closing, ended };
  enum class Content { none, delivery, returned };

  template <class Condition>
  bool run_until(Condition condition) {
    while (!condition()) {
      if (state_ == State::ended || context_.run_one() == 0) return false;
    }
    return true;
  }
  void note_reply();
  void wait_readable();
  void on_readable();
  void parse();
  void on_frame(const protocol::Frame& frame);
  void on_header(std::span<const std::byte> payload);
  void on_body(std::span<const std::byte> bytes);
  void finish_content();
  void wait_writable();
  void fail(const std::string& why);
  void end();

  boost::asio::io_context& context_;
  AmqpUrl url_;
  ClientEvents& events_;
  boost::asio::ip::tcp::socket socket_;
  protocol::FrameParser parser_;
  State state_ = State::idle;
  std::uint32_t frame_max_ = 0;
  std::uint64_t reply_count_ = 0;
  std::string declared_queue_;
  std::uint32_t declared_message_count_ = 0;

  std::vector<std::byte> output_;
  std::size_t sent_ = 0;
  bool waits_writable_ = false;
  bool reading_paused_ = false;

  Content content_ = Content::none;
  Delivery delivery_;
  bool had_deliveries_ = false;
  std::uint64_t body_missing_ = 0;
  std::vector<std::byte> properties_;  ///< Kept where the frame that held them is gone.
  std::vector<std::byte> body_;        ///< A body that came in pieces.
};

}  // namespace leveret::cli
