// Keeper, second half: a segment with much garbage is written anew, with what is alive in it.

#include <cerrno>
#include <utility>

#include "storage/keeper.hpp"
#include "storage/recovery.hpp"
#include "storage/rewritten_segment.hpp"

namespace leveret::storage {

namespace {

// A log that has had no full segment for so long is at rest.
constexpr std::chrono::milliseconds rest_after{10'000};

bool any_live(const IndexEntry& entry, const ReferenceBits& settled) {
  for (std::uint32_t i = 0; i < entry.queues.size(); ++i) {
    if (!settled.test(entry.first_ordinal + i)) return true;
  }
  return false;
}

std::uint64_t live_size(const SegmentIndex& index, const ReferenceBits& settled) {
  std::uint64_t size_bytes = 0;
  index.for_each([&](const IndexEntry& entry) {
    if (any_live(entry, settled)) size_bytes += aligned(entry.size_bytes);
  });
  return size_bytes;
}

/// How much of the file a compaction would save.
std::uint64_t dead_percent(const SegmentState& segment) {
  constexpr std::uint64_t overhead_bytes = first_frame_position + 2 * sizeof(FrameHeader);
  const std::uint64_t needed = segment.live_size_bytes + overhead_bytes;
  if (segment.end_position <= needed) return 0;
  return (segment.end_position - needed) * 100 / segment.end_position;
}

/// Copies the records of the messages that are alive.
IoResult<void> copy_live(const File& from, const std::string& name, std::uint32_t seed,
                         const SegmentIndex& index, const ReferenceBits& settled,
                         RewrittenSegment& to) {
  IoResult<void> outcome;
  std::vector<std::byte> bytes;
  index.for_each([&](const IndexEntry& entry) {
    if (!outcome || !any_live(entry, settled)) return;
    bytes.resize(entry.size_bytes);
    const auto count =
        from.read_at(std::uint64_t{entry.position} * LogPlace::position_unit_bytes, bytes);
    if (!count) {
      outcome = tl::unexpected(count.error());
      return;
    }
    const auto record = *count == bytes.size() ? read_record(bytes, seed) : std::nullopt;
    // It stays where it is: who asks for it is told.
    outcome = record ? to.add(*record, bytes)
                     : tl::unexpected(IoError{"read a message in " + name, EILSEQ});
  });
  return outcome;
}

}  // namespace

void Keeper::compact_one(Instant now) {
  if (last_change_at_ == never) last_change_at_ = now;
  if (compaction_) {
    const std::uint32_t segment = compaction_->header.segment;
    if (auto done = finish_compaction(); !done) give_up_compaction(segment, done.error());
    return;
  }
  const bool is_thorough = lacks_room_ || last_change_at_ + rest_after <= now;
  const std::uint64_t percent =
      is_thorough ? std::min(settings_.compact_at_percent, settings_.compact_at_rest_percent)
                  : settings_.compact_at_percent;
  const auto segment = choose_segment(percent);
  if (!segment) return;
  if (auto begun = begin_compaction(*segment, percent); !begun) {
    give_up_compaction(*segment, begun.error());
  }
}

void Keeper::give_up_compaction(std::uint32_t segment, const IoError& error) {
  compaction_.reset();
  (void)files_.files().remove(path(segment_name(segment) + ".new"));
  if (error.is_disk_full()) return;
  not_compactable_.insert(segment);
  events_.on_warning("a part of the log cannot be compacted: " + error.text());
}

void Keeper::drop_compaction() {
  (void)files_.files().remove(path(segment_name(compaction_->header.segment) + ".new"));
  compaction_.reset();
}

/// The segment that seems to have the largest share of garbage, if it is enough.
std::optional<std::uint32_t> Keeper::choose_segment(std::uint64_t percent) {
  std::optional<std::uint32_t> best;
  log_.with_state([&](StoreState& state) {
    for (const auto& [segment, content] : state.segments()) {
      // What is in it besides messages has to be in both checkpoints.
      if (segment >= older_.segment) break;
      if (content.live_count == 0 || content.end_position < settings_.compact_min_bytes ||
          not_compactable_.contains(segment)) {
        continue;
      }
      // It was looked at, and most of what was alive still is.
      const auto look = looks_.find(segment);
      if (look != looks_.end() && look->second.dead_percent < percent &&
          content.live_count > std::uint64_t{look->second.live_count} * 9 / 10) {
        continue;
      }
      const std::uint64_t dead = dead_percent(content);
      if (dead < percent) continue;
      percent = dead;
      best = segment;
    }
  });
  return best;
}

IoResult<void> Keeper::begin_compaction(std::uint32_t segment, std::uint64_t percent) {
  const std::string name = path(segment_name(segment));
  const auto from = files_.files().open(name, OpenMode::read);
  if (!from) return tl::unexpected(from.error());
  auto header = read_segment_header(**from, files_.node(), segment);
  if (!header) return tl::unexpected(header.error());
  if (!*header) return tl::unexpected(IoError{"read the header of " + name, EILSEQ});
  const auto index = load_index(files_.files(), files_.folder(), files_.node(), segment, **from);
  if (!index) return tl::unexpected(index.error());

  Compaction compaction;
  ReferenceBits settled;
  bool is_worth_it = false;
  compaction.record_count = log_.with_state([&](StoreState& state) {
    SegmentState& content = state.segments()[segment];
    settled = content.settled;
    // What is known of it until now is a guess: a message goes when all its references are settled.
    content.live_size_bytes = compaction.live_size_bytes = live_size(*index, settled);
    looks_[segment] = {content.live_count, dead_percent(content)};
    is_worth_it = looks_[segment].dead_percent >= percent;
  });
  if (!is_worth_it) return {};

  auto to = files_.files().open(name + ".new", OpenMode::replace);
  if (!to) return tl::unexpected(to.error());
  ++(*header)->generation;
  RewrittenSegment compacted(**to, **header);
  const std::uint32_t seed = segment_seed(files_.node(), segment);
  if (auto done = copy_live(**from, name, seed, *index, settled, compacted); !done) return done;
  if (auto done = compacted.finish(); !done) return done;
  compaction.header = compacted.header();
  compaction.index = compacted.index();
  compaction.end_position = compacted.end_position();
  compaction_ = std::move(compaction);
  return finish_compaction();
}

/// Puts the compacted file in the place of the segment, as soon as it is safe: what it leaves out
/// was settled by records that may not have been synced yet, and would be missed without them.
IoResult<void> Keeper::finish_compaction() {
  if (!log_.is_durable(compaction_->record_count)) return {};
  const Compaction done = std::move(*std::exchange(compaction_, std::nullopt));
  const std::uint32_t segment = done.header.segment;
  const std::string name = path(segment_name(segment));
  // Before the file: who opens it from now on asks where its messages lie.
  files_.note_compacted(segment);
  if (auto renamed = files_.files().rename(name + ".new", name); !renamed) return renamed;
  files_.replaced(segment);
  if (auto synced = files_.files().sync_folder(files_.folder()); !synced) {
    tolerate(synced.error());
    return {};
  }
  // The index of another file is not believed, so the order of the two does not matter.
  if (auto file = files_.files().open(path(index_name(segment)), OpenMode::replace)) {
    (void)(*file)->write_at(0, done.index.file_bytes(done.header));
  }
  log_.with_state([&](StoreState& state) {
    SegmentState& content = state.segments()[segment];
    content.end_position = done.end_position;
    // What was settled meanwhile counts again: it is a guess in any case.
    content.live_size_bytes = done.live_size_bytes;
    looks_[segment] = {content.live_count, 0};
  });
  return {};
}

}  // namespace leveret::storage
