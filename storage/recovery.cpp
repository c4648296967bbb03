#include "storage/recovery.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "storage/frame_scanner.hpp"

namespace leveret::storage {

namespace {

constexpr std::uint64_t checkpoint_size_max_bytes = 4ull << 30;
constexpr std::uint64_t rewritten_piece_bytes = 1024 * 1024;
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
  Result<Checkpoint, std::string> load_checkpoint(const CheckpointFile& file);
  Outcome check_covered_segments();
  Outcome scan_segments();
  Outcome scan_segment(std::uint32_t segment, bool is_last);
  Outcome check_header(const std::string& name, const std::optional<SegmentHeader>& header);
  Outcome scan_frames(FrameScanner& scanner, std::uint32_t segment, bool is_last);
  Outcome end_segment(FrameScanner& scanner, std::uint32_t segment, bool is_last);
  void apply(const Frame& frame, std::uint32_t segment);
  IoResult<void> make_last_safe(std::uint32_t segment, bool is_sealed);
  void write_index(const SegmentHeader& header);
  /// Damage: refuses, or notes it where damage is to be skipped.
  Outcome refuse_or_skip(std::string sentence);
  void remove(const std::string& name);
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  FileSystem& files_;
  const std::string& folder_;
  const NodeId& node_;
  const RecoveryOptions& options_;
  Recovered recovered_;
  std::vector<std::uint32_t> segments_;
  std::vector<CheckpointFile> checkpoints_;  ///< The one to be believed first is in front.
  SegmentIndex index_;
  std::uint64_t durable_upto_ = 0;  ///< Of the segment that is scanned, as its frames say.
  std::uint64_t done_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
};

Result<Recovered, std::string> Recovery::run() {
  for (const auto step : {&Recovery::list_files, &Recovery::load_checkpoints,
                          &Recovery::check_covered_segments, &Recovery::scan_segments}) {
    if (auto done = (this->*step)(); !done) return tl::unexpected(done.error());
  }
  // Names that the last life has given or taken and not synced are believed from now on.
  if (!options_.read_only) {
    if (auto synced = files_.sync_folder(folder_); !synced) return refuse(synced.error().text());
  }
  ++recovered_.epoch;
  return std::move(recovered_);
}

Recovery::Outcome Recovery::refuse_or_skip(std::string sentence) {
  if (!options_.skip_damaged) return refuse(std::move(sentence));
  recovered_.notes.push_back(std::move(sentence));
  recovered_.has_skipped = true;
  return {};
}

// ---- files ---------------------------------------------------------------------------------

Recovery::Outcome Recovery::list_files() {
  const auto names = files_.list(folder_);
  if (!names) return refuse(names.error().text());
  std::vector<std::uint32_t> indexes;
  for (const std::string& name : *names) {
    if (const auto segment = number_in_segment_name(name)) {
      segments_.push_back(*segment);
    } else if (const auto index = number_in_index_name(name)) {
      indexes.push_back(*index);
    } else if (name.starts_with(spare_beginning) && !name.ends_with(unfinished_end)) {
      recovered_.spares.push_back(name);
    } else if (name.ends_with(unfinished_end)) {
      remove(name);  // The broker stopped while it was being written.
    }
  }
  for (const std::uint32_t index : indexes) {
    // Its segment went, and the system forgot that the index went, too.
    if (!std::ranges::binary_search(segments_, index)) remove(index_name(index));
  }
  checkpoints_ = checkpoint_files_in(*names);
  return {};
}

void Recovery::remove(const std::string& name) {
  // A file that stays is tried again at the next start.
  if (!options_.read_only) (void)files_.remove(path(name));
}

// ---- checkpoints ---------------------------------------------------------------------------

Result<Checkpoint, std::string> Recovery::load_checkpoint(const CheckpointFile& file) {
  const auto bytes = read_file(files_, path(file.name), checkpoint_size_max_bytes);
  if (!bytes) return tl::unexpected(bytes.error().text());
  auto checkpoint = decode_checkpoint(*bytes, node_, file);
  if (!checkpoint) return tl::unexpected(path(file.name) + " " + checkpoint.error());
  return checkpoint;
}

Recovery::Outcome Recovery::load_checkpoints() {
  const auto summary_of = [](const Checkpoint& checkpoint) {
    CheckpointSummary summary;
    summary.segment = checkpoint.segment;
    for (const auto& [segment, state] : checkpoint.state.segments()) {
      summary.live_segments.push_back(segment);
    }
    return summary;
  };
  std::string complaint;
  for (const CheckpointFile& file : checkpoints_) {
    auto checkpoint = load_checkpoint(file);
    if (!checkpoint) {
      complaint = checkpoint.error();
      recovered_.notes.push_back(complaint);
    } else if (recovered_.newest_checkpoint.segment == 0) {
      recovered_.newest_checkpoint = summary_of(*checkpoint);
      recovered_.state = std::move(checkpoint->state);
      recovered_.epoch = checkpoint->epoch;
      recovered_.next_segment = checkpoint->segment;
      // The one that it is a copy of is damaged or gone.
      if (file.is_copy && !options_.read_only) {
        (void)files_.rename(path(file.name), path(checkpoint_name(file.segment)));
      }
    } else if (recovered_.older_checkpoint.segment == 0) {
      recovered_.older_checkpoint = summary_of(*checkpoint);
    }
  }
  const bool log_is_whole = !segments_.empty() && segments_.front() == 1;
  if (recovered_.newest_checkpoint.segment != 0 || complaint.empty() || log_is_whole) return {};
  return refuse_or_skip(complaint + "; there is no other checkpoint and the log no longer goes "
                                    "back to its beginning");
}

Recovery::Outcome Recovery::check_covered_segments() {
  // Those without live references that have not been removed yet.
  for (const std::uint32_t segment : segments_) {
    if (segment < recovered_.next_segment) recovered_.state.segments()[segment];
  }
  for (auto place = recovered_.state.segments().begin();
       place != recovered_.state.segments().end();) {
    const std::uint32_t segment = place->first;
    if (std::ranges::binary_search(segments_, segment)) {
      ++place;
      continue;
    }
    if (auto done = refuse_or_skip(path(segment_name(segment)) + " is missing; it held " +
                                   std::to_string(place->second.live_count) +
                                   " references to messages");
        !done) {
      return done;
    }
    place = recovered_.state.segments().erase(place);
  }
  return {};
}

// ---- segments ------------------------------------------------------------------------------

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
      if (auto done = refuse_or_skip(path(segment_name(recovered_.next_segment)) +
                                     " is missing, and later parts of the log are there");
          !done) {
        return done;
      }
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
  if (auto done = check_header(name, *header); !done) return done;
  FrameScanner scanner(**file, *size, node_, segment);
  index_ = SegmentIndex{};
  durable_upto_ = 0;
  recovered_.state.segments()[segment].end_position = first_frame_position;
  scanner.seek(first_frame_position);
  const bool is_cut_off = *header && *size < (*header)->file_size_bytes;
  if (auto done = scan_frames(scanner, segment, is_last && !is_cut_off); !done) return done;
  recovered_.next_segment = segment + 1;
  if (*header) write_index(**header);
  done_bytes_ += *size;
  if (options_.progress) options_.progress(done_bytes_, total_bytes_);
  return {};
}

