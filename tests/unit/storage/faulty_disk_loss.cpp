// A faulty disk, second half: what is left when the power goes.

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "tests/unit/storage/faulty_disk_parts.hpp"

namespace leveret::storage {

namespace {

constexpr std::uint64_t sector_bytes = 512;

std::uint64_t below(FaultyDisk::Random& random, std::uint64_t end) { return random() % end; }

}  // namespace

/// Which moments survive is drawn in one of three manners: all of the file as at one moment, each
/// sector for itself, or each sector as before or after everything.
std::vector<std::byte> FaultyDisk::Inode::survivor(Random& random) const {
  const std::uint64_t moment_count = changes.size() + 1;
  const std::uint64_t manner = below(random, 3);
  const std::uint64_t one_moment = below(random, moment_count);
  const std::uint64_t size_moment = manner == 0 ? one_moment : below(random, moment_count);
  std::map<std::uint64_t, std::uint64_t> moments;
  const auto moment_of = [&](std::uint64_t sector) {
    if (manner == 0) return one_moment;
    const auto [place, is_new] = moments.try_emplace(sector, 0);
    if (is_new) {
      place->second = manner == 1 ? below(random, moment_count)
                                  : (below(random, 2) == 0 ? 0 : moment_count);
    }
    return place->second;
  };
  std::vector<std::byte> survived = durable;
  std::uint64_t size = durable.size();
  for (std::uint64_t i = 0; i < changes.size(); ++i) {
    const Change& made = changes[i];
    if (made.sets_size) {
      if (i >= size_moment) continue;
      size = made.position;
      // Bytes behind the new end are gone, also when the file grows again.
      if (survived.size() > size) survived.resize(size);
      continue;
    }
    const std::uint64_t end = made.position + made.bytes.size();
    if (i < size_moment) size = std::max(size, end);
    for (std::uint64_t from = made.position; from < end;) {
      const std::uint64_t to = std::min(end, (from / sector_bytes + 1) * sector_bytes);
      if (i < moment_of(from / sector_bytes)) {
        if (survived.size() < to) survived.resize(to);
        std::memcpy(survived.data() + from, made.bytes.data() + (from - made.position), to - from);
      }
      from = to;
    }
  }
  survived.resize(size);
  return survived;
}

/// A journal keeps a beginning of what happened. Other systems keep anything, as long as a name or
/// a file does not skip what happened to it before.
std::map<std::string, FaultyDisk::InodePtr> FaultyDisk::Folder::survivor(Random& random) const {
  std::map<std::string, InodePtr> survived = durable;
  const bool has_journal = below(random, 2) == 0;
  const std::uint64_t kept = below(random, changes.size() + 1);
  std::set<std::string> lost_names;
  std::set<InodePtr> lost_inodes;
  for (std::uint64_t i = 0; i < changes.size(); ++i) {
    const NameChange& made = changes[i];
    const bool follows_lost = lost_names.contains(made.from) || lost_names.contains(made.to) ||
                              lost_inodes.contains(made.inode);
    if (has_journal ? i < kept : !follows_lost && below(random, 2) == 0) {
      made.apply(survived);
      continue;
    }
    if (!made.from.empty()) lost_names.insert(made.from);
    if (!made.to.empty()) lost_names.insert(made.to);
    lost_inodes.insert(made.inode);
  }
  return survived;
}

template <class Survive>
void FaultyDisk::end_world(Random* random, Survive&& survive) {
  const std::lock_guard lock(mutex_);
  for (auto& [path, folder] : folders_) {
    if (random != nullptr) {
      folder.names = folder.survivor(*random);
    } else if (!survive.keeps_all) {
      folder.names = folder.durable;
    }
    for (auto& [name, inode] : folder.names) {
      // Whoever still has the old one open can do no harm.
      auto survived = std::make_shared<Inode>();
      survived->content = random != nullptr     ? inode->survivor(*random)
                          : survive.keeps_all ? inode->content
                                              : inode->durable;
      survived->durable = survived->content;
      inode = std::move(survived);
    }
    folder.durable = folder.names;
    folder.changes.clear();
  }
  opened_.clear();
  fault_.reset();
  has_failed_ = false;
  power_is_cut_ = false;
}

namespace {
struct Survival {
  bool keeps_all = false;
};
}  // namespace

void FaultyDisk::crash(Random& random) { end_world(&random, Survival{}); }
void FaultyDisk::crash_losing_all() { end_world(nullptr, Survival{false}); }
void FaultyDisk::crash_losing_nothing() { end_world(nullptr, Survival{true}); }

}  // namespace leveret::storage
