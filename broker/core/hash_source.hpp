/// What an x-consistent-hash exchange hashes of a message: the routing key, a header or a property.
///
/// Owner:  one ConsistentHashIndex.   Thread: plain value; hashing is a pure function, any.
/// Spec:   arguments `hash-header` and `hash-property` of RabbitMQ's consistent hash exchange;
///         LavinMQ's `x-hash-on`, which is the first by another name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

struct HashSource {
  enum class Kind : std::uint8_t { routing_key, header, message_id, correlation_id, timestamp };

  Kind kind = Kind::routing_key;
  std::string header;  ///< Its name, for Kind::header.
};

/// Reads RabbitMQ's arguments or, without them, LavinMQ's; with none it is the routing key.
/// `resource` is the exchange. Error: 406 precondition_failed, soft, for both of RabbitMQ's at
/// once, a property that is not hashed, or one that is no text.
Result<HashSource, protocol::AmqpError> parse_hash_source(std::string_view resource,
                                                          const protocol::FieldTable& arguments);

/// The hash of a message. Those that lack what is hashed have one hash in common. A header's type
/// counts: 1 in 32 and in 64 bits are two values. Does not allocate.
std::uint64_t hash_message(const HashSource& source, std::string_view routing_key,
                           const protocol::BasicProperties& properties);

}  // namespace leveret::broker
