// DurableLog, second half: segments begin and end; what the keeper asks.

#include <utility>

#include "storage/durable_log.hpp"

namespace leveret::storage {

bool DurableLog::begin_segment(std::uint32_t segment, std::uint64_t frame_size_bytes) {
  if (file_ != nullptr) {
    if (auto sealed = seal_segment(); !sealed) return give_up(sealed.error());
  }
  const std::uint64_t needed = first_frame_position + frame_size_bytes + sizeof(FrameHeader);
  const std::uint64_t size = std::max(settings_.segment_size_bytes, needed);
  auto file = create_segment(segment, size);
  if (!file) return give_up(file.error());
  file_ = std::move(*file);
  segment_ = segment;
  seed_ = segment_seed(files_.node(), segment);
  position_ = durable_position_ = first_frame_position;
  end_is_attested_ = true;
  file_size_bytes_ = size;
  index_ = SegmentIndex{};
  return true;
}

IoResult<std::unique_ptr<File>> DurableLog::create_segment(std::uint32_t segment,
                                                           std::uint64_t size_bytes) {
  const std::string folder = files_.folder() + "/";
  std::string spare;
  if (size_bytes == settings_.segment_size_bytes && take_spare(spare)) {
    auto file = files_.files().open(folder + spare, OpenMode::write);
    if (!file) return file;
    if (auto done = name_segment(**file, segment, size_bytes, folder + spare); !done) {
      return tl::unexpected(done.error());
    }
    return file;
  }
  const std::string unfinished = folder + segment_name(segment) + ".new";
  auto file = files_.files().open(unfinished, OpenMode::replace);
  if (!file) return file;
  auto done = (*file)->allocate(size_bytes);
  if (done) done = name_segment(**file, segment, size_bytes, unfinished);
  if (!done) {
    (void)files_.files().remove(unfinished);
    return tl::unexpected(done.error());
  }
  return file;
}

/// A file gets its name when its header is safe: whatever has such a name has had a right header.
IoResult<void> DurableLog::name_segment(File& file, std::uint32_t segment,
                                        std::uint64_t size_bytes, const std::string& from) {
  SegmentHeader header;
  header.segment = segment;
  header.epoch = epoch_;
  header.node = files_.node();
  header.file_size_bytes = size_bytes;
  seal_header(header, segment_seed(files_.node(), segment));
  if (auto done = file.write_at(0, bytes_of(header)); !done) return done;
  if (auto done = file.sync_data(); !done) return done;
  const std::string name = files_.folder() + "/" + segment_name(segment);
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
  sealed.number = segment_;
  sealed.end_position = position_;
  sealed.file_size_bytes = file_size_bytes_;
  sealed.index = std::exchange(index_, SegmentIndex{});
  {
    const std::lock_guard lock(state_mutex_);
    state_.segments()[segment_].end_position = position_;
    if (checkpoint_is_due()) {
      sealed.checkpoint = Checkpoint{segment_ + 1, epoch_, state_};
      records_since_checkpoint_ = 0;
      bytes_since_checkpoint_ = 0;
    }
  }
  file_.reset();
  checkpoint_requested_ = false;
  const std::lock_guard lock(mutex_);
  sealed_.push_back(std::move(sealed));
  return {};
}

bool DurableLog::checkpoint_is_due() const {
  return checkpoint_requested_ || bytes_since_checkpoint_ >= settings_.checkpoint_bytes;
}

/// Ends the segment here: the next frame begins another.
void DurableLog::roll_if_requested() {
  {
    const std::lock_guard lock(mutex_);
    if (!checkpoint_requested_ || !queue_.empty() || !pending_.empty() || file_ == nullptr) return;
    if (tail_segment_ != segment_) return;
    begin_tail();
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

void DurableLog::request_checkpoint() {
  checkpoint_requested_ = true;
  wake();
}

bool DurableLog::has_changed() const {
  const std::lock_guard lock(state_mutex_);
  return records_since_checkpoint_ > 0;
}

void DurableLog::with_state(const std::function<void(StoreState&)>& visit) {
  const std::lock_guard lock(state_mutex_);
  visit(state_);
}

}  // namespace leveret::storage
