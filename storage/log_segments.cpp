// DurableLog, second half: segments begin and end; what the keeper asks.

#include <algorithm>
#include <utility>

#include "storage/durable_log.hpp"

namespace leveret::storage {

/// Begins the segment of a frame, the first in it.
bool DurableLog::begin_segment(const Submission& first) {
  const std::uint32_t segment = first.segment();
  if (file_ != nullptr) {
    if (auto sealed = seal_segment(); !sealed) return give_up(sealed.error());
  }
  const std::uint64_t needed = first_frame_position + first.size_bytes() + sizeof(FrameHeader);
  SegmentHeader header;
  header.segment = segment;
  header.epoch = epoch_;
  header.node = files_.node();
  header.file_size_bytes = std::max(settings_.segment_size_bytes, needed);
  seal_header(header, segment_seed(files_.node(), segment));
  auto file = create_segment(header, first.reference_count() > 0);
  if (!file) return give_up(file.error());
  file_ = std::move(*file);
  header_ = header;
  segment_ = segment;
  next_segment_ = segment + 1;
  seed_ = segment_seed(files_.node(), segment);
  position_ = durable_position_ = first_frame_position;
  end_is_attested_ = true;
  index_ = SegmentIndex{};
  return true;
}

IoResult<std::unique_ptr<File>> DurableLog::create_segment(const SegmentHeader& header,
                                                           bool has_messages) {
  const std::string folder = files_.folder() + "/";
  const std::uint64_t size_bytes = header.file_size_bytes;
  std::string spare;
  while (size_bytes == settings_.segment_size_bytes && take_spare(spare)) {
    auto file = files_.files().open(folder + spare, OpenMode::write);
    if (!file && file.error().is_missing()) continue;
    if (!file) return file;
    const auto size = (*file)->size();
    if (!size) return tl::unexpected(size.error());
    if (*size != size_bytes) {
      // It is from a time with other settings.
      (void)files_.files().remove(folder + spare);
      continue;
    }
    if (auto done = name_segment(**file, header, folder + spare); !done) {
      add_spare(std::move(spare));
      return tl::unexpected(done.error());
    }
    return file;
  }
  const std::uint64_t reserve_bytes =
      has_messages ? settings_.reserve_bytes : settings_.checkpoint_reserve_bytes;
  if (auto room = files_.check_room(size_bytes, reserve_bytes); !room) {
    return tl::unexpected(room.error());
  }
  const std::string unfinished = folder + segment_name(header.segment) + ".new";
  auto file = files_.files().open(unfinished, OpenMode::replace);
  if (!file) return file;
  auto done = (*file)->allocate(size_bytes);
  if (done) done = name_segment(**file, header, unfinished);
  if (!done) {
    (void)files_.files().remove(unfinished);
    return tl::unexpected(done.error());
  }
  return file;
}

/// A file gets its name when its header is safe: whatever has such a name has had a right header.
IoResult<void> DurableLog::name_segment(File& file, const SegmentHeader& header,
                                        const std::string& from) {
  if (auto done = file.write_at(0, bytes_of(header)); !done) return done;
  if (auto done = file.sync_data(); !done) return done;
  const std::string name = files_.folder() + "/" + segment_name(header.segment);
  if (auto done = files_.files().rename(from, name); !done) return done;
  return files_.files().sync_folder(files_.folder());
}

/// The last frame. All of a segment is safe before the next one begins.
IoResult<void> DurableLog::seal_segment() {
  const FrameHeader frame = empty_frame(files_.node(), segment_, position_, durable_position_,
                                        epoch_, FrameHeader::seal_flag);
  if (auto done = file_->write_at(position_, bytes_of(frame)); !done) return done;
  if (auto done = file_->sync_data(); !done) return done;
  position_ += sizeof(frame);

  SealedSegment sealed;
  sealed.header = header_;
  sealed.end_position = position_;
  sealed.index = std::exchange(index_, SegmentIndex{});
  {
    const std::lock_guard lock(state_mutex_);
    state_.segments()[segment_].end_position = position_;
    durable_record_count_ = record_count_;
  }
  file_.reset();
  {
    const std::lock_guard lock(mutex_);
    sealed_.push_back(std::move(sealed));
  }
  note_room();
  if (checkpoint_requested_ || bytes_since_checkpoint_ >= settings_.checkpoint_bytes) {
    make_checkpoint();
  }
  return {};
}

/// Requires: no segment is open; all that the state consists of is on the disk then.
void DurableLog::make_checkpoint() {
  checkpoint_requested_ = false;
  bytes_since_checkpoint_ = 0;
  std::optional<Checkpoint> made;
  {
    const std::lock_guard lock(state_mutex_);
    if (std::exchange(records_since_checkpoint_, 0) == 0) return;
    made = Checkpoint{next_segment_, epoch_, state_};
  }
  const std::lock_guard lock(mutex_);
  checkpoint_ = std::move(made);
}

/// Ends the segment here, if there is one: the next frame begins another.
void DurableLog::make_requested_checkpoint() {
  if (file_ == nullptr) {
    if (checkpoint_requested_) make_checkpoint();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (!queue_.empty() || !pending_.empty()) return;
    // A tail that is ahead of the file: there was no room for the seal the last time.
    const bool has_begun = tail_segment_ != segment_;
    if (!checkpoint_requested_ && !has_begun) return;
    if (!has_begun) begin_tail();
  }
  if (!unsynced_.empty() && !sync()) return;
  if (auto sealed = seal_segment(); !sealed) give_up(sealed.error());
}

// ---- the keeper ----------------------------------------------------------------------------

void DurableLog::add_spare(std::string name) {
  const std::lock_guard lock(mutex_);
  spares_.push_back(std::move(name));
}

std::size_t DurableLog::spare_count() const {
  const std::lock_guard lock(mutex_);
  return spares_.size();
}

bool DurableLog::take_spare(std::string& name) {
  const std::lock_guard lock(mutex_);
  if (spares_.empty()) return false;
  name = std::move(spares_.back());
  spares_.pop_back();
  return true;
}

std::vector<SealedSegment> DurableLog::take_sealed() {
  const std::lock_guard lock(mutex_);
  return std::exchange(sealed_, {});
}

std::optional<Checkpoint> DurableLog::take_checkpoint() {
  const std::lock_guard lock(mutex_);
  return std::exchange(checkpoint_, std::nullopt);
}

void DurableLog::request_checkpoint() {
  checkpoint_requested_ = true;
  wake();
}

bool DurableLog::has_changed() const {
  const std::lock_guard lock(state_mutex_);
  return records_since_checkpoint_ > 0;
}

std::uint64_t DurableLog::with_state(const std::function<void(StoreState&)>& visit) {
  const std::lock_guard lock(state_mutex_);
  visit(state_);
  return record_count_;
}

}  // namespace leveret::storage
