#include "storage/segment_survey.hpp"

#include <algorithm>
#include <utility>

#include "storage/patient_reader.hpp"
#include "storage/record_search.hpp"

namespace leveret::storage {

namespace {

constexpr std::uint64_t search_window_bytes = 1024 * 1024;
constexpr std::uint64_t everything = UINT64_MAX;

class Survey {
 public:
  Survey(const File& file, std::uint64_t file_size_bytes, const NodeId& node,
         std::uint32_t segment, bool is_last, const VisitSurveyed& visit)
      : reader_(file, file_size_bytes), node_(node), segment_(segment),
        seed_(segment_seed(node, segment)), is_last_(is_last), visit_(visit) {
    result_.file_size_bytes = file_size_bytes;
    result_.end_position = first_frame_position;
  }

  SegmentSurvey run();

 private:
  void read_header();
  std::optional<FrameHeader> frame_header_at(std::uint64_t position);
  bool take_frame(const FrameHeader& header);
  FoundRecords records_of(std::uint64_t position, const FrameHeader& header);
  bool skip_damage();
  std::optional<std::uint64_t> find_frame(std::uint64_t from);
  std::optional<std::uint64_t> frame_after(std::uint64_t position, const FrameHeader& header);
  std::uint64_t safe_upto();
  void note_torn_end();
  void note_damage(const ByteRange& range, std::optional<std::uint64_t> record_count) {
    result_.damaged.push_back({range.begin, range.end, record_count, 0});
  }
  void take_records(const FoundRecords& found);
  void take_message(const FoundRecord& record);

