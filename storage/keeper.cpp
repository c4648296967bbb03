#include "storage/keeper.hpp"

#include <algorithm>
#include <utility>

namespace leveret::storage {

namespace {
constexpr std::uint64_t slack_min_bytes = 64 * 1024;
constexpr std::uint64_t slack_max_bytes = 1024 * 1024;
constexpr std::uint64_t fill_piece_bytes = 1024 * 1024;
constexpr std::uint64_t checkpoint_size_max_bytes = 4ull << 30;
constexpr std::chrono::milliseconds retry_interval{500};
constexpr std::uint64_t garbage_segments = 4;
}  // namespace

Keeper::Keeper(DurableLog& log, SegmentFiles& files, LogSettings settings, LogEvents& events,
               Start start)
    : log_(log), files_(files), settings_(settings), events_(events),
      newest_(std::move(start.newest)), older_(std::move(start.older)) {}

Instant Keeper::step(Instant now) {
  if (log_.failed()) return never;
  if (checkpoint_requested_at_ == never) {
    checkpoint_requested_at_ = now;
    collect_garbage();  // What the last life did not come to.
  }
  finish_sealed();
  prepare_spares();
  if (lacks_room_ || log_.out_of_space() || room_is_wanted_ || has_much_garbage(now)) make_room();
  compact_one(now);
  request_checkpoint_when_due(now);
  return now + std::min(retry_interval, settings_.checkpoint_interval);
}

void Keeper::finish() {
  finish_sealed();
  if (compaction_) drop_compaction();
}

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
  if (auto checkpoint = log_.take_checkpoint()) due_ = std::move(checkpoint);
  if (due_) write_due_checkpoint();
}

void Keeper::finish_sealed(SealedSegment& sealed) {
  last_change_at_ = never;
  const std::uint32_t segment = sealed.header.segment;
  // Without its index a segment is read as a whole at the next start, that is all.
  if (auto file = files_.files().open(path(index_name(segment)), OpenMode::replace)) {
    (void)(*file)->write_at(0, sealed.index.file_bytes(sealed.header));
  }
  const std::uint64_t size_bytes = sealed.header.file_size_bytes;
  const auto slack_bytes = std::clamp(size_bytes / 16, slack_min_bytes, slack_max_bytes);
  if (size_bytes > sealed.end_position + slack_bytes) {
    auto file = files_.files().open(path(segment_name(segment)), OpenMode::write);
    if (file) (void)(*file)->truncate(sealed.end_position);
  }
}

// ---- checkpoints ---------------------------------------------------------------------------

void Keeper::request_checkpoint_when_due(Instant now) {
  if (checkpoint_requested_at_ + settings_.checkpoint_interval > now) return;
  checkpoint_requested_at_ = now;
  if (log_.has_changed()) {
    log_.request_checkpoint();
  } else {
    // Nothing happens: what the older one keeps from being collected would stay for ever.
    double_newest_checkpoint();
  }
}

void Keeper::write_due_checkpoint() {
  const std::vector<std::byte> bytes = encode_checkpoint(*due_, files_.node());
  if (auto written = write_checkpoint(checkpoint_name(due_->segment), bytes); !written) {
    if (!tolerate(written.error())) due_.reset();
    if (due_ && !due_is_late_) {
      events_.on_warning("no checkpoint could be made: " + written.error().text());
    }
    due_is_late_ = due_.has_value();
    return;
  }
  due_is_late_ = false;
  older_ = std::exchange(newest_, {});
  newest_.segment = due_->segment;
  for (const auto& [segment, state] : due_->state.segments()) {
    if (state.live_count > 0) newest_.live_segments.push_back(segment);
  }
  due_.reset();
  remove_old_checkpoints();
  collect_garbage();
}

/// When the disk is full, a spare makes room: garbage can be removed then.
IoResult<void> Keeper::write_checkpoint(const std::string& name,
                                        std::span<const std::byte> bytes) {
  auto written = replace_file(files_.files(), files_.folder(), name, bytes);
  std::string spare;
  while (!written && written.error().is_disk_full() && log_.take_spare(spare)) {
    remove(spare);
    written = replace_file(files_.files(), files_.folder(), name, bytes);
  }
  if (!written) (void)files_.files().remove(path(name + ".new"));
  return written;
}

