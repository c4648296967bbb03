/// A disk in memory that behaves as badly as a disk may: when the power goes, what was not synced
/// is there, is not there, or is there in part, in any order; calls fail when they are told to;
/// room ends.
///
/// Data survives by sectors of 512 bytes: of each, what it held at some moment since the last sync.
/// Names survive one by one, but a name or a file never skips what happened to it before. A file's
/// size survives apart from its data. After a failed sync what was to be synced looks as if it were
/// there and never gets to the disk, as with Linux.
///
/// Thread: any; locks.
#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "storage/file.hpp"

namespace leveret::storage {

enum class DiskCall : std::uint8_t {
  open, read, write, sync, size, truncate, allocate, rename, remove, make_folder, list, sync_folder,
  free_bytes,
};

/// A call that is to fail.
struct DiskFault {
  /// Only calls of that kind count; without it, all do.
  std::optional<DiskCall> call = std::nullopt;
  std::uint64_t nth = 1;   ///< 1: the next one.
  int code = EIO;
  bool for_ever = false;   ///< All after it fail, too.
  /// At that call the power goes: nothing changes any more, whatever is called.
  bool power_cut = false;
  /// Only calls for paths with this in them count.
  std::string path_part = {};
};

class FaultyDisk final : public FileSystem {
 public:
  using Random = std::mt19937_64;
  static constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

  FaultyDisk();
  ~FaultyDisk() override;

  IoResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  IoResult<void> rename(const std::string& from, const std::string& to) override;
  IoResult<void> remove(const std::string& path) override;
  IoResult<void> make_folder(const std::string& path) override;
  IoResult<std::vector<std::string>> list(const std::string& folder) override;
  IoResult<void> sync_folder(const std::string& folder) override;
  IoResult<std::uint64_t> free_bytes(const std::string& folder) override;

  // ---- faults ----
  void fail(DiskFault fault);
  /// Does something before the next open, rename, sync or sync_folder, as another thread might.
  void before(DiskCall call, std::function<void()> act);
  /// Forgets the fault; with the power back on.
  void heal();
  /// Whether the call that was to fail has come.
  bool has_failed() const;
  bool power_is_cut() const;
  /// Calls of all kinds, or of one.
  std::uint64_t call_count(std::optional<DiskCall> call = std::nullopt) const;
  std::size_t open_file_count() const;
  /// Room for all files together.
  void limit_bytes(std::uint64_t limit_bytes);
  bool is_limited() const;
  std::uint64_t used_bytes() const;

  // ---- the end ----
  /// The power goes and comes back. Files that are open belong to the past.
  void crash(Random& random);
  /// The same; of what was not synced nothing is there, or all.
  void crash_losing_all();
  void crash_losing_nothing();

  // ---- files, past all faults ----
  std::vector<std::string> names(const std::string& folder) const;
  bool has(const std::string& path) const;
  std::vector<std::byte> bytes(const std::string& path) const;
  /// Makes a file or replaces its content; survives.
  void put(const std::string& path, std::vector<std::byte> bytes);
  void erase(const std::string& path);
  /// A copy of all files as they are now, as if all had been synced; without faults and limits.
  std::map<std::string, std::vector<std::byte>> copy_of_all() const;

 private:
  struct Change;
  struct Inode;
  struct NameChange;
  struct Folder;
  class OpenFile;
  using InodePtr = std::shared_ptr<Inode>;

  void act_before(DiskCall call);
  /// Counts the call. What is to go wrong with it, if anything.
  std::optional<IoError> count(DiskCall call, const char* verb, const std::string& path);
  IoResult<void> write(Inode& inode, const std::string& path, std::uint64_t position,
                       std::span<const iovec> parts);
  IoResult<void> resize(Inode& inode, const std::string& what, std::uint64_t size_bytes);
  IoResult<void> sync(Inode& inode, const std::string& path);
  std::uint64_t used_bytes_locked() const;
  Folder& folder_of(const std::string& path);
  InodePtr find(const std::string& path) const;
  template <class Survive>
  void end_world(Random* random, Survive&& survive);

  mutable std::mutex mutex_;
  std::map<std::string, Folder> folders_;
  /// Those that are open, perhaps without a name.
  std::vector<std::weak_ptr<Inode>> opened_;
  std::optional<DiskFault> fault_;
  std::optional<DiskCall> act_before_;
  std::function<void()> act_;
  bool has_failed_ = false;
  bool power_is_cut_ = false;
  std::map<DiskCall, std::uint64_t> call_counts_;
  std::uint64_t call_count_ = 0;
  std::uint64_t limit_bytes_ = no_limit;
};

}  // namespace leveret::storage
