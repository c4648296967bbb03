#include "storage/posix_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <utility>

namespace leveret::storage {

namespace {

tl::unexpected<IoError> failed(const char* call, const std::string& path) {
  return tl::unexpected(IoError{std::string(call) + " " + path, errno});
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

class PosixFile final : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  IoResult<std::size_t> read_at(std::uint64_t position, std::span<std::byte> bytes) const override {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t count = ::pread(descriptor_.number(), bytes.data() + done, bytes.size() - done,
                                    static_cast<off_t>(position + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed("read", path_);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

  using File::write_at;
  IoResult<void> write_at(std::uint64_t position, std::span<iovec> parts) override {
    while (!parts.empty()) {
      const int count = static_cast<int>(std::min<std::size_t>(parts.size(), IOV_MAX));
      const ssize_t written =
          ::pwritev(descriptor_.number(), parts.data(), count, static_cast<off_t>(position));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed("write", path_);
      position += static_cast<std::uint64_t>(written);
      parts = without_front(parts, static_cast<std::size_t>(written));
    }
    return {};
  }

  IoResult<void> sync_data() override {
    if (::fdatasync(descriptor_.number()) != 0) return failed("fdatasync", path_);
    return {};
  }

  IoResult<std::uint64_t> size() const override {
    struct stat status {};
    if (::fstat(descriptor_.number(), &status) != 0) return failed("stat", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  IoResult<void> truncate(std::uint64_t size_bytes) override {
    if (::ftruncate(descriptor_.number(), static_cast<off_t>(size_bytes)) != 0) {
      return failed("truncate", path_);
    }
    return {};
  }

  IoResult<void> allocate(std::uint64_t size_bytes) override {
    // Not posix_fallocate: where the file system cannot, that one writes to every block by itself.
    if (::fallocate(descriptor_.number(), 0, 0, static_cast<off_t>(size_bytes)) == 0) return {};
    if (errno != EOPNOTSUPP) return failed("fallocate", path_);
    return truncate(size_bytes);
  }

  void discard(std::uint64_t position, std::uint64_t size_bytes) override {
    (void)::fallocate(descriptor_.number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      static_cast<off_t>(position), static_cast<off_t>(size_bytes));
  }

 private:
  static std::span<iovec> without_front(std::span<iovec> parts, std::size_t bytes) {
    while (!parts.empty() && bytes >= parts.front().iov_len) {
      bytes -= parts.front().iov_len;
      parts = parts.subspan(1);
    }
    if (bytes > 0) {
      parts.front().iov_base = static_cast<std::byte*>(parts.front().iov_base) + bytes;
      parts.front().iov_len -= bytes;
    }
    return parts;
  }

  Descriptor descriptor_;
  std::string path_;
};

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read: return O_RDONLY;
    case OpenMode::write: return O_RDWR;
    case OpenMode::create: return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::replace: return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

/// Some file systems do not tell with the name.
bool is_folder(int parent, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat found {};
  return ::fstatat(parent, entry.d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(found.st_mode);
}

}  // namespace

IoResult<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  Descriptor descriptor(::open(path.c_str(), flags_of(mode) | O_CLOEXEC, 0640));
  if (descriptor.number() < 0) return failed("open", path);
  return std::make_unique<PosixFile>(std::move(descriptor), path);
}

IoResult<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from);
  return {};
}

IoResult<void> PosixFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return failed("remove", path);
  return {};
}

IoResult<void> PosixFileSystem::make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return failed("make folder", path);
  return {};
}

IoResult<std::vector<std::string>> PosixFileSystem::list(const std::string& folder) {
  DIR* opened = ::opendir(folder.c_str());
  if (opened == nullptr) return failed("list", folder);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(opened)) {
    if (entry->d_name[0] == '.' || is_folder(::dirfd(opened), *entry)) continue;
    names.emplace_back(entry->d_name);
  }
  ::closedir(opened);
  std::sort(names.begin(), names.end());
  return names;
}

IoResult<void> PosixFileSystem::sync_folder(const std::string& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.number() < 0) return failed("open", folder);
  if (::fsync(descriptor.number()) != 0) return failed("fsync", folder);
  return {};
}

IoResult<std::uint64_t> PosixFileSystem::free_bytes(const std::string& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return failed("statvfs", folder);
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace leveret::storage
