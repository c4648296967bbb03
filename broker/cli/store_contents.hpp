/// What a data directory holds, read without changing anything.
///
/// Thread: that of the command.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"
#include "storage/file.hpp"
#include "storage/identity_search.hpp"
#include "storage/recovery.hpp"

namespace leveret::cli {

struct CheckpointContents {
  std::string file;
  std::uint64_t size_bytes = 0;
  std::string problem;  ///< The end of a sentence that begins with the file; empty: it is right.
  std::uint32_t segment = 0;
  std::uint32_t epoch = 0;
  std::uint64_t definition_count = 0;
  std::uint64_t live_reference_count = 0;
};

struct FileGroup {
  std::uint64_t count = 0;
  std::uint64_t size_bytes = 0;
};

struct QueueContents {
  std::uint64_t ready_count = 0;
  std::uint64_t delivered_count = 0;  ///< Given to consumers, not settled.
  std::uint64_t body_size_bytes = 0;
  std::uint64_t oldest_at_ms = UINT64_MAX;
  std::uint64_t newest_at_ms = 0;
};

struct StoreContents {
  std::string path;
  storage::FoundIdentity found;
  std::optional<int> holder;  ///< The process that has the directory.
  std::vector<CheckpointContents> checkpoints;
  std::vector<std::uint32_t> segments;
  FileGroup segment_files, index_files, spare_files;

  /// Why a start would refuse; empty: it would not. What follows then is without the damaged parts.
  std::string refusal;
  /// What a start would note.
  std::vector<std::string> notes;
  storage::Recovered recovered;
  std::map<std::uint64_t, QueueContents> queues;  ///< By the log's numbers for them.

  std::string log_folder() const { return path + "/log"; }
  QueueContents totals() const;
};

/// What a start says of a directory whose log is gone; empty: it is there, or there never was one.
std::string lost_log(storage::FileSystem& files, const std::string& path,
                     const storage::Identity& identity);

/// Error: a sentence; `path` is no data directory, or cannot be read.
Result<StoreContents, std::string> read_store(storage::FileSystem& files, const std::string& path);

}  // namespace leveret::cli
