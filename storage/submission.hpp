/// What one shard hands to the disk thread at the end of a turn: a frame that is almost finished.
///
/// The shard fills it, the log gives it its place, the disk thread writes it, and when it is
/// written the shard takes it back and fills it again.
///
/// Owner: a ShardLog. Thread: the shard's until it is submitted, then the disk thread's until it is
///        written.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "storage/format.hpp"

namespace leveret::storage {

class Submission {
 public:
  Submission() { clear(); }

  /// Takes all records out.
  void clear();
  bool empty() const {
    return record_count_ == 0 && !awaited_ && settled_.empty() && delivered_.empty() &&
           returned_.empty();
  }

  void add_message(const MessageRecord& message, LogPlace& place);
  void add_definition(RecordKind kind, std::string_view key, std::string_view value);
  void add_settled(const LogPlace& place, std::uint32_t index) { add(settled_, place, index); }
  void add_delivered(const LogPlace& place, std::uint32_t index) { add(delivered_, place, index); }
  void add_returned(const LogPlace& place, std::uint32_t index, Returns returns);
  /// Somebody waits until it is synced.
  void set_awaited() { awaited_ = true; }
  bool awaited() const { return awaited_; }

  /// At least as many bytes as the frame will have.
  std::uint64_t size_bound_bytes() const;
  std::uint32_t reference_count() const { return reference_count_; }

  /// Gives the frame its place and the messages theirs, and adds the records about references,
  /// which could not be known before. Returns the frame's size.
  std::uint64_t place_at(std::uint32_t segment, std::uint64_t position,
                         std::uint32_t first_ordinal);

  std::uint32_t segment() const { return segment_; }
  std::uint64_t position() const { return position_; }
  std::uint64_t size_bytes() const { return buffer_.size() + external_bytes_; }

  /// Finishes headers and check sums. Requires: it has a place.
  void finish(std::uint32_t seed, std::uint64_t durable_upto, std::uint32_t epoch);
  /// The pieces of the frame in their order. Requires: finished.
  void append_pieces(std::vector<iovec>& pieces) const;
  /// Visits the records; a message's view has only the bytes up to its queues.
  template <class Visit>
  void for_each_record(Visit&& visit) const;

  std::uint64_t ticket = 0;

 private:
  struct Reference {
    const LogPlace* place;
    std::uint32_t index;
  };
  struct References {
    std::vector<ReferenceRun> runs;
    std::vector<Reference> pending;
    bool empty() const { return runs.empty() && pending.empty(); }
  };
  /// Bytes that are not copied: they lie between two bytes of the buffer.
  struct External {
    std::size_t record;  ///< Index into records_.
    std::size_t buffer_offset;
    std::span<const std::byte> bytes;
  };
  struct Record {
    std::size_t buffer_offset;
    std::uint64_t frame_offset;
  };
  struct PendingPlace {
    LogPlace* place;
    std::size_t record;  ///< Index into records_.
    std::uint32_t reference_count;
  };

  static void add(References& references, const LogPlace& place, std::uint32_t index);
  void add_references(RecordKind kind, References& references);
  void add_all_returned();
  std::size_t begin_record(RecordKind kind);
  void end_record(std::size_t record);
  void append(std::span<const std::byte> bytes);
  template <class T>
  void append_struct(const T& value) {
    append(bytes_of(value));
  }

  std::vector<std::byte> buffer_;
  std::vector<External> externals_;
  std::uint64_t external_bytes_ = 0;
  std::vector<Record> records_;
  std::vector<PendingPlace> places_;
  References settled_, delivered_;
  /// In their order, for what comes later is right. What is pending has no place yet.
  struct Returned {
    ReferenceReturns entry;
    const LogPlace* pending = nullptr;
  };
  std::vector<Returned> returned_;
  std::uint32_t reference_count_ = 0;
  std::uint32_t record_count_ = 0;
  std::uint32_t segment_ = 0;
  std::uint64_t position_ = 0;
  bool awaited_ = false;
};

template <class Visit>
void Submission::for_each_record(Visit&& visit) const {
  for (const Record& record : records_) {
    const auto bytes = std::span<const std::byte>(buffer_).subspan(record.buffer_offset);
    const auto header = read_struct<RecordHeader>(bytes);
    const std::size_t in_buffer =
        std::min<std::size_t>(bytes.size(), header.size_bytes) - sizeof(header);
    visit(RecordView{header, bytes.subspan(sizeof(header), in_buffer)},
          position_ + record.frame_offset);
  }
}

}  // namespace leveret::storage
