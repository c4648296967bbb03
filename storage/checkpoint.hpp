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

/// A file with a checkpoint in it, as its name says.
struct CheckpointFile {
  std::uint32_t segment = 0;
  bool is_copy = false;
  std::string name;
};

/// Those among the names of a folder, in the order in which a start believes them: the newest
/// first, and a copy behind what it is one of.
std::vector<CheckpointFile> checkpoint_files_in(std::span<const std::string> names);

/// As above; it must also be the checkpoint that its name says.
Result<Checkpoint, std::string> decode_checkpoint(std::span<const std::byte> bytes,
                                                  const NodeId& node, const CheckpointFile& file);

}  // namespace leveret::storage
