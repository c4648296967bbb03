/// The files of the log as those who read messages see them: which segments there are, and where
/// a message lies after its segment was compacted.
///
/// Open files are kept here and nowhere else, so that one that was replaced or removed takes no
/// room on the disk any longer than somebody is reading it.
///
/// Owner: the log. Thread: any; locks.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "storage/file.hpp"
#include "storage/format.hpp"
#include "storage/segment_index.hpp"

namespace leveret::storage {

class SegmentFiles {
 public:
  SegmentFiles(FileSystem& files, std::string folder, NodeId node)
      : files_(files), folder_(std::move(folder)), node_(node) {}

  /// A segment's file, and where messages lie in it.
  class OpenSegment {
   public:
    const File& file() const { return *file_; }
    /// In bytes. Nothing when the segment was compacted and the message is no longer in it.
    std::optional<std::uint64_t> position_of(const LogPlace& place) const;

   private:
    friend class SegmentFiles;
    struct Moved {
      std::uint32_t first_ordinal;
      std::uint32_t position;
    };

    std::shared_ptr<const File> file_;
    /// Of a segment that was compacted in this life, its messages in their order: places that were
    /// given before no longer say where they are.
    std::shared_ptr<const std::vector<Moved>> moved_;
  };
  /// Error: the file cannot be read.
  IoResult<OpenSegment> open(std::uint32_t segment);

  /// The segment's file is about to be replaced by a compacted one; replaced() follows.
  void note_compacted(std::uint32_t segment);
  void replaced(std::uint32_t segment);
  /// The segment is gone.
  void forget(std::uint32_t segment);

  /// Error (ENOSPC): so much more would not leave the reserve free.
  IoResult<void> check_room(std::uint64_t size_bytes, std::uint64_t reserve_bytes);

  FileSystem& files() { return files_; }
  const std::string& folder() const { return folder_; }
  const NodeId& node() const { return node_; }

 private:
  struct Kept {
    std::uint32_t segment = 0;
    OpenSegment opened;
  };
  void drop(std::uint32_t segment);
  IoResult<OpenSegment> open_anew(std::uint32_t segment, bool is_compacted);

  FileSystem& files_;
  const std::string folder_;
  const NodeId node_;
  std::mutex mutex_;
  std::list<Kept> kept_;  ///< The most recently used first.
  std::unordered_set<std::uint32_t> compacted_;
  std::uint64_t drop_count_ = 0;
};

}  // namespace leveret::storage
