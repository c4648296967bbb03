#include "storage/segment_files.hpp"

#include "storage/recovery.hpp"

namespace leveret::storage {

IoResult<SegmentFiles::OpenSegment> SegmentFiles::open(std::uint32_t segment) {
  OpenSegment opened;
  // Before the file: should it be replaced in between, the next question finds another generation.
  opened.generation = generation(segment);
  auto file = files_.open(folder_ + "/" + segment_name(segment), OpenMode::read);
  if (!file) return tl::unexpected(file.error());
  opened.file = std::move(*file);
  if (opened.generation == 0) return opened;
  const auto index = load_index(files_, folder_, node_, segment);
  if (!index) return tl::unexpected(index.error());
  auto positions = std::make_shared<std::unordered_map<std::uint32_t, std::uint32_t>>();
  positions->reserve(index->message_count());
  index->for_each([&](const IndexEntry& entry) {
    positions->emplace(entry.first_ordinal, entry.position);
  });
  opened.positions = std::move(positions);
  return opened;
}

void SegmentFiles::note_generation(std::uint32_t segment, std::uint32_t generation) {
  const std::lock_guard lock(mutex_);
  if (generation > 0) generations_[segment] = generation;
}

std::uint32_t SegmentFiles::generation(std::uint32_t segment) const {
  const std::lock_guard lock(mutex_);
  const auto found = generations_.find(segment);
  return found == generations_.end() ? 0 : found->second;
}

void SegmentFiles::forget(std::uint32_t segment) {
  const std::lock_guard lock(mutex_);
  generations_.erase(segment);
}

}  // namespace leveret::storage
