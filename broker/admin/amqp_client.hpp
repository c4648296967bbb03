/// An AMQP client of this very broker, in the name of who has called the HTTP API: so what he may
/// do, what is checked and what it is refused with is the same as with any client.
///
/// Owner:  one handler, by unique_ptr.   Thread: that of the HTTP server.
/// Spec:   AMQP 0-9-1, the client's part, one call at a time on channel 1.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/admin/call.hpp"
#include "protocol/frame_parser.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/generated/methods.hpp"

namespace leveret::admin {

/// What the broker said to a call. Which members count depends on the method.
struct AmqpAnswer {
  protocol::MethodId method{};
  std::string queue;
  std::uint32_t message_count = 0;
  std::uint32_t consumer_count = 0;
  // Of a message: got, or returned.
  bool has_message = false;
  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  std::string exchange, routing_key;
  std::vector<std::byte> properties;  ///< Flags and values.
  std::string body;
  // Of channel.close and connection.close.
  std::uint16_t error_code = 0;  ///< 0: none.
  std::string error_text;

  bool is_ok() const { return error_code == 0; }
};

class AmqpClient {
 public:
  AmqpClient(boost::asio::any_io_executor executor, int descriptor);

  /// Whatever is written leaves with the next receive().
  template <class Method>
  void write(const Method& method, std::uint16_t channel = 1) {
    protocol::WireWriter writer(grow(protocol::method_frame_size(method)));
    protocol::write_method_frame(writer, channel, method);
  }
  /// Writes a message. `properties` are flags and values.
  void publish(std::string_view exchange, std::string_view routing_key, bool mandatory,
               std::span<const std::byte> properties, std::string_view body);
  void begin(const std::string& user, const std::string& vhost);

  /// The next thing that the broker says, a message and all that belongs to it. An error closes the
  /// channel, and with it all that can be done.
  Awaitable<AmqpAnswer> receive();
  /// Ends in order: all that was written has happened then.
  Awaitable<void> close();

  // ---- methods from the broker; called by the dispatcher ----
  template <class Method>
  void on(const Method&) {
    answer_.method = Method::id;
  }
  void on(const protocol::connection::Close& method);
  void on(const protocol::channel::Close& method);
  void on(const protocol::queue::DeclareOk& method);
  void on(const protocol::queue::DeleteOk& method);
  void on(const protocol::queue::PurgeOk& method);
  void on(const protocol::basic::GetOk& method);
  void on(const protocol::basic::Return& method);

 private:
  static constexpr std::size_t scratch_size_bytes = 16 * 1024;

  std::span<std::byte> grow(std::size_t size);
  /// Whether the answer is whole after what has been read so far.
  bool parse();
  bool take(const protocol::Frame& frame);
  void fail(std::string_view why);

  boost::asio::local::stream_protocol::socket socket_;
  protocol::FrameParser parser_;
  std::vector<std::byte> output_;
  std::vector<std::byte> scratch_;
  AmqpAnswer answer_;
  std::uint64_t body_missing_ = 0;
};

/// A client with an open channel in the virtual host, or why there is none.
struct OpenedClient {
  std::unique_ptr<AmqpClient> client;
  AmqpAnswer refusal;
};
Awaitable<OpenedClient> open_client(Call& call, const std::string& vhost);

/// What a call that was refused is answered with, in RabbitMQ's way: 404, 401 or 400.
Reply refusal_reply(const AmqpAnswer& refusal);
/// RabbitMQ's text of an error without the name of its code.
std::string explanation_of(const AmqpAnswer& refusal);

/// Writes one method to the virtual host, awaits its answer and ends.
template <class Method>
Awaitable<AmqpAnswer> call_amqp(Call& call, const std::string& vhost, const Method& method) {
  OpenedClient opened = co_await open_client(call, vhost);
  if (opened.client == nullptr) co_return std::move(opened.refusal);
  opened.client->write(method);
  AmqpAnswer answer = co_await opened.client->receive();
  if (answer.is_ok()) co_await opened.client->close();
  co_return answer;
}

}  // namespace leveret::admin
