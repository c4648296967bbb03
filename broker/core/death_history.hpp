/// What a message remembers of its deaths: the header x-death and those of the first and the last
/// one.
///
/// x-death is an array of tables, the latest death first, one for each queue and reason; a death
/// that comes again is counted and moves to the front.
///
/// Owner:  none, pure functions.   Thread: any.
/// Spec:   RabbitMQ's dead lettering, 3.10 to 4.2; x-last-death-* since 3.13.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// Why a message left a queue other than by an acknowledgement.
enum class DeathReason : std::uint8_t { rejected, expired, maxlen, delivery_limit };

/// As RabbitMQ spells it.
std::string_view reason_name(DeathReason reason);

/// A message leaves a queue without having been acknowledged.
struct Death {
  DeathReason reason{};
  std::string_view queue;
  std::string_view exchange;  ///< To which the message had been published.
  std::vector<std::string_view> routing_keys;
  std::string_view expiration;  ///< The message's own; empty: it had none.
  WallTime time{};
};

/// Writes the death into the headers of the message.
void record_death(protocol::FieldTable& headers, const Death& death);

/// The queues to which the message must not go now: it has died in them before, and since then
/// only of itself, so it would go round for ever. No queues when the latest death is a rejection.
std::vector<std::string> queues_of_cycle(const protocol::FieldTable& headers);

}  // namespace leveret::broker
