/// Finds the records that are still right in a row of them that is damaged.
///
/// Thread: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "storage/format.hpp"

namespace leveret::storage {

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// A record that is right; or one that is not, but still looks like a message: it fills the bytes
/// between what is right before and behind it.
struct FoundRecord {
  RecordView view;
  std::uint64_t position = 0;
  bool is_right = true;
};

struct FoundRecords {
  std::vector<FoundRecord> records;
  std::optional<ByteRange> damage;  ///< All that is wrong lies in here.

  std::uint32_t right_count() const;
};

/// `bytes`, which lie at `position`, begin with a record if nothing is damaged. Views of what is
/// found point into them.
FoundRecords find_records(std::span<const std::byte> bytes, std::uint64_t position,
                          std::uint32_t seed);

}  // namespace leveret::storage
