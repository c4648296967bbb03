#include "broker/core/hash_source.hpp"

#include <optional>
#include <utility>

#include "broker/core/argument_equivalence.hpp"
#include "broker/core/stable_hash.hpp"

namespace leveret::broker {

using protocol::AmqpError;

namespace {

std::optional<HashSource::Kind> parse_property(std::string_view name) {
  if (name == "message_id") return HashSource::Kind::message_id;
  if (name == "correlation_id") return HashSource::Kind::correlation_id;
  if (name == "timestamp") return HashSource::Kind::timestamp;
  return std::nullopt;
}

std::uint64_t hash_header(const std::string& name, const protocol::BasicProperties& properties) {
  const auto value = properties.headers ? properties.headers->find(name) : std::nullopt;
  if (!value) return stable_hash({});
  return stable_hash({reinterpret_cast<const char*>(value->data()), value->size()});
}

}  // namespace

Result<HashSource, AmqpError> parse_hash_source(std::string_view resource,
                                                const protocol::FieldTable& arguments) {
  auto header = text_argument("hash-header", resource, arguments);
  if (!header) return tl::unexpected(std::move(header.error()));
  const auto property = text_argument("hash-property", resource, arguments);
  if (!property) return tl::unexpected(property.error());
  if (*header && *property) {
    return tl::unexpected(AmqpError::precondition_failed(
        "hash-header and hash-property are mutually exclusive"));
  }
  if (*header) return HashSource{HashSource::Kind::header, std::move(**header)};
  if (!*property) {
    auto other = text_argument("x-hash-on", resource, arguments);
    if (!other) return tl::unexpected(std::move(other.error()));
    return *other ? HashSource{HashSource::Kind::header, std::move(**other)} : HashSource{};
  }
  const auto kind = parse_property(**property);
  if (kind) return HashSource{*kind, {}};
  return tl::unexpected(AmqpError::precondition_failed("Unsupported property: " + **property));
}

std::uint64_t hash_message(const HashSource& source, std::string_view routing_key,
                           const protocol::BasicProperties& properties) {
  switch (source.kind) {
    case HashSource::Kind::routing_key: return stable_hash(routing_key);
    case HashSource::Kind::header: return hash_header(source.header, properties);
    case HashSource::Kind::message_id: return stable_hash(properties.message_id.value_or(""));
    case HashSource::Kind::correlation_id:
      return stable_hash(properties.correlation_id.value_or(""));
    case HashSource::Kind::timestamp:
      return properties.timestamp ? mix_bits(*properties.timestamp) : stable_hash({});
  }
  return 0;
}

}  // namespace leveret::broker
