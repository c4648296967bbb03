/// The insides of a FaultyDisk, for its two halves.
#pragma once

#include <cstring>

#include "tests/unit/storage/faulty_disk.hpp"

namespace leveret::storage {

/// What happened to a file since it was synced: bytes were written, or its size was set.
struct FaultyDisk::Change {
  bool sets_size = false;
  std::uint64_t position = 0;  ///< Of the bytes; or the new size.
  std::vector<std::byte> bytes;

  void apply(std::vector<std::byte>& content) const {
    if (sets_size) return content.resize(position);
    if (bytes.empty()) return;
    if (content.size() < position + bytes.size()) content.resize(position + bytes.size());
    std::memcpy(content.data() + position, bytes.data(), bytes.size());
  }
};

struct FaultyDisk::Inode {
  std::vector<std::byte> content;  ///< As the processes see it.
  std::vector<std::byte> durable;  ///< As it was when it was synced.
  std::vector<Change> changes;     ///< Since then, in their order.
  int open_count = 0;

  void change(Change made) {
    made.apply(content);
    changes.push_back(std::move(made));
  }
  std::vector<std::byte> survivor(Random& random) const;
};

/// A file got a name, lost one (`to` is empty), or another one.
struct FaultyDisk::NameChange {
  std::string from, to;
  InodePtr inode;

  void apply(std::map<std::string, InodePtr>& names) const {
    if (!from.empty()) names.erase(from);
    if (!to.empty()) names[to] = inode;
  }
};

struct FaultyDisk::Folder {
  std::map<std::string, InodePtr> names;
  std::map<std::string, InodePtr> durable;
  std::vector<NameChange> changes;

  void change(NameChange made) {
    made.apply(names);
    changes.push_back(std::move(made));
  }
  std::map<std::string, InodePtr> survivor(Random& random) const;
};

}  // namespace leveret::storage
