#include "storage/durable_log.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/assert.hpp"
#include "storage/shard_log.hpp"

namespace leveret::storage {

namespace {
// What nobody waits for is written at once when it is this much.
constexpr std::uint64_t unhurried_max_bytes = 1024 * 1024;
// One write of many frames.
constexpr std::uint64_t batch_max_bytes = 8 * 1024 * 1024;
// How often it is tried to go on when the disk is full.
constexpr std::chrono::milliseconds space_check_interval{200};

std::uint64_t usable_end(std::uint64_t segment_size_bytes) {
  return segment_size_bytes - sizeof(FrameHeader);
}
}  // namespace

DurableLog::DurableLog(SegmentFiles& files, Recovered&& recovered, LogSettings settings,
                       LogEvents& events)
    : files_(files), settings_(settings), events_(events), epoch_(recovered.epoch),
      // The first frame begins a segment: the one before has been sealed.
      tail_segment_(recovered.next_segment), tail_end_(usable_end(settings.segment_size_bytes)),
      spares_(std::move(recovered.spares)), next_segment_(recovered.next_segment),
      own_(std::make_unique<ShardLog>(*this, [] {})) {
  // All that was recovered has been written, and nothing of the next segment.
  written_end_ = end_of(tail_segment_, 0);
  take_recovered(std::move(recovered));
}

DurableLog::~DurableLog() = default;

void DurableLog::take_recovered(Recovered&& recovered) {
  {
    const std::lock_guard lock(state_mutex_);
    state_ = std::move(recovered.state);
    // What had to be read from the log need not be read again when a checkpoint has it.
    records_since_checkpoint_ = recovered.scanned_record_count + (recovered.has_skipped ? 1 : 0);
    checkpoint_requested_ = records_since_checkpoint_ > 0;
  }
  for (const ReferenceRun& run : recovered.forgotten) {
    for (std::uint32_t i = 0; i < run.count; ++i) {
      own_->settle(LogPlace{run.segment, run.first_ordinal, 0, 0}, i);
    }
  }
  own_->submit();
}

// ---- shards --------------------------------------------------------------------------------

void DurableLog::submit(ShardLog& shard, Submission& submission) {
  bool notify = false;
  bool has_rolled = false;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t bound = submission.size_bound_bytes();
    if (tail_position_ + bound > tail_end_ && tail_position_ > first_frame_position) {
      begin_tail();
      has_rolled = true;
    }
    tail_position_ += submission.place_at(tail_segment_, tail_position_, tail_ordinal_);
    tail_ordinal_ += submission.reference_count();
    // A frame too long for a usual segment has one of its own, of just its size.
    if (tail_position_ > tail_end_) tail_end_ = tail_position_;
    notify = queue_.empty() || (submission.awaited() && !urgent_);
    queue_.push_back({&shard, &submission});
    queued_bytes_ += submission.size_bytes();
    unwritten_bytes_.fetch_add(submission.size_bytes(), std::memory_order_relaxed);
    urgent_ = urgent_ || submission.awaited() || queued_bytes_ > unhurried_max_bytes;
  }
  if (notify) changed_.notify_one();
  if (has_rolled) events_.on_growth();
}

std::uint64_t DurableLog::unplaced_bytes() const {
  const std::uint64_t spare_bytes = spare_count() * settings_.segment_size_bytes;
  const std::uint64_t unwritten_bytes = unwritten_bytes_.load(std::memory_order_relaxed);
  return unwritten_bytes > spare_bytes ? unwritten_bytes - spare_bytes : 0;
}

/// The next frame begins a segment. Requires: mutex_ is held.
void DurableLog::begin_tail() {
  ++tail_segment_;
  tail_position_ = first_frame_position;
  tail_ordinal_ = 0;
  tail_end_ = usable_end(settings_.segment_size_bytes);
}

void DurableLog::wake() {
  {
    const std::lock_guard lock(mutex_);
    urgent_ = true;
  }
  changed_.notify_one();
}

// ---- the disk thread -----------------------------------------------------------------------

void DurableLog::wait(Instant now, Instant deadline) {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return urgent_ || (!queue_.empty() && pending_.empty()); };
  if (deadline == never) {
    changed_.wait(lock, ready);
  } else if (deadline > now) {
    changed_.wait_for(lock, deadline - now, ready);
  }
}

Instant DurableLog::step(Instant now) {
  if (failed_) {
    take_submissions(now, true);  // Or wait() would not wait.
    return never;
  }
  make_requested_checkpoint();
  bool written = !take_submissions(now, false) || write_pending(now);
  if (failed_) return never;
  const bool sync_is_due =
      !to_wake_.empty() ||
      (first_unsynced_at_ != never && first_unsynced_at_ + settings_.sync_delay <= now);
  if (sync_is_due && !sync()) return never;
  if (written && pending_.empty() && first_unsynced_at_ == never && !end_is_attested_ &&
      settings_.sync && file_ != nullptr) {
    if (written_at_ + settings_.sync_delay > now) return written_at_ + settings_.sync_delay;
    if (queue_attestation()) written = !take_submissions(now, true) || write_pending(now);
    if (failed_) return never;
  }
  if (!written || out_of_space_) return now + space_check_interval;
  if (!pending_.empty()) return first_pending_at_ + settings_.write_delay;
  return first_unsynced_at_ + settings_.sync_delay;
}

