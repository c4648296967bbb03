#include "storage/crc32c.hpp"

#include <isa-l/crc.h>

#include <algorithm>

namespace leveret::storage {

std::uint32_t crc32c(std::uint32_t seed, std::span<const std::byte> bytes) {
  // The library counts in int, and leaves both inversions of the standard to its caller.
  constexpr std::size_t piece_max_bytes = 1u << 30;
  std::uint32_t state = ~seed;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), piece_max_bytes));
    // It only reads; its signature lacks the const.
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(piece.data()));
    state = crc32_iscsi(data, static_cast<int>(piece.size()), state);
    bytes = bytes.subspan(piece.size());
  }
  return ~state;
}

}  // namespace leveret::storage
