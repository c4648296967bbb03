/// The files of the log as those who read messages see them: which segments there are, and where
/// a message lies after its segment was compacted.
///
/// Owner: the log. Thread: any; locks.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "storage/file.hpp"
#include "storage/format.hpp"
#include "storage/segment_index.hpp"

namespace leveret::storage {

class SegmentFiles {
 public:
  SegmentFiles(FileSystem& files, std::string folder, NodeId node)
      : files_(files), folder_(std::move(folder)), node_(node) {}

  /// A segment's file, and whether it was compacted: positions are then those of its index.
  struct OpenSegment {
    std::shared_ptr<const File> file;
    std::uint32_t generation = 0;
    std::shared_ptr<const std::unordered_map<std::uint32_t, std::uint32_t>> positions;
  };
  /// Opens the file as it is now. Error: it cannot be read.
  IoResult<OpenSegment> open(std::uint32_t segment);

  /// A segment has a new file in the place of the old one.
  void note_generation(std::uint32_t segment, std::uint32_t generation);
  std::uint32_t generation(std::uint32_t segment) const;
  void forget(std::uint32_t segment);

  FileSystem& files() { return files_; }
  const std::string& folder() const { return folder_; }
  const NodeId& node() const { return node_; }

 private:
  FileSystem& files_;
  const std::string folder_;
  const NodeId node_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint32_t, std::uint32_t> generations_;  ///< Those above 0.
};

}  // namespace leveret::storage
