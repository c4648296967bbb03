/// Messages of a queue in their order, of which the one that expires soonest can be had wherever
/// it is.
///
/// Empty, it holds no memory. A short list lives in one small run; a long one grows and shrinks by
/// larger runs, so nothing is ever copied and a drained backlog gives its memory back.
///
/// An entry that expires no sooner than all before it is never due before the first one is. Where
/// times to live are alike all are of this kind, and looking at the first is enough. An entry that
/// expires sooner than one before it is early: its run is then known by its soonest deadline. That
/// costs a run 200 bytes, and whoever has no early entries a comparison.
///
/// Owner: a ReadyList.   Thread: its queue's home shard.
#pragma once

#include <algorithm>
#include <array>
#include <boost/intrusive/set.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "broker/core/queue_entry.hpp"
#include "protocol/base/assert.hpp"

namespace leveret::broker {

class EntryFifo {
 public:
  EntryFifo() = default;
  EntryFifo(const EntryFifo&) = delete;
  EntryFifo& operator=(const EntryFifo&) = delete;
  ~EntryFifo() { clear(); }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  QueueEntry& front() {
    LEVERET_ASSERT(size_ > 0, "an empty list has no front");
    return *item(*head_, head_->begin);
  }
  const QueueEntry& front() const { return const_cast<EntryFifo&>(*this).front(); }

  void push_back(QueueEntry entry) {
    const Instant expires_at = entry.expires_at;
    if (tail_ == nullptr || tail_->end == tail_->capacity) add_run();
    new (item(*tail_, tail_->end)) QueueEntry(std::move(entry));
    ++tail_->end;
    if (expires_at >= latest_ || size_ == 0) {
      latest_ = expires_at;
    } else {
      note_early(*tail_, expires_at);
    }
    ++size_;
  }

  QueueEntry pop_front() {
    QueueEntry& first = front();
    QueueEntry entry = std::move(first);
    first.~QueueEntry();
    ++head_->begin;
    --size_;
    tidy_front();
    return entry;
  }

  /// When the next entry expires, or before that; `never` when none will.
  Instant next_expires_at() const {
    if (size_ == 0) return never;
    const Instant first = front().expires_at;
    return early_ == nullptr ? first : std::min(first, early_->begin()->at);
  }
  /// Takes out the entry that expires soonest, and of several the first, if it does by `limit`.
  /// Adds to `cost` what there was to do beside that, in entries it could have taken instead.
  std::optional<QueueEntry> take_due(Instant limit, std::size_t* cost = nullptr);

  /// Calls visit(entry) for the entries after the first `skipped`, as long as it says true.
  template <class Visit>
  void visit_after(std::size_t skipped, Visit&& visit) const {
    for (const Run* run = head_; run != nullptr; run = run->next) {
      if (skipped >= run->count()) {
        skipped -= run->count();
        continue;
      }
      for (std::uint32_t i = run->begin; i < run->end; ++i) {
        const QueueEntry& entry = *item(*run, i);
        if (is_taken(entry)) continue;
        if (skipped > 0) {
          --skipped;
        } else if (!visit(entry)) {
          return;
        }
      }
    }
  }

  void swap(EntryFifo& other) {
    std::swap(head_, other.head_);
    std::swap(tail_, other.tail_);
    std::swap(size_, other.size_);
    std::swap(latest_, other.latest_);
    std::swap(early_, other.early_);
  }

  void clear();

 private:
  static constexpr std::uint32_t first_capacity = 4;
  static constexpr std::uint32_t later_capacity = 128;

  struct EarlyRun;
  /// Entries from `begin` to `end`, of which some may have been taken out; but not all of them, and
  /// of the first run not the first one.
  struct Run {
    Run* next;
    Run* previous;
    std::uint32_t begin, end;
    std::uint16_t capacity, taken_count;
    std::unique_ptr<EarlyRun> early;

    std::size_t count() const { return end - begin - taken_count; }
  };
  /// What is known of a run with early entries.
  struct EarlyRun : boost::intrusive::set_base_hook<boost::intrusive::optimize_size<true>> {
    Run* run = nullptr;
    Instant at = never;  ///< No entry of the run is due before, unless the first of the list is.
    bool is_sorted = false;
    std::uint8_t next = 0, count = 0;
    /// Places of the entries that expire at all, by their deadlines; from `next` on to `count`.
    std::array<std::uint8_t, later_capacity> places;

    bool operator<(const EarlyRun& other) const { return at < other.at; }
  };
  using EarlyRuns =
      boost::intrusive::multiset<EarlyRun, boost::intrusive::constant_time_size<false>>;

  static constexpr std::size_t items_offset =
      (sizeof(Run) + alignof(QueueEntry) - 1) / alignof(QueueEntry) * alignof(QueueEntry);

  static QueueEntry* item(const Run& run, std::uint32_t index) {
    auto* const bytes = reinterpret_cast<std::byte*>(const_cast<Run*>(&run)) + items_offset;
    return reinterpret_cast<QueueEntry*>(bytes) + index;
  }
  /// An entry that was taken out leaves its place behind, without a message.
  static bool is_taken(const QueueEntry& entry) { return entry.message == nullptr; }

  static Run* make_run(std::size_t capacity);
  void add_run();
  void tidy_front() {
    if (head_->taken_count > 0) skip_taken();
    if (head_->begin == head_->end) drop_run(*head_);
  }
  void skip_taken();
  void drop_run(Run& run);
  void link(Run& run, Run* previous, Run* next);
  void shrink(Run& run);
  QueueEntry take(Run& run, std::uint32_t index);
  std::optional<QueueEntry> take_from(EarlyRun& early, std::size_t* cost);
  void note_early(Run& run, Instant expires_at);
  void forget_early(Run& run);
  void move_early(EarlyRun& early, Instant at);
  static void sort(EarlyRun& early);

  Run* head_ = nullptr;
  Run* tail_ = nullptr;
  std::size_t size_ = 0;
  Instant latest_{};  ///< Of all entries since the list was empty.
  std::unique_ptr<EarlyRuns> early_;  ///< Null while there are none.
};

}  // namespace leveret::broker
