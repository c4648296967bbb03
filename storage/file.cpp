#include "storage/file.hpp"

#include <cerrno>
#include <system_error>

namespace leveret::storage {

bool IoError::is_disk_full() const { return code == ENOSPC || code == EDQUOT; }
bool IoError::is_missing() const { return code == ENOENT; }

std::string IoError::text() const { return what + ": " + std::generic_category().message(code); }

IoResult<void> File::write_at(std::uint64_t position, std::span<const std::byte> bytes) {
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  return write_at(position, std::span(&part, 1));
}

IoResult<std::vector<std::byte>> read_file(FileSystem& files, const std::string& path,
                                           std::uint64_t size_max_bytes) {
  auto file = files.open(path, OpenMode::read);
  if (!file) return tl::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return tl::unexpected(size.error());
  if (*size > size_max_bytes) return tl::unexpected(IoError{"read " + path, EFBIG});
  std::vector<std::byte> bytes(*size);
  const auto count = (*file)->read_at(0, bytes);
  if (!count) return tl::unexpected(count.error());
  bytes.resize(*count);
  return bytes;
}

IoResult<void> replace_file(FileSystem& files, const std::string& folder, const std::string& name,
                            std::span<const std::byte> bytes) {
  const std::string path = folder + "/" + name;
  const std::string beside = path + ".new";
  auto file = files.open(beside, OpenMode::replace);
  if (!file) return tl::unexpected(file.error());
  if (auto done = (*file)->write_at(0, bytes); !done) return done;
  if (auto done = (*file)->sync_data(); !done) return done;
  if (auto done = files.rename(beside, path); !done) return done;
  return files.sync_folder(folder);
}

}  // namespace leveret::storage
