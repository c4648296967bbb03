#include "broker/session/publish_assembler.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "broker/core/sender_selected.hpp"
#include "protocol/field_table.hpp"
#include "protocol/wire_reader.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::broker {

using protocol::AmqpError;

namespace {

constexpr std::uint16_t basic_class_id = 60;
// RabbitMQ's own bound on what a header may promise, whatever is configured.
constexpr std::uint64_t body_size_limit_bytes = 512ull * 1024 * 1024;

/// Whether an encoded table may have the key CC or BCC: a search for the keys' encoding. It may
/// err towards yes; most messages have neither, and their headers are not decoded here.
bool may_select_keys(std::span<const std::byte> table) {
  constexpr std::array cc{std::byte{2}, std::byte{'C'}, std::byte{'C'}};
  constexpr std::array bcc{std::byte{3}, std::byte{'B'}, std::byte{'C'}, std::byte{'C'}};
  return std::search(table.begin(), table.end(), cc.begin(), cc.end()) != table.end() ||
         std::search(table.begin(), table.end(), bcc.begin(), bcc.end()) != table.end();
}

std::vector<std::byte> encode_table(const protocol::FieldTable& table) {
  std::vector<std::byte> encoded(4 + table.encoded_size());
  protocol::WireWriter writer(encoded);
  table.encode(writer);
  return encoded;
}

}  // namespace

void PublishAssembler::start(const protocol::basic::Publish& method) {
  exchange_ = method.exchange;
  routing_key_ = method.routing_key;
  publish_.mandatory = method.mandatory;
  publish_.immediate = method.immediate;
  publish_.extra_routing_keys.clear();
  publish_.bad_extra_routing_keys.reset();
  awaiting_ = Awaiting::header;
}

Result<void, AmqpError> PublishAssembler::add_header(std::span<const std::byte> payload,
                                                     std::string_view reply_name,
                                                     std::uint64_t message_size_max_bytes) {
  protocol::WireReader reader(payload);
  const std::uint16_t class_id = reader.read_u16();
  const std::uint16_t weight = reader.read_u16();  // Unused since AMQP 0-8.
  const std::uint64_t body_size = reader.read_u64();
  if (reader.failed()) {
    return tl::unexpected(AmqpError::frame_error("content header is too short"));
  }
  if (class_id != basic_class_id) {
    return tl::unexpected(AmqpError::unexpected_frame(
        "expected content header for class 60, got one for class " + std::to_string(class_id) +
        " instead"));
  }
  if (weight != 0) {
    return tl::unexpected(AmqpError::unexpected_frame(
        "expected content header for class 60, got non content header frame instead"));
  }
  if (body_size > body_size_limit_bytes) {
    return tl::unexpected(AmqpError::frame_error(
        "content body size " + std::to_string(body_size) + " exceeds maximum allowed size " +
        std::to_string(body_size_limit_bytes)));
  }
  if (body_size > message_size_max_bytes) {
    return tl::unexpected(AmqpError::precondition_failed(
        "message size " + std::to_string(body_size) + " is larger than configured max size " +
        std::to_string(message_size_max_bytes)));
  }

  if (auto made = make_message(reader.remaining_bytes(), body_size); !made) return made;
  Rewritten rewritten;
  if (rewrite(publish_.properties, reply_name, rewritten)) {
    const auto made = make_message(rewritten.properties, body_size, rewritten.blind_keys);
    if (!made) return made;
  }
  awaiting_ = Awaiting::body;
  return {};
}

Result<void, AmqpError> PublishAssembler::make_message(std::span<const std::byte> properties,
                                                       std::uint64_t body_size,
                                                       std::span<const std::byte> blind_keys) {
  message_ = Message::create(exchange_, routing_key_, properties, body_size, blind_keys);
  if (auto done = publish_.properties.read(message_->properties()); !done) return done;
  // What cannot be read here could not be read by those it is delivered to either.
  const auto& headers = publish_.properties.headers;
  if (headers && !headers->empty()) return headers->check();
  return {};
}

bool PublishAssembler::rewrite(protocol::BasicProperties properties, std::string_view reply_name,
                               Rewritten& rewritten) {
  bool changed = false;
  std::vector<std::byte> headers_without_bcc;
  if (properties.headers && may_select_keys(properties.headers->content)) {
    auto headers = properties.headers->decode();
    LEVERET_ASSERT(headers.has_value(), "the headers have been checked");
    std::vector<std::string_view> keys;
    auto selected = append_sender_selected_keys(*headers, keys);
    if (!selected) publish_.bad_extra_routing_keys = std::move(selected.error());
    publish_.extra_routing_keys.assign(keys.begin(), keys.end());
    rewritten.blind_keys = write_blind_keys(blind_keys_in(*headers));
    if (rewritten.blind_keys.size() > Message::blind_keys_max_bytes) {
      rewritten.blind_keys.clear();
      publish_.bad_extra_routing_keys =
          AmqpError::precondition_failed("the keys of BCC are longer than 65535 bytes");
    }
    if (remove_bcc(*headers)) {
      headers_without_bcc = encode_table(*headers);
      properties.headers = protocol::TableView{std::span(headers_without_bcc).subspan(4)};
      changed = true;
    }
  }
  if (!reply_name.empty() && properties.reply_to == reply_to_queue_name) {
    properties.reply_to = reply_name;
    changed = true;
  }
  if (changed) {
    rewritten.properties.resize(properties.encoded_size());
    protocol::WireWriter writer(rewritten.properties);
    properties.encode(writer);
  }
  return changed;
}

Result<void, AmqpError> PublishAssembler::add_body(std::span<const std::byte> bytes) {
  if (bytes.size() > message_->body_missing_bytes()) {
    return tl::unexpected(
        AmqpError::frame_error("content body frame exceeds remaining content size"));
  }
  message_->append_body(bytes);
  return {};
}

const PublishAssembler::Publish& PublishAssembler::finish() {
  publish_.message = std::move(message_);
  awaiting_ = Awaiting::method;
  return publish_;
}

}  // namespace leveret::broker
