/// The messages of one stream, in order: where each is, and the last of them in memory.
///
/// Messages are gathered into chunks. A full chunk leaves memory: what is kept of its entries goes
/// to the page file, the messages are in the log anyway, and memory keeps only where the chunk is.
/// So ten million messages take a few megabytes. A chunk that somebody reads is brought back
/// whole, and stays for a while for all who read it.
///
/// Chunks belong to segments, runs of so many bytes: retention takes away whole segments, the
/// oldest first and never the newest, so that the offset of the next message is never forgotten.
///
/// Owner:  one StreamQueue.   Thread: the queue's home shard.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "broker/core/message_pager.hpp"
#include "broker/core/stream_chunk.hpp"

namespace leveret::broker {

class ShardState;

class StreamIndex final : private PagedQueue {
 public:
  StreamIndex(ShardState& shard, QueueDefinitionRef definition);
  ~StreamIndex();

  /// The oldest message's offset, and that of the next to come. The same when there is none.
  StreamOffset first() const { return chunks_.empty() ? open_first() : chunks_.front().first; }
  StreamOffset end() const { return end_; }
  std::uint64_t size_bytes() const { return size_bytes_; }

  /// Adds a message that is safe. A segment that is full, by the bytes, is followed by a new one.
  void append(MessageRef message, WallTime time, std::uint64_t segment_size_bytes);

  /// Messages that follow each other and are in memory together, and what comes after them.
  struct Run {
    std::span<const QueueEntry> entries;  ///< Good until anything else is called.
    StreamOffset next{};
  };
  /// Messages from an offset on. None: they are lost, and what comes next has to be asked for.
  /// Requires: the offset is not below first(), and below end().
  Run read(StreamOffset from);
  /// The first message that came at this time or later; end() when there is none.
  StreamOffset find(WallTime time);

  // ---- retention ----
  /// Whether there is a segment besides the newest.
  bool has_old_segment() const { return segments_.size() > 1; }
  /// When the newest message of the oldest segment came. Requires: there is a segment.
  WallTime oldest_segment_time() const { return segments_.front().last_time; }
  /// Forgets the oldest segment; the shard settles its messages by and by. Requires:
  /// has_old_segment().
  void drop_oldest_segment();
  /// Forgets everything, likewise.
  void drop_all();

  // ---- at the start ----
  /// Adds a message of which only the log's place is known.
  void recover(const RecoveredEntry& entry, std::uint64_t segment_size_bytes);
  /// That was the last one: finds out what offsets the messages have.
  void end_recovery(storage::LogReader& reader);

 private:
  struct Segment {
    std::uint64_t chunk_count = 0;
    std::uint64_t size_bytes = 0;
    WallTime last_time{};
  };
  /// A chunk that was read, or written lately, in memory.
  struct Block {
    StreamOffset first{};
    std::vector<QueueEntry> entries;
    std::uint64_t memory_bytes = 0;
    std::uint64_t used = 0;  ///< The higher, the later.
  };
  struct Recovering;
  using Chunks = std::deque<StreamChunk>;

  std::uint64_t page_out(bool pressing) override;
  void write_recovered() override;

  StreamOffset open_first() const { return end_ + (0 - std::uint64_t{open_.size()}); }
  bool is_full(std::uint64_t count, std::uint64_t bytes, std::uint64_t segment_size_bytes) const;
  void note(std::uint64_t bytes, WallTime time, std::uint64_t segment_size_bytes);
  void close_open_chunk();
  void add_chunk(StreamChunk chunk);
  bool write(StreamChunk& chunk);
  Run read_chunk(Chunks::const_iterator place, StreamOffset from);
  std::vector<QueueEntry> load(const StreamChunk& chunk);
  std::vector<QueueEntry>& keep_block(const StreamChunk& chunk, std::vector<QueueEntry> entries);
  std::uint64_t drop_oldest_block();
  void drop_chunk();
  void watch();
  void renumber(storage::LogReader& reader, const Recovering& recovered);

  ShardState& shard_;
  const QueueDefinitionRef definition_;  ///< For its name.
  MessagePager* pager_ = nullptr;  ///< Set when there was something to be paged out.
  Chunks chunks_;
  std::deque<Segment> segments_;  ///< What is in no chunk yet belongs to the last.
  std::vector<QueueEntry> open_;  ///< The messages that are in no chunk yet.
  std::uint64_t open_bytes_ = 0;
  std::uint64_t size_bytes_ = 0;
  StreamOffset end_{};
  WallTime last_time_{INT64_MIN};
  std::vector<Block> blocks_;
  std::uint64_t blocks_bytes_ = 0;
  std::uint64_t use_count_ = 0;
  std::size_t kept_count_ = 0;  ///< Chunks that are kept in memory.
  std::unique_ptr<Recovering> recovering_;
};

}  // namespace leveret::broker
