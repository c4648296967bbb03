#include "storage/segment_reader.hpp"

#include <algorithm>

namespace leveret::storage {

namespace {
constexpr std::size_t cached_segments_max = 16;
// Messages that lie this near to each other are read at once, with what is between.
constexpr std::uint64_t gap_max_bytes = 32 * 1024;
constexpr std::uint64_t read_max_bytes = 1024 * 1024;

std::uint64_t position_of(const LogPlace& place) {
  return std::uint64_t{place.position} * LogPlace::position_unit_bytes;
}
}  // namespace

IoResult<const SegmentFiles::OpenSegment*> SegmentReader::segment(std::uint32_t number,
                                                                  bool fresh) {
  auto found = std::find_if(cache_.begin(), cache_.end(),
                            [&](const Cached& cached) { return cached.segment == number; });
  if (found != cache_.end()) {
    if (!fresh && found->opened.generation == files_.generation(number)) {
      cache_.splice(cache_.begin(), cache_, found);
      return &found->opened;
    }
    cache_.erase(found);
  }
  auto opened = files_.open(number);
  if (!opened) return tl::unexpected(opened.error());
  cache_.push_front({number, std::move(*opened)});
  if (cache_.size() > cached_segments_max) cache_.pop_back();
  return &cache_.front().opened;
}

void SegmentReader::read(std::span<const LogPlace> places, const Visit& visit) {
  std::vector<std::size_t> failed;
  for (std::size_t index = 0; index < places.size();) {
    index += read_together(places.subspan(index), failed, index, visit);
    // In the order that they were asked for.
    for (const std::size_t one : failed) read_alone(places[one], one, visit);
    failed.clear();
  }
}

/// Reads as many of the first places as lie together. Returns how many were dealt with.
std::size_t SegmentReader::read_together(std::span<const LogPlace> places,
                                         std::vector<std::size_t>& failed,
                                         std::size_t first_index, const Visit& visit) {
  const auto opened = segment(places[0].segment, false);
  if (!opened || (*opened)->positions != nullptr) {
    failed.push_back(first_index);
    return 1;
  }
  const std::uint64_t begin = position_of(places[0]);
  std::uint64_t end = begin + places[0].size_bytes;
  std::size_t count = 1;
  for (; count < places.size(); ++count) {
    const LogPlace& next = places[count];
    const std::uint64_t position = position_of(next);
    if (next.segment != places[0].segment || position < begin || position > end + gap_max_bytes ||
        position + next.size_bytes > begin + read_max_bytes) {
      break;
    }
    end = std::max(end, position + next.size_bytes);
  }
  buffer_.resize(end - begin);
  const auto read_count = (*opened)->file->read_at(begin, buffer_);
  if (read_count) buffer_.resize(*read_count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t offset = position_of(places[i]) - begin;
    if (read_count && offset <= buffer_.size() && failed.empty() &&
        visit_record(std::span<const std::byte>(buffer_).subspan(offset), places[i],
                     first_index + i, visit)) {
      continue;
    }
    failed.push_back(first_index + i);
  }
  return count;
}

bool SegmentReader::visit_record(std::span<const std::byte> bytes, const LogPlace& place,
                                 std::size_t index, const Visit& visit) const {
  const auto record = read_record(bytes, segment_seed(files_.node(), place.segment));
  if (!record || record->header.kind != RecordKind::message ||
      record->header.first_ordinal != place.first_ordinal) {
    return false;
  }
  const auto message = read_message(record->payload);
  if (!message) return false;
  visit(index, message->bytes);
  return true;
}

/// One message, by its number where its segment was compacted; once more with the file opened
/// anew, which may have been replaced a moment ago.
void SegmentReader::read_alone(const LogPlace& place, std::size_t index, const Visit& visit) {
  std::string why = "its record is damaged";
  for (const bool fresh : {false, true}) {
    const auto opened = segment(place.segment, fresh);
    if (!opened) {
      why = opened.error().text();
      continue;
    }
    std::uint64_t position = position_of(place);
    if ((*opened)->positions != nullptr) {
      const auto found = (*opened)->positions->find(place.first_ordinal);
      if (found == (*opened)->positions->end()) continue;
      position = std::uint64_t{found->second} * LogPlace::position_unit_bytes;
    }
    std::vector<std::byte> bytes(place.size_bytes);
    const auto count = (*opened)->file->read_at(position, bytes);
    if (!count) {
      why = count.error().text();
      continue;
    }
    bytes.resize(*count);
    if (visit_record(bytes, place, index, visit)) return;
  }
  events_.on_warning(files_.folder() + "/" + segment_name(place.segment) +
                     ": the message at byte " + std::to_string(position_of(place)) +
                     " cannot be read: " + why);
  visit(index, {});
}

}  // namespace leveret::storage
