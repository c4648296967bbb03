#include "broker/core/ready_list.hpp"

#include <algorithm>
#include <utility>

#include "broker/core/paged_chunk_list.hpp"

namespace leveret::broker {

class ReadyList::Backlog final : public PagedQueue {
 public:
  Backlog(ReadyList& list, MessagePager& pager) : list_(list), pager_(pager) {
    pager.watch(*this);
  }
  ~Backlog() {
    while (!chunks_.empty()) pager_.free(chunks_.pop_front());
  }

  std::size_t size() const { return paged_count_ + back_.size(); }
  /// Of chunks and back part.
  std::uint64_t body_bytes() const { return body_bytes_; }
  const PagedChunk& first_chunk() const { return chunks_.front().chunk; }

  /// Whether what comes belongs to the back part.
  bool begins_after_front() const { return !chunks_.empty() || !back_.empty(); }
  void push_back(QueueEntry entry);
  /// The back part becomes the front part, if no chunk comes before it.
  void move_back_to(EntryFifo& front);
  PagedChunk pop_chunk();
  /// Brings the first chunk, or a part of it, to the front part.
  void load_chunk(const QueueDefinition& of);
  void recover(const RecoveredEntry& entry, Position position);
  MessagePager& pager() { return pager_; }

  Instant chunks_expire_at() const { return chunks_.next_expires_at(); }
  Instant back_expires_at() const { return back_.next_expires_at(); }
  bool first_chunk_is_due(Instant limit) { return chunks_.front().chunk.next_expires_at <= limit; }
  /// As of MessagePager, from the chunk that is to be looked at.
  TakenEntries take_due_of_chunk(Instant limit, const QueueDefinition& of,
                                 std::vector<QueueEntry>* out);
  std::optional<QueueEntry> take_due_of_back(Instant limit, std::size_t* cost);

  std::uint64_t page_out(bool pressing) override;
  void write_recovered() override;

 private:
  /// An amount of entries, by their number and by their bytes.
  struct Amount {
    std::size_t entries = 0;
    std::uint64_t bytes = 0;
    bool reaches(const Amount& limit) const {
      return entries >= limit.entries || bytes >= limit.bytes;
    }
    void add(const QueueEntry& entry) {
      ++entries;
      bytes += entry.message->memory_bytes();
    }
  };
  void split_front(const Amount& keep);

