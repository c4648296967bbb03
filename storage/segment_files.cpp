#include "storage/segment_files.hpp"

#include <cerrno>

#include <algorithm>
#include <utility>

#include "storage/recovery.hpp"

namespace leveret::storage {

namespace {
constexpr std::size_t kept_files_max = 32;
}  // namespace

std::optional<std::uint64_t> SegmentFiles::OpenSegment::position_of(const LogPlace& place) const {
  if (moved_ == nullptr) return std::uint64_t{place.position} * LogPlace::position_unit_bytes;
  const auto found = std::ranges::lower_bound(*moved_, place.first_ordinal, {},
                                              &Moved::first_ordinal);
  if (found == moved_->end() || found->first_ordinal != place.first_ordinal) return std::nullopt;
  return std::uint64_t{found->position} * LogPlace::position_unit_bytes;
}

IoResult<SegmentFiles::OpenSegment> SegmentFiles::open(std::uint32_t segment) {
  std::uint64_t drop_count = 0;
  bool is_compacted = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(kept_, segment, &Kept::segment);
    if (found != kept_.end()) {
      kept_.splice(kept_.begin(), kept_, found);
      return found->opened;
    }
    drop_count = drop_count_;
    is_compacted = compacted_.contains(segment);
  }
  auto opened = open_anew(segment, is_compacted);
  if (!opened) return opened;
  const std::lock_guard lock(mutex_);
  // Not what was replaced meanwhile, although it still tells the truth.
  if (drop_count == drop_count_) {
    kept_.push_front({segment, *opened});
    if (kept_.size() > kept_files_max) kept_.pop_back();
  }
  return opened;
}

IoResult<SegmentFiles::OpenSegment> SegmentFiles::open_anew(std::uint32_t segment,
                                                            bool is_compacted) {
  auto file = files_.open(folder_ + "/" + segment_name(segment), OpenMode::read);
  if (!file) return tl::unexpected(file.error());
  OpenSegment opened;
  opened.file_ = std::move(*file);
  if (!is_compacted) return opened;
  // From this very file: another one may get its name at any time.
  const auto index = load_index(files_, folder_, node_, segment, *opened.file_);
  if (!index) return tl::unexpected(index.error());
  auto moved = std::make_shared<std::vector<OpenSegment::Moved>>();
  moved->reserve(index->message_count());
  index->for_each([&](const IndexEntry& entry) {
    moved->push_back({entry.first_ordinal, entry.position});
  });
  opened.moved_ = std::move(moved);
  return opened;
}

void SegmentFiles::note_compacted(std::uint32_t segment) {
  const std::lock_guard lock(mutex_);
  compacted_.insert(segment);
  drop(segment);
}

void SegmentFiles::replaced(std::uint32_t segment) {
  const std::lock_guard lock(mutex_);
  drop(segment);
}

void SegmentFiles::forget(std::uint32_t segment) {
  const std::lock_guard lock(mutex_);
  compacted_.erase(segment);
  drop(segment);
}

/// Requires: mutex_ is held.
void SegmentFiles::drop(std::uint32_t segment) {
  ++drop_count_;
  kept_.remove_if([&](const Kept& kept) { return kept.segment == segment; });
}

IoResult<void> SegmentFiles::check_room(std::uint64_t size_bytes, std::uint64_t reserve_bytes) {
  if (reserve_bytes == 0) return {};
  const auto free = files_.free_bytes(folder_);
  // Where nobody can tell, it is tried.
  if (!free || *free >= size_bytes + reserve_bytes) return {};
  return tl::unexpected(IoError{"make room in " + folder_, ENOSPC});
}

}  // namespace leveret::storage