/// Takes what was submitted. True when it is to be written now.
bool DurableLog::take_submissions(Instant now, bool at_once) {
  const std::lock_guard lock(mutex_);
  if (pending_.empty() && !queue_.empty()) first_pending_at_ = now;
  pending_.insert(pending_.end(), queue_.begin(), queue_.end());
  queue_.clear();
  const bool write_now = at_once || urgent_ || out_of_space_ ||
                         first_pending_at_ + settings_.write_delay <= now;
  if (write_now) {
    urgent_ = false;
    queued_bytes_ = 0;
  }
  return write_now && !pending_.empty();
}

bool DurableLog::write_pending(Instant now) {
  while (!pending_.empty()) {
    const Submission& first = *pending_.front().submission;
    if (first.segment() != segment_ && !begin_segment(first)) {
      return false;
    }
    std::size_t count = 0;
    std::uint64_t size_bytes = 0;
    while (count < pending_.size() && size_bytes < batch_max_bytes &&
           pending_[count].submission->segment() == segment_) {
      size_bytes += pending_[count++].submission->size_bytes();
    }
    if (!write_batch(count, now)) return false;
  }
  first_pending_at_ = never;
  return true;
}

bool DurableLog::write_batch(std::size_t count, Instant now) {
  pieces_.clear();
  const std::uint64_t begin = pending_.front().submission->position();
  LEVERET_ASSERT(begin == position_, "frames follow each other without a gap");
  for (std::size_t i = 0; i < count; ++i) {
    Submission& submission = *pending_[i].submission;
    submission.finish(seed_, durable_position_, epoch_);
    submission.append_pieces(pieces_);
  }
  if (auto written = file_->write_at(begin, pieces_); !written) return give_up(written.error());
  for (std::size_t i = 0; i < count; ++i) {
    const Queued queued = pending_.front();
    pending_.pop_front();
    note_written(*queued.submission);
    if (queued.shard != nullptr) note_unsynced(queued, now);
  }
  note_room();
  return true;
}

void DurableLog::note_unsynced(const Queued& queued, Instant now) {
  if (queued.submission->awaited() &&
      std::find(to_wake_.begin(), to_wake_.end(), queued.shard) == to_wake_.end()) {
    to_wake_.push_back(queued.shard);
  }
  if (first_unsynced_at_ == never) first_unsynced_at_ = now;
  written_at_ = now;
  end_is_attested_ = false;
  const std::uint64_t ticket = queued.submission->ticket;
  unsynced_.push_back({queued.shard, ticket});
  // From here on the submission is its shard's again.
  queued.shard->note_written(ticket);
}

void DurableLog::note_written(const Submission& submission) {
  {
    const std::lock_guard lock(state_mutex_);
    submission.for_each_record([&](const RecordView& record, std::uint64_t position) {
      state_.apply(segment_, record);
      ++records_since_checkpoint_;
      ++record_count_;
      if (record.header.kind != RecordKind::message) return;
      if (const auto message = read_message(record.payload)) {
        index_.add(record.header.first_ordinal,
                   static_cast<std::uint32_t>(position / LogPlace::position_unit_bytes),
                   record.header.size_bytes, *message);
      }
    });
  }
  position_ = submission.position() + submission.size_bytes();
  unwritten_bytes_.fetch_sub(submission.size_bytes(), std::memory_order_relaxed);
  bytes_since_checkpoint_ += submission.size_bytes();
  written_end_.store(
      end_of(segment_, static_cast<std::uint32_t>(position_ / LogPlace::position_unit_bytes)),
      std::memory_order_release);
}

bool DurableLog::sync() {
  if (settings_.sync && file_ != nullptr) {
    if (auto synced = file_->sync_data(); !synced) return give_up(synced.error());
    durable_position_ = position_;
    durable_record_count_ = record_count_;
  }
  for (const Unsynced& unsynced : unsynced_) unsynced.shard->note_committed(unsynced.ticket);
  unsynced_.clear();
  first_unsynced_at_ = never;
  for (ShardLog* shard : to_wake_) shard->wake();
  to_wake_.clear();
  return true;
}

/// When all is synced and nothing follows, nothing would tell a later start that the end was safe:
/// an empty frame does. It is not synced itself. False: there is no room for it, or no need.
bool DurableLog::queue_attestation() {
  const std::lock_guard lock(mutex_);
  if (!queue_.empty()) return false;
  end_is_attested_ = true;
  if (tail_segment_ != segment_ || tail_position_ + sizeof(FrameHeader) > tail_end_) return false;
  attestation_.clear();
  tail_position_ += attestation_.place_at(tail_segment_, tail_position_, tail_ordinal_);
  queue_.push_back({nullptr, &attestation_});
  unwritten_bytes_.fetch_add(attestation_.size_bytes(), std::memory_order_relaxed);
  return true;
}

void DurableLog::close(Instant now) {
  bool written = true;
  while (!failed_ && written && take_submissions(now, true)) written = write_pending(now);
  if (failed_ || !sync() || !written) return;
  checkpoint_requested_ = true;
  make_requested_checkpoint();
}

/// What could not be written for want of room has been written.
void DurableLog::note_room() {
  if (out_of_space_.exchange(false)) events_.on_disk_full(false);
}

bool DurableLog::give_up(const IoError& error) {
  const bool was_sync = error.what.starts_with("fdatasync") || error.what.starts_with("fsync");
  if (error.is_disk_full() && !was_sync) {
    // What is preallocated can be written; what is not has to wait for room.
    if (!out_of_space_.exchange(true)) events_.on_disk_full(true);
    return false;
  }
  // A second sync after a failed one would report success for pages that the kernel has dropped.
  failed_ = true;
  events_.on_failure(error);
  return false;
}

}  // namespace leveret::storage
