#include "storage/recovery.hpp"

#include <algorithm>
#include <utility>

#include "storage/frame_scanner.hpp"

namespace leveret::storage {

namespace {

constexpr std::uint64_t checkpoint_size_max_bytes = 4ull << 30;
constexpr std::string_view unfinished_end = ".new";
constexpr std::string_view spare_beginning = "spare-";

tl::unexpected<std::string> refuse(std::string sentence) {
  return tl::unexpected(std::move(sentence));
}

class Recovery {
 public:
  Recovery(FileSystem& files, const std::string& folder, const NodeId& node,
           const RecoveryOptions& options)
      : files_(files), folder_(folder), node_(node), options_(options) {}

  Result<Recovered, std::string> run();

 private:
  using Outcome = Result<void, std::string>;

  Outcome list_files();
  Outcome load_checkpoints();
  Outcome check_covered_segments();
  Outcome scan_segments();
  Outcome scan_segment(std::uint32_t segment, bool is_last);
  Outcome scan_frames(FrameScanner& scanner, std::uint32_t segment, bool is_last);
  Outcome end_segment(FrameScanner& scanner, std::uint32_t segment, bool is_last);
  void apply(const Frame& frame, std::uint32_t segment);
  IoResult<void> seal(std::uint32_t segment, std::uint64_t position);
  void write_index(std::uint32_t segment, std::uint32_t generation);
  void remove(const std::string& name);
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  FileSystem& files_;
  const std::string& folder_;
  const NodeId& node_;
  const RecoveryOptions& options_;
  Recovered recovered_;
  std::vector<std::uint32_t> segments_;
  std::vector<std::uint32_t> checkpoints_;
  SegmentIndex index_;
  std::uint64_t done_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
};

Result<Recovered, std::string> Recovery::run() {
  if (auto done = list_files(); !done) return tl::unexpected(done.error());
  if (auto done = load_checkpoints(); !done) return tl::unexpected(done.error());
  if (auto done = check_covered_segments(); !done) return tl::unexpected(done.error());
  if (auto done = scan_segments(); !done) return tl::unexpected(done.error());
  ++recovered_.epoch;
  return std::move(recovered_);
}

Recovery::Outcome Recovery::list_files() {
  const auto names = files_.list(folder_);
  if (!names) return refuse(names.error().text());
  for (const std::string& name : *names) {
    if (const auto segment = number_in_segment_name(name)) {
      segments_.push_back(*segment);
    } else if (const auto checkpoint = number_in_checkpoint_name(name)) {
      checkpoints_.push_back(*checkpoint);
    } else if (name.starts_with(spare_beginning) && !name.ends_with(unfinished_end)) {
      recovered_.spares.push_back(name);
    } else if (name.ends_with(unfinished_end)) {
      remove(name);  // The broker stopped while it was being written.
    }
  }
  return {};
}

void Recovery::remove(const std::string& name) {
  // A file that stays is tried again at the next start.
  if (!options_.read_only) (void)files_.remove(path(name));
}

Recovery::Outcome Recovery::load_checkpoints() {
  std::vector<Checkpoint> loaded;
  std::string complaint;
  for (auto number = checkpoints_.rbegin(); number != checkpoints_.rend(); ++number) {
    const std::string name = checkpoint_name(*number);
    const auto bytes = files_.open(path(name), OpenMode::read)
                           ? read_file(files_, path(name), checkpoint_size_max_bytes)
                           : IoResult<std::vector<std::byte>>(std::vector<std::byte>{});
    if (!bytes) return refuse(bytes.error().text());
    auto checkpoint = decode_checkpoint(*bytes, node_);
    if (checkpoint) {
      loaded.push_back(std::move(*checkpoint));
      continue;
    }
    complaint = path(name) + " " + checkpoint.error();
    recovered_.notes.push_back(complaint);
  }
  if (loaded.empty()) {
    if (complaint.empty() || options_.skip_damaged) return {};
    const bool log_is_whole = !segments_.empty() && segments_.front() == 1;
    if (log_is_whole) return {};
    return refuse(complaint + "; there is no other checkpoint and the log no longer goes back to "
                              "its beginning");
  }
  const auto summary_of = [](const Checkpoint& checkpoint) {
    CheckpointSummary summary;
    summary.segment = checkpoint.segment;
    for (const auto& [segment, state] : checkpoint.state.segments()) {
      summary.live_segments.push_back(segment);
    }
    return summary;
  };
  recovered_.newest_checkpoint = summary_of(loaded[0]);
  if (loaded.size() > 1) recovered_.older_checkpoint = summary_of(loaded[1]);
  recovered_.state = std::move(loaded[0].state);
  recovered_.epoch = loaded[0].epoch;
  recovered_.next_segment = loaded[0].segment;
  return {};
}

Recovery::Outcome Recovery::check_covered_segments() {
  // Those without live references that have not been removed yet.
  for (const std::uint32_t segment : segments_) {
    if (segment < recovered_.next_segment) recovered_.state.segments()[segment];
  }
  for (auto place = recovered_.state.segments().begin();
       place != recovered_.state.segments().end();) {
    const std::uint32_t segment = place->first;
    if (std::binary_search(segments_.begin(), segments_.end(), segment)) {
      ++place;
      continue;
    }
    const std::string sentence = path(segment_name(segment)) + " is missing; it held " +
                                 std::to_string(place->second.live_count) +
                                 " references to messages";
    if (!options_.skip_damaged) return refuse(sentence);
    recovered_.notes.push_back(sentence);
    place = recovered_.state.segments().erase(place);
  }
  return {};
}

Recovery::Outcome Recovery::scan_segments() {
  const std::uint32_t first = recovered_.next_segment;
  std::vector<std::uint32_t> to_scan;
  for (const std::uint32_t segment : segments_) {
    if (segment >= first) to_scan.push_back(segment);
  }
  for (const std::uint32_t segment : to_scan) {
    const auto file = files_.open(path(segment_name(segment)), OpenMode::read);
    if (!file) return refuse(file.error().text());
    total_bytes_ += (*file)->size().value_or(0);
  }
  for (const std::uint32_t segment : to_scan) {
    if (segment != recovered_.next_segment) {
      const std::string sentence = path(segment_name(recovered_.next_segment)) +
                                   " is missing, and later parts of the log are there";
      if (!options_.skip_damaged) return refuse(sentence);
      recovered_.notes.push_back(sentence);
      recovered_.next_segment = segment;
    }
    if (auto done = scan_segment(segment, segment == to_scan.back()); !done) return done;
  }
  return {};
}

Recovery::Outcome Recovery::scan_segment(std::uint32_t segment, bool is_last) {
  const std::string name = path(segment_name(segment));
  auto file = files_.open(name, OpenMode::read);
  if (!file) return refuse(file.error().text());
  const auto size = (*file)->size();
  if (!size) return refuse(size.error().text());
  const auto header = read_segment_header(**file, node_, segment);
  if (!header) return refuse(header.error().text());
  FrameScanner scanner(**file, *size, node_, segment);
  // A segment gets its name when its header is safe on the disk.
  if (!*header) {
    const std::string sentence =
        name + ": the header is damaged, or is of another node or a later format";
    if (!options_.skip_damaged) return refuse(sentence);
    recovered_.notes.push_back(sentence);
  } else {
    recovered_.epoch = std::max(recovered_.epoch, (*header)->epoch);
    is_last = is_last && *size >= (*header)->file_size_bytes;  // Otherwise it is cut off.
  }
  index_ = SegmentIndex{};
  recovered_.state.segments()[segment].end_position = first_frame_position;
  scanner.seek(first_frame_position);
  if (auto done = scan_frames(scanner, segment, is_last); !done) return done;
  recovered_.next_segment = segment + 1;
  write_index(segment, *header ? (*header)->generation : 0);
  done_bytes_ += *size;
  if (options_.progress) options_.progress(done_bytes_, total_bytes_);
  return {};
}

Recovery::Outcome Recovery::scan_frames(FrameScanner& scanner, std::uint32_t segment,
                                        bool is_last) {
  while (true) {
    auto frame = scanner.next();
    if (!frame) return refuse(frame.error().text());
    if (*frame) {
      apply(**frame, segment);
      recovered_.state.segments()[segment].end_position = scanner.position();
      if ((*frame)->is_seal()) return {};
      continue;
    }
    const std::uint64_t position = scanner.position();
    if (auto done = end_segment(scanner, segment, is_last); !done) return done;
    if (scanner.position() == position) return {};
  }
}

/// There is no right frame where the scanner stands. Leaves it there at the log's end, puts it
/// behind the damage when that is to be skipped.
Recovery::Outcome Recovery::end_segment(FrameScanner& scanner, std::uint32_t segment,
                                        bool is_last) {
  const std::uint64_t end = scanner.position();
  const std::string where =
      path(segment_name(segment)) + ": damaged at byte " + std::to_string(end);
  std::uint64_t later_frames = 0;
  std::uint64_t later_records = 0;
  std::uint64_t first_later = 0;
  bool was_safe = !is_last;
  for (auto found = scanner.find_next(end + 8);; found = scanner.find_next(scanner.position())) {
    if (!found) return refuse(found.error().text());
    if (!*found) break;
    if (later_frames++ == 0) first_later = scanner.position();
    const auto frame = scanner.next();
    if (!frame || !*frame) break;
    later_records += (*frame)->records.size();
    if ((*frame)->durable_upto() > end) was_safe = true;
  }
  scanner.seek(end);
  if (!was_safe) {
    if (later_frames > 0) {
      recovered_.notes.push_back(path(segment_name(segment)) +
                                 ": left out what was written after byte " + std::to_string(end) +
                                 " and was not safe yet (" + std::to_string(later_records) +
                                 " records)");
    }
    if (options_.read_only) return {};
    if (auto sealed = seal(segment, end); !sealed) return refuse(sealed.error().text());
    return {};
  }
  const std::string after =
      later_frames > 0 ? "; " + std::to_string(later_frames) + " right frames with " +
                             std::to_string(later_records) + " records follow from byte " +
                             std::to_string(first_later)
                       : "; nothing right follows in this file";
  if (!options_.skip_damaged) return refuse(where + " in a part that was safe on the disk" + after);
  recovered_.notes.push_back(where + after);
  recovered_.skipped_bytes += later_frames > 0 ? first_later - end : 0;
  if (later_frames > 0) scanner.seek(first_later);
  return {};
}

void Recovery::apply(const Frame& frame, std::uint32_t segment) {
  ++recovered_.scanned_frame_count;
  recovered_.scanned_record_count += frame.records.size();
  std::uint64_t position = frame.position + sizeof(FrameHeader);
  for (const RecordView& record : frame.records) {
    recovered_.state.apply(segment, record);
    if (record.header.kind == RecordKind::message) {
      if (const auto message = read_message(record.payload)) {
        index_.add(record.header.first_ordinal,
                   static_cast<std::uint32_t>(position / LogPlace::position_unit_bytes),
                   record.header.size_bytes, *message);
      }
    }
    position += aligned(record.header.size_bytes);
  }
}

IoResult<void> Recovery::seal(std::uint32_t segment, std::uint64_t position) {
  auto file = files_.open(path(segment_name(segment)), OpenMode::write);
  if (!file) return tl::unexpected(file.error());
  const FrameHeader frame = empty_frame(node_, segment, position, position, recovered_.epoch,
                                        FrameHeader::seal_flag);
  if (auto done = (*file)->write_at(position, bytes_of(frame)); !done) return done;
  if (auto done = (*file)->truncate(position + sizeof(frame)); !done) return done;
  recovered_.state.segments()[segment].end_position = position + sizeof(frame);
  return (*file)->sync_data();
}

void Recovery::write_index(std::uint32_t segment, std::uint32_t generation) {
  recovered_.state.segments()[segment].generation = generation;
  if (options_.read_only) return;
  // Without it the next start takes longer, that is all.
  auto file = files_.open(path(index_name(segment)), OpenMode::replace);
  if (!file) return;
  (void)(*file)->write_at(0, index_.file_bytes(segment, generation, segment_seed(node_, segment)));
}

}  // namespace

Result<Recovered, std::string> recover(FileSystem& files, const std::string& folder,
                                       const NodeId& node, const RecoveryOptions& options) {
  return Recovery(files, folder, node, options).run();
}

IoResult<std::optional<SegmentHeader>> read_segment_header(const File& file, const NodeId& node,
                                                           std::uint32_t segment) {
  std::array<std::byte, sizeof(SegmentHeader)> bytes{};
  const auto count = file.read_at(0, bytes);
  if (!count) return tl::unexpected(count.error());
  const auto header = read_struct<SegmentHeader>(bytes);
  if (*count < bytes.size() || !header_is_valid(header, segment_seed(node, segment)) ||
      header.segment != segment || header.format > format_version) {
    return std::nullopt;
  }
  return header;
}

FrameHeader empty_frame(const NodeId& node, std::uint32_t segment, std::uint64_t position,
                        std::uint64_t durable_upto, std::uint32_t epoch, std::uint32_t flags) {
  FrameHeader frame;
  frame.size_bytes = sizeof(frame);
  frame.position = static_cast<std::uint32_t>(position / LogPlace::position_unit_bytes);
  frame.durable_upto = static_cast<std::uint32_t>(durable_upto / LogPlace::position_unit_bytes);
  frame.epoch = epoch;
  frame.flags = flags;
  frame.segment = segment;
  seal_header(frame, segment_seed(node, segment));
  return frame;
}

}  // namespace leveret::storage
