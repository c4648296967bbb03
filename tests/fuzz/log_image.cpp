#include "tests/fuzz/log_image.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "storage/crc32c.hpp"

namespace leveret::storage {

namespace {

using Bytes = std::vector<std::byte>;

/// What stands before a file's bytes.
struct EntryHeader {
  std::uint8_t kind = 0;
  std::uint8_t number = 0;
  std::uint8_t zero_sectors = 0;  ///< That follow the bytes.
  std::array<std::uint8_t, 2> size{};
};
static_assert(sizeof(EntryHeader) == 5);

enum class Kind : std::uint8_t { segment, index, checkpoint, copy, spare, unfinished };
constexpr std::uint8_t kind_count = 6;
constexpr std::uint64_t sector_bytes = 512;
constexpr std::size_t size_max_bytes = 0xFFFF;
// The highest numbers stand for ones near the end, before which a few lives find room.
constexpr std::uint8_t first_high = 0xF0;

std::uint32_t number_of(std::uint8_t byte) {
  if (byte == UINT8_MAX) return UINT32_MAX;
  return byte < first_high ? byte : UINT32_MAX - 0x1000 + byte;
}

std::optional<std::uint8_t> byte_of(std::uint32_t number) {
  const auto byte = static_cast<std::uint8_t>(number < first_high ? number
                                                                  : number - UINT32_MAX + 0x1000);
  return number_of(byte) == number ? std::optional(byte) : std::nullopt;
}

std::string name_of(Kind kind, std::uint32_t number) {
  switch (kind) {
    case Kind::segment: return segment_name(number);
    case Kind::index: return index_name(number);
    case Kind::checkpoint: return checkpoint_name(number);
    case Kind::copy: return checkpoint_copy_name(number);
    case Kind::spare: return "spare-" + std::to_string(number);
    case Kind::unfinished: return segment_name(number) + ".new";
  }
  return {};
}

template <class T>
T read_at(const Bytes& bytes, std::size_t position) {
  return read_struct<T>(std::span(bytes).subspan(position));
}

template <class T>
void write_at(Bytes& bytes, std::size_t position, const T& value) {
  std::memcpy(bytes.data() + position, &value, sizeof(value));
}

// ---- mending -------------------------------------------------------------------------------

class SegmentMender {
 public:
  SegmentMender(Bytes& bytes, std::uint32_t segment, std::uint8_t mending)
      : bytes_(bytes), segment_(segment), seed_(segment_seed(image_node, segment)),
        mending_(mending) {}

  void run() {
    mend_header();
    std::optional<std::size_t> at = find_frame(first_frame_position);
    while (at) {
      const auto next = find_frame(*at + sizeof(FrameHeader));
      mend_frame(*at, next.value_or(bytes_.size()));
      at = next;
    }
  }

 private:
  bool mends(std::uint8_t what) const { return (mending_ & what) != 0; }

  void mend_header() {
    if (bytes_.size() < sizeof(SegmentHeader)) return;
    auto header = read_at<SegmentHeader>(bytes_, 0);
    if (mends(Mending::places)) {
      header.magic = SegmentHeader{}.magic;
      header.format = format_version;
      header.segment = segment_;
      header.node = image_node;
    }
    if (mends(Mending::segment_sums)) seal_header(header, seed_);
    write_at(bytes_, 0, header);
  }

  std::optional<std::size_t> find_frame(std::size_t from) const {
    for (std::size_t at = from; at + sizeof(FrameHeader) <= bytes_.size(); at += 8) {
      if (read_at<std::uint32_t>(bytes_, at) == FrameHeader::right_magic) return at;
    }
    return std::nullopt;
  }

