/// Where one shard keeps what does not fit into memory: chunks of bytes, each written once, read
/// back when it is wanted, and freed.
///
/// The files `<folder>/<shard>-<number>.page` are scratch: never synced, removed when all of their
/// chunks are freed, and again when the process ends or starts. Each chunk has its length and its
/// check sum in front.
///
/// Owner: one shard.   Thread: that shard's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/file.hpp"

namespace leveret::storage {

/// Where a chunk lies.
struct PageAddress {
  std::uint32_t file = 0;  ///< Files have numbers from 1 on.
  std::uint32_t position = 0;
  std::uint32_t size_bytes = 0;
};

class PageFile {
 public:
  static constexpr std::uint32_t usual_file_size_bytes = 64u << 20;

  /// Makes the folder if it is not there, and removes what a former process has left in it. To be
  /// called once, before any PageFile is made.
  static IoResult<void> clear_folder(FileSystem& files, const std::string& folder);

  /// `files` must outlive it. Files are made when they are needed.
  PageFile(FileSystem& files, std::string folder, std::uint32_t shard,
           std::uint32_t file_size_bytes = usual_file_size_bytes);
  /// Removes its files.
  ~PageFile();
  PageFile(const PageFile&) = delete;
  PageFile& operator=(const PageFile&) = delete;

  /// Writes the parts, one after the other, as one chunk. A chunk larger than a file gets one of
  /// its own. Error: nothing was written, as when the disk is full; it may be tried again.
  IoResult<PageAddress> write(std::span<const std::span<const std::byte>> parts);

  /// The chunk's bytes, which lie in `buffer`; it grows as needed. Error: the chunk cannot be read,
  /// or is not what was written (code EBADMSG).
  IoResult<std::span<const std::byte>> read(const PageAddress& address,
                                            std::vector<std::byte>& buffer) const;

  /// What a chunk begins with: so many bytes, of this crc32c() from 0.
  struct Beginning {
    std::uint32_t size_bytes = 0;
    std::uint32_t sum = 0;
  };
  /// As read(), but only the first bytes of the chunk, whose check sum the caller has kept.
  IoResult<std::span<const std::byte>> read_first(const PageAddress& address,
                                                  const Beginning& beginning,
                                                  std::vector<std::byte>& buffer) const;

  /// Gives the chunk's room back. Requires: it has been written, and not freed yet.
  void free(const PageAddress& address);

  std::size_t file_count() const { return open_.size(); }
  std::uint64_t chunk_count() const { return chunk_count_; }

 private:
  /// What stands before each chunk. The sum is that of the chunk's address and of its bytes, so
  /// that the right bytes in the wrong place are noticed, too.
  struct Header {
    std::uint32_t size_bytes = 0;
    std::uint32_t sum = 0;
  };
  struct OpenFile {
    std::unique_ptr<File> file;
    std::uint32_t end = 0;
    std::uint64_t chunk_count = 0;
  };

  std::string path_of(std::uint32_t number) const;
  IoResult<std::span<const std::byte>> read_bytes(const PageAddress& address,
                                                  std::uint32_t size_bytes,
                                                  std::vector<std::byte>& buffer) const;
  tl::unexpected<IoError> damaged(const PageAddress& address) const;
  IoResult<OpenFile*> file_for(std::uint64_t needed_bytes);
  void close_and_remove(std::uint32_t number);
  static std::uint32_t sum_of_address(const PageAddress& address);

  FileSystem& files_;
  const std::string folder_;
  const std::uint32_t shard_;
  const std::uint32_t file_size_bytes_;
  std::map<std::uint32_t, OpenFile> open_;
  std::uint32_t current_ = 0;  ///< The file that is written to. 0: none yet.
  std::uint64_t chunk_count_ = 0;
  std::vector<iovec> gathered_;
};

}  // namespace leveret::storage
