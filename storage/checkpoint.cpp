#include "storage/checkpoint.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "storage/crc32c.hpp"
#include "storage/packed.hpp"

namespace leveret::storage {

namespace {

constexpr std::uint32_t first_format_with_returns = 2;

struct CheckpointHeader {
  std::array<char, 8> magic{'L', 'V', 'R', 'T', 'C', 'K', 'P', '\n'};
  std::uint32_t format = format_version;
  std::uint32_t segment = 0;
  std::uint32_t epoch = 0;
  std::uint32_t body_checksum = 0;
  std::uint64_t body_size_bytes = 0;
  std::uint32_t unused = 0;
  std::uint32_t checksum = 0;
};
static_assert(sizeof(CheckpointHeader) == 40);

std::uint32_t checksum_of(const CheckpointHeader& header, const NodeId& node) {
  return crc32c(crc32c(0, node),
                bytes_of(header).first(sizeof(header) - sizeof(header.checksum)));
}

void pack_bits(PackedWriter& writer, const ReferenceBits& bits) {
  writer.bytes(std::as_bytes(bits.words()));
}

void unpack_bits(PackedReader& reader, ReferenceBits& bits) {
  const auto bytes = reader.bytes();
  std::vector<std::uint64_t> words(bytes.size() / sizeof(std::uint64_t));
  if (!words.empty()) std::memcpy(words.data(), bytes.data(), words.size() * sizeof(words[0]));
  bits.assign(std::move(words));
}

void pack_return_counts(PackedWriter& writer, const SegmentState& segment) {
  writer.number(segment.return_counts.size());
  std::uint32_t before = 0;
  for (const auto& [ordinal, count] : segment.return_counts) {
    writer.number(ordinal - before);
    writer.number(count);
    before = ordinal;
  }
}

/// False: they are of no live references, or no counts.
bool unpack_return_counts(PackedReader& reader, SegmentState& segment) {
  const std::uint64_t size = reader.number();
  std::uint64_t ordinal = 0;
  for (std::uint64_t i = 0; i < size && reader.ok(); ++i) {
    const std::uint64_t more = reader.number();
    const std::uint64_t count = reader.number();
    if (more > segment.reference_count || (more == 0 && i > 0) || count == 0 ||
        count > Returns::count_max) {
      return false;
    }
    ordinal += more;
    const auto place = static_cast<std::uint32_t>(ordinal);
    if (ordinal >= segment.reference_count || segment.settled.test(place)) return false;
    segment.return_counts.emplace_hint(segment.return_counts.end(), place,
                                       static_cast<std::uint32_t>(count));
  }
  return true;
}

bool unpack_state(PackedReader& reader, StoreState& state, std::uint32_t format) {
  const std::uint64_t definition_count = reader.number();
  for (std::uint64_t i = 0; i < definition_count && reader.ok(); ++i) {
    const std::string key(reader.text());
    state.definitions().emplace(key, reader.text());
  }
  const std::uint64_t segment_count = reader.number();
  for (std::uint64_t i = 0; i < segment_count && reader.ok(); ++i) {
    SegmentState& segment = state.segments()[static_cast<std::uint32_t>(reader.number())];
    segment.reference_count = static_cast<std::uint32_t>(reader.number());
    segment.live_count = static_cast<std::uint32_t>(reader.number());
    segment.end_position = reader.number();
    segment.live_size_bytes = reader.number();
    unpack_bits(reader, segment.settled);
    unpack_bits(reader, segment.delivered);
    if (format >= first_format_with_returns && !unpack_return_counts(reader, segment)) {
      return false;
    }
    if (segment.reference_count > reference_count_max ||
        segment.live_count !=
            segment.reference_count - segment.settled.count(segment.reference_count)) {
      return false;
    }
  }
  return reader.ok() && reader.at_end();
}

}  // namespace

std::vector<std::byte> encode_checkpoint(const Checkpoint& checkpoint, const NodeId& node) {
  std::vector<std::byte> bytes(sizeof(CheckpointHeader));
  PackedWriter writer(bytes);
  writer.number(checkpoint.state.definitions().size());
  for (const auto& [key, value] : checkpoint.state.definitions()) {
    writer.text(key);
    writer.text(value);
  }
  std::uint64_t live_segment_count = 0;
  for (const auto& [number, segment] : checkpoint.state.segments()) {
    if (segment.live_count > 0) ++live_segment_count;
  }
  writer.number(live_segment_count);
  for (const auto& [number, segment] : checkpoint.state.segments()) {
    if (segment.live_count == 0) continue;
    writer.number(number);
    writer.number(segment.reference_count);
    writer.number(segment.live_count);
    writer.number(segment.end_position);
    writer.number(segment.live_size_bytes);
    pack_bits(writer, segment.settled);
    pack_bits(writer, segment.delivered);
    pack_return_counts(writer, segment);
  }
  const auto body = std::span<const std::byte>(bytes).subspan(sizeof(CheckpointHeader));
  CheckpointHeader header;
  header.segment = checkpoint.segment;
  header.epoch = checkpoint.epoch;
  header.body_checksum = crc32c(0, body);
  header.body_size_bytes = body.size();
  header.checksum = checksum_of(header, node);
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

Result<Checkpoint, std::string> decode_checkpoint(std::span<const std::byte> bytes,
                                                  const NodeId& node) {
  const auto wrong = [](std::string why) { return tl::unexpected(std::move(why)); };
  if (bytes.size() < sizeof(CheckpointHeader)) return wrong("is too short");
  const auto header = read_struct<CheckpointHeader>(bytes);
  if (header.magic != CheckpointHeader{}.magic || header.checksum != checksum_of(header, node)) {
    return wrong("has a damaged header, or belongs to another node");
  }
  if (header.format > format_version) {
    return wrong("has format " + std::to_string(header.format) +
                 "; this Leveret knows formats up to " + std::to_string(format_version));
  }
  const auto body = bytes.subspan(sizeof(header));
  if (body.size() != header.body_size_bytes || crc32c(0, body) != header.body_checksum) {
    return wrong("is damaged");
  }
  Checkpoint checkpoint;
  checkpoint.segment = header.segment;
  checkpoint.epoch = header.epoch;
  PackedReader reader(body);
  if (!unpack_state(reader, checkpoint.state, header.format)) return wrong("cannot be read");
  return checkpoint;
}

std::vector<CheckpointFile> checkpoint_files_in(std::span<const std::string> names) {
  std::vector<CheckpointFile> files;
  for (const std::string& name : names) {
    if (const auto number = number_in_checkpoint_name(name)) {
      files.push_back({*number, false, name});
    } else if (const auto copied = number_in_checkpoint_copy_name(name)) {
      files.push_back({*copied, true, name});
    }
  }
  std::ranges::sort(files, std::greater{}, [](const CheckpointFile& file) {
    return std::pair(file.segment, !file.is_copy);
  });
  return files;
}

Result<Checkpoint, std::string> decode_checkpoint(std::span<const std::byte> bytes,
                                                  const NodeId& node,
                                                  const CheckpointFile& file) {
  auto checkpoint = decode_checkpoint(bytes, node);
  if (checkpoint && checkpoint->segment != file.segment) {
    return tl::unexpected(std::string("is another checkpoint than its name says"));
  }
  return checkpoint;
}

}  // namespace leveret::storage
