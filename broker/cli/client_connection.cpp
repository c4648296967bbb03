#include "broker/cli/client_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <cerrno>
#include <memory>
#include <system_error>

#include "broker/cli/key_values.hpp"
#include "protocol/field_table.hpp"
#include "protocol/limits.hpp"

namespace leveret::cli {

namespace asio = boost::asio;
using protocol::FieldTable;
using protocol::FieldValue;
using protocol::Frame;
using protocol::FrameType;
namespace connection = protocol::connection;

namespace {

constexpr std::size_t scratch_size_bytes = 256 * 1024;

/// Where all connections of a thread are read into.
std::span<std::byte> scratch() {
  thread_local const std::unique_ptr<std::byte[]> memory(new std::byte[scratch_size_bytes]);
  return {memory.get(), scratch_size_bytes};
}

std::string told(std::uint16_t code, std::string_view text) {
  return std::to_string(code) + " " + std::string(text);
}

}  // namespace

ClientConnection::ClientConnection(asio::io_context& context, const AmqpUrl& url,
                                   ClientEvents& events)
    : context_(context), url_(url), events_(events), socket_(context),
      parser_(protocol::frame_min_size_bytes) {}

// ---- life ----------------------------------------------------------------------------------

void ClientConnection::open() {
  state_ = State::connecting;
  boost::system::error_code error;
  asio::ip::tcp::resolver resolver(context_);
  const auto endpoints = resolver.resolve(url_.host, std::to_string(url_.port), error);
  if (error) return fail("cannot find " + url_.host + ": " + error.message());
  asio::async_connect(socket_, endpoints, [this](boost::system::error_code failure, const auto&) {
    if (state_ == State::ended) return;
    if (failure) {
      return fail("cannot connect to " + url_.host + ":" + std::to_string(url_.port) + ": " +
                  failure.message());
    }
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    state_ = State::opening;
    const auto header = protocol::protocol_header;
    std::copy(header.begin(), header.end(), grow(header.size()).begin());
    flush();
    wait_readable();
  });
}

void ClientConnection::close() {
  if (state_ == State::ended) return;
  state_ = State::closing;
  connection::Close method;
  method.reply_code = 200;
  method.reply_text = "done";
  write(method, 0);
  flush();
}

void ClientConnection::abandon() { end(); }

void ClientConnection::end() {
  state_ = State::ended;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void ClientConnection::fail(const std::string& why) {
  if (state_ == State::ended) return;
  end();
  events_.on_failed(why);
}

bool ClientConnection::wait_until_open() {
  return run_until([this] { return state_ == State::open; });
}

void ClientConnection::note_reply() {
  ++reply_count_;
  events_.on_reply();
}

// ---- output --------------------------------------------------------------------------------

std::span<std::byte> ClientConnection::grow(std::size_t size) {
  const std::size_t begin = output_.size();
  output_.resize(begin + size);
  return std::span(output_).subspan(begin);
}

void ClientConnection::flush() {
  if (waits_writable_ || state_ == State::ended) return;
  while (sent_ < output_.size()) {
    const ssize_t size = ::send(socket_.native_handle(), output_.data() + sent_,
                                output_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return wait_writable();
      return fail("the connection broke: " + std::generic_category().message(errno));
    }
    sent_ += static_cast<std::size_t>(size);
  }
  output_.clear();
  sent_ = 0;
  if (output_.capacity() > scratch_size_bytes * 4) std::vector<std::byte>().swap(output_);
}

void ClientConnection::publish(const protocol::basic::Publish& method,
                               const protocol::BasicProperties& properties,
                               std::span<const std::byte> body) {
  write(method);
  const std::size_t payload_max = frame_max_bytes() - protocol::frame_overhead_bytes;
  std::vector<std::byte> encoded(properties.encoded_size());
  protocol::WireWriter properties_writer(encoded);
  properties.encode(properties_writer);
  protocol::WireWriter header(grow(protocol::header_frame_size(encoded)));
  protocol::write_header_frame(header, load_channel, body.size(), encoded);
  while (!body.empty()) {
    const auto payload = body.first(std::min(body.size(), payload_max));
    protocol::WireWriter writer(grow(payload.size() + protocol::frame_overhead_bytes));
    protocol::write_body_frame_head(writer, load_channel,
                                    static_cast<std::uint32_t>(payload.size()));
    writer.write_bytes(payload);
    protocol::write_frame_end(writer);
    body = body.subspan(payload.size());
  }
}

void ClientConnection::wait_writable() {
  waits_writable_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [this](const boost::system::error_code& error) {
                       if (state_ == State::ended) return;
                       waits_writable_ = false;
                       if (error) return fail("the connection broke: " + error.message());
                       flush();
                       if (pending_bytes() == 0) events_.on_drained();
                     });
}

// ---- input ---------------------------------------------------------------------------------

void ClientConnection::wait_readable() {
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (state_ == State::ended) return;
                       if (error) return fail("the connection broke: " + error.message());
                       on_readable();
                     });
}

void ClientConnection::on_readable() {
  const std::span<std::byte> memory = scratch();
  const ssize_t size = ::recv(socket_.native_handle(), memory.data(), memory.size(), 0);
  if (size == 0) {
    if (state_ == State::closing) return events_.on_closed(), end();
    return fail("the broker closed the connection without a word");
  }
  if (size < 0 && errno != EAGAIN && errno != EINTR) {
    return fail("the connection broke: " + std::generic_category().message(errno));
  }
  if (size > 0) {
    parser_.feed(memory.first(static_cast<std::size_t>(size)));
    parse();
    if (state_ == State::ended) return;
    if (std::exchange(had_deliveries_, false)) events_.on_deliveries_end();
    flush();
  }
  if (state_ != State::ended && !reading_paused_) wait_readable();
}

