/// A log's folder in a few bytes, as a fuzzer makes them up; README.md draws them.
///
/// Check sums would stop whatever was changed at the first look. So the bytes also say which of
/// them are to be made right again, and what lies behind a check sum is reached, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "storage/format.hpp"

namespace leveret::storage {

/// The node that all images are of: that of the unit tests.
constexpr NodeId image_node{std::byte{1}, std::byte{2}, std::byte{3}};
inline const std::string image_folder = "log";

/// What is made right again, bit by bit.
struct Mending {
  static constexpr std::uint8_t segment_sums = 1;  ///< Of headers and records.
  static constexpr std::uint8_t places = 2;        ///< Frames and headers say where they are.
  static constexpr std::uint8_t frame_sizes = 4;   ///< Frames end before the next one.
  static constexpr std::uint8_t indexes = 8;       ///< They are of the segment that is there.
  static constexpr std::uint8_t checkpoints = 16;
  static constexpr std::uint8_t all = 31;
};

using LogFiles = std::map<std::string, std::vector<std::byte>>;  ///< By name, without the folder.

/// Any bytes are a folder.
LogFiles read_image(std::span<const std::byte> image);
/// Files with other names than an image can have are left out.
std::vector<std::byte> write_image(const LogFiles& files, std::uint8_t mending);

}  // namespace leveret::storage
