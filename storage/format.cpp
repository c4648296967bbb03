#include "storage/format.hpp"

#include <charconv>
#include <cstdio>

#include "storage/crc32c.hpp"

namespace leveret::storage {

std::uint32_t segment_seed(const NodeId& node, std::uint32_t segment) {
  return crc32c(crc32c(0, node), bytes_of(segment));
}

template <class Header>
void seal_header(Header& header, std::uint32_t seed) {
  header.checksum = crc32c(seed, bytes_of(header).first(sizeof(Header) - sizeof(std::uint32_t)));
}

template <class Header>
bool header_is_valid(const Header& header, std::uint32_t seed) {
  Header expected = header;
  seal_header(expected, seed);
  return header.magic == Header{}.magic && header.checksum == expected.checksum;
}

template void seal_header(SegmentHeader&, std::uint32_t);
template void seal_header(FrameHeader&, std::uint32_t);
template bool header_is_valid(const SegmentHeader&, std::uint32_t);
template bool header_is_valid(const FrameHeader&, std::uint32_t);

bool frame_header_is_right(const FrameHeader& header, std::uint32_t segment, std::uint32_t seed,
                           std::uint64_t position) {
  return header_is_valid(header, seed) && header.segment == segment &&
         header.size_bytes >= sizeof(header) && header.size_bytes % 8 == 0 &&
         std::uint64_t{header.position} * LogPlace::position_unit_bytes == position;
}

std::optional<RecordView> read_record(std::span<const std::byte> bytes, std::uint32_t seed) {
  if (bytes.size() < sizeof(RecordHeader)) return std::nullopt;
  const auto header = read_struct<RecordHeader>(bytes);
  if (header.size_bytes < sizeof(RecordHeader) || header.size_bytes > bytes.size() ||
      header.size_bytes > record_size_max_bytes) {
    return std::nullopt;
  }
  const auto checked = bytes.first(header.size_bytes).subspan(sizeof(header.checksum));
  if (crc32c(seed, checked) != header.checksum) return std::nullopt;
  return RecordView{header, bytes.first(header.size_bytes).subspan(sizeof(RecordHeader))};
}

std::optional<MessageView> read_message(std::span<const std::byte> payload) {
  if (payload.size() < sizeof(MessageHeader)) return std::nullopt;
  MessageView view;
  view.header = read_struct<MessageHeader>(payload);
  payload = payload.subspan(sizeof(MessageHeader));
  const std::uint64_t queues_size = std::uint64_t{view.header.queue_count} * 8;
  if (queues_size > payload.size()) return std::nullopt;
  view.queues = payload.first(queues_size);
  view.bytes = payload.subspan(queues_size);
  return view;
}

namespace {
template <class T>
std::vector<T> read_all(std::span<const std::byte> payload) {
  std::vector<T> all(payload.size() / sizeof(T));
  if (!all.empty()) std::memcpy(all.data(), payload.data(), all.size() * sizeof(T));
  return all;
}
}  // namespace

std::vector<ReferenceRun> read_runs(std::span<const std::byte> payload) {
  return read_all<ReferenceRun>(payload);
}

std::vector<ReferenceReturns> read_returns(std::span<const std::byte> payload) {
  return read_all<ReferenceReturns>(payload);
}

void add_reference(std::vector<ReferenceRun>& runs, const LogReference& reference) {
  if (!runs.empty()) {
    ReferenceRun& last = runs.back();
    if (last.segment == reference.segment && last.first_ordinal + last.count == reference.ordinal) {
      ++last.count;
      return;
    }
  }
  runs.push_back({reference.segment, reference.ordinal, 1});
}

std::string_view read_text(std::span<const std::byte> payload) {
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

std::optional<DefinitionView> read_definition(std::span<const std::byte> payload) {
  if (payload.size() < sizeof(std::uint32_t)) return std::nullopt;
  const auto key_size = read_struct<std::uint32_t>(payload);
  payload = payload.subspan(sizeof(key_size));
  if (key_size > payload.size()) return std::nullopt;
  return DefinitionView{read_text(payload.first(key_size)), read_text(payload.subspan(key_size))};
}

namespace {

constexpr std::string_view segment_end = ".seg";
constexpr std::string_view index_end = ".idx";
constexpr std::string_view checkpoint_beginning = "checkpoint-";
constexpr std::string_view copy_end = ".copy";

std::string digits_of(std::uint32_t number) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%010u", number);
  return text.data();
}

std::optional<std::uint32_t> number_of(std::string_view digits) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.size() != 10) {
    return std::nullopt;
  }
  // No segment has these.
  if (number == LogPlace::not_logged || number == LogPlace::pending) return std::nullopt;
  return number;
}

std::optional<std::uint32_t> number_before(std::string_view name, std::string_view end) {
  if (!name.ends_with(end)) return std::nullopt;
  return number_of(name.substr(0, name.size() - end.size()));
}

}  // namespace

std::string segment_name(std::uint32_t segment) {
  return digits_of(segment) + std::string(segment_end);
}
std::string index_name(std::uint32_t segment) {
  return digits_of(segment) + std::string(index_end);
}
std::string checkpoint_name(std::uint32_t segment) {
  return std::string(checkpoint_beginning) + digits_of(segment);
}
std::string checkpoint_copy_name(std::uint32_t segment) {
  return checkpoint_name(segment) + std::string(copy_end);
}
std::optional<std::uint32_t> number_in_segment_name(std::string_view name) {
  return number_before(name, segment_end);
}
std::optional<std::uint32_t> number_in_index_name(std::string_view name) {
  return number_before(name, index_end);
}
std::optional<std::uint32_t> number_in_checkpoint_name(std::string_view name) {
  if (!name.starts_with(checkpoint_beginning)) return std::nullopt;
  return number_of(name.substr(checkpoint_beginning.size()));
}
std::optional<std::uint32_t> number_in_checkpoint_copy_name(std::string_view name) {
  if (!name.ends_with(copy_end)) return std::nullopt;
  return number_in_checkpoint_name(name.substr(0, name.size() - copy_end.size()));
}

}  // namespace leveret::storage
