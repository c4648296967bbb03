// Sockets, output and input. What the broker says is in client_methods.cpp.

#include "broker/links/client_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <memory>
#include <system_error>

#include "protocol/limits.hpp"

namespace leveret::links {

namespace asio = boost::asio;
using protocol::Frame;
using protocol::FrameType;
using tcp = asio::ip::tcp;

namespace {

constexpr std::size_t scratch_size_bytes = 64 * 1024;
constexpr std::size_t kept_output_max_bytes = 256 * 1024;
constexpr std::chrono::seconds close_patience{5};

/// Where all connections of the thread are read into.
std::span<std::byte> scratch() {
  thread_local const std::unique_ptr<std::byte[]> memory(new std::byte[scratch_size_bytes]);
  return {memory.get(), scratch_size_bytes};
}

std::string system_text(int error) { return std::generic_category().message(error); }

}  // namespace

ClientConnection::ClientConnection(asio::io_context& context, LinkHost& host, broker::AmqpUri uri,
                                   const std::string& vhost, std::string name,
                                   ClientEvents& events)
    : context_(context), host_(host), uri_(std::move(uri)), vhost_(uri_.vhost.value_or(vhost)),
      name_(std::move(name)), events_(events), resolver_(context), socket_(context),
      deadline_(context), heartbeat_(context), parser_(protocol::frame_min_size_bytes) {}

// ---- life ----------------------------------------------------------------------------------

void ClientConnection::open() {
  state_ = State::connecting;
  if (uri_.is_tls) {
    return fail("amqps:// is not supported: this broker has no TLS yet");
  }
  arm_deadline(std::chrono::milliseconds(uri_.connection_timeout_ms), "connecting took too long");
  if (uri_.is_local()) {
    const int descriptor = host_.connect_locally();
    if (descriptor < 0) return fail("cannot connect to this broker: no socket can be had");
    boost::system::error_code ignored;
    socket_.assign(tcp::v4(), descriptor, ignored);  // Whatever family it is of.
    return begin_handshake();
  }
  resolver_.async_resolve(
      uri_.host, std::to_string(uri_.port),
      [self = shared_from_this()](const boost::system::error_code& error, const auto& endpoints) {
        if (self->state_ == State::ended) return;
        if (error) return self->fail("cannot find " + self->uri_.host + ": " + error.message());
        self->connect(endpoints);
      });
}

void ClientConnection::connect(const tcp::resolver::results_type& endpoints) {
  asio::async_connect(
      socket_, endpoints,
      [self = shared_from_this()](const boost::system::error_code& error, const auto&) {
        if (self->state_ == State::ended) return;
        if (error) {
          return self->fail("cannot connect to " + self->uri_.host + ":" +
                            std::to_string(self->uri_.port) + ": " + error.message());
        }
        boost::system::error_code ignored;
        self->socket_.set_option(tcp::no_delay(true), ignored);
        self->begin_handshake();
      });
}

void ClientConnection::begin_handshake() {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  state_ = State::opening;
  std::ranges::copy(protocol::protocol_header, grow(protocol::protocol_header.size()).begin());
  flush_later();
  wait_readable();
}

void ClientConnection::close(std::function<void()> closed) {
  if (state_ != State::open) {
    if (state_ != State::closing) end();
    if (closed) asio::post(context_, std::move(closed));
    return;
  }
  on_closed_ = std::move(closed);
  state_ = State::closing;
  protocol::connection::Close method;
  method.reply_code = 200;
  method.reply_text = "Goodbye";
  write(0, method);
  resume_reading();
  arm_deadline(close_patience, "closing took too long");
}

void ClientConnection::abandon() { end(); }

void ClientConnection::end() {
  state_ = State::ended;
  resolver_.cancel();
  deadline_.cancel();
  heartbeat_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
  calls_.clear();
  if (const auto closed = std::exchange(on_closed_, nullptr)) closed();
}

void ClientConnection::fail(const std::string& why) {
  if (state_ == State::ended) return;
  const bool was_closing = state_ == State::closing;
  end();
  if (!was_closing) events_.on_failed(why);
}

void ClientConnection::arm_deadline(std::chrono::milliseconds delay, std::string what) {
  deadline_.expires_after(delay);
  deadline_.async_wait([self = shared_from_this(), what = std::move(what)](
                           const boost::system::error_code& error) {
    if (!error) self->fail(what);
  });
}

void ClientConnection::beat() {
  if (heartbeat_s_ == 0) return;
  // Twice an interval is looked whether anything was said, and whether anything was heard.
  heartbeat_.expires_after(std::chrono::milliseconds(heartbeat_s_ * 500));
  heartbeat_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || self->state_ == State::ended) return;
    constexpr int silent_beats_max = 4;
    // What is not read cannot be heard.
    if (!self->reading_paused_ && ++self->silent_beats_ > silent_beats_max) {
      return self->fail("the other broker has missed its heartbeats");
    }
    if (!std::exchange(self->has_written_, false) && self->pending_bytes() == 0) {
      std::ranges::copy(protocol::heartbeat_frame,
                        self->grow(protocol::heartbeat_frame.size()).begin());
      self->flush_later();
    }
    self->beat();
  });
}

// ---- output --------------------------------------------------------------------------------

std::span<std::byte> ClientConnection::grow(std::size_t size) {
  const std::size_t begin = output_.size();
  output_.resize(begin + size);
  return std::span(output_).subspan(begin);
}

