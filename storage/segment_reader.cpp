#include "storage/segment_reader.hpp"

#include <algorithm>

namespace leveret::storage {

namespace {
// Messages that lie this near to each other are read at once, with what is between.
constexpr std::uint64_t gap_max_bytes = 32 * 1024;
constexpr std::uint64_t read_max_bytes = 1024 * 1024;
}  // namespace

void SegmentReader::read(std::span<const LogPlace> places, const Visit& visit) {
  for (std::size_t index = 0; index < places.size();) {
    const std::size_t count = read_together(places.subspan(index), index, visit);
    index += count;
    if (count > 0) continue;
    read_alone(places[index], index, visit);
    ++index;
  }
}

/// Reads as many of the first places as lie together. Returns how many were visited: the one after
/// them could not be read so.
std::size_t SegmentReader::read_together(std::span<const LogPlace> places,
                                         std::size_t first_index, const Visit& visit) {
  const auto opened = files_.open(places[0].segment);
  if (!opened) return 0;
  positions_.clear();
  std::uint64_t end = 0;
  for (const LogPlace& place : places) {
    const auto position = opened->position_of(place);
    if (place.segment != places[0].segment || !position) break;
    if (!positions_.empty() &&
        (*position < positions_[0] || *position > end + gap_max_bytes ||
         *position + place.size_bytes > positions_[0] + read_max_bytes)) {
      break;
    }
    positions_.push_back(*position);
    end = std::max(end, *position + place.size_bytes);
  }
  if (positions_.empty()) return 0;
  const std::uint64_t begin = positions_[0];
  // It only grows: bytes that will be read over need not be zeros first.
  if (buffer_.size() < end - begin) buffer_.resize(end - begin);
  const auto read_count = opened->file().read_at(begin, std::span(buffer_).first(end - begin));
  if (!read_count) return 0;
  const auto bytes = std::span<const std::byte>(buffer_).first(*read_count);
  for (std::size_t i = 0; i < positions_.size(); ++i) {
    const std::uint64_t offset = positions_[i] - begin;
    if (offset > bytes.size() ||
        !visit_record(bytes.subspan(offset), places[i], first_index + i, visit)) {
      return i;
    }
  }
  if (buffer_.size() > read_max_bytes) buffer_ = {};  // After a very large message.
  return positions_.size();
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

/// One message, with the file opened once more, which may have been replaced a moment ago.
void SegmentReader::read_alone(const LogPlace& place, std::size_t index, const Visit& visit) {
  std::string why = "its record is damaged";
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (attempt > 0) files_.replaced(place.segment);
    const auto opened = files_.open(place.segment);
    if (!opened) {
      why = opened.error().text();
      continue;
    }
    const auto position = opened->position_of(place);
    if (!position) {
      why = "it is not in the compacted file";
      continue;
    }
    std::vector<std::byte> bytes(place.size_bytes);
    const auto count = opened->file().read_at(*position, bytes);
    if (!count) {
      why = count.error().text();
      continue;
    }
    bytes.resize(*count);
    if (visit_record(bytes, place, index, visit)) return;
  }
  events_.on_warning(files_.folder() + "/" + segment_name(place.segment) +
                     ": the message at byte " +
                     std::to_string(std::uint64_t{place.position} *
                                    LogPlace::position_unit_bytes) +
                     " cannot be read: " + why);
  visit(index, {});
}

}  // namespace leveret::storage
