/// Files as the storage needs them: a seam between what it decides and the system that does it.
///
/// The real thing is PosixFileSystem. Tests put one in its place that keeps all in memory, loses
/// what was not synced, and fails at the n-th call.
///
/// Thread: a FileSystem may be used by several threads; a File by several for reading, by one for
///         everything else.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"

namespace leveret::storage {

/// A call that failed: what was tried with which file, and errno.
struct IoError {
  std::string what;  ///< "fdatasync /var/lib/leveret/log/0000000001.seg"
  int code = 0;

  bool is_disk_full() const;
  bool is_missing() const;
  /// "fdatasync /var/...: Input/output error"
  std::string text() const;
};

template <class T>
using IoResult = Result<T, IoError>;

class File {
 public:
  virtual ~File() = default;

  /// Reads until `bytes` is full or the file ends; returns how many were read.
  virtual IoResult<std::size_t> read_at(std::uint64_t position,
                                        std::span<std::byte> bytes) const = 0;
  /// Writes everything, at the position; the parts may be changed meanwhile.
  virtual IoResult<void> write_at(std::uint64_t position, std::span<iovec> parts) = 0;
  /// What was written is on the disk when this returns, the file's size included.
  virtual IoResult<void> sync_data() = 0;
  virtual IoResult<std::uint64_t> size() const = 0;
  virtual IoResult<void> truncate(std::uint64_t size_bytes) = 0;
  /// Takes disk space for the file up to that size; what is new reads as zeros.
  virtual IoResult<void> allocate(std::uint64_t size_bytes) = 0;
  /// Nobody reads these bytes again: their disk space may be given back where that is possible.
  virtual void discard(std::uint64_t /*position*/, std::uint64_t /*size_bytes*/) {}

  /// One piece instead of several.
  IoResult<void> write_at(std::uint64_t position, std::span<const std::byte> bytes);
};

enum class OpenMode : std::uint8_t {
  read,     ///< It has to be there.
  write,    ///< For reading and writing; it has to be there.
  create,   ///< For reading and writing; must not be there yet.
  replace,  ///< For reading and writing; emptied if it is there.
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual IoResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  /// Replaces what is at `to`.
  virtual IoResult<void> rename(const std::string& from, const std::string& to) = 0;
  virtual IoResult<void> remove(const std::string& path) = 0;
  /// Succeeds when the folder is there already.
  virtual IoResult<void> make_folder(const std::string& path) = 0;
  /// Names of the files in a folder, sorted; folders and what starts with a dot left out.
  virtual IoResult<std::vector<std::string>> list(const std::string& folder) = 0;
  /// Names created, renamed and removed in the folder so far survive a crash.
  virtual IoResult<void> sync_folder(const std::string& folder) = 0;
  /// What an unprivileged process can still write to the folder's disk.
  virtual IoResult<std::uint64_t> free_bytes(const std::string& folder) = 0;
};

/// A whole small file. Error: it is larger than `size_max_bytes` (code EFBIG), or cannot be read.
IoResult<std::vector<std::byte>> read_file(FileSystem& files, const std::string& path,
                                           std::uint64_t size_max_bytes);

/// Writes a file so that after a crash either the old one is there, or the whole new one: beside
/// it, synced, then renamed.
IoResult<void> replace_file(FileSystem& files, const std::string& folder, const std::string& name,
                            std::span<const std::byte> bytes);

}  // namespace leveret::storage
