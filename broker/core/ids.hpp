/// How the parts of the broker name each other across shards: plain values that may outlive
/// what they name. A stale name is noticed by its generation and never reaches a successor.
///
/// Thread: values, any.
#pragma once

#include <compare>
#include <cstdint>

namespace leveret::broker {

/// A shard's number, from 0. Shard 0 also decides about the topology.
enum class ShardId : std::uint16_t {};

/// A connection, unique in the life of the process; 0 names none.
enum class ConnectionId : std::uint64_t {};

/// A place in a SlotMap and which of its successive tenants is meant.
struct Slot {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  ///< 0 names nobody.
  auto operator<=>(const Slot&) const = default;
};

/// A queue: the shard it is homed on, and its place there.
struct QueueRef {
  ShardId shard{};
  Slot slot;
  auto operator<=>(const QueueRef&) const = default;
};

/// An exchange that keeps something; 0 names none, and no number is used again.
enum class StatefulExchangeId : std::uint32_t {};

/// One message's way from the first exchange that keeps something to others; 0 names none, and no
/// number is used again while the process runs.
enum class StatefulRouteId : std::uint64_t {};

/// Whether a reference is that of an exchange that keeps something: its id stands as the index.
constexpr bool names_exchange(QueueRef queue) { return queue.slot.generation == 0; }

/// A channel: the shard of its connection, and its place there.
struct ChannelRef {
  ShardId shard{};
  Slot slot;
  auto operator<=>(const ChannelRef&) const = default;
};

/// A consumer within its queue; numbers grow and are not used again.
enum class ConsumerId : std::uint32_t {};

/// A consumer within its channel.
enum class ConsumerKey : std::uint32_t {};

/// The order of messages in one queue; a message keeps its position when it is requeued.
enum class Position : std::uint64_t {};

/// Number of a publish on a channel that waits for verdicts; the first is 1, 0 waits for none.
enum class PublishSeq : std::uint64_t {};

/// What a queue says about a message that was published to it.
enum class Verdict : std::uint8_t {
  accepted,
  rejected,
  undelivered,  ///< It was to be delivered at once or not at all, and the queue has not taken it.
};

}  // namespace leveret::broker
