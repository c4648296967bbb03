/// Moves parts of long queues out of memory, while the messages of the node take more of it than
/// they may, and back when they are next.
///
/// A message that the log has leaves behind its place there; any other goes to the page file with
/// all of its bytes.
///
/// Owner: one shard of the shell; all of the shard's queues use it.   Thread: that shard's.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/entry_fifo.hpp"
#include "broker/core/paged_chunk.hpp"
#include "broker/core/queue_definition.hpp"
#include "storage/log.hpp"
#include "storage/page_file.hpp"

namespace leveret::broker {

/// A queue with enough in memory to be worth a look. Leaves its pager when it is destroyed.
class PagedQueue : public boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  /// Moves a chunk out of memory, if there is one that can go; a small one will do when memory is
  /// `pressing`. Returns about how many bytes that were.
  virtual std::uint64_t page_out(bool pressing) = 0;
  /// Writes the recovered entries that are not yet in a chunk.
  virtual void write_recovered() = 0;

 protected:
  PagedQueue() = default;
  ~PagedQueue() = default;
  PagedQueue(const PagedQueue&) = delete;
  PagedQueue& operator=(const PagedQueue&) = delete;
};

/// How much of a queue's end is moved at once. A limit is reached by entries or by bytes,
/// whichever comes first.
struct PagingLimits {
  std::uint32_t chunk_entries = 1024;
  std::uint64_t chunk_bytes = 1 << 20;
  /// A queue with as much in memory is looked at; so much of it is moved when memory is pressing.
  std::uint32_t small_entries = 128;
  std::uint64_t small_bytes = 128 << 10;
};

/// What has left a chunk.
struct TakenEntries {
  std::uint32_t count = 0;
  std::uint64_t body_bytes = 0;
};

class MessagePager {
 public:
  /// Something that operators have to know, as a sentence.
  using Report = std::function<void(const std::string& text)>;

  /// `reader`: of the log that `log` writes; null when that keeps nothing. All must outlive the
  /// pager, and the pager all queues that it is used for.
  MessagePager(storage::PageFile& pages, storage::LogReader* reader, storage::LogWriter& log,
               Report report, PagingLimits limits = {});
  ~MessagePager();
  MessagePager(const MessagePager&) = delete;
  MessagePager& operator=(const MessagePager&) = delete;

  // ---- what the shell calls ----
  /// What the messages of the node may take before queues are paged out; at first without limit.
  void set_budget(std::uint64_t bytes) { budget_bytes_ = bytes; }
  /// Pages out while the messages take more than the budget, a bounded amount of work. True when
  /// there is more to do at once. Called after a turn, when its records have been submitted.
  bool page_out(Instant now) { return over_budget() && now >= retry_at_ && page_out_some(now); }
  /// The last entry has been recovered.
  void end_recovery();
  /// Messages that could not be brought back since the start.
  std::uint64_t unreadable_count() const { return unreadable_count_; }

  // ---- what queues call ----
  const PagingLimits& limits() const { return limits_; }
  /// Whether a queue with so much in memory is to be looked at.
  bool watches(std::size_t entries, std::uint64_t bytes) const {
    return entries >= limits_.small_entries || bytes >= limits_.small_bytes;
  }
  void watch(PagedQueue& queue) { queues_.push_back(queue); }

  /// Whether an entry can leave memory now.
  bool can_page(const QueueEntry& entry) const {
    return refers(entry) ? is_written(*entry.message)
                         : entry.message->memory_bytes() <= paged_message_max_bytes;
  }
  /// Begins a chunk, which the next ones are added to.
  void begin_chunk() { builder_.clear(); }
  void add(const QueueEntry& entry) { builder_.add(entry, refers(entry)); }
  /// Writes the chunk. Nothing when that failed, which has been reported then.
  std::optional<PagedChunk> end_chunk();

  /// Writes a chunk that was gathered elsewhere. Keeps it in memory when that fails.
  PagedChunk write_recovered(ChunkBuilder& builder);
  /// Notes that a queue has gathered another recovered entry.
  void note_recovered() {
    if (++recovered_count_ >= recovered_max) end_recovery();
  }

