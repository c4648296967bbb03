#include "storage/page_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "protocol/base/assert.hpp"
#include "storage/crc32c.hpp"

namespace leveret::storage {

namespace {
constexpr std::string_view suffix = ".page";

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}
}  // namespace

IoResult<void> PageFile::clear_folder(FileSystem& files, const std::string& folder) {
  if (auto made = files.make_folder(folder); !made) return made;
  const auto names = files.list(folder);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    if (!name.ends_with(suffix)) continue;
    if (auto removed = files.remove(folder + "/" + name); !removed) return removed;
  }
  return {};
}

PageFile::PageFile(FileSystem& files, std::string folder, std::uint32_t shard,
                   std::uint32_t file_size_bytes)
    : files_(files), folder_(std::move(folder)), shard_(shard),
      file_size_bytes_(file_size_bytes) {}

PageFile::~PageFile() {
  while (!open_.empty()) close_and_remove(open_.begin()->first);
}

std::string PageFile::path_of(std::uint32_t number) const {
  return folder_ + "/" + std::to_string(shard_) + "-" + std::to_string(number) +
         std::string(suffix);
}

void PageFile::close_and_remove(std::uint32_t number) {
  open_.erase(number);
  // A file that cannot be removed now is removed by the next start: nothing depends on it.
  (void)files_.remove(path_of(number));
}

/// The current file if there is room in it, or a new one.
IoResult<PageFile::OpenFile*> PageFile::file_for(std::uint64_t needed_bytes) {
  if (const auto current = open_.find(current_); current != open_.end()) {
    OpenFile& file = current->second;
    if (file.end + needed_bytes <= file_size_bytes_ || file.end == 0) return &file;
  }
  const std::uint32_t number = current_ + 1;
  auto opened = files_.open(path_of(number), OpenMode::replace);
  if (!opened) return tl::unexpected(opened.error());
  current_ = number;
  return &open_.emplace(number, OpenFile{std::move(*opened), 0, 0}).first->second;
}

IoResult<PageAddress> PageFile::write(std::span<const std::span<const std::byte>> parts) {
  std::uint64_t size_bytes = 0;
  for (const auto part : parts) size_bytes += part.size();
  const std::uint64_t needed_bytes = size_bytes + sizeof(Header);
  if (needed_bytes > UINT32_MAX) return tl::unexpected(IoError{"write a page", EFBIG});
  const auto file = file_for(needed_bytes);
  if (!file) return tl::unexpected(file.error());

  const PageAddress address{current_, (*file)->end, static_cast<std::uint32_t>(size_bytes)};
  Header header{address.size_bytes, sum_of_address(address)};
  gathered_.clear();
  gathered_.push_back({&header, sizeof(header)});
  for (const auto part : parts) {
    header.sum = crc32c(header.sum, part);
    if (!part.empty()) gathered_.push_back({const_cast<std::byte*>(part.data()), part.size()});
  }
  if (auto written = (*file)->file->write_at(address.position, gathered_); !written) {
    // What has been written of it must not hold disk space, which may be just what is short.
    (void)(*file)->file->truncate(address.position);
    return tl::unexpected(written.error());
  }
  (*file)->end += static_cast<std::uint32_t>(needed_bytes);
  ++(*file)->chunk_count;
  ++chunk_count_;
  return address;
}

IoResult<std::span<const std::byte>> PageFile::read(const PageAddress& address,
                                                    std::vector<std::byte>& buffer) const {
  const auto bytes = read_bytes(address, address.size_bytes, buffer);
  if (!bytes) return bytes;
  Header header;
  std::memcpy(&header, bytes->data(), sizeof(header));
  const auto content = bytes->subspan(sizeof(header));
  if (header.size_bytes != address.size_bytes ||
      header.sum != crc32c(sum_of_address(address), content)) {
    return damaged(address);
  }
  return content;
}

IoResult<std::span<const std::byte>> PageFile::read_first(const PageAddress& address,
                                                          const Beginning& beginning,
                                                          std::vector<std::byte>& buffer) const {
  LEVERET_ASSERT(beginning.size_bytes <= address.size_bytes, "a beginning is a part of the chunk");
  const auto bytes = read_bytes(address, beginning.size_bytes, buffer);
  if (!bytes) return bytes;
  const auto content = bytes->subspan(sizeof(Header));
  if (crc32c(0, content) != beginning.sum) return damaged(address);
  return content;
}

/// The chunk's header, and so many of the bytes behind it.
IoResult<std::span<const std::byte>> PageFile::read_bytes(const PageAddress& address,
                                                          std::uint32_t size_bytes,
                                                          std::vector<std::byte>& buffer) const {
  const auto place = open_.find(address.file);
  LEVERET_ASSERT(place != open_.end(), "a chunk is read before it is freed");
  const std::size_t needed_bytes = sizeof(Header) + size_bytes;
  if (buffer.size() < needed_bytes) buffer.resize(needed_bytes);
  const auto bytes = std::span(buffer).first(needed_bytes);
  const auto count = place->second.file->read_at(address.position, bytes);
  if (!count) return tl::unexpected(count.error());
  if (*count != needed_bytes) return damaged(address);
  return bytes;
}

tl::unexpected<IoError> PageFile::damaged(const PageAddress& address) const {
  return tl::unexpected(IoError{
      "read " + path_of(address.file) + " at " + std::to_string(address.position), EBADMSG});
}

void PageFile::free(const PageAddress& address) {
  const auto place = open_.find(address.file);
  LEVERET_ASSERT(place != open_.end() && place->second.chunk_count > 0,
                 "a chunk is freed once, after it was written");
  OpenFile& file = place->second;
  --chunk_count_;
  if (--file.chunk_count > 0) {
    file.file->discard(address.position, sizeof(Header) + address.size_bytes);
  } else if (address.file == current_ && file.file->truncate(0)) {
    file.end = 0;  // Written again from its beginning.
  } else {
    close_and_remove(address.file);
  }
}

std::uint32_t PageFile::sum_of_address(const PageAddress& address) {
  return crc32c(0, bytes_of(address));
}

}  // namespace leveret::storage