  void mend_frame(std::size_t at, std::size_t end) {
    auto frame = read_at<FrameHeader>(bytes_, at);
    if (mends(Mending::places)) {
      frame.position = static_cast<std::uint32_t>(at / LogPlace::position_unit_bytes);
      frame.segment = segment_;
    }
    if (mends(Mending::frame_sizes)) {
      const auto [size, count] = measure(at + sizeof(frame), end);
      frame.size_bytes = static_cast<std::uint32_t>(sizeof(frame) + size);
      frame.record_count = count;
    }
    if (!mends(Mending::segment_sums)) return;
    seal_header(frame, seed_);
    write_at(bytes_, at, frame);
    mend_records(at + sizeof(frame), frame.record_count);
  }

  /// How many bytes records take, and how many records these are. The last one is cut to what there
  /// is.
  std::pair<std::size_t, std::uint32_t> measure(std::size_t begin, std::size_t end) {
    std::size_t at = begin;
    std::uint32_t count = 0;
    while (at + sizeof(RecordHeader) <= end) {
      auto record = read_at<RecordHeader>(bytes_, at);
      if (record.kind == RecordKind{}) break;  // Zeros follow the last frame.
      if (record.size_bytes < sizeof(record) || record.size_bytes > end - at) {
        record.size_bytes = static_cast<std::uint32_t>(end - at);
        write_at(bytes_, at, record);
      }
      at += aligned(record.size_bytes);
      ++count;
    }
    return {std::min(at, end) - begin, count};
  }

  void mend_records(std::size_t at, std::uint32_t count) {
    for (; count > 0 && at + sizeof(RecordHeader) <= bytes_.size(); --count) {
      auto record = read_at<RecordHeader>(bytes_, at);
      if (record.size_bytes < sizeof(record) || record.size_bytes > bytes_.size() - at) return;
      const auto checked = std::span(bytes_).subspan(at, record.size_bytes);
      record.checksum = crc32c(seed_, checked.subspan(sizeof(record.checksum)));
      write_at(bytes_, at, record);
      at += aligned(record.size_bytes);
    }
  }

