/// The folder of all that outlives the process: node.data_dir.
///
///     lock       locked by who has the folder, with its process number
///     identity   format, number of the node, whether the first boot is over
///     log/       what must not be lost
///     pages/     what left memory; of no use to another process
///
/// Thread: start-up; afterwards all but finish_first_boot() from any.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "protocol/base/result.hpp"
#include "storage/file.hpp"
#include "storage/folder_lock.hpp"
#include "storage/identity.hpp"

namespace leveret::storage {

class DataDir {
 public:
  /// For the broker: locks the folder, and makes it and what belongs into it where that is missing.
  /// The folder above it has to be there. `files` has to stay. Errors, here and below: a sentence.
  static Result<DataDir, std::string> open(FileSystem& files, const std::string& path);

  /// For repairs: locks a folder that has to be a data directory already. `files` has to stay.
  static Result<DataDir, std::string> open_existing(FileSystem& files, const std::string& path);

  /// For looking at it, also while a broker uses it: locks nothing and writes nothing.
  static Result<DataDir, std::string> inspect(FileSystem& files, const std::string& path);

  const std::string& path() const { return path_; }
  std::string log_folder() const { return path_ + "/log"; }
  std::string pages_folder() const { return path_ + "/pages"; }
  const NodeId& node_id() const { return identity_.node_id; }

  /// Whether nobody has finished a first boot here. It may have been begun.
  bool is_new() const { return !identity_.is_set_up; }
  /// What a first boot makes is safe in the log: from now on the folder is not new, and a log
  /// without files means that it was lost. Requires: not opened by inspect().
  Result<void, std::string> finish_first_boot();

  /// Whether a restart of the machine takes everything along.
  bool is_on_tmpfs() const;

 private:
  DataDir(FileSystem& files, std::string path) : files_(&files), path_(std::move(path)) {}

  Result<void, std::string> take_lock();
  Result<void, std::string> read_identity();
  Result<void, std::string> write_identity(const Identity& identity);
  Result<void, std::string> begin();
  Result<void, std::string> check_log(bool has_identity) const;
  Result<void, std::string> make_folders();
  Result<void, std::string> upgrade();
  std::string sentence(const std::string& end) const;
  std::string sentence(const IoError& error) const;

  FileSystem* files_;
  std::string path_;
  std::optional<FolderLock> lock_;  ///< None: only looked at.
  Identity identity_;
};

}  // namespace leveret::storage
