/// Where a binding leads: a queue or an exchange of one vhost.
///
/// Owner:  routing indexes hold it by value.   Thread: plain value.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace leveret::broker {

/// A queue or an exchange by its place in the topology's tables. A slot is reused after its owner
/// was deleted, so whoever deletes a queue or an exchange first removes the bindings to it.
struct Destination {
  enum class Kind : std::uint8_t { queue, exchange };

  Kind kind = Kind::queue;
  std::uint32_t slot = 0;  ///< Index in the topology's table of that kind.

  auto operator<=>(const Destination&) const = default;
};

/// Hash of a destination, for hash tables.
struct DestinationHash {
  std::size_t operator()(const Destination& destination) const noexcept {
    const auto kind_bit = static_cast<std::uint64_t>(destination.kind) << 32U;
    return static_cast<std::size_t>((kind_bit | destination.slot) * 0x9E3779B97F4A7C15ULL);
  }
};

}  // namespace leveret::broker
