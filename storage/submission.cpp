#include "storage/submission.hpp"

#include <algorithm>

#include "protocol/base/assert.hpp"
#include "storage/crc32c.hpp"

namespace leveret::storage {

namespace {
// Longer parts are not copied into the buffer but written from where they lie.
constexpr std::size_t copied_part_max_bytes = 16 * 1024;
// After a large turn the buffer is given back.
constexpr std::size_t kept_buffer_bytes = 1024 * 1024;
}  // namespace

void Submission::clear() {
  if (buffer_.capacity() > kept_buffer_bytes) buffer_ = {};
  buffer_.assign(sizeof(FrameHeader), std::byte{0});
  externals_.clear();
  external_bytes_ = 0;
  records_.clear();
  places_.clear();
  for (References* references : {&settled_, &delivered_}) {
    references->runs.clear();
    references->pending.clear();
  }
  returned_.clear();
  reference_count_ = 0;
  record_count_ = 0;
  awaited_ = false;
}

void Submission::append(std::span<const std::byte> bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

std::size_t Submission::begin_record(RecordKind kind) {
  ++record_count_;
  records_.push_back({buffer_.size(), buffer_.size() + external_bytes_});
  RecordHeader header;
  header.kind = kind;
  append_struct(header);
  return records_.size() - 1;
}

void Submission::end_record(std::size_t record) {
  const std::uint64_t size = buffer_.size() + external_bytes_ - records_[record].frame_offset;
  LEVERET_ASSERT(size <= record_size_max_bytes, "a record is not longer than a message may be");
  auto header = read_struct<RecordHeader>(
      std::span<const std::byte>(buffer_).subspan(records_[record].buffer_offset));
  header.size_bytes = static_cast<std::uint32_t>(size);
  std::memcpy(buffer_.data() + records_[record].buffer_offset, &header, sizeof(header));
  buffer_.resize(buffer_.size() + (aligned(size) - size));
}

void Submission::add_message(const MessageRecord& message, LogPlace& place) {
  const std::size_t record = begin_record(RecordKind::message);
  const auto queue_count = static_cast<std::uint32_t>(message.queues.size());
  append_struct(MessageHeader{message.published_at_ms, message.expiration_ms,
                              message.body_size_bytes, queue_count});
  append(std::as_bytes(message.queues));
  for (const std::span<const std::byte> part : message.parts) {
    if (part.size() <= copied_part_max_bytes) {
      append(part);
    } else {
      externals_.push_back({record, buffer_.size(), part});
      external_bytes_ += part.size();
    }
  }
  end_record(record);
  places_.push_back({&place, record, queue_count});
  reference_count_ += queue_count;
  place = LogPlace{LogPlace::pending, 0, 0, 0};
}

void Submission::add_definition(RecordKind kind, std::string_view key, std::string_view value) {
  const std::size_t record = begin_record(kind);
  if (kind == RecordKind::define) append_struct(static_cast<std::uint32_t>(key.size()));
  append(std::as_bytes(std::span(key)));
  append(std::as_bytes(std::span(value)));
  end_record(record);
}

void Submission::add(References& references, const LogPlace& place, std::uint32_t index) {
  if (place.segment == LogPlace::pending) {
    references.pending.push_back({&place, index});
  } else if (place.is_logged()) {
    add_reference(references.runs, place.reference(index));
  }
}

void Submission::add_returned(const LogPlace& place, std::uint32_t index, Returns returns) {
  if (place.segment == LogPlace::pending) {
    returned_.push_back({{{0, index}, returns}, &place});
  } else if (place.is_logged()) {
    returned_.push_back({{place.reference(index), returns}, nullptr});
  }
}

std::uint64_t Submission::size_bound_bytes() const {
  std::uint64_t size = size_bytes();
  if (!returned_.empty()) {
    size += aligned(sizeof(RecordHeader) + returned_.size() * sizeof(ReferenceReturns));
  }
  for (const References* references : {&settled_, &delivered_}) {
    const std::uint64_t run_count = references->runs.size() + references->pending.size();
    if (run_count > 0) size += aligned(sizeof(RecordHeader) + run_count * sizeof(ReferenceRun));
  }
  return size;
}

std::uint64_t Submission::place_at(std::uint32_t segment, std::uint64_t position,
                                   std::uint32_t first_ordinal) {
  segment_ = segment;
  position_ = position;
  for (const PendingPlace& pending : places_) {
    const Record& record = records_[pending.record];
    auto header = read_struct<RecordHeader>(
        std::span<const std::byte>(buffer_).subspan(record.buffer_offset));
    header.first_ordinal = first_ordinal;
    std::memcpy(buffer_.data() + record.buffer_offset, &header, sizeof(header));
    const std::uint64_t record_position = position + record.frame_offset;
    *pending.place = {segment, first_ordinal,
                      static_cast<std::uint32_t>(record_position / LogPlace::position_unit_bytes),
                      header.size_bytes};
    first_ordinal += pending.reference_count;
  }
  add_references(RecordKind::delivered, delivered_);
  add_all_returned();
  add_references(RecordKind::settled, settled_);
  return size_bytes();
}

void Submission::add_references(RecordKind kind, References& references) {
  for (const Reference& pending : references.pending) {
    add_reference(references.runs, pending.place->reference(pending.index));
  }
  if (references.runs.empty()) return;
  const std::size_t record = begin_record(kind);
  append(std::as_bytes(std::span(references.runs)));
  end_record(record);
}

void Submission::add_all_returned() {
  if (returned_.empty()) return;
  const std::size_t record = begin_record(RecordKind::returned);
  for (Returned& returned : returned_) {
    if (returned.pending != nullptr) {
      const LogReference reference = returned.pending->reference(returned.entry.ordinal);
      returned.entry.segment = reference.segment;
      returned.entry.ordinal = reference.ordinal;
    }
    append_struct(returned.entry);
  }
  end_record(record);
}

void Submission::finish(std::uint32_t seed, std::uint64_t durable_upto, std::uint32_t epoch) {
  auto external = externals_.begin();
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const std::size_t begin = records_[i].buffer_offset;
    const std::size_t end = i + 1 < records_.size() ? records_[i + 1].buffer_offset
                                                    : buffer_.size();
    auto header = read_struct<RecordHeader>(std::span<const std::byte>(buffer_).subspan(begin));
    const std::uint64_t padding = aligned(header.size_bytes) - header.size_bytes;
    std::uint32_t checksum = seed;
    std::size_t from = begin + sizeof(header.checksum);
    for (; external != externals_.end() && external->record == i; ++external) {
      checksum = crc32c(checksum, std::span<const std::byte>(buffer_).subspan(
                                      from, external->buffer_offset - from));
      checksum = crc32c(checksum, external->bytes);
      from = external->buffer_offset;
    }
    checksum = crc32c(checksum, std::span<const std::byte>(buffer_).subspan(
                                    from, end - padding - from));
    std::memcpy(buffer_.data() + begin, &checksum, sizeof(checksum));
  }
  FrameHeader frame;
  frame.size_bytes = static_cast<std::uint32_t>(size_bytes());
  frame.position = static_cast<std::uint32_t>(position_ / LogPlace::position_unit_bytes);
  frame.durable_upto = static_cast<std::uint32_t>(durable_upto / LogPlace::position_unit_bytes);
  frame.record_count = record_count_;
  frame.epoch = epoch;
  frame.segment = segment_;
  seal_header(frame, seed);
  std::memcpy(buffer_.data(), &frame, sizeof(frame));
}

void Submission::append_pieces(std::vector<iovec>& pieces) const {
  const auto add_piece = [&](const std::byte* begin, std::size_t size) {
    if (size > 0) pieces.push_back({const_cast<std::byte*>(begin), size});
  };
  std::size_t from = 0;
  for (const External& external : externals_) {
    add_piece(buffer_.data() + from, external.buffer_offset - from);
    add_piece(external.bytes.data(), external.bytes.size());
    from = external.buffer_offset;
  }
  add_piece(buffer_.data() + from, buffer_.size() - from);
}

}  // namespace leveret::storage
