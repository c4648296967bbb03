#include "broker/core/deduplication_window.hpp"

#include <array>
#include <cstring>

#include "broker/core/argument_value.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/bytes.hpp"

namespace leveret::broker {

namespace {
constexpr std::int64_t not_by_itself = INT64_MAX;
}  // namespace

std::string deduplication_key(const protocol::FieldValue& value) { return term_text(value); }

// No exchange of the name "" keeps anything, and none is bound to one that does: with no name and
// no key a record cannot be mistaken for a message. (All machines of ours are little-endian.)
MessageRef make_seen_record(std::string_view key, std::optional<WallTime> expires_at) {
  constexpr std::array<std::byte, 2> no_properties{};
  const std::int64_t expiry = expires_at ? static_cast<std::int64_t>(*expires_at) : not_by_itself;
  auto record = Message::create({}, {}, no_properties, sizeof(expiry) + key.size());
  record->append_body(std::as_bytes(std::span(&expiry, 1)));
  record->append_body(protocol::bytes_of(key));
  return record;
}

bool is_seen_record(const Message& message) {
  return message.exchange().empty() && message.routing_key().empty() &&
         message.body_size() >= sizeof(std::int64_t);
}

std::string_view key_of_seen_record(const Message& record) {
  return protocol::text_of(record.body().subspan(sizeof(std::int64_t)));
}

std::optional<WallTime> expiry_of_seen_record(const Message& record) {
  std::int64_t expiry = 0;
  std::memcpy(&expiry, record.body().data(), sizeof(expiry));
  if (expiry == not_by_itself) return std::nullopt;
  return WallTime{expiry};
}

}  // namespace leveret::broker
