#include "storage/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace leveret::storage {

namespace {

/// Who wrote into the file that they have it; empty when that is not there to be read.
std::string holder_in(int descriptor) {
  std::array<char, 16> text{};
  const ssize_t count = ::pread(descriptor, text.data(), text.size(), 0);
  std::string holder;
  for (ssize_t i = 0; i < count && text[static_cast<std::size_t>(i)] != '\n'; ++i) {
    const char digit = text[static_cast<std::size_t>(i)];
    if (digit < '0' || digit > '9') return "";
    holder += digit;
  }
  return holder;
}

/// Writes down who has it. Nobody has to know: on a full disk the lock holds without it.
void sign(int descriptor) {
  const std::string text = std::to_string(::getpid()) + "\n";
  const ssize_t written = ::pwrite(descriptor, text.data(), text.size(), 0);
  const off_t size = written < 0 ? 0 : static_cast<off_t>(written);
  if (::ftruncate(descriptor, size) != 0) return;
}

tl::unexpected<std::string> refused(int error) {
  return tl::unexpected("cannot be locked: " + std::generic_category().message(error));
}

}  // namespace

Result<FolderLock, std::string> FolderLock::take(const std::string& folder) {
  const std::string path = folder + "/lock";
  // A process that this one starts must not go on holding it.
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (descriptor < 0) return refused(errno);
  FolderLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return refused(errno);
    const std::string holder = holder_in(descriptor);
    return tl::unexpected("is in use by another Leveret" +
                          (holder.empty() ? "" : " (process " + holder + ")"));
  }
  sign(descriptor);
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace leveret::storage
