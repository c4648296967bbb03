/// Files in memory for what is written, read back and thrown away: no names that survive, no
/// syncing. A test may damage them, fill the disk, or make reading fail.
///
/// Thread: the test's.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/file.hpp"

namespace leveret::storage {

class ScratchFiles final : public FileSystem {
 public:
  using Content = std::shared_ptr<std::vector<std::byte>>;

  /// All files by their paths; they may be changed.
  std::map<std::string, Content> contents;
  std::uint64_t disk_size_bytes = UINT64_MAX;
  bool reading_fails = false;
  std::uint64_t discarded_bytes = 0;

  std::uint64_t used_bytes() const {
    std::uint64_t used = 0;
    for (const auto& [path, content] : contents) used += content->size();
    return used;
  }
  /// Turns one bit over in the middle of every file.
  void damage_all() {
    for (auto& [path, content] : contents) {
      if (!content->empty()) (*content)[content->size() / 2] ^= std::byte{4};
    }
  }

  IoResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const auto place = contents.find(path);
    const bool is_there = place != contents.end();
    if (mode == OpenMode::create && is_there) return failed("open " + path, EEXIST);
    if ((mode == OpenMode::read || mode == OpenMode::write) && !is_there) {
      return failed("open " + path, ENOENT);
    }
    Content& content = contents[path];
    if (!is_there || mode == OpenMode::replace) {
      content = std::make_shared<std::vector<std::byte>>();
    }
    return std::make_unique<OneFile>(*this, path, content);
  }
  IoResult<void> rename(const std::string& from, const std::string& to) override {
    auto moved = contents.extract(from);
    if (moved.empty()) return failed("rename " + from, ENOENT);
    contents[to] = std::move(moved.mapped());
    return {};
  }
  IoResult<void> remove(const std::string& path) override {
    if (contents.erase(path) == 0) return failed("remove " + path, ENOENT);
    return {};
  }
  IoResult<void> make_folder(const std::string&) override { return {}; }
  IoResult<std::vector<std::string>> list(const std::string& folder) override {
    std::vector<std::string> names;
    for (const auto& [path, content] : contents) {
      if (path.starts_with(folder + "/")) names.push_back(path.substr(folder.size() + 1));
    }
    return names;
  }
  IoResult<void> sync_folder(const std::string&) override { return {}; }
  IoResult<std::uint64_t> free_bytes(const std::string&) override {
    return disk_size_bytes - std::min(disk_size_bytes, used_bytes());
  }

 private:
  static tl::unexpected<IoError> failed(std::string what, int code) {
    return tl::unexpected(IoError{std::move(what), code});
  }

  class OneFile final : public File {
   public:
    OneFile(ScratchFiles& all, std::string path, Content content)
        : all_(all), path_(std::move(path)), content_(std::move(content)) {}

    IoResult<std::size_t> read_at(std::uint64_t position,
                                  std::span<std::byte> bytes) const override {
      if (all_.reading_fails) return failed("read " + path_, EIO);
      if (position >= content_->size()) return 0;
      const std::size_t count = std::min(bytes.size(), content_->size() - position);
      std::memcpy(bytes.data(), content_->data() + position, count);
      return count;
    }
    using File::write_at;
    IoResult<void> write_at(std::uint64_t position, std::span<iovec> parts) override {
      for (const iovec& part : parts) {
        // As a disk does, it takes what fits and then says no.
        const std::uint64_t end = position + part.iov_len;
        const std::uint64_t growth = end - std::min<std::uint64_t>(end, content_->size());
        const std::uint64_t fits = std::min(growth, *all_.free_bytes(""));
        content_->resize(content_->size() + fits);
        if (const auto size = part.iov_len - (growth - fits); size > 0) {
          std::memcpy(content_->data() + position, part.iov_base, size);
        }
        if (fits < growth) return failed("write " + path_, ENOSPC);
        position = end;
      }
      return {};
    }
    IoResult<void> sync_data() override { return {}; }
    IoResult<std::uint64_t> size() const override { return content_->size(); }
    IoResult<void> truncate(std::uint64_t size_bytes) override {
      content_->resize(size_bytes);
      return {};
    }
    IoResult<void> allocate(std::uint64_t size_bytes) override { return truncate(size_bytes); }
    void discard(std::uint64_t position, std::uint64_t size_bytes) override {
      std::fill_n(content_->begin() + static_cast<std::ptrdiff_t>(position), size_bytes,
                  std::byte{});
      all_.discarded_bytes += size_bytes;
    }

   private:
    ScratchFiles& all_;
    std::string path_;
    Content content_;
  };
};

}  // namespace leveret::storage