Recovery::Outcome Recovery::check_header(const std::string& name,
                                         const std::optional<SegmentHeader>& header) {
  // A segment gets its name when its header is safe on the disk.
  if (!header) {
    return refuse_or_skip(name +
                          ": the header is damaged, or is of another node or a later format");
  }
  recovered_.epoch = std::max(recovered_.epoch, header->epoch);
  if (header->generation == 0) return {};
  return refuse_or_skip(name + " was compacted: what else it held was in a checkpoint, and none "
                               "that covers it can be read");
}

Recovery::Outcome Recovery::scan_frames(FrameScanner& scanner, std::uint32_t segment,
                                        bool is_last) {
  while (true) {
    auto frame = scanner.next();
    if (!frame) return refuse(frame.error().text());
    if (*frame) {
      apply(**frame, segment);
      recovered_.state.segments()[segment].end_position = scanner.position();
      if (!(*frame)->is_seal()) continue;
      if (!is_last || options_.read_only) return {};
      const auto safe = make_last_safe(segment, true);
      return safe ? Outcome{} : refuse(safe.error().text());
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
  const std::string name = path(segment_name(segment));
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
  }
  scanner.seek(end);
  // A header alone tells it, too: the frame that was being written last is often torn itself.
  if (scanner.durable_upto() > end) was_safe = true;
  if (!was_safe) {
    if (later_frames > 0) {
      recovered_.notes.push_back(name + ": left out what was written after byte " +
                                 std::to_string(end) + " and was not safe yet (" +
                                 std::to_string(later_records) + " records)");
    }
    if (options_.read_only) return {};
    const auto safe = make_last_safe(segment, false);
    return safe ? Outcome{} : refuse(safe.error().text());
  }
  const std::string after =
      later_frames > 0 ? "; " + std::to_string(later_frames) + " right frames with " +
                             std::to_string(later_records) + " records follow from byte " +
                             std::to_string(first_later)
                       : "; nothing right follows in this file";
  if (auto done = refuse_or_skip(name + ": damaged at byte " + std::to_string(end) +
                                 " in a part that was safe on the disk" + after);
      !done) {
    return done;
  }
  recovered_.skipped_bytes += later_frames > 0 ? first_later - end : 0;
  if (later_frames > 0) scanner.seek(first_later);
  return {};
}

void Recovery::apply(const Frame& frame, std::uint32_t segment) {
  ++recovered_.scanned_frame_count;
  recovered_.scanned_record_count += frame.records.size();
  durable_upto_ = std::max(durable_upto_, frame.durable_upto());
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

/// What the last life wrote and nobody knows to be synced is relied on from now on, so it has to be
/// on the disk. It is written once more: after a sync that failed the system holds pages that look
/// well and that no sync will write. Then the segment gets its seal, and its end.
IoResult<void> Recovery::make_last_safe(std::uint32_t segment, bool is_sealed) {
  auto file = files_.open(path(segment_name(segment)), OpenMode::write);
  if (!file) return tl::unexpected(file.error());
  std::uint64_t& end = recovered_.state.segments()[segment].end_position;
  std::vector<std::byte> piece;
  for (std::uint64_t at = std::max(durable_upto_, first_frame_position); at < end;
       at += piece.size()) {
    piece.resize(std::min(end - at, rewritten_piece_bytes));
    const auto count = (*file)->read_at(at, piece);
    if (!count) return tl::unexpected(count.error());
    if (*count < piece.size()) return tl::unexpected(IoError{"read " + path(segment_name(segment)),
                                                             EIO});
    if (auto done = (*file)->write_at(at, piece); !done) return done;
  }
  if (auto done = (*file)->sync_data(); !done || is_sealed) return done;
  // Only now can the seal say, and prove, that all before it is safe.
  const FrameHeader frame =
      empty_frame(node_, segment, end, end, recovered_.epoch, FrameHeader::seal_flag);
  if (auto done = (*file)->write_at(end, bytes_of(frame)); !done) return done;
  // A file may be shorter than it says only when it is sealed.
  if (auto done = (*file)->sync_data(); !done) return done;
  end += sizeof(frame);
  if (auto done = (*file)->truncate(end); !done) return done;
  return (*file)->sync_data();
}

void Recovery::write_index(const SegmentHeader& header) {
  if (options_.read_only) return;
  // Without it the next start takes longer, that is all.
  auto file = files_.open(path(index_name(header.segment)), OpenMode::replace);
  if (file) (void)(*file)->write_at(0, index_.file_bytes(header));
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
