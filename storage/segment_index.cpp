#include "storage/segment_index.hpp"

#include <algorithm>

#include "storage/crc32c.hpp"
#include "storage/packed.hpp"

namespace leveret::storage {

namespace {

/// The beginning of an index file.
struct IndexFileHeader {
  std::array<char, 8> magic{'L', 'V', 'R', 'T', 'I', 'D', 'X', '\n'};
  std::uint32_t format = format_version;
  std::uint32_t segment = 0;
  std::uint32_t generation = 0;
  std::uint32_t body_checksum = 0;
  std::uint64_t body_size_bytes = 0;
  std::uint64_t message_count = 0;
  std::uint32_t segment_checksum = 0;  ///< Of the segment's header: of no other file's.
  std::uint32_t checksum = 0;
};
static_assert(sizeof(IndexFileHeader) == 48);

std::uint32_t checksum_of(const IndexFileHeader& header, std::uint32_t seed) {
  return crc32c(seed, bytes_of(header).first(sizeof(header) - sizeof(header.checksum)));
}

// Of an entry: seven numbers.
constexpr std::uint64_t entry_size_min_bytes = 7;

}  // namespace

void SegmentIndex::add(std::uint32_t first_ordinal, std::uint32_t position,
                       std::uint32_t size_bytes, const MessageView& message) {
  if (!may_follow(reference_count_, first_ordinal, message.header.queue_count)) return;
  reference_count_ = first_ordinal + message.header.queue_count;
  PackedWriter writer(packed_);
  writer.number(first_ordinal - last_ordinal_);
  writer.number(position - last_position_);
  writer.number(size_bytes);
  writer.number(message.header.body_size_bytes);
  writer.signed_number(static_cast<std::int64_t>(message.header.published_at_ms -
                                                 last_published_at_ms_));
  // One more, so that the usual case, none, is one byte.
  writer.number(message.header.expiration_ms + 1);
  writer.number(message.header.queue_count);
  for (std::uint32_t i = 0; i < message.header.queue_count; ++i) writer.number(message.queue(i));
  last_ordinal_ = first_ordinal;
  last_position_ = position;
  last_published_at_ms_ = message.header.published_at_ms;
  ++message_count_;
}

bool SegmentIndex::read_all(const std::function<void(const IndexEntry&)>& visit) const {
  PackedReader reader(packed_);
  IndexEntry entry;
  std::uint32_t reference_count = 0;
  for (std::uint64_t i = 0; i < message_count_; ++i) {
    entry.first_ordinal += static_cast<std::uint32_t>(reader.number());
    entry.position += static_cast<std::uint32_t>(reader.number());
    entry.size_bytes = static_cast<std::uint32_t>(reader.number());
    entry.body_size_bytes = static_cast<std::uint32_t>(reader.number());
    entry.published_at_ms += static_cast<std::uint64_t>(reader.signed_number());
    entry.expiration_ms = reader.number() - 1;
    const std::uint64_t queue_count = reader.number();
    entry.queues.clear();
    for (std::uint64_t n = 0; n < queue_count && reader.ok(); ++n) {
      entry.queues.push_back(reader.number());
    }
    if (!reader.ok() || !may_follow(reference_count, entry.first_ordinal, queue_count)) {
      return false;
    }
    reference_count = entry.first_ordinal + static_cast<std::uint32_t>(queue_count);
    if (visit) visit(entry);
  }
  return reader.at_end();
}

void SegmentIndex::for_each(const std::function<void(const IndexEntry&)>& visit) const {
  read_all(visit);
}

std::vector<std::byte> SegmentIndex::file_bytes(const SegmentHeader& segment) const {
  const std::uint32_t seed = segment_seed(segment.node, segment.segment);
  IndexFileHeader header;
  header.segment = segment.segment;
  header.generation = segment.generation;
  header.body_checksum = crc32c(seed, packed_);
  header.body_size_bytes = packed_.size();
  header.message_count = message_count_;
  header.segment_checksum = segment.checksum;
  header.checksum = checksum_of(header, seed);
  std::vector<std::byte> bytes(sizeof(header) + packed_.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  if (!packed_.empty()) std::memcpy(bytes.data() + sizeof(header), packed_.data(), packed_.size());
  return bytes;
}

std::optional<SegmentIndex> SegmentIndex::parse(std::span<const std::byte> bytes,
                                                const SegmentHeader& segment) {
  auto orphan =
      parse_orphan(bytes, segment.segment, segment_seed(segment.node, segment.segment));
  if (!orphan || read_struct<IndexFileHeader>(bytes).segment_checksum != segment.checksum) {
    return std::nullopt;
  }
  return std::move(orphan->index);
}

std::optional<SegmentIndex::Orphan> SegmentIndex::parse_orphan(std::span<const std::byte> bytes,
                                                               std::uint32_t segment,
                                                               std::uint32_t seed) {
  if (bytes.size() < sizeof(IndexFileHeader)) return std::nullopt;
  const auto header = read_struct<IndexFileHeader>(bytes);
  const auto body = bytes.subspan(sizeof(header));
  if (header.checksum != checksum_of(header, seed) || header.magic != IndexFileHeader{}.magic ||
      header.format == 0 || header.format > format_version || header.segment != segment ||
      header.body_size_bytes != body.size() ||
      header.message_count > body.size() / entry_size_min_bytes ||
      header.body_checksum != crc32c(seed, body)) {
    return std::nullopt;
  }
  Orphan orphan;
  orphan.index.packed_.assign(body.begin(), body.end());
  orphan.index.message_count_ = header.message_count;
  orphan.generation = header.generation;
  return orphan;
}

bool SegmentIndex::is_unfinished(std::span<const std::byte> bytes, std::uint32_t seed) {
  const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
  // What a file system gives back of bytes that never reached the disk are zeros.
  if (std::all_of(bytes.begin(), bytes.end(), is_zero)) return true;
  if (bytes.size() < sizeof(IndexFileHeader)) return false;
  const auto header = read_struct<IndexFileHeader>(bytes);
  return header.magic == IndexFileHeader{}.magic && header.checksum == checksum_of(header, seed) &&
         bytes.size() - sizeof(header) < header.body_size_bytes;
}

}  // namespace leveret::storage