  PatientReader reader_;
  const NodeId& node_;
  const std::uint32_t segment_;
  const std::uint32_t seed_;
  bool is_last_;
  const VisitSurveyed& visit_;
  std::uint64_t position_ = first_frame_position;
  std::optional<std::uint64_t> safe_upto_;
  std::uint32_t claimed_reference_count_ = 0;
  SegmentSurvey result_;
};

SegmentSurvey Survey::run() {
  read_header();
  bool goes_on = true;
  while (goes_on) {
    const auto header = frame_header_at(position_);
    goes_on = header ? take_frame(*header) : skip_damage();
  }
  result_.unreadable_bytes = reader_.unreadable_bytes();
  return std::move(result_);
}

void Survey::read_header() {
  const auto bytes = reader_.at(0, sizeof(SegmentHeader));
  if (bytes.size() < sizeof(SegmentHeader)) {
    result_.header_problem = "is shorter than the header of a segment";
    return;
  }
  const auto header = read_struct<SegmentHeader>(bytes);
  if (header_is_valid(header, seed_) && header.segment == segment_ &&
      header.format <= format_version) {
    result_.header = header;
    result_.epoch = header.epoch;
    // A file that is shorter than it was made has been cut off: its end was not the log's.
    is_last_ = is_last_ && reader_.size_bytes() >= header.file_size_bytes;
    return;
  }
  const bool is_right_elsewhere =
      header_is_valid(header, segment_seed(header.node, header.segment));
  if (is_right_elsewhere && header.format > format_version) {
    result_.is_of_later_format = true;
    result_.header_problem = "has format " + std::to_string(header.format) +
                             "; this Leveret knows formats up to " +
                             std::to_string(format_version);
  } else if (is_right_elsewhere && header.node != node_) {
    result_.header_problem = "belongs to another node";
  } else if (is_right_elsewhere) {
    result_.header_problem = "is " + segment_name(header.segment) + " under another name";
  } else {
    result_.header_problem = "has a damaged header";
  }
}

std::optional<FrameHeader> Survey::frame_header_at(std::uint64_t position) {
  const auto bytes = reader_.at(position, sizeof(FrameHeader));
  if (bytes.size() < sizeof(FrameHeader)) return std::nullopt;
  const auto header = read_struct<FrameHeader>(bytes);
  if (!frame_header_is_right(header, segment_, seed_, position)) return std::nullopt;
  return header;
}

// ---- what is right, or partly so -----------------------------------------------------------

/// Goes behind the frame. False: the segment ends here.
bool Survey::take_frame(const FrameHeader& header) {
  const std::uint64_t begin = position_;
  auto found = records_of(begin, header);
  if (found.damage) {
    if (begin >= safe_upto()) {
      note_torn_end();
      return false;
    }
    found = records_of(begin, header);  // The question has moved the reader's window.
    note_damage(*found.damage, header.record_count - std::min(header.record_count,
                                                              found.right_count()));
  } else {
    ++result_.frame_count;
  }
  position_ = begin + header.size_bytes;
  result_.end_position = position_;
  result_.epoch = std::max(result_.epoch, header.epoch);
  take_records(found);
  result_.is_sealed = !found.damage && (header.flags & FrameHeader::seal_flag) != 0;
  return !result_.is_sealed;
}

FoundRecords Survey::records_of(std::uint64_t position, const FrameHeader& header) {
  const auto bytes = reader_.at(position, header.size_bytes);
  FoundRecords found =
      find_records(bytes.subspan(sizeof(header)), position + sizeof(header), seed_);
  if (bytes.size() < header.size_bytes) {  // The file ends within the frame.
    if (!found.damage) found.damage = ByteRange{position + bytes.size(), 0};
    found.damage->end = position + header.size_bytes;
  }
  return found;
}

void Survey::take_records(const FoundRecords& found) {
  for (const FoundRecord& record : found.records) {
    const RecordHeader& header = record.view.header;
    if (header.kind == RecordKind::message) take_message(record);
    if (!record.is_right) continue;
    const auto kind = static_cast<std::size_t>(header.kind);
    ++result_.record_counts[kind < result_.record_counts.size() ? kind : 0];
    if (header.kind == RecordKind::settled && found.damage) {
      for (const ReferenceRun& run : read_runs(record.view.payload)) {
        result_.doubtful_settled_count += run.count;
      }
    }
    if (visit_) visit_({record.view, record.position, !found.damage});
  }
}

void Survey::take_message(const FoundRecord& record) {
  const auto message = read_message(record.view.payload);
  if (!message) return;
  const RecordHeader& header = record.view.header;
  const auto position =
      static_cast<std::uint32_t>(record.position / LogPlace::position_unit_bytes);
  if (!record.is_right) {
    const bool is_likely = header.first_ordinal == claimed_reference_count_ &&
                           message->header.body_size_bytes <= message->bytes.size();
    if (!is_likely) return;
    ++result_.damaged.back().likely_message_count;
  } else {
    result_.index.add(header.first_ordinal, position, header.size_bytes, *message);
    result_.reference_count = header.first_ordinal + message->header.queue_count;
  }
  result_.claimed.add(header.first_ordinal, position, header.size_bytes, *message);
  claimed_reference_count_ = header.first_ordinal + message->header.queue_count;
}

// ---- what is not ---------------------------------------------------------------------------

/// There is no frame at position_: goes to the next one. False: the segment ends here.
bool Survey::skip_damage() {
  const std::uint64_t begin = position_;
  if (begin >= safe_upto()) {
    note_torn_end();
    return false;
  }
  const bool is_cut_off = begin >= reader_.size_bytes();
  if (is_cut_off && !result_.damaged.empty() && result_.damaged.back().end >= begin) return false;
  const auto next = find_frame(begin + 8);
  const std::uint64_t end = is_cut_off ? begin : next.value_or(reader_.size_bytes());
  // Perhaps only the frame's header is gone. To whom its records belonged is not known then.
  FoundRecords found = find_records(reader_.at(begin, end - begin), begin, seed_);
  if (!found.damage) found.damage = ByteRange{begin, end};
  const bool only_header = next && found.damage->end == begin + sizeof(FrameHeader);
  note_damage(*found.damage, only_header ? std::optional<std::uint64_t>(0) : std::nullopt);
  if (!found.records.empty()) result_.end_position = end;
  take_records(found);
  position_ = end;
  return next.has_value();
}

/// The next frame whose header is right.
std::optional<std::uint64_t> Survey::find_frame(std::uint64_t from) {
  for (std::uint64_t position = aligned(from);
       position + sizeof(FrameHeader) <= reader_.size_bytes();) {
    const auto bytes = reader_.at(position, search_window_bytes);
    std::uint64_t offset = 0;
    bool found = false;
    for (; offset + sizeof(FrameHeader) <= bytes.size() && !found; offset += 8) {
      found = read_struct<std::uint32_t>(bytes.subspan(offset)) == FrameHeader::right_magic;
    }
    if (offset == 0) break;  // The file has become shorter.
    position += offset;
    if (found && frame_header_at(position - 8)) return position - 8;
  }
  return std::nullopt;
}

/// The frame behind a right one. What lies within it is not looked at, unless nothing follows.
std::optional<std::uint64_t> Survey::frame_after(std::uint64_t position,
                                                 const FrameHeader& header) {
  const std::uint64_t behind = position + aligned(header.size_bytes);
  return frame_header_at(behind) ? behind : find_frame(position + 8);
}

/// Up to where the segment is known to have been on the disk; each frame says it of those before.
std::uint64_t Survey::safe_upto() {
  if (!is_last_) return everything;
  if (safe_upto_) return *safe_upto_;
  safe_upto_ = 0;
  for (auto found = find_frame(position_); found;) {
    const auto header = frame_header_at(*found);
    if (!header) break;
    safe_upto_ = std::max(*safe_upto_, header->durable_upto_at(*found));
    found = frame_after(*found, *header);
  }
  return *safe_upto_;
}

void Survey::note_torn_end() {
  TornEnd torn;
  torn.position = position_;
  for (auto found = find_frame(position_); found;) {
    const auto header = frame_header_at(*found);
    if (!header) break;
    ++torn.frame_count;
    torn.record_count += header->record_count;
    found = frame_after(*found, *header);
  }
  if (torn.frame_count > 0) result_.torn_end = torn;
}

}  // namespace

std::uint64_t SegmentSurvey::record_count() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : record_counts) sum += count;
  return sum;
}

SegmentSurvey survey_segment(const File& file, std::uint64_t file_size_bytes, const NodeId& node,
                             std::uint32_t segment, bool is_last, const VisitSurveyed& visit) {
  return Survey(file, file_size_bytes, node, segment, is_last, visit).run();
}

}  // namespace leveret::storage
