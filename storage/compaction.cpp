// Keeper, second half: a segment with much garbage is written anew, with what is alive in it.

#include "storage/keeper.hpp"
#include "storage/recovery.hpp"

namespace leveret::storage {

namespace {

// Below this a rewrite gains nothing.
constexpr std::uint64_t compaction_min_bytes = 64 * 1024;
constexpr std::size_t frame_target_bytes = 1024 * 1024;
// A log that has had no full segment for so long is at rest.
constexpr std::chrono::milliseconds rest_after{10'000};

/// The new file of a compacted segment while it is written.
class CompactedFile {
 public:
  CompactedFile(File& file, const NodeId& node, std::uint32_t segment)
      : file_(file), node_(node), segment_(segment), seed_(segment_seed(node, segment)) {
    begin_frame();
  }

  /// Adds a record as it is.
  IoResult<void> add(const RecordView& record, std::span<const std::byte> bytes) {
    const std::uint64_t position = position_ + frame_.size();
    frame_.insert(frame_.end(), bytes.begin(), bytes.end());
    frame_.resize(aligned(frame_.size()));
    ++record_count_;
    if (const auto message = read_message(record.payload)) {
      index_.add(record.header.first_ordinal,
                 static_cast<std::uint32_t>(position / LogPlace::position_unit_bytes),
                 record.header.size_bytes, *message);
    }
    return frame_.size() < frame_target_bytes ? IoResult<void>{} : end_frame(0);
  }

  /// Writes the rest, the seal and the header, and syncs.
  IoResult<void> finish(std::uint32_t generation, std::uint32_t epoch) {
    if (record_count_ > 0) {
      if (auto done = end_frame(0); !done) return done;
    }
    if (auto done = end_frame(FrameHeader::seal_flag); !done) return done;
    SegmentHeader header;
    header.segment = segment_;
    header.generation = generation;
    header.epoch = epoch;
    header.node = node_;
    header.file_size_bytes = position_;
    seal_header(header, seed_);
    if (auto done = file_.write_at(0, bytes_of(header)); !done) return done;
    return file_.sync_data();
  }

  const SegmentIndex& index() const { return index_; }
  std::uint64_t end_position() const { return position_; }

 private:
  void begin_frame() {
    frame_.assign(sizeof(FrameHeader), std::byte{0});
    record_count_ = 0;
  }

  IoResult<void> end_frame(std::uint32_t flags) {
    FrameHeader header;
    header.size_bytes = static_cast<std::uint32_t>(frame_.size());
    header.position = static_cast<std::uint32_t>(position_ / LogPlace::position_unit_bytes);
    header.record_count = record_count_;
    header.flags = flags;
    header.segment = segment_;
    seal_header(header, seed_);
    std::memcpy(frame_.data(), &header, sizeof(header));
    auto written = file_.write_at(position_, frame_);
    position_ += frame_.size();
    begin_frame();
    return written;
  }

  File& file_;
  const NodeId& node_;
  std::uint32_t segment_;
  std::uint32_t seed_;
  std::vector<std::byte> frame_;
  std::uint32_t record_count_ = 0;
  std::uint64_t position_ = first_frame_position;
  SegmentIndex index_;
};

bool any_live(const IndexEntry& entry, const ReferenceBits& settled) {
  for (std::uint32_t i = 0; i < entry.queues.size(); ++i) {
    if (!settled.test(entry.first_ordinal + i)) return true;
  }
  return false;
}

}  // namespace

void Keeper::compact_one(Instant now) {
  if (last_change_at_ == never) last_change_at_ = now;
  const auto segment = choose_segment(now);
  if (!segment) return;
  if (auto done = compact(*segment); !done) {
    (void)files_.files().remove(path(segment_name(*segment) + ".new"));
    if (done.error().is_disk_full()) return;
    not_compactable_[*segment] = true;
    events_.on_warning("a part of the log cannot be compacted: " + done.error().text());
  }
}

/// The segment with the largest share of garbage, if it is enough.
std::optional<std::uint32_t> Keeper::choose_segment(Instant now) {
  const bool at_rest = last_change_at_ + rest_after <= now;
  std::uint64_t best_percent = at_rest ? std::min(settings_.compact_at_percent,
                                                  settings_.compact_at_rest_percent)
                                       : settings_.compact_at_percent;
  std::optional<std::uint32_t> best;
  log_.with_state([&](StoreState& state) {
    for (const auto& [segment, content] : state.segments()) {
      // What is in it besides messages has to be in both checkpoints.
      if (segment >= older_.segment) break;
      if (content.live_count == 0 || content.end_position < compaction_min_bytes ||
          not_compactable_.contains(segment)) {
        continue;
      }
      const std::uint64_t live = std::min(content.live_size_bytes, content.end_position);
      const std::uint64_t dead_percent = (content.end_position - live) * 100 / content.end_position;
      if (dead_percent < best_percent) continue;
      best_percent = dead_percent;
      best = segment;
    }
  });
  return best;
}

IoResult<void> Keeper::compact(std::uint32_t segment) {
  const std::string name = path(segment_name(segment));
  const auto index = load_index(files_.files(), files_.folder(), files_.node(), segment);
  if (!index) return tl::unexpected(index.error());
  const auto from = files_.files().open(name, OpenMode::read);
  if (!from) return tl::unexpected(from.error());
  const auto header = read_segment_header(**from, files_.node(), segment);
  if (!header) return tl::unexpected(header.error());
  if (!*header) return tl::unexpected(IoError{"read the header of " + name, EILSEQ});

  ReferenceBits settled;
  log_.with_state([&](StoreState& state) { settled = state.segments()[segment].settled; });
  auto to = files_.files().open(name + ".new", OpenMode::replace);
  if (!to) return tl::unexpected(to.error());
  CompactedFile compacted(**to, files_.node(), segment);
  const std::uint32_t seed = segment_seed(files_.node(), segment);
  std::uint64_t copied_bytes = 0;
  IoResult<void> outcome;
  std::vector<std::byte> bytes;
  index->for_each([&](const IndexEntry& entry) {
    if (!outcome || !any_live(entry, settled)) return;
    bytes.resize(entry.size_bytes);
    const auto count = (*from)->read_at(
        std::uint64_t{entry.position} * LogPlace::position_unit_bytes, bytes);
    const auto record = count && *count == bytes.size() ? read_record(bytes, seed) : std::nullopt;
    if (!record) {
      // It stays where it is: who asks for it is told.
      outcome = tl::unexpected(IoError{"read a message in " + name, EILSEQ});
      return;
    }
    copied_bytes += aligned(entry.size_bytes);
    outcome = compacted.add(*record, bytes);
  });
  if (!outcome) return outcome;

  const std::uint32_t generation = (*header)->generation + 1;
  if (auto done = compacted.finish(generation, (*header)->epoch); !done) return done;
  if (auto done = files_.files().rename(name + ".new", name); !done) return done;
  files_.note_generation(segment, generation);
  if (auto done = files_.files().sync_folder(files_.folder()); !done) return done;
  // An index of another generation is not believed, so the order of the two does not matter.
  if (auto file = files_.files().open(path(index_name(segment)), OpenMode::replace)) {
    (void)(*file)->write_at(0, compacted.index().file_bytes(segment, generation, seed));
  }
  log_.with_state([&](StoreState& state) {
    SegmentState& content = state.segments()[segment];
    content.generation = generation;
    content.end_position = compacted.end_position();
    content.live_size_bytes = std::min(content.live_size_bytes, copied_bytes);
  });
  return {};
}

}  // namespace leveret::storage
