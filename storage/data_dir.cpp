#include "storage/data_dir.hpp"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "protocol/base/assert.hpp"

namespace leveret::storage {

namespace {

constexpr std::string_view identity_name = "identity";
// What a folder may hold before it has an identity: the traces of a first boot that did not get
// there, and what ext4 puts into the root of a file system.
constexpr std::array<std::string_view, 5> known_names{"lock", "identity.new", "log", "pages",
                                                      "lost+found"};

std::string reason(int error) { return std::generic_category().message(error); }

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

/// Everything in a folder, hidden files and folders too, sorted. Error: errno.
Result<std::vector<std::string>, int> names_in(const std::string& folder) {
  DIR* opened = ::opendir(folder.c_str());
  if (opened == nullptr) return tl::unexpected(errno);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(opened)) {
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(opened);
  std::sort(names.begin(), names.end());
  return names;
}

/// Makes the folder, so that a power cut does not take it away again.
IoResult<void> make_data_folder(FileSystem& files, const std::string& path) {
  if (auto made = files.make_folder(path); !made) return made;
  const std::size_t slash = path.rfind('/');
  const std::string above = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  auto synced = files.sync_folder(above);
  // Else the next start would take it for one that is safe.
  if (!synced) ::rmdir(path.c_str());
  return synced;
}

/// Whether there is an identity. Error: the sentence for a folder that is somebody else's.
Result<bool, std::string> look_into(const std::string& path) {
  const auto names = names_in(path);
  if (!names && names.error() == ENOTDIR) {
    return tl::unexpected(path + " is no folder; node.data_dir has to be one");
  }
  if (!names) {
    return tl::unexpected("data directory " + path + " cannot be read: " + reason(names.error()));
  }
  if (contains(*names, identity_name)) return true;
  const auto foreign = std::find_if(names->begin(), names->end(), [](const std::string& name) {
    return std::find(known_names.begin(), known_names.end(), name) == known_names.end();
  });
  if (foreign == names->end()) return false;
  return tl::unexpected(path + " holds files that are not Leveret's (" + *foreign +
                        "); give node.data_dir a folder of its own");
}

}  // namespace

// ---- opening -------------------------------------------------------------------------------

Result<DataDir, std::string> DataDir::open(FileSystem& files, const std::string& path) {
  DataDir opened(files, without_slashes(path));
  struct stat status {};
  if (::stat(opened.path_.c_str(), &status) != 0 && errno == ENOENT) {
    if (auto made = make_data_folder(files, opened.path_); !made) {
      const std::string hint =
          made.error().is_missing() ? "; the folder above it has to be there" : "";
      return tl::unexpected(opened.sentence("cannot be made: " + reason(made.error().code) + hint));
    }
  }
  if (const auto found = look_into(opened.path_); !found) return tl::unexpected(found.error());
  if (auto locked = opened.take_lock(); !locked) return tl::unexpected(locked.error());
  // Only now: whoever had the lock before may have been at its first boot.
  const auto has_identity = look_into(opened.path_);
  if (!has_identity) return tl::unexpected(has_identity.error());
  auto ready = *has_identity ? opened.read_identity() : Result<void, std::string>{};
  if (ready) ready = opened.check_log(*has_identity);
  if (ready) ready = opened.make_folders();
  if (ready) ready = *has_identity ? opened.upgrade() : opened.begin();
  if (!ready) return tl::unexpected(ready.error());
  return opened;
}

Result<DataDir, std::string> DataDir::open_existing(FileSystem& files, const std::string& path) {
  DataDir opened(files, without_slashes(path));
  // Before the lock, which would leave a file in a folder that is none of ours.
  if (auto read = opened.read_identity(); !read) return tl::unexpected(read.error());
  if (auto locked = opened.take_lock(); !locked) return tl::unexpected(locked.error());
  if (auto read = opened.read_identity(); !read) return tl::unexpected(read.error());
  if (auto upgraded = opened.upgrade(); !upgraded) return tl::unexpected(upgraded.error());
  return opened;
}

Result<DataDir, std::string> DataDir::inspect(FileSystem& files, const std::string& path) {
  DataDir opened(files, without_slashes(path));
  if (auto read = opened.read_identity(); !read) return tl::unexpected(read.error());
  return opened;
}

Result<void, std::string> DataDir::take_lock() {
  auto lock = FolderLock::take(path_);
  if (!lock) return tl::unexpected(sentence(lock.error()));
  lock_ = std::move(*lock);
  return {};
}

std::string DataDir::sentence(const std::string& end) const {
  return "data directory " + path_ + " " + end;
}

std::string DataDir::sentence(const IoError& error) const {
  return sentence("cannot be used: " + error.text());
}

// ---- identity ------------------------------------------------------------------------------

Result<void, std::string> DataDir::read_identity() {
  const std::string file = path_ + "/" + std::string(identity_name);
  const auto bytes = read_file(*files_, file, identity_size_max_bytes);
  if (!bytes && bytes.error().is_missing()) {
    return tl::unexpected(path_ + " is no data directory of Leveret's: it has no file identity");
  }
  if (!bytes) return tl::unexpected(sentence(bytes.error()));
  auto identity = decode_identity(*bytes);
  if (!identity) return tl::unexpected(sentence(identity.error()));
  identity_ = *identity;
  return {};
}

Result<void, std::string> DataDir::write_identity(const Identity& identity) {
  const std::vector<std::byte> bytes = encode_identity(identity);
  if (auto written = replace_file(*files_, path_, std::string(identity_name), bytes); !written) {
    return tl::unexpected(sentence(written.error()));
  }
  identity_ = identity;
  return {};
}

/// What will be written is of the present format, and an older Leveret has to know that before it
/// looks at anything.
Result<void, std::string> DataDir::upgrade() {
  if (identity_.format == format_version) return {};
  return write_identity({identity_.node_id, identity_.is_set_up});
}

/// Gives the folder its first identity. The entries of the folders become safe with it.
Result<void, std::string> DataDir::begin() {
  Identity identity;
  if (::getrandom(identity.node_id.data(), identity.node_id.size(), 0) !=
      static_cast<ssize_t>(identity.node_id.size())) {
    return tl::unexpected(sentence("cannot be given a random number: " + reason(errno)));
  }
  return write_identity(identity);
}

/// What is there but not whole has lost something, which nobody may take for a first boot.
Result<void, std::string> DataDir::check_log(bool has_identity) const {
  const auto names = names_in(log_folder());
  if (!names && names.error() != ENOENT) {
    return tl::unexpected(sentence("cannot be used: list " + log_folder() + ": " +
                                   reason(names.error())));
  }
  const bool has_log = names && !names->empty();
  if (has_log && !has_identity) {
    return tl::unexpected(sentence("has a log but no file identity, without which the log cannot "
                                   "be read; put the file back"));
  }
  if (!has_log && identity_.is_set_up) {
    return tl::unexpected(sentence("has lost its log: the folder log is missing or empty; put it "
                                   "back, or empty the whole folder to begin anew"));
  }
  return {};
}

Result<void, std::string> DataDir::make_folders() {
  for (const std::string& folder : {log_folder(), pages_folder()}) {
    if (auto made = files_->make_folder(folder); !made) {
      return tl::unexpected(sentence(made.error()));
    }
  }
  return {};
}

Result<void, std::string> DataDir::finish_first_boot() {
  LEVERET_ASSERT(lock_.has_value(), "a folder that is only looked at is not written to");
  if (!is_new()) return {};
  return write_identity({identity_.node_id, true});
}

bool DataDir::is_on_tmpfs() const {
  struct statfs status {};
  if (::statfs(path_.c_str(), &status) != 0) return false;
  // The field's type differs from one machine to another.
  const auto type = static_cast<std::uint32_t>(status.f_type);
  return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

}  // namespace leveret::storage
