/// Check sums of what is on disk: CRC-32C (Castagnoli), as iSCSI, ext4 and Btrfs use it.
///
/// Thread: pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace leveret::storage {

/// The check sum of what `seed` is the check sum of, followed by `bytes`. The seed of the first
/// piece is 0: crc32c(0, "123456789") is 0xE3069283, and crc32c(crc32c(0, a), b) is that of a and b
/// together. Any other seed to begin with ties the sum to it.
std::uint32_t crc32c(std::uint32_t seed, std::span<const std::byte> bytes);

}  // namespace leveret::storage
