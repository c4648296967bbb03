#include "broker/core/routable_message.hpp"

#include <utility>

#include "broker/core/message_expiration.hpp"
#include "broker/core/sender_selected.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::broker {

namespace {
constexpr std::uint8_t persistent_delivery_mode = 2;
}  // namespace

RoutableMessage::RoutableMessage(const Message& message) {
  // The properties of a published message have been checked; what a log has kept, too.
  if (!properties_.read(message.properties())) properties_ = {};
  if (properties_.headers) {
    if (auto decoded = properties_.headers->decode()) headers_ = std::move(*decoded);
  }
  routing_keys_.push_back(message.routing_key());
  // An error would have been raised when the message was published.
  static_cast<void>(append_sender_selected_keys(headers_, routing_keys_));
  const auto blind_keys = read_blind_keys(message.blind_keys());
  routing_keys_.insert(routing_keys_.end(), blind_keys.begin(), blind_keys.end());
}

bool RoutableMessage::persistent() const {
  return properties_.delivery_mode == persistent_delivery_mode;
}

std::optional<std::uint64_t> RoutableMessage::expiration_ms() const {
  if (!properties_.expiration) return std::nullopt;
  const auto parsed = parse_message_expiration(*properties_.expiration);
  if (!parsed) return std::nullopt;
  return *parsed;
}

MessageRef copy_of(const Message& message) {
  auto made = Message::create(message.exchange(), message.routing_key(), message.properties(),
                              message.body_size(), message.blind_keys());
  made->append_body(message.body());
  return made;
}

MessageRef with_headers(const Message& message, protocol::BasicProperties properties,
                        const protocol::FieldTable& headers) {
  std::vector<std::byte> table(4 + headers.encoded_size());
  protocol::WireWriter table_writer(table);
  headers.encode(table_writer);
  properties.headers = protocol::TableView{std::span(table).subspan(4)};
  std::vector<std::byte> encoded(properties.encoded_size());
  protocol::WireWriter writer(encoded);
  properties.encode(writer);
  auto made = Message::create(message.exchange(), message.routing_key(), encoded,
                              message.body_size(), message.blind_keys());
  made->append_body(message.body());
  return made;
}

}  // namespace leveret::broker