  ReadyList& list_;
  MessagePager& pager_;
  PagedChunkList chunks_;
  EntryFifo back_;
  std::size_t paged_count_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::uint64_t back_body_bytes_ = 0;
  Amount pageable_;  ///< So many of the back part's first can leave memory.
  std::unique_ptr<ChunkBuilder> recovered_;
};

// ---- what comes ----------------------------------------------------------------------------

void ReadyList::Backlog::push_back(QueueEntry entry) {
  body_bytes_ += entry.message->body_size();
  back_body_bytes_ += entry.message->body_size();
  back_.push_back(std::move(entry));
}

void ReadyList::begin_backlog(MessagePager& pager) {
  // Returned messages stay in memory, however many bytes they have.
  if (!pager.watches(fresh_.size(), front_body_bytes())) return;
  backlog_ = std::make_unique<Backlog>(*this, pager);
}

void ReadyList::push_to_backlog(QueueEntry entry) {
  if (backlog_->begins_after_front()) {
    backlog_->push_back(std::move(entry));
  } else {
    fresh_.push_back(std::move(entry));
  }
}

void ReadyList::recover(const RecoveredEntry& entry, Position position, MessagePager& pager) {
  LEVERET_ASSERT(fresh_.empty(), "messages are recovered before any are published");
  if (backlog_ == nullptr) backlog_ = std::make_unique<Backlog>(*this, pager);
  body_bytes_ += entry.body_size_bytes;
  backlog_->recover(entry, position);
}

void ReadyList::Backlog::recover(const RecoveredEntry& entry, Position position) {
  if (recovered_ == nullptr) recovered_ = std::make_unique<ChunkBuilder>();
  recovered_->add(entry, position);
  const PagingLimits& limits = pager_.limits();
  if (recovered_->count() >= limits.chunk_entries ||
      recovered_->body_bytes() >= limits.chunk_bytes) {
    write_recovered();
  }
  pager_.note_recovered();
}

void ReadyList::Backlog::write_recovered() {
  if (recovered_ == nullptr) return;
  const PagedChunk chunk = pager_.write_recovered(*recovered_);
  recovered_.reset();
  paged_count_ += chunk.count;
  body_bytes_ += chunk.body_bytes;
  chunks_.push_back(chunk);
}

// ---- what leaves memory --------------------------------------------------------------------

std::uint64_t ReadyList::Backlog::page_out(bool pressing) {
  const PagingLimits& limits = pager_.limits();
  const Amount chunk{limits.chunk_entries, limits.chunk_bytes};
  const Amount enough = pressing ? Amount{limits.small_entries, limits.small_bytes} : chunk;
  if (!begins_after_front()) {
    const Amount front{list_.fresh_.size(), list_.front_body_bytes()};
    if (front.reaches({2 * enough.entries, 2 * enough.bytes})) split_front(enough);
  }
  if (!Amount{back_.size(), back_body_bytes_}.reaches(enough)) return 0;
  // What could leave memory at the last look still can.
  back_.visit_after(pageable_.entries, [&](const QueueEntry& entry) {
    if (pageable_.reaches(chunk) || !pager_.can_page(entry)) return false;
    pageable_.add(entry);
    return true;
  });
  if (!pageable_.reaches(enough)) return 0;

  pager_.begin_chunk();
  std::size_t left = pageable_.entries;
  back_.visit_after(0, [&](const QueueEntry& entry) {
    pager_.add(entry);
    return --left > 0;
  });
  const auto written = pager_.end_chunk();
  if (!written) return 0;
  chunks_.push_back(*written);
  paged_count_ += written->count;
  for (std::size_t i = 0; i < written->count; ++i) back_.pop_front();
  back_body_bytes_ -= written->body_bytes;
  return std::exchange(pageable_, {}).bytes;
}

/// Makes what comes after the first entries of the front part the back part.
void ReadyList::Backlog::split_front(const Amount& keep) {
  EntryFifo& front = list_.fresh_;
  EntryFifo kept;
  Amount amount;
  std::uint64_t left_body_bytes = list_.front_body_bytes();
  while (!front.empty() && !amount.reaches(keep)) {
    amount.add(front.front());
    left_body_bytes -= front.front().message->body_size();
    kept.push_back(front.pop_front());
  }
  back_.swap(front);
  front.swap(kept);
  body_bytes_ = back_body_bytes_ = left_body_bytes;
}

// ---- what comes back -----------------------------------------------------------------------

void ReadyList::Backlog::move_back_to(EntryFifo& front) {
  if (!chunks_.empty()) return;
  front.swap(back_);
  body_bytes_ = back_body_bytes_ = 0;
  pageable_ = {};
}

PagedChunk ReadyList::Backlog::pop_chunk() {
  PagedChunk chunk = chunks_.pop_front();
  paged_count_ -= chunk.count;
  body_bytes_ -= chunk.body_bytes;
  return chunk;
}

void ReadyList::Backlog::load_chunk(const QueueDefinition& of) {
  PagedChunk& chunk = chunks_.front().chunk;
  const std::uint32_t count = chunk.count;
  const std::uint64_t loaded_bytes = pager_.load(chunk, of, list_.fresh_);
  paged_count_ -= count - chunk.count;
  const std::uint64_t counted_bytes =
      chunk.count == 0 ? chunk.body_bytes : std::min(chunk.body_bytes, loaded_bytes);
  chunk.body_bytes -= counted_bytes;
  body_bytes_ -= counted_bytes;
  // These differ where something is lost.
  list_.body_bytes_ += loaded_bytes;
  list_.body_bytes_ -= counted_bytes;
  if (chunk.count == 0) chunks_.pop_front();
}

void ReadyList::load_front(const QueueDefinition& of) {
  backlog_->load_chunk(of);
  if (fresh_.empty()) refill_front();
}

void ReadyList::discard_front_chunk(const QueueDefinition& of) {
  const PagedChunk chunk = backlog_->pop_chunk();
  body_bytes_ -= chunk.body_bytes;
  backlog_->pager().discard(chunk, of);
  refill_front();
}

void ReadyList::refill_front() {
  backlog_->move_back_to(fresh_);
  if (fresh_.empty() && !backlog_->begins_after_front()) backlog_.reset();
}

QueueEntry ReadyList::take_returned(std::map<Position, QueueEntry>::iterator place) {
  QueueEntry entry = std::move(place->second);
  returned_->entries.erase(place);
  if (entry.expires_at != never) returned_->deadlines.erase({entry.expires_at, entry.position});
  returned_->body_bytes -= entry.message->body_size();
  if (returned_->entries.empty()) returned_.reset();
  body_bytes_ -= entry.message->body_size();
  return entry;
}

void ReadyList::discard_all(storage::LogWriter& log, const QueueDefinition& of) {
  while (!empty()) {
    if (front_is_paged()) {
      discard_front_chunk(of);
      continue;
    }
    const QueueEntry entry = pop_front();
    if (entry.log_index != not_in_log) log.settle(entry.message->log_place(), entry.log_index);
  }
  fresh_.clear();
}

// ---- what expires --------------------------------------------------------------------------

Instant ReadyList::others_expire_at() const {
  Instant next = never;
  if (returned_ != nullptr && !returned_->deadlines.empty()) {
    next = returned_->deadlines.begin()->first;
  }
  if (backlog_ == nullptr) return next;
  return std::min({next, backlog_->chunks_expire_at(), backlog_->back_expires_at()});
}

std::size_t ReadyList::take_due(Instant limit, bool are_wanted, const QueueDefinition& of,
                                std::vector<QueueEntry>& out) {
  const Instant soonest = next_expires_at();
  std::size_t cost = 1;
  std::optional<QueueEntry> entry;
  if (returned_ != nullptr && !returned_->deadlines.empty() &&
      returned_->deadlines.begin()->first == soonest) {
    entry = take_returned(returned_->entries.find(returned_->deadlines.begin()->second));
  } else if (fresh_.next_expires_at() == soonest) {
    entry = fresh_.take_due(limit, &cost);
    if (entry) body_bytes_ -= entry->message->body_size();
    if (fresh_.empty() && backlog_ != nullptr) refill_front();
  } else if (backlog_->chunks_expire_at() == soonest) {
    return take_due_chunk(limit, are_wanted, of, out);
  } else {
    entry = backlog_->take_due_of_back(limit, &cost);
    if (entry) body_bytes_ -= entry->message->body_size();
  }
  if (entry) out.push_back(std::move(*entry));
  return cost;
}

std::size_t ReadyList::take_due_chunk(Instant limit, bool are_wanted, const QueueDefinition& of,
                                      std::vector<QueueEntry>& out) {
  // Work on a chunk, compared with what it is to drop a message.
  constexpr std::size_t cost_of_a_look = 32;
  const bool is_next = fresh_.empty() && backlog_->first_chunk_is_due(limit);
  if (is_next && (are_wanted || backlog_->first_chunk().last_expires_at > limit)) {
    // In memory the deadlines are known one by one.
    const std::size_t count = backlog_->size();
    load_front(of);
    return cost_of_a_look + count - (backlog_ == nullptr ? 0 : backlog_->size());
  }
  const TakenEntries taken =
      backlog_->take_due_of_chunk(limit, of, are_wanted ? &out : nullptr);
  body_bytes_ -= taken.body_bytes;
  if (fresh_.empty()) refill_front();
  return cost_of_a_look + taken.count;
}

TakenEntries ReadyList::Backlog::take_due_of_chunk(Instant limit, const QueueDefinition& of,
                                                   std::vector<QueueEntry>* out) {
  PagedChunkList::Link& link = chunks_.soonest();
  PagedChunk& chunk = link.chunk;
  TakenEntries taken{chunk.count, chunk.body_bytes};
  if (out == nullptr && chunk.last_expires_at <= limit) {
    pager_.discard(chunks_.remove(link), of);
  } else {
    taken = pager_.take_expired(chunk, limit, of, out);
    if (chunk.count == 0) {
      chunks_.remove(link);
    } else {
      // Where times to live differ there is always something due in some chunk, and to look costs
      // a read: it is done for many at once.
      chunk.next_expires_at = std::max(chunk.next_expires_at, limit + paged_lateness);
      chunks_.note_expiry(link);
    }
  }
  paged_count_ -= taken.count;
  body_bytes_ -= taken.body_bytes;
  return taken;
}

std::optional<QueueEntry> ReadyList::Backlog::take_due_of_back(Instant limit,
                                                                std::size_t* cost) {
  auto entry = back_.take_due(limit, cost);
  if (!entry) return entry;
  body_bytes_ -= entry->message->body_size();
  back_body_bytes_ -= entry->message->body_size();
  pageable_ = {};  // It may have been among those that can leave memory.
  return entry;
}

// ---- what is known -------------------------------------------------------------------------

ReadyList::ReadyList() = default;
ReadyList::~ReadyList() = default;

std::uint64_t ReadyList::front_body_bytes() const {
  return body_bytes_ - (returned_ ? returned_->body_bytes : 0) -
         (backlog_ ? backlog_->body_bytes() : 0);
}
std::size_t ReadyList::backlog_size() const { return backlog_->size(); }
Position ReadyList::chunk_position() const { return backlog_->first_chunk().first_position; }
Instant ReadyList::chunk_expires_at() const { return backlog_->first_chunk().first_expires_at; }
Instant ReadyList::front_chunk_expires_at() const {
  return returned_ == nullptr ? backlog_->first_chunk().last_expires_at : never;
}

}  // namespace leveret::broker
