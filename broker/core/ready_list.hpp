/// The messages of a queue that wait for a consumer, in the order of their positions.
///
/// New messages come at the end; requeued ones go back to where they were, so two sequences are
/// kept apart and merged on the way out: the FIFO of what was never delivered, and the sorted
/// few that came back.
///
/// When the FIFO is long and memory is short, its middle is paged out: a front part and a back
/// part stay in memory, between them are chunks of which memory keeps only where they are. What
/// comes goes to the back part; when that is long enough, it becomes the next chunk. When the
/// front part is empty, the first chunk is read back into it.
///
/// Owner: one Queue.   Thread: the queue's home shard.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "broker/core/entry_fifo.hpp"
#include "broker/core/message_pager.hpp"
#include "broker/core/queue_entry.hpp"

namespace leveret::broker {

class ReadyList {
 public:
  ReadyList();
  ~ReadyList();
  ReadyList(const ReadyList&) = delete;
  ReadyList& operator=(const ReadyList&) = delete;

  bool empty() const { return fresh_.empty() && returned_ == nullptr && backlog_ == nullptr; }
  /// Counts messages as long as nobody knows that they cannot be read back.
  std::size_t size() const {
    return fresh_.size() + (returned_ ? returned_->entries.size() : 0) +
           (backlog_ ? backlog_size() : 0);
  }
  std::uint64_t body_bytes() const { return body_bytes_; }

  /// Adds a new message. Requires: its position is above all others ever pushed. The list may be
  /// paged out by `pager`, if there is one, from now on.
  void push_back(QueueEntry entry, MessagePager* pager) {
    body_bytes_ += entry.message->body_size();
    if (backlog_ != nullptr) return push_to_backlog(std::move(entry));
    fresh_.push_back(std::move(entry));
    if (pager != nullptr && pager->watches(fresh_.size(), body_bytes_)) begin_backlog(*pager);
  }

  /// Puts a delivered message back to its position.
  void put_back(QueueEntry entry) {
    const std::uint64_t body_size = entry.message->body_size();
    body_bytes_ += body_size;
    if (returned_ == nullptr) returned_ = std::make_unique<Returned>();
    returned_->body_bytes += body_size;
    const Position position = entry.position;
    if (entry.expires_at != never) returned_->deadlines.emplace(entry.expires_at, position);
    returned_->entries.emplace_hint(returned_->entries.end(), position, std::move(entry));
  }

  /// Whether the first message has to be brought into memory before it can be had.
  bool front_is_paged() const {
    return fresh_.empty() && backlog_ != nullptr && !first_is_returned();
  }
  /// Brings a chunk of messages back into memory. It may be that none of them can be read: then
  /// the next is the first, or the list has become empty. Requires: front_is_paged().
  void load_front(const QueueDefinition& of);
  /// When the whole chunk at the front has expired; `never` if something is in between.
  /// Requires: front_is_paged().
  Instant front_chunk_expires_at() const;
  /// Drops the chunk at the front, and settles it in the log. Requires: front_is_paged().
  void discard_front_chunk(const QueueDefinition& of);

  /// When the first message expires, wherever it is. Requires: not empty.
  Instant front_expires_at() const {
    if (first_is_returned()) return returned_->entries.begin()->second.expires_at;
    return fresh_.empty() ? chunk_expires_at() : fresh_.front().expires_at;
  }
  /// The message with the lowest position. Requires: not empty, and it is in memory.
  QueueEntry& front() {
    return first_is_returned() ? returned_->entries.begin()->second : fresh_.front();
  }

  QueueEntry pop_front() {
    if (first_is_returned()) return take_returned(returned_->entries.begin());
    QueueEntry entry = fresh_.pop_front();
    body_bytes_ -= entry.message->body_size();
    if (fresh_.empty() && backlog_ != nullptr) refill_front();
    return entry;
  }

  /// When to call take_due(): some message may have expired then, wherever it is. Those in memory
  /// are found in the very millisecond, others within `paged_lateness` of it.
  Instant next_expires_at() const {
    const Instant next = fresh_.next_expires_at();
    return returned_ == nullptr && backlog_ == nullptr ? next
                                                       : std::min(next, others_expire_at());
  }
  static constexpr std::chrono::milliseconds paged_lateness{1000};
  /// Takes out what expires by `limit`, the soonest first: from memory a message, from elsewhere
  /// all that are together. Those that are wanted are added to `out`; the others are settled in the
  /// log, and need not be read. May find nothing, and has brought messages closer then. Requires:
  /// next_expires_at() <= limit. Returns how many have gone, or an equivalent in work.
  std::size_t take_due(Instant limit, bool are_wanted, const QueueDefinition& of,
                       std::vector<QueueEntry>& out);

  /// Drops everything, and settles it in the log.
  void discard_all(storage::LogWriter& log, const QueueDefinition& of);

  // ---- at the start ----
  /// Adds a message of which only the log's place is known. Requires: as push_back(); nothing has
  /// been pushed yet; MessagePager::end_recovery() is called before anything else is asked.
  void recover(const RecoveredEntry& entry, Position position, MessagePager& pager);

 private:
  class Backlog;
  struct Returned {
    std::map<Position, QueueEntry> entries;
    std::set<std::pair<Instant, Position>> deadlines;  ///< Of those that expire.
    std::uint64_t body_bytes = 0;
  };

  bool first_is_returned() const {
    if (returned_ == nullptr) return false;
    const Position first = returned_->entries.begin()->first;
    if (!fresh_.empty()) return first < fresh_.front().position;
    return backlog_ == nullptr || first < chunk_position();
  }
  QueueEntry take_returned(std::map<Position, QueueEntry>::iterator place);
  Instant others_expire_at() const;
  std::size_t take_due_chunk(Instant limit, bool are_wanted, const QueueDefinition& of,
                             std::vector<QueueEntry>& out);
  void begin_backlog(MessagePager& pager);
  void push_to_backlog(QueueEntry entry);
  void refill_front();
  std::uint64_t front_body_bytes() const;
  std::size_t backlog_size() const;
  Position chunk_position() const;
  Instant chunk_expires_at() const;

  EntryFifo fresh_;                     ///< The front part.
  std::unique_ptr<Returned> returned_;  ///< Never empty: an idle queue does not pay for it.
  /// What follows the front part: chunks, then the back part. There while the queue is long, or
  /// was since it was last empty; if the front part is empty, there is a chunk.
  std::unique_ptr<Backlog> backlog_;
  std::uint64_t body_bytes_ = 0;
};

}  // namespace leveret::broker
