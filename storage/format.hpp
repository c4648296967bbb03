/// The bytes of a segment's file: its header, frames and records. README.md draws them.
///
/// Numbers are little-endian, as on every machine that Leveret runs on, so structs are copied as
/// they are. Everything is aligned to 8 bytes. Check sums begin with a seed made of the node's id
/// and the segment's number: what a recycled file still holds of its former life never passes for
/// valid, nor does a file of another node.
///
/// Thread: pure functions and values.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/log.hpp"

namespace leveret::storage {

/// The format of everything in the data directory. 2 has returned records, and their sum in
/// checkpoints.
constexpr std::uint32_t format_version = 2;

using NodeId = std::array<std::byte, 16>;

constexpr std::uint64_t aligned(std::uint64_t size_bytes) { return (size_bytes + 7) / 8 * 8; }

/// What check sums in a segment begin with.
std::uint32_t segment_seed(const NodeId& node, std::uint32_t segment);

/// The beginning of a segment's file.
struct SegmentHeader {
  std::array<char, 8> magic{'L', 'V', 'R', 'T', 'S', 'E', 'G', '\n'};
  std::uint32_t format = format_version;
  std::uint32_t segment = 0;
  std::uint32_t generation = 0;  ///< Grows each time that the segment is compacted.
  std::uint32_t epoch = 0;       ///< Which start of the broker made it.
  NodeId node{};
  std::uint64_t file_size_bytes = 0;  ///< A file that is shorter and not sealed is cut off.
  std::array<std::uint32_t, 3> unused{};
  std::uint32_t checksum = 0;
};
static_assert(sizeof(SegmentHeader) == 64);

/// Frames begin here: the header has a sector of its own, which is written once.
constexpr std::uint64_t first_frame_position = 512;

/// The beginning of a frame: all that one shard has submitted at once. After a crash all of it is
/// there, or nothing.
struct FrameHeader {
  static constexpr std::uint32_t right_magic = 0x4D52464C;  // "LFRM"
  static constexpr std::uint32_t seal_flag = 1;             ///< The segment's last frame.

  std::uint32_t magic = right_magic;
  std::uint32_t size_bytes = 0;    ///< With this header.
  std::uint32_t position = 0;      ///< Of this header in the file, in units of 8 bytes.
  std::uint32_t durable_upto = 0;  ///< Up to here the segment was synced when this was written.
  std::uint32_t record_count = 0;
  std::uint32_t epoch = 0;
  std::uint32_t flags = 0;
  std::uint32_t segment = 0;
  std::uint32_t unused = 0;
  std::uint32_t checksum = 0;  ///< Of this header; records have their own.

  /// Up to which byte all was safe, as it says, standing at `at`: of what follows it knows nothing.
  std::uint64_t durable_upto_at(std::uint64_t at) const {
    return std::min(at, std::uint64_t{durable_upto} * LogPlace::position_unit_bytes);
  }
};
static_assert(sizeof(FrameHeader) == 40);

enum class RecordKind : std::uint8_t {
  message = 1,
  settled = 2,
  delivered = 3,
  define = 4,
  undefine = 5,
  undefine_all = 6,
  returned = 7,
};

struct RecordHeader {
  std::uint32_t checksum = 0;  ///< Of all of the record that follows.
  std::uint32_t size_bytes = 0;  ///< With this header, without padding.
  RecordKind kind{};
  std::array<std::uint8_t, 3> unused{};
  std::uint32_t first_ordinal = 0;  ///< Of a message: the number of its first reference.
};
static_assert(sizeof(RecordHeader) == 16);

/// Follows the header of a message; then the numbers of its queues, 8 bytes each, then its bytes.
struct MessageHeader {
  std::uint64_t published_at_ms = 0;
  std::uint64_t expiration_ms = no_expiration;
  std::uint32_t body_size_bytes = 0;
  std::uint32_t queue_count = 0;
};
static_assert(sizeof(MessageHeader) == 24);

/// The content of settled and delivered: runs of references, as many as fit into the record.
struct ReferenceRun {
  std::uint32_t segment = 0;
  std::uint32_t first_ordinal = 0;
  std::uint32_t count = 0;
  bool operator==(const ReferenceRun&) const = default;
};
static_assert(sizeof(ReferenceRun) == 12);

/// The content of returned: one of these for each reference, the latest of a reference counts.
struct ReferenceReturns {
  std::uint32_t segment = 0;
  std::uint32_t ordinal = 0;
  std::uint32_t history = 0;  ///< Bit 0: a consumer has it. The others: how often it came back.

