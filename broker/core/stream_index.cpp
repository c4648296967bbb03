#include "broker/core/stream_index.hpp"

#include <algorithm>
#include <utility>

#include "broker/core/shard_state.hpp"
#include "broker/core/stream_message.hpp"

namespace leveret::broker {

namespace {
// What is read at once when a chunk is brought back.
constexpr std::size_t chunk_entries_max = 256;
constexpr std::uint64_t chunk_bytes_max = 1 << 20;
// What is kept of chunks that were read or written lately. At least one is kept.
constexpr std::uint64_t blocks_max_bytes = 4 << 20;

std::uint64_t stored_size(const Message& message) {
  std::uint64_t size = 0;
  for (const auto part : message.log_parts()) size += part.size();
  return size;
}

std::uint64_t memory_of(std::span<const QueueEntry> entries) {
  std::uint64_t bytes = 0;
  for (const QueueEntry& entry : entries) bytes += entry.message->memory_bytes();
  return bytes;
}

StreamIndex::Run run_from(std::span<const QueueEntry> entries, StreamOffset from,
                          StreamOffset next) {
  const auto begin = std::ranges::lower_bound(entries, from, {}, offset_of);
  return {{begin, entries.end()}, next};
}
}  // namespace

/// What is gathered while messages are recovered: the chunk that is not full yet, and where in the
/// log a few messages are, for their offsets.
struct StreamIndex::Recovering {
  ChunkBuilder builder;
  std::uint64_t size_bytes = 0;
  std::vector<storage::LogPlace> firsts;  ///< Of each chunk.
  storage::LogPlace last;
};

StreamIndex::StreamIndex(ShardState& shard, QueueDefinitionRef definition)
    : shard_(shard), definition_(std::move(definition)) {}

StreamIndex::~StreamIndex() {
  for (const StreamChunk& chunk : chunks_) {
    if (chunk.is_paged()) pager_->free(chunk.paged);
  }
}

// ---- what comes ----------------------------------------------------------------------------

bool StreamIndex::is_full(std::uint64_t count, std::uint64_t bytes,
                          std::uint64_t segment_size_bytes) const {
  return count >= chunk_entries_max || bytes >= chunk_bytes_max ||
         segments_.back().size_bytes >= segment_size_bytes;
}

/// Counts a message, in a new segment when the last one is full.
void StreamIndex::note(std::uint64_t bytes, WallTime time, std::uint64_t segment_size_bytes) {
  if (segments_.empty() || segments_.back().size_bytes >= segment_size_bytes) {
    if (!open_.empty()) close_open_chunk();  // The size is smaller than it was.
    if (recovering_ != nullptr) write_recovered();
    segments_.emplace_back();
  }
  // A calendar that was set back makes no message older than one before it.
  last_time_ = std::max(last_time_, time);
  segments_.back().size_bytes += bytes;
  segments_.back().last_time = last_time_;
  size_bytes_ += bytes;
  end_ = end_ + 1;
}

void StreamIndex::append(MessageRef message, WallTime time, std::uint64_t segment_size_bytes) {
  const std::uint64_t bytes = stored_size(*message);
  const StreamOffset offset = end_;
  note(bytes, time, segment_size_bytes);
  QueueEntry entry;
  entry.message = std::move(message);
  entry.position = position_of(offset);
  entry.expires_at = noted_time(last_time_);
  entry.log_index = 0;  // The stream's is the only reference.
  open_.push_back(std::move(entry));
  open_bytes_ += bytes;
  if (is_full(open_.size(), open_bytes_, segment_size_bytes)) return close_open_chunk();
  const MessagePager* pager = shard_.pager();
  if (pager != nullptr && pager->watches(open_.size(), open_bytes_)) watch();
}

void StreamIndex::close_open_chunk() {
  StreamChunk chunk;
  chunk.first = open_first();
  chunk.count = static_cast<std::uint32_t>(open_.size());
  chunk.size_bytes = std::exchange(open_bytes_, 0);
  chunk.last_time = last_time_;
  chunk.kept = std::exchange(open_, {});
  std::vector<QueueEntry> entries = chunk.kept;
  if (write(chunk)) keep_block(chunk, std::move(entries));
  add_chunk(std::move(chunk));
}

void StreamIndex::add_chunk(StreamChunk chunk) {
  if (!chunk.is_paged()) ++kept_count_;
  ++segments_.back().chunk_count;
  chunks_.push_back(std::move(chunk));
}

void StreamIndex::watch() {
  if (is_linked()) return;
  pager_ = shard_.pager();
  pager_->watch(*this);
}

/// Moves what is kept of a chunk to the page file. False: it stays in memory.
bool StreamIndex::write(StreamChunk& chunk) {
  if (shard_.pager() == nullptr) return false;
  watch();
  if (!std::ranges::all_of(chunk.kept,
                           [&](const QueueEntry& entry) { return pager_->can_page(entry); })) {
    return false;
  }
  pager_->begin_chunk();
  for (const QueueEntry& entry : chunk.kept) pager_->add(entry);
  const auto written = pager_->end_chunk();
  if (!written) return false;
  chunk.paged = *written;
  chunk.kept = {};
  return true;
}

// ---- what is read --------------------------------------------------------------------------

StreamIndex::Run StreamIndex::read(StreamOffset from) {
  LEVERET_ASSERT(from >= first() && from < end_, "only what there is can be read");
  if (from >= open_first()) return run_from(open_, from, end_);
  const auto behind = std::ranges::upper_bound(chunks_, from, {}, &StreamChunk::first);
  return read_chunk(std::prev(behind), from);
}

StreamIndex::Run StreamIndex::read_chunk(Chunks::const_iterator place, StreamOffset from) {
  const StreamChunk& chunk = *place;
  // Where something is lost, that is not the chunk's first and its count.
  const auto behind = std::next(place);
  const StreamOffset next = behind == chunks_.end() ? open_first() : behind->first;
  if (!chunk.is_paged()) return run_from(chunk.kept, from, next);
  for (Block& block : blocks_) {
    if (block.first != chunk.first) continue;
    block.used = ++use_count_;
    return run_from(block.entries, from, next);
  }
  return run_from(keep_block(chunk, load(chunk)), from, next);
}

/// The messages that can be read.
std::vector<QueueEntry> StreamIndex::load(const StreamChunk& chunk) {
  std::vector<QueueEntry> entries = pager_->read_copy(chunk.paged, *definition_);
  StreamOffset offset = chunk.first;
  for (QueueEntry& entry : entries) {
    entry.position = position_of(offset);
    offset = offset + 1;
  }
  std::erase_if(entries, [](const QueueEntry& entry) { return entry.message == nullptr; });
  if (chunk.has_gap) {
    for (QueueEntry& entry : entries) {
      const auto own = stream_offset_of(*entry.message);
      if (own) entry.position = position_of(*own);
    }
  }
  return entries;
}

std::vector<QueueEntry>& StreamIndex::keep_block(const StreamChunk& chunk,
                                                 std::vector<QueueEntry> entries) {
  const std::uint64_t bytes = memory_of(entries);
  while (!blocks_.empty() && blocks_bytes_ + bytes > blocks_max_bytes) drop_oldest_block();
  blocks_bytes_ += bytes;
  blocks_.push_back({chunk.first, std::move(entries), bytes, ++use_count_});
  return blocks_.back().entries;
}

std::uint64_t StreamIndex::drop_oldest_block() {
  const auto oldest = std::ranges::min_element(blocks_, {}, &Block::used);
  const std::uint64_t bytes = oldest->memory_bytes;
  blocks_bytes_ -= bytes;
  std::swap(*oldest, blocks_.back());
  blocks_.pop_back();
  return bytes;
}

StreamOffset StreamIndex::find(WallTime time) {
  const Chunks::const_iterator chunk =
      std::ranges::lower_bound(chunks_, time, {}, &StreamChunk::last_time);
  const auto first_in = [&](const Run& run) {
    const auto found = std::ranges::find_if(
        run.entries, [&](const QueueEntry& entry) { return time_of(entry) >= time; });
    return found == run.entries.end() ? run.next : offset_of(*found);
  };
  if (chunk != chunks_.end()) return first_in(read_chunk(chunk, chunk->first));
  return first_in({open_, end_});
}

// ---- what leaves ---------------------------------------------------------------------------

std::uint64_t StreamIndex::page_out(bool pressing) {
  if (!blocks_.empty()) return std::max<std::uint64_t>(drop_oldest_block(), 1);
  if (kept_count_ > 0) {
    // The page file could not be written then.
    StreamChunk& chunk = *std::ranges::find_if_not(chunks_, &StreamChunk::is_paged);
    const std::uint64_t bytes = memory_of(chunk.kept);
    if (!write(chunk)) return 0;
    --kept_count_;
    return bytes;
  }
  if (!pressing || open_.empty() || !pager_->watches(open_.size(), open_bytes_)) return 0;
  close_open_chunk();
  return blocks_.empty() ? 0 : drop_oldest_block();
}

void StreamIndex::drop_chunk() {
  StreamChunk& chunk = chunks_.front();
  size_bytes_ -= chunk.size_bytes;
  if (!chunk.is_paged()) --kept_count_;
  std::erase_if(blocks_, [&](const Block& block) {
    if (block.first != chunk.first) return false;
    blocks_bytes_ -= block.memory_bytes;
    return true;
  });
  shard_.discarded_chunks().add(definition_, std::move(chunk));
  chunks_.pop_front();
}

void StreamIndex::drop_oldest_segment() {
  LEVERET_ASSERT(has_old_segment(), "the newest segment stays");
  for (std::uint64_t left = segments_.front().chunk_count; left > 0; --left) drop_chunk();
  segments_.pop_front();
}

void StreamIndex::drop_all() {
  if (!open_.empty()) {
    // They go like a chunk that stayed in memory.
    StreamChunk chunk;
    chunk.first = open_first();
    chunk.count = static_cast<std::uint32_t>(open_.size());
    chunk.size_bytes = std::exchange(open_bytes_, 0);
    chunk.kept = std::exchange(open_, {});
    add_chunk(std::move(chunk));
  }
  while (!chunks_.empty()) drop_chunk();
  segments_.clear();
}

// ---- at the start --------------------------------------------------------------------------

void StreamIndex::recover(const RecoveredEntry& entry, std::uint64_t segment_size_bytes) {
  watch();
  note(entry.place.size_bytes, entry.published_at, segment_size_bytes);
  if (recovering_ == nullptr) recovering_ = std::make_unique<Recovering>();
  if (recovering_->builder.count() == 0) recovering_->firsts.push_back(entry.place);
  recovering_->last = entry.place;
  recovering_->size_bytes += entry.place.size_bytes;
  RecoveredEntry noted = entry;
  noted.expires_at = noted_time(last_time_);
  noted.redelivered = false;
  recovering_->builder.add(noted, position_of(end_));  // Its offset is found out later.
  if (is_full(recovering_->builder.count(), recovering_->size_bytes, segment_size_bytes)) {
    write_recovered();
  }
  pager_->note_recovered();
}

void StreamIndex::write_recovered() {
  if (recovering_ == nullptr || recovering_->builder.count() == 0) return;
  StreamChunk chunk;
  chunk.count = recovering_->builder.count();
  chunk.first = chunks_.empty() ? StreamOffset{0} : chunks_.back().end();
  chunk.size_bytes = std::exchange(recovering_->size_bytes, 0);
  chunk.last_time = last_time_;
  chunk.paged = pager_->write_recovered(recovering_->builder);
  recovering_->builder.clear();
  add_chunk(std::move(chunk));
}

void StreamIndex::end_recovery(storage::LogReader& reader) {
  if (recovering_ == nullptr) return;
  write_recovered();
  const auto recovered = std::exchange(recovering_, nullptr);
  renumber(reader, *recovered);
}

/// The messages themselves say what offsets they have. The first and the last are enough, unless
/// something between them is lost.
void StreamIndex::renumber(storage::LogReader& reader, const Recovering& recovered) {
  std::vector<std::optional<StreamOffset>> offsets;
  const auto read_offsets = [&](std::span<const storage::LogPlace> places) {
    offsets.assign(places.size(), std::nullopt);
    reader.read(places, [&](std::size_t index, std::span<const std::byte> bytes) {
      if (const auto message = Message::parse(bytes)) offsets[index] = stream_offset_of(*message);
    });
  };
  const storage::LogPlace ends[] = {recovered.firsts.front(), recovered.last};
  read_offsets(ends);
  const auto last = offsets[1];
  if (offsets[0] && last && *last >= *offsets[0] && *last - *offsets[0] + 1 == end_ - first()) {
    const std::uint64_t base = static_cast<std::uint64_t>(*offsets[0]);
    for (StreamChunk& chunk : chunks_) chunk.first = chunk.first + base;
    end_ = *last + 1;
    return;
  }
  read_offsets(recovered.firsts);
  // What cannot be read lies before what can.
  std::size_t known = 0;
  while (known < offsets.size() && !offsets[known]) ++known;
  const std::uint64_t before = chunks_[std::min(known, chunks_.size() - 1)].first - StreamOffset{0};
  StreamOffset next{known == offsets.size()
                        ? 0
                        : (*offsets[known] - StreamOffset{0}) -
                              std::min(*offsets[known] - StreamOffset{0}, before)};
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    StreamChunk& chunk = chunks_[i];
    chunk.first = std::max(next, offsets[i].value_or(next));
    if (i > 0 && chunk.first > next) chunks_[i - 1].has_gap = true;
    next = chunk.end();
  }
  end_ = next;
  if (last && *last + 1 > next) {
    chunks_.back().has_gap = true;
    end_ = *last + 1;
  }
}

}  // namespace leveret::broker
