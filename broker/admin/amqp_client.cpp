#include "broker/admin/amqp_client.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/write.hpp>

#include "protocol/limits.hpp"

namespace leveret::admin {

namespace asio = boost::asio;
using protocol::FrameType;
using asio::local::stream_protocol;

namespace {

constexpr std::uint32_t frame_max_bytes = 131072;
const auto with_error = asio::as_tuple(asio::use_awaitable);

}  // namespace

AmqpClient::AmqpClient(asio::any_io_executor executor, int descriptor)
    : socket_(std::move(executor)), parser_(frame_max_bytes), scratch_(scratch_size_bytes) {
  boost::system::error_code ignored;
  socket_.assign(stream_protocol(), descriptor, ignored);
}

// ---- what is said --------------------------------------------------------------------------

std::span<std::byte> AmqpClient::grow(std::size_t size) {
  const std::size_t begin = output_.size();
  output_.resize(begin + size);
  return std::span(output_).subspan(begin);
}

void AmqpClient::begin(const std::string& user, const std::string& vhost) {
  std::ranges::copy(protocol::protocol_header, grow(protocol::protocol_header.size()).begin());
  const std::string login = std::string(1, '\0') + user + std::string(1, '\0');
  protocol::connection::StartOk start_ok;
  start_ok.mechanism = "PLAIN";
  start_ok.response = login;
  start_ok.locale = "en_US";
  write(start_ok, 0);
  protocol::connection::TuneOk tune_ok;
  tune_ok.channel_max = 1;
  tune_ok.frame_max = frame_max_bytes;
  write(tune_ok, 0);
  protocol::connection::Open open;
  open.virtual_host = vhost;
  write(open, 0);
  write(protocol::channel::Open{});
}

void AmqpClient::publish(std::string_view exchange, std::string_view routing_key, bool mandatory,
                         std::span<const std::byte> properties, std::string_view body) {
  protocol::basic::Publish method;
  method.exchange = exchange;
  method.routing_key = routing_key;
  method.mandatory = mandatory;
  write(method);
  protocol::WireWriter header(grow(protocol::header_frame_size(properties)));
  protocol::write_header_frame(header, 1, body.size(), properties);
  constexpr std::size_t payload_max = frame_max_bytes - protocol::frame_overhead_bytes;
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, payload_max);
    protocol::WireWriter writer(grow(piece.size() + protocol::frame_overhead_bytes));
    protocol::write_body_frame_head(writer, 1, static_cast<std::uint32_t>(piece.size()));
    writer.write_bytes(std::as_bytes(std::span(piece)));
    protocol::write_frame_end(writer);
    body.remove_prefix(piece.size());
  }
}

// ---- what is heard -------------------------------------------------------------------------

Awaitable<AmqpAnswer> AmqpClient::receive() {
  const std::vector<std::byte> written = std::exchange(output_, {});
  const auto buffer = asio::buffer(written);
  co_await asio::async_write(socket_, buffer, with_error);
  answer_ = {};
  // What the broker says before it hangs up may lie there even if it takes nothing more.
  while (!parse()) {
    const auto room = asio::buffer(scratch_);
    const auto [error, size] = co_await socket_.async_read_some(room, with_error);
    if (error) {
      fail("the connection broke: " + error.message());
      break;
    }
    parser_.feed(std::span(scratch_).first(size));
  }
  parser_.park();
  co_return std::move(answer_);
}

Awaitable<void> AmqpClient::close() {
  protocol::connection::Close method;
  method.reply_code = 200;
  method.reply_text = "Goodbye";
  write(method, 0);
  while (true) {
    const AmqpAnswer answer = co_await receive();
    if (!answer.is_ok() || answer.method == protocol::connection::CloseOk::id) break;
  }
}

bool AmqpClient::parse() {
  while (true) {
    const auto frame = parser_.next();
    if (!frame) {
      fail(frame.error().reply_text());
      return true;
    }
    if (!*frame) return false;
    if (take(**frame)) return true;
  }
}