  ReferenceReturns() = default;
  ReferenceReturns(const LogReference& reference, Returns returns)
      : segment(reference.segment),
        ordinal(reference.ordinal),
        history(std::min(returns.count, Returns::count_max) << 1 | (returns.is_out ? 1u : 0u)) {}
  Returns returns() const { return {history >> 1, (history & 1) != 0}; }
};
static_assert(sizeof(ReferenceReturns) == 12);

/// Adds a reference to runs, to the last of them where it continues it.
void add_reference(std::vector<ReferenceRun>& runs, const LogReference& reference);

/// Longest record that is believed. The longest body is 512 MiB.
constexpr std::uint64_t record_size_max_bytes = 1ull << 30;

/// More references a segment cannot have: each takes 8 bytes of it, and a frame is less than 2 GiB.
constexpr std::uint32_t reference_count_max = 1u << 28;

/// Whether a message may have these references when `begin` is where those before it end. A record
/// that says otherwise is not one that the log has written, for ordinals count up.
constexpr bool may_follow(std::uint32_t begin, std::uint32_t first_ordinal, std::uint64_t count) {
  return first_ordinal >= begin && first_ordinal <= reference_count_max &&
         count <= reference_count_max - first_ordinal;
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

/// Reads a struct at the start of `bytes`. Requires: there are enough.
template <class T>
T read_struct(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

/// Sets the check sum of a header whose last member it is.
template <class Header>
void seal_header(Header& header, std::uint32_t seed);
template <class Header>
bool header_is_valid(const Header& header, std::uint32_t seed);

/// Whether this is the header of a frame at that byte of the segment. Records have check sums of
/// their own.
bool frame_header_is_right(const FrameHeader& header, std::uint32_t segment, std::uint32_t seed,
                           std::uint64_t position);

/// A record with all its bytes, checked.
struct RecordView {
  RecordHeader header;
  std::span<const std::byte> payload;  ///< What follows the header.
};

/// The record at the start of `bytes`; nothing when there is none that is whole and right.
std::optional<RecordView> read_record(std::span<const std::byte> bytes, std::uint32_t seed);

/// A message's record taken apart.
struct MessageView {
  MessageHeader header;
  std::span<const std::byte> queues;  ///< 8 bytes each, not aligned to anything.
  std::span<const std::byte> bytes;

  std::uint64_t queue(std::uint32_t index) const {
    return read_struct<std::uint64_t>(queues.subspan(std::size_t{index} * 8));
  }
};
/// Nothing when the payload is too short for what it announces.
std::optional<MessageView> read_message(std::span<const std::byte> payload);

/// The runs in a settled or delivered record. A rest that is no run is left out.
std::vector<ReferenceRun> read_runs(std::span<const std::byte> payload);

/// Those in a returned record. A rest that is none is left out.
std::vector<ReferenceReturns> read_returns(std::span<const std::byte> payload);

/// Key and value of define. Nothing when the payload is too short.
struct DefinitionView {
  std::string_view key, value;
};
std::optional<DefinitionView> read_definition(std::span<const std::byte> payload);
std::string_view read_text(std::span<const std::byte> payload);

/// "0000000012.seg" and so on.
std::string segment_name(std::uint32_t segment);
std::string index_name(std::uint32_t segment);
std::string checkpoint_name(std::uint32_t segment);
/// The same checkpoint a second time.
std::string checkpoint_copy_name(std::uint32_t segment);
/// The number in a name with that end or beginning; nothing for other names.
std::optional<std::uint32_t> number_in_segment_name(std::string_view name);
std::optional<std::uint32_t> number_in_index_name(std::string_view name);
std::optional<std::uint32_t> number_in_checkpoint_name(std::string_view name);
std::optional<std::uint32_t> number_in_checkpoint_copy_name(std::string_view name);

}  // namespace leveret::storage
