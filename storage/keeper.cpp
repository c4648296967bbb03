#include "storage/keeper.hpp"

#include <algorithm>
#include <utility>

namespace leveret::storage {

namespace {
constexpr std::uint64_t slack_max_bytes = 1024 * 1024;
constexpr std::size_t fill_piece_bytes = 1024 * 1024;
constexpr std::chrono::milliseconds retry_interval{500};
}  // namespace

Keeper::Keeper(DurableLog& log, SegmentFiles& files, LogSettings settings, LogEvents& events,
               Start start)
    : log_(log), files_(files), settings_(settings), events_(events),
      newest_(std::move(start.newest)), older_(std::move(start.older)),
      due_(std::move(start.due)) {}

Instant Keeper::step(Instant now) {
  if (log_.failed()) return never;
  if (checkpoint_requested_at_ == never) checkpoint_requested_at_ = now;
  if (due_) write_checkpoint(*std::exchange(due_, std::nullopt));
  finish_sealed();
  prepare_spare();
  compact_one(now);
  if (checkpoint_requested_at_ + settings_.checkpoint_interval <= now) {
    checkpoint_requested_at_ = now;
    if (log_.has_changed()) log_.request_checkpoint();
  }
  return now + std::min(retry_interval, settings_.checkpoint_interval);
}

void Keeper::finish() { finish_sealed(); }

/// True when the failure was that the disk is full: it is tried again later.
bool Keeper::tolerate(const IoError& error) {
  if (error.is_disk_full() || error.is_missing()) return true;
  events_.on_failure(error);
  return false;
}

void Keeper::remove(const std::string& name) {
  const auto removed = files_.files().remove(path(name));
  if (!removed && !removed.error().is_missing()) events_.on_warning(removed.error().text());
}

// ---- sealed segments -----------------------------------------------------------------------

void Keeper::finish_sealed() {
  for (SealedSegment& sealed : log_.take_sealed()) finish_sealed(sealed);
}

void Keeper::finish_sealed(SealedSegment& sealed) {
  last_sealed_ = sealed.number;
  last_change_at_ = never;
  const std::uint32_t seed = segment_seed(files_.node(), sealed.number);
  // Without its index a segment is read as a whole at the next start, that is all.
  if (auto file = files_.files().open(path(index_name(sealed.number)), OpenMode::replace)) {
    (void)(*file)->write_at(0, sealed.index.file_bytes(sealed.number, 0, seed));
  }
  if (sealed.file_size_bytes > sealed.end_position + slack_max_bytes) {
    auto file = files_.files().open(path(segment_name(sealed.number)), OpenMode::write);
    if (file) (void)(*file)->truncate(sealed.end_position);
  }
  if (sealed.checkpoint) write_checkpoint(*sealed.checkpoint);
}

// ---- checkpoints ---------------------------------------------------------------------------

void Keeper::write_checkpoint(const Checkpoint& checkpoint) {
  const std::vector<std::byte> bytes = encode_checkpoint(checkpoint, files_.node());
  const std::string name = checkpoint_name(checkpoint.segment);
  auto written = replace_file(files_.files(), files_.folder(), name, bytes);
  std::string spare;
  if (!written && written.error().is_disk_full() && log_.take_spare(spare)) {
    // The room of a spare is better used: a checkpoint lets garbage be removed.
    remove(spare);
    written = replace_file(files_.files(), files_.folder(), name, bytes);
  }
  if (!written) {
    remove(name + ".new");
    if (tolerate(written.error())) {
      events_.on_warning("no checkpoint could be made: " + written.error().text());
    }
    return;
  }
  older_ = std::exchange(newest_, {});
  newest_.segment = checkpoint.segment;
  for (const auto& [segment, state] : checkpoint.state.segments()) {
    if (state.live_count > 0) newest_.live_segments.push_back(segment);
  }
  remove_old_checkpoints();
  collect_garbage();
}

void Keeper::remove_old_checkpoints() {
  const auto names = files_.files().list(files_.folder());
  if (!names) return;
  for (const std::string& name : *names) {
    const auto number = number_in_checkpoint_name(name);
    if (number && *number != newest_.segment && *number != older_.segment) remove(name);
  }
}

// ---- garbage -------------------------------------------------------------------------------

/// A segment goes when neither checkpoint needs it: both cover it, and even the older one knows of
/// nothing alive in it. What it says about other segments is in both.
void Keeper::collect_garbage() {
  std::vector<std::uint32_t> dead;
  log_.with_state([&](StoreState& state) {
    for (const auto& [segment, content] : state.segments()) {
      if (segment >= older_.segment) break;
      const bool was_alive = std::binary_search(older_.live_segments.begin(),
                                                older_.live_segments.end(), segment);
      if (content.live_count == 0 && !was_alive) dead.push_back(segment);
    }
    for (const std::uint32_t segment : dead) state.segments().erase(segment);
  });
  for (const std::uint32_t segment : dead) recycle(segment);
}

void Keeper::recycle(std::uint32_t segment) {
  remove(index_name(segment));
  files_.forget(segment);
  not_compactable_.erase(segment);
  const std::string name = segment_name(segment);
  const auto file = files_.files().open(path(name), OpenMode::read);
  const bool has_usual_size =
      file && (*file)->size().value_or(0) == settings_.segment_size_bytes;
  if (has_usual_size && log_.spare_count() < settings_.spare_count) {
    const std::string spare = "spare-" + name;
    if (files_.files().rename(path(name), path(spare))) return log_.add_spare(spare);
  }
  remove(name);
}

// ---- spares --------------------------------------------------------------------------------

void Keeper::prepare_spare() {
  while (log_.spare_count() < settings_.spare_count) {
    std::string name;
    do {  // Those of an earlier process may be there, and the log may be about to take one.
      name = "spare-" + std::to_string(next_spare_++);
    } while (files_.files().open(path(name), OpenMode::read));
    const std::string unfinished = path(name + ".new");
    if (auto filled = fill_spare(unfinished, path(name)); !filled) {
      (void)files_.files().remove(unfinished);
      if (tolerate(filled.error())) lacks_room_ = log_.spare_count() == 0;
      return;
    }
    log_.add_spare(name);
    if (log_.out_of_space()) log_.wake();
    finish_sealed();  // A busy log does not wait until all spares are there.
  }
  lacks_room_ = false;
}

/// Zeros are written, not only reserved: overwriting costs half of what a first write does.
IoResult<void> Keeper::fill_spare(const std::string& unfinished, const std::string& name) {
  auto file = files_.files().open(unfinished, OpenMode::replace);
  if (!file) return tl::unexpected(file.error());
  if (auto done = (*file)->allocate(settings_.segment_size_bytes); !done) return done;
  const std::vector<std::byte> zeros(fill_piece_bytes);
  for (std::uint64_t at = 0; at < settings_.segment_size_bytes; at += zeros.size()) {
    const std::uint64_t size = std::min<std::uint64_t>(zeros.size(),
                                                       settings_.segment_size_bytes - at);
    if (auto done = (*file)->write_at(at, std::span(zeros).first(size)); !done) return done;
  }
  if (auto done = (*file)->sync_data(); !done) return done;
  return files_.files().rename(unfinished, name);
}

}  // namespace leveret::storage