/// Writes the newest checkpoint a second time, in the place of the older one: what has become
/// garbage between the two can go, and a damaged checkpoint still does no harm.
void Keeper::double_newest_checkpoint() {
  if (newest_.segment == older_.segment) return;
  const auto bytes = read_file(files_.files(), path(checkpoint_name(newest_.segment)),
                               checkpoint_size_max_bytes);
  if (!bytes) return events_.on_warning(bytes.error().text());
  if (const auto right = decode_checkpoint(*bytes, files_.node()); !right) {
    // Until a new one is made the older one is all that there is.
    return events_.on_warning(path(checkpoint_name(newest_.segment)) + " " + right.error());
  }
  const auto written = write_checkpoint(checkpoint_copy_name(newest_.segment), *bytes);
  if (!written && !tolerate(written.error())) return;
  // Where there is no room for two, one that was just found right has to do.
  older_ = newest_;
  remove_old_checkpoints();
  collect_garbage();
}

void Keeper::remove_old_checkpoints() {
  const auto names = files_.files().list(files_.folder());
  if (!names) return;
  for (const CheckpointFile& file : checkpoint_files_in(*names)) {
    const bool is_newest = file.segment == newest_.segment;
    const bool is_older = file.segment == older_.segment;
    // A copy stands for the older one where both are the same.
    const bool is_needed = file.is_copy ? is_newest && is_older : is_newest || is_older;
    if (!is_needed) remove(file.name);
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
      const bool was_alive = std::ranges::binary_search(older_.live_segments, segment);
      if (content.live_count == 0 && !was_alive) dead.push_back(segment);
    }
    for (const std::uint32_t segment : dead) state.segments().erase(segment);
  });
  for (const std::uint32_t segment : dead) recycle(segment);
}

void Keeper::recycle(std::uint32_t segment) {
  if (compaction_ && compaction_->header.segment == segment) drop_compaction();
  remove(index_name(segment));
  files_.forget(segment);
  not_compactable_.erase(segment);
  looks_.erase(segment);
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

/// So much that it should not wait for the next usual checkpoint.
bool Keeper::has_much_garbage(Instant now) {
  if (made_room_at_ == never) made_room_at_ = now;
  if (made_room_at_ + settings_.garbage_interval > now) return false;
  made_room_at_ = now;
  std::uint64_t dead_bytes = 0;
  log_.with_state([&](StoreState& state) {
    for (const auto& [segment, content] : state.segments()) {
      if (content.live_count == 0) dead_bytes += content.end_position;
    }
  });
  return dead_bytes >= garbage_segments * settings_.segment_size_bytes;
}

/// There is hardly any room left. What is garbage by now goes as soon as a checkpoint knows it.
void Keeper::make_room() {
  if (newest_.segment != older_.segment) return double_newest_checkpoint();
  bool has_garbage = false;
  log_.with_state([&](StoreState& state) {
    has_garbage = std::ranges::any_of(state.segments(), [](const auto& segment) {
      return segment.second.live_count == 0 && segment.second.end_position > 0;
    });
  });
  if (has_garbage && log_.has_changed()) log_.request_checkpoint();
}

// ---- spares --------------------------------------------------------------------------------

void Keeper::prepare_spares() {
  while (log_.spare_count() < settings_.spare_count) {
    if (auto prepared = prepare_spare(); !prepared) {
      lacks_room_ = tolerate(prepared.error());
      return;
    }
    if (log_.out_of_space()) log_.wake();
    finish_sealed();  // A busy log does not wait until all spares are there.
  }
  lacks_room_ = false;
}

IoResult<void> Keeper::prepare_spare() {
  auto room = files_.check_room(settings_.segment_size_bytes, settings_.reserve_bytes);
  if (!room) return room;
  std::string name;
  do {
    name = "spare-" + std::to_string(next_spare_++);
    // Those of earlier lives have such names, too.
  } while (files_.files().open(path(name), OpenMode::read));
  const std::string unfinished = path(name + ".new");
  auto filled = fill_spare(unfinished, path(name));
  if (filled) {
    log_.add_spare(name);
  } else {
    (void)files_.files().remove(unfinished);
  }
  return filled;
}

/// Zeros are written, not only reserved: overwriting costs half of what a first write does.
IoResult<void> Keeper::fill_spare(const std::string& unfinished, const std::string& name) {
  auto file = files_.files().open(unfinished, OpenMode::replace);
  if (!file) return tl::unexpected(file.error());
  const std::uint64_t size = settings_.segment_size_bytes;
  if (auto done = (*file)->allocate(size); !done) return done;
  const std::vector<std::byte> zeros(std::min(fill_piece_bytes, size));
  for (std::uint64_t at = 0; at < size; at += zeros.size()) {
    const auto piece = std::span(zeros).first(std::min<std::uint64_t>(zeros.size(), size - at));
    if (auto done = (*file)->write_at(at, piece); !done) return done;
  }
  if (auto done = (*file)->sync_data(); !done) return done;
  return files_.files().rename(unfinished, name);
}

}  // namespace leveret::storage