/// True when the answer is whole.
bool AmqpClient::take(const protocol::Frame& frame) {
  switch (frame.type) {
    case FrameType::heartbeat: return false;
    case FrameType::header: {
      protocol::WireReader reader(frame.payload);
      reader.read_u32();  // Class and weight.
      body_missing_ = reader.read_u64();
      const auto properties = reader.remaining_bytes();
      answer_.properties.assign(properties.begin(), properties.end());
      return body_missing_ == 0;
    }
    case FrameType::body:
      body_missing_ -= std::min<std::uint64_t>(body_missing_, frame.payload.size());
      answer_.body.append(reinterpret_cast<const char*>(frame.payload.data()),
                          frame.payload.size());
      return body_missing_ == 0;
    case FrameType::method: break;
  }
  if (const auto done = protocol::dispatch_method(frame.payload, *this); !done) {
    fail(done.error().reply_text());
  }
  return !answer_.has_message;
}

void AmqpClient::fail(std::string_view why) {
  answer_.error_code = static_cast<std::uint16_t>(protocol::ReplyCode::internal_error);
  answer_.error_text = why;
}

void AmqpClient::on(const protocol::connection::Close& method) {
  answer_.method = method.id;
  answer_.error_code = method.reply_code;
  answer_.error_text = method.reply_text;
}

void AmqpClient::on(const protocol::channel::Close& method) {
  answer_.method = method.id;
  answer_.error_code = method.reply_code;
  answer_.error_text = method.reply_text;
}

void AmqpClient::on(const protocol::queue::DeclareOk& method) {
  answer_.method = method.id;
  answer_.queue = method.queue;
  answer_.message_count = method.message_count;
  answer_.consumer_count = method.consumer_count;
}

void AmqpClient::on(const protocol::queue::DeleteOk& method) {
  answer_.method = method.id;
  answer_.message_count = method.message_count;
}

void AmqpClient::on(const protocol::queue::PurgeOk& method) {
  answer_.method = method.id;
  answer_.message_count = method.message_count;
}

void AmqpClient::on(const protocol::basic::GetOk& method) {
  answer_.method = method.id;
  answer_.has_message = true;
  answer_.delivery_tag = method.delivery_tag;
  answer_.redelivered = method.redelivered;
  answer_.exchange = method.exchange;
  answer_.routing_key = method.routing_key;
  answer_.message_count = method.message_count;
}

void AmqpClient::on(const protocol::basic::Return& method) {
  answer_.method = method.id;
  answer_.has_message = true;
  answer_.exchange = method.exchange;
  answer_.routing_key = method.routing_key;
}

// ---- the whole -----------------------------------------------------------------------------

Awaitable<OpenedClient> open_client(Call& call, const std::string& vhost) {
  OpenedClient opened;
  const int descriptor = call.broker.connect_locally();
  if (descriptor < 0) {
    opened.refusal.error_code = static_cast<std::uint16_t>(protocol::ReplyCode::resource_error);
    opened.refusal.error_text = "no file descriptors are left";
    co_return opened;
  }
  const auto executor = co_await asio::this_coro::executor;
  auto client = std::make_unique<AmqpClient>(executor, descriptor);
  client->begin(call.caller.name, vhost);
  while (true) {
    AmqpAnswer answer = co_await client->receive();
    if (!answer.is_ok()) {
      opened.refusal = std::move(answer);
      co_return opened;
    }
    if (answer.method == protocol::channel::OpenOk::id) break;
  }
  opened.client = std::move(client);
  co_return opened;
}

std::string explanation_of(const AmqpAnswer& refusal) {
  const std::string_view text = refusal.error_text;
  const std::size_t dash = text.find(" - ");
  return std::string(dash == std::string_view::npos ? text : text.substr(dash + 3));
}

Reply refusal_reply(const AmqpAnswer& refusal) {
  using protocol::ReplyCode;
  const auto code = static_cast<ReplyCode>(refusal.error_code);
  if (code == ReplyCode::not_found) {
    return error_reply(404, "not_found", explanation_of(refusal));
  }
  if (code == ReplyCode::access_refused) return not_authorised("Access refused.");
  return bad_request(explanation_of(refusal));
}

}  // namespace leveret::admin