  /// Brings a chunk's entries back, to the end of `to`; only the first few of them when memory is
  /// pressing. Takes them off the chunk's count, but not off its bytes; frees a chunk of which
  /// nothing is left. What cannot be read is left out and reported for the queue; it is settled if
  /// it is known. Returns how many bytes the bodies have that came.
  std::uint64_t load(PagedChunk& chunk, const QueueDefinition& of, EntryFifo& to);
  /// The entries of a chunk, which stays as it is. A message that cannot be read is null; a chunk
  /// that cannot be read has no entries, which is reported for the queue.
  std::vector<QueueEntry> read_copy(const PagedChunk& chunk, const QueueDefinition& of);
  /// Takes out of a chunk what expires by `limit`, and finds out when to look again. With `out`,
  /// the entries are added to it, the soonest first; without, nobody wants them: they are settled
  /// in the log, and no message is read. Frees a chunk of which nothing is left, as one that
  /// cannot be read. Returns how many have gone, and how many bytes their bodies have.
  TakenEntries take_expired(PagedChunk& chunk, Instant limit, const QueueDefinition& of,
                            std::vector<QueueEntry>* out);
  /// Nobody wants a chunk's messages: settles them in the log, without reading bodies, and frees
  /// it.
  void discard(const PagedChunk& chunk, const QueueDefinition& of);
  /// Frees a chunk.
  void free(const PagedChunk& chunk);

  // ---- what keeps only the places of logged messages ----
  /// Whether the log has the message where it can be read.
  bool can_read_back(const Message& message) const {
    return message.log_place().is_logged() && is_written(message);
  }
  /// Reads messages back, one for each place: null where it is damaged, which is reported then, for
  /// `whose`. Requires: they were written.
  std::vector<MessageRef> read_back(std::span<const storage::LogPlace> places,
                                    const std::string& whose);

 private:
  /// What is larger stays in memory.
  static constexpr std::uint64_t paged_message_max_bytes = 1ull << 30;
  /// So many recovered entries are gathered in all queues before they are written.
  static constexpr std::uint32_t recovered_max = 2 * 1024 * 1024;

  bool over_budget() const { return MessageMemory::used_bytes() > budget_bytes_; }
  bool pressing() const {
    return MessageMemory::used_bytes() > budget_bytes_ &&
           MessageMemory::used_bytes() - budget_bytes_ > budget_bytes_ / 4;
  }
  bool page_out_some(Instant now);
  /// Whether a place in the log is what a chunk keeps of the entry.
  bool refers(const QueueEntry& entry) const {
    return entry.log_index != not_in_log && entry.message->log_place().is_logged();
  }
  bool is_written(const Message& message) const;
  /// What of a chunk is read: messages' bytes come as well, or not.
  enum class Part : std::uint8_t { all, entries };
  storage::IoResult<std::span<const std::byte>> read(const PagedChunk& chunk, Part part);
  /// Calls visit(index, entry, bytes) for the entries that are left in the chunk, as long as it
  /// says true. Error: the chunk is unreadable.
  template <class Visit>
  storage::IoResult<void> for_entries(const PagedChunk& chunk, Part part, Visit&& visit);
  void begin_loading();
  void add_to_loading(const PagedEntry& paged, std::span<const std::byte> bytes);
  storage::IoResult<void> read_entries(PagedChunk& chunk);
  /// Drops what could not be read of the messages that have been loaded, and reports it.
  void drop_damaged(const QueueDefinition& of);
  void read_from_log();
  void report_unreadable(const QueueDefinition& of, std::uint64_t count, const std::string& why);
  void report_unreadable(const std::string& whose, std::uint64_t count, const std::string& why);

  storage::PageFile& pages_;
  storage::LogReader* const reader_;
  storage::LogWriter& log_;
  const Report report_;
  const PagingLimits limits_;
  std::uint64_t budget_bytes_ = UINT64_MAX;
  boost::intrusive::list<PagedQueue, boost::intrusive::constant_time_size<false>> queues_;
  ChunkBuilder builder_;
  std::vector<std::byte> buffer_;
  /// A chunk on its way back into memory, and which of its messages the log has.
  std::vector<QueueEntry> loading_;
  std::vector<storage::LogPlace> places_;
  std::vector<std::uint32_t> places_of_;
  /// Chunks of recovery that could not be written, by number.
  std::unordered_map<std::uint32_t, std::vector<std::byte>> kept_;
  std::uint32_t last_kept_ = 0;
  Instant now_{};
  Instant retry_at_{INT64_MIN};  ///< After a failed write.
  bool write_has_failed_ = false;
  std::uint64_t unreadable_count_ = 0;
  std::uint32_t recovered_count_ = 0;
};

}  // namespace leveret::broker
