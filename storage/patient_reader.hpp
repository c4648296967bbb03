/// Reads a file although parts of it cannot be read: those are zeros, and remembered.
///
/// For tools that look at damaged data. A broker that runs takes a failed read for what it is.
///
/// Owner: whoever makes it. Thread: its owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "storage/file.hpp"

namespace leveret::storage {

class PatientReader {
 public:
  /// `file` must outlive the reader; nothing is read from `size_bytes` on.
  PatientReader(const File& file, std::uint64_t size_bytes)
      : file_(file), size_bytes_(size_bytes) {}

  /// The bytes at a position, fewer where the file ends. Valid until the next call.
  std::span<const std::byte> at(std::uint64_t position, std::uint64_t size_bytes);

  std::uint64_t size_bytes() const { return size_bytes_; }
  /// About how many of the bytes that were asked for could not be read.
  std::uint64_t unreadable_bytes() const;
  /// Why not, the first time.
  const std::optional<IoError>& error() const { return error_; }

 private:
  void fill(std::uint64_t position);

  const File& file_;
  std::uint64_t size_bytes_;
  std::vector<std::byte> buffer_;
  std::uint64_t buffer_position_ = 0;
  std::set<std::uint64_t> unreadable_pieces_;
  std::optional<IoError> error_;
};

}  // namespace leveret::storage