void ClientConnection::publish(std::string_view exchange, std::string_view routing_key,
                               std::span<const std::byte> properties,
                               std::span<const std::byte> body) {
  protocol::basic::Publish method;
  method.exchange = exchange;
  method.routing_key = routing_key;
  const std::size_t payload_max = frame_max_ - protocol::frame_overhead_bytes;
  const std::size_t frame_count = (body.size() + payload_max - 1) / payload_max;
  protocol::WireWriter writer(
      grow(protocol::method_frame_size(method) + protocol::header_frame_size(properties) +
           body.size() + frame_count * protocol::frame_overhead_bytes));
  protocol::write_method_frame(writer, message_channel, method);
  protocol::write_header_frame(writer, message_channel, body.size(), properties);
  while (!body.empty()) {
    const auto piece = body.first(std::min(body.size(), payload_max));
    protocol::write_body_frame_head(writer, message_channel,
                                    static_cast<std::uint32_t>(piece.size()));
    writer.write_bytes(piece);
    protocol::write_frame_end(writer);
    body = body.subspan(piece.size());
  }
  flush_later();
}

void ClientConnection::settle(std::uint64_t tag, bool multiple, bool accepted) {
  if (accepted) {
    protocol::basic::Ack ack;
    ack.delivery_tag = tag;
    ack.multiple = multiple;
    return write(message_channel, ack);
  }
  protocol::basic::Nack nack;
  nack.delivery_tag = tag;
  nack.multiple = multiple;
  nack.requeue = true;
  write(message_channel, nack);
}

void ClientConnection::flush_later() {
  if (flush_queued_ || state_ == State::ended) return;
  flush_queued_ = true;
  // What one read has led to leaves together.
  asio::post(context_, [self = shared_from_this()] {
    self->flush_queued_ = false;
    self->flush();
  });
}

void ClientConnection::flush() {
  if (waits_writable_ || state_ == State::ended) return;
  const bool had_room = has_room();
  while (sent_ < output_.size()) {
    const ssize_t size = ::send(socket_.native_handle(), output_.data() + sent_,
                                output_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      return fail("the connection broke: " + system_text(errno));
    }
    has_written_ = true;
    sent_ += static_cast<std::size_t>(size);
  }
  if (sent_ < output_.size()) {
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
    wait_writable();
  } else {
    output_.clear();
    sent_ = 0;
    if (output_.capacity() > kept_output_max_bytes) std::vector<std::byte>().swap(output_);
  }
  if (!had_room && has_room()) events_.on_room();
}

void ClientConnection::wait_writable() {
  waits_writable_ = true;
  socket_.async_wait(tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->waits_writable_ = false;
                       if (self->state_ == State::ended) return;
                       if (error) return self->fail("the connection broke: " + error.message());
                       self->flush();
                     });
}

// ---- input ---------------------------------------------------------------------------------

void ClientConnection::wait_readable() {
  if (waits_readable_) return;
  waits_readable_ = true;
  socket_.async_wait(tcp::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->waits_readable_ = false;
                       if (self->state_ == State::ended) return;
                       if (error) return self->fail("the connection broke: " + error.message());
                       if (!self->reading_paused_) self->on_readable();
                     });
}

void ClientConnection::on_readable() {
  const std::span<std::byte> memory = scratch();
  const ssize_t size = ::recv(socket_.native_handle(), memory.data(), memory.size(), 0);
  if (size == 0) return fail("the other broker has closed the connection without a word");
  if (size < 0 && errno != EAGAIN && errno != EINTR) {
    return fail("the connection broke: " + system_text(errno));
  }
  if (size > 0) {
    silent_beats_ = 0;
    parser_.feed(memory.first(static_cast<std::size_t>(size)));
    parse();
  }
  if (state_ != State::ended && !reading_paused_) wait_readable();
}

void ClientConnection::resume_reading() {
  if (!std::exchange(reading_paused_, false) || state_ == State::ended) return;
  silent_beats_ = 0;
  wait_readable();
}

void ClientConnection::parse() {
  while (state_ != State::ended) {
    auto frame = parser_.next();
    if (!frame) return fail("the other broker sent " + frame.error().reply_text());
    if (!*frame) return;
    on_frame(**frame);
  }
}

void ClientConnection::on_frame(const Frame& frame) {
  switch (frame.type) {
    case FrameType::heartbeat: return;
    case FrameType::header: return on_header(frame);
    case FrameType::body: return on_body(frame);
    case FrameType::method: break;
  }
  current_channel_ = frame.channel;
  if (auto done = protocol::dispatch_method(frame.payload, *this); !done) {
    fail("the other broker sent " + done.error().reply_text());
  }
}

void ClientConnection::on_header(const Frame& frame) {
  if (!in_content_ || frame.channel != message_channel) {
    return fail("the other broker sent a content header without a method");
  }
  protocol::WireReader reader(frame.payload);
  reader.read_u32();  // Class and weight.
  body_missing_ = reader.read_u64();
  const auto properties = reader.remaining_bytes();
  properties_.assign(properties.begin(), properties.end());
  body_.clear();
  delivery_.body = {};
  if (body_missing_ == 0) finish_content();
}

void ClientConnection::on_body(const Frame& frame) {
  if (!in_content_ || frame.channel != message_channel || frame.payload.size() > body_missing_) {
    return fail("the other broker sent more of a body than it announced");
  }
  body_missing_ -= frame.payload.size();
  if (body_.empty() && body_missing_ == 0) {
    delivery_.body = frame.payload;
  } else {
    body_.insert(body_.end(), frame.payload.begin(), frame.payload.end());
    delivery_.body = body_;
  }
  if (body_missing_ == 0) finish_content();
}

void ClientConnection::finish_content() {
  in_content_ = false;
  delivery_.properties = properties_;
  if (!is_returned_ && state_ == State::open) events_.on_delivery(delivery_);
  if (body_.capacity() > kept_output_max_bytes) std::vector<std::byte>().swap(body_);
}

}  // namespace leveret::links
