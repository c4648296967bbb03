/// The file `identity` of a data directory: whose it is, and in which format.
///
/// Little-endian. In every format the first twelve bytes mean the same, and the last four are the
/// check sum of all before them, so that an older Leveret can tell a newer format from damage.
///
///     0   8  "LEVERETD"
///     8   4  format of the data directory: format_version
///     12  4  flags: bit 0, what a first boot makes is in the log; the others are 0
///     16  16 number of the node, random
///     32  4  CRC-32C of bytes 0 to 31
///
/// Thread: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"
#include "storage/format.hpp"

namespace leveret::storage {

/// Room for those of later formats, which have to be read before they can be refused.
constexpr std::uint64_t identity_size_max_bytes = 4096;

struct Identity {
  NodeId node_id{};
  bool is_set_up = false;  ///< What a first boot makes is in the log.
  std::uint32_t format = format_version;  ///< As it was read; the present one is written.
  bool operator==(const Identity&) const = default;
};

std::vector<std::byte> encode_identity(const Identity& identity);

/// Error: the end of a sentence that begins with the data directory: "has format 2; ...".
Result<Identity, std::string> decode_identity(std::span<const std::byte> bytes);

}  // namespace leveret::storage
