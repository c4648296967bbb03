/// All that the log adds up to at the end of a segment, in one file, so that a start need not read
/// what came before.
///
/// Thread: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"
#include "storage/format.hpp"
#include "storage/store_state.hpp"

namespace leveret::storage {

struct Checkpoint {
  /// The first segment whose records are not in it.
  std::uint32_t segment = 1;
  std::uint32_t epoch = 0;
  StoreState state;  ///< Segments without live references are left out.
};

std::vector<std::byte> encode_checkpoint(const Checkpoint& checkpoint, const NodeId& node);

/// Error: what is wrong with the bytes, as the end of a sentence.
Result<Checkpoint, std::string> decode_checkpoint(std::span<const std::byte> bytes,
                                                  const NodeId& node);

}  // namespace leveret::storage