void ClientConnection::resume_reading() {
  if (!std::exchange(reading_paused_, false) || state_ == State::ended) return;
  wait_readable();
}

void ClientConnection::parse() {
  while (state_ != State::ended) {
    auto frame = parser_.next();
    if (!frame) return fail("the broker sent " + frame.error().reply_text());
    if (!*frame) return;
    on_frame(**frame);
  }
}

void ClientConnection::on_frame(const Frame& frame) {
  switch (frame.type) {
    case FrameType::heartbeat: return;
    case FrameType::header: return on_header(frame.payload);
    case FrameType::body: return on_body(frame.payload);
    case FrameType::method:
      if (auto done = protocol::dispatch_method(frame.payload, *this); !done) {
        fail("the broker sent " + done.error().reply_text());
      }
  }
}

void ClientConnection::on_header(std::span<const std::byte> payload) {
  if (content_ == Content::none) return fail("the broker sent a content header without a method");
  protocol::WireReader reader(payload);
  reader.read_u32();  // Class and weight.
  body_missing_ = reader.read_u64();
  const auto properties = reader.remaining_bytes();
  properties_.assign(properties.begin(), properties.end());
  delivery_.properties = properties_;
  delivery_.body = {};
  body_.clear();
  if (body_missing_ == 0) finish_content();
}

void ClientConnection::on_body(std::span<const std::byte> bytes) {
  if (bytes.size() > body_missing_) return fail("the broker sent more of a body than it announced");
  body_missing_ -= bytes.size();
  if (body_.empty() && body_missing_ == 0) {
    delivery_.body = bytes;
  } else {
    body_.insert(body_.end(), bytes.begin(), bytes.end());
    delivery_.body = body_;
  }
  if (body_missing_ == 0) finish_content();
}

void ClientConnection::finish_content() {
  if (std::exchange(content_, Content::none) == Content::returned) return events_.on_return();
  had_deliveries_ = true;
  events_.on_delivery(delivery_);
}

// ---- the broker's methods ------------------------------------------------------------------

void ClientConnection::on(const connection::Start&) {
  FieldTable capabilities;
  for (const char* name : {"authentication_failure_close", "basic.nack", "connection.blocked",
                           "consumer_cancel_notify", "publisher_confirms"}) {
    capabilities.set(name, FieldValue::boolean(true));
  }
  FieldTable properties;
  properties.set("product", FieldValue::long_string("leveret perf"));
  properties.set("connection_name", FieldValue::long_string("leveret perf"));
  properties.set("capabilities", FieldValue::table(std::move(capabilities)));
  const std::vector<std::byte> bytes = encoded_content(properties);
  const std::string response = std::string(1, '\0') + url_.user + '\0' + url_.password;
  connection::StartOk method;
  method.client_properties = protocol::TableView{bytes};
  method.mechanism = "PLAIN";
  method.response = response;
  method.locale = "en_US";
  write(method, 0);
}

void ClientConnection::on(const connection::Tune& method) {
  frame_max_ = method.frame_max == 0 ? 131072 : method.frame_max;
  parser_.set_frame_max(frame_max_);
  // No heartbeats: a load that is held up is no dead client.
  write(connection::TuneOk{method.channel_max, frame_max_, 0}, 0);
  connection::Open open;
  open.virtual_host = url_.vhost;
  write(open, 0);
}

void ClientConnection::on(const connection::OpenOk&) { write(protocol::channel::Open{}); }

void ClientConnection::on(const protocol::channel::OpenOk&) {
  if (state_ != State::opening) return note_reply();
  state_ = State::open;
  events_.on_open();
}

void ClientConnection::on(const connection::Close& method) {
  write(connection::CloseOk{}, 0);
  flush();
  fail("the broker closed the connection: " + told(method.reply_code, method.reply_text));
}

void ClientConnection::on(const connection::CloseOk&) {
  end();
  events_.on_closed();
}

void ClientConnection::on(const connection::Blocked&) { events_.on_blocked(true); }
void ClientConnection::on(const connection::Unblocked&) { events_.on_blocked(false); }

void ClientConnection::on(const protocol::channel::Close& method) {
  fail("the broker closed the channel: " + told(method.reply_code, method.reply_text));
}

void ClientConnection::on(const protocol::queue::DeclareOk& method) {
  declared_queue_ = method.queue;
  declared_message_count_ = method.message_count;
  note_reply();
}

void ClientConnection::on(const protocol::basic::Deliver& method) {
  content_ = Content::delivery;
  delivery_.tag = method.delivery_tag;
  delivery_.redelivered = method.redelivered;
}

void ClientConnection::on(const protocol::basic::Return&) { content_ = Content::returned; }

void ClientConnection::on(const protocol::basic::Ack& method) {
  events_.on_confirm(method.delivery_tag, method.multiple, true);
}

void ClientConnection::on(const protocol::basic::Nack& method) {
  events_.on_confirm(method.delivery_tag, method.multiple, false);
}

void ClientConnection::on(const protocol::basic::Cancel&) {
  fail("the broker cancelled the consumer: its queue has gone");
}

}  // namespace leveret::cli
