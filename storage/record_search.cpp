#include "storage/record_search.hpp"

namespace leveret::storage {

namespace {

// Damaged bytes may look like the beginnings of long records again and again: a search does not
// check more bytes than this, for each byte that it searches.
constexpr std::uint64_t search_effort = 32;

bool looks_like_record(const RecordHeader& header, std::uint64_t size_max_bytes) {
  return header.kind >= RecordKind::message && header.kind <= RecordKind::returned &&
         header.unused == RecordHeader{}.unused && header.size_bytes >= sizeof(header) &&
         header.size_bytes <= size_max_bytes;
}

/// The place of the next right record, or the end of the bytes.
std::uint64_t find_record(std::span<const std::byte> bytes, std::uint64_t from,
                          std::uint32_t seed, std::uint64_t& effort) {
  for (std::uint64_t offset = from; offset + sizeof(RecordHeader) <= bytes.size(); offset += 8) {
    const auto header = read_struct<RecordHeader>(bytes.subspan(offset));
    if (!looks_like_record(header, bytes.size() - offset)) continue;
    if (header.size_bytes > effort) break;
    effort -= header.size_bytes;
    if (read_record(bytes.subspan(offset), seed)) return offset;
  }
  return bytes.size();
}

/// The damaged record that fills the bytes, if it says that it is a message.
std::optional<RecordView> likely_message(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(RecordHeader)) return std::nullopt;
  const auto header = read_struct<RecordHeader>(bytes);
  if (header.kind != RecordKind::message || header.size_bytes < sizeof(header) ||
      aligned(header.size_bytes) != bytes.size()) {
    return std::nullopt;
  }
  return RecordView{header, bytes.first(header.size_bytes).subspan(sizeof(header))};
}

}  // namespace

std::uint32_t FoundRecords::right_count() const {
  std::uint32_t count = 0;
  for (const FoundRecord& record : records) count += record.is_right ? 1 : 0;
  return count;
}

FoundRecords find_records(std::span<const std::byte> bytes, std::uint64_t position,
                          std::uint32_t seed) {
  FoundRecords found;
  std::uint64_t effort = bytes.size() * search_effort;
  for (std::uint64_t offset = 0; offset < bytes.size();) {
    if (const auto record = read_record(bytes.subspan(offset), seed)) {
      found.records.push_back({*record, position + offset, true});
      offset += aligned(record->header.size_bytes);
      continue;
    }
    const std::uint64_t next = find_record(bytes, offset + 8, seed, effort);
    if (const auto message = likely_message(bytes.subspan(offset, next - offset))) {
      found.records.push_back({*message, position + offset, false});
    }
    if (!found.damage) found.damage = ByteRange{position + offset, 0};
    found.damage->end = position + next;
    offset = next;
  }
  return found;
}

}  // namespace leveret::storage