  Bytes& bytes_;
  std::uint32_t segment_;
  std::uint32_t seed_;
  std::uint8_t mending_;
};

void mend_index(Bytes& bytes, std::uint32_t segment, const Bytes& segment_bytes) {
  constexpr std::size_t header_size = 48;
  if (bytes.size() < header_size) return;
  const std::uint32_t seed = segment_seed(image_node, segment);
  const auto body = std::span(bytes).subspan(header_size);
  write_at(bytes, 20, crc32c(seed, body));
  write_at(bytes, 24, std::uint64_t{body.size()});
  if (segment_bytes.size() >= sizeof(SegmentHeader)) {
    write_at(bytes, 40, read_at<SegmentHeader>(segment_bytes, 0).checksum);
  }
  write_at(bytes, 44, crc32c(seed, std::span(bytes).first(44)));
}

void mend_checkpoint(Bytes& bytes, std::uint32_t number) {
  constexpr std::size_t header_size = 40;
  if (bytes.size() < header_size) return;
  const auto body = std::span(bytes).subspan(header_size);
  write_at(bytes, 12, number);
  write_at(bytes, 20, crc32c(0, body));
  write_at(bytes, 24, std::uint64_t{body.size()});
  write_at(bytes, 36, crc32c(crc32c(0, image_node), std::span(bytes).first(36)));
}

void mend(LogFiles& files, std::uint8_t mending) {
  constexpr std::uint8_t of_segments =
      Mending::segment_sums | Mending::places | Mending::frame_sizes;
  for (auto& [name, bytes] : files) {
    const auto segment = number_in_segment_name(name);
    if (segment && (mending & of_segments) != 0) SegmentMender(bytes, *segment, mending).run();
  }
  for (auto& [name, bytes] : files) {
    if (const auto segment = number_in_index_name(name);
        segment && (mending & Mending::indexes) != 0) {
      const auto found = files.find(segment_name(*segment));
      mend_index(bytes, *segment, found == files.end() ? Bytes{} : found->second);
    }
    auto checkpoint = number_in_checkpoint_name(name);
    if (!checkpoint) checkpoint = number_in_checkpoint_copy_name(name);
    if (checkpoint && (mending & Mending::checkpoints) != 0) mend_checkpoint(bytes, *checkpoint);
  }
}

// ---- images --------------------------------------------------------------------------------

bool has_header_sector(Kind kind) {
  return kind == Kind::segment || kind == Kind::spare || kind == Kind::unfinished;
}

/// Between a segment's header and its first frame there is nothing that an image should carry.
Bytes file_of(Kind kind, std::span<const std::byte> content, std::size_t zero_sectors) {
  Bytes bytes(content.begin(), content.end());
  if (has_header_sector(kind) && bytes.size() > sizeof(SegmentHeader)) {
    bytes.insert(bytes.begin() + sizeof(SegmentHeader),
                 first_frame_position - sizeof(SegmentHeader), std::byte{0});
  }
  bytes.resize(bytes.size() + zero_sectors * sector_bytes);
  return bytes;
}

std::optional<std::pair<Kind, std::uint32_t>> kind_of(const std::string& name) {
  if (const auto number = number_in_segment_name(name)) return {{Kind::segment, *number}};
  if (const auto number = number_in_index_name(name)) return {{Kind::index, *number}};
  if (const auto number = number_in_checkpoint_name(name)) return {{Kind::checkpoint, *number}};
  if (const auto number = number_in_checkpoint_copy_name(name)) return {{Kind::copy, *number}};
  for (std::uint32_t number = 0; number < first_high; ++number) {
    for (const Kind kind : {Kind::spare, Kind::unfinished}) {
      if (name == name_of(kind, number)) return {{kind, number}};
    }
  }
  return std::nullopt;
}

void add_entry(Bytes& image, Kind kind, std::uint8_t number, Bytes bytes) {
  EntryHeader entry;
  entry.kind = static_cast<std::uint8_t>(kind);
  entry.number = number;
  while (bytes.size() >= first_frame_position + sector_bytes && entry.zero_sectors < 0xFF &&
         std::all_of(bytes.end() - sector_bytes, bytes.end(),
                     [](std::byte byte) { return byte == std::byte{0}; })) {
    bytes.resize(bytes.size() - sector_bytes);
    ++entry.zero_sectors;
  }
  if (has_header_sector(kind) && bytes.size() >= first_frame_position) {
    bytes.erase(bytes.begin() + sizeof(SegmentHeader), bytes.begin() + first_frame_position);
  }
  bytes.resize(std::min(bytes.size(), size_max_bytes));
  entry.size = {static_cast<std::uint8_t>(bytes.size()),
                static_cast<std::uint8_t>(bytes.size() >> 8)};
  const auto header = bytes_of(entry);
  image.insert(image.end(), header.begin(), header.end());
  image.insert(image.end(), bytes.begin(), bytes.end());
}

}  // namespace

LogFiles read_image(std::span<const std::byte> image) {
  LogFiles files;
  if (image.empty()) return files;
  const auto mending = static_cast<std::uint8_t>(image.front());
  image = image.subspan(1);
  while (image.size() >= sizeof(EntryHeader)) {
    const auto entry = read_struct<EntryHeader>(image);
    image = image.subspan(sizeof(entry));
    const std::size_t size = std::min<std::size_t>(
        entry.size[0] | static_cast<std::size_t>(entry.size[1]) << 8, image.size());
    const auto kind = static_cast<Kind>(entry.kind % kind_count);
    files.insert_or_assign(name_of(kind, number_of(entry.number)),
                           file_of(kind, image.first(size), entry.zero_sectors));
    image = image.subspan(size);
  }
  mend(files, mending);
  return files;
}

std::vector<std::byte> write_image(const LogFiles& files, std::uint8_t mending) {
  Bytes image{static_cast<std::byte>(mending)};
  for (const auto& [name, bytes] : files) {
    const auto kind = kind_of(name);
    if (!kind) continue;
    if (const auto number = byte_of(kind->second)) add_entry(image, kind->first, *number, bytes);
  }
  return image;
}

}  // namespace leveret::storage
