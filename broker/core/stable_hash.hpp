/// A hash that is the same on every machine, in every build and for ever: what is routed by it goes
/// the same way after a restart and after an upgrade.
///
/// Owner:  none, pure functions.   Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace leveret::broker {

/// Spreads differences in any bits over all bits; a bijection (the finalizer of MurmurHash3).
constexpr std::uint64_t mix_bits(std::uint64_t value) {
  value = (value ^ (value >> 33U)) * 0xFF51AFD7ED558CCDULL;
  value = (value ^ (value >> 33U)) * 0xC4CEB9FE1A85EC53ULL;
  return value ^ (value >> 33U);
}

/// FNV-1a, whose upper bits say little about short texts, with its bits mixed.
constexpr std::uint64_t stable_hash(std::string_view bytes) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3ULL;
  }
  return mix_bits(hash);
}

}  // namespace leveret::broker
