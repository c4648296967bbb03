#include "broker/core/entry_fifo.hpp"

#include <algorithm>

namespace leveret::broker {

// ---- runs ----------------------------------------------------------------------------------

EntryFifo::Run* EntryFifo::make_run(std::size_t capacity) {
  void* memory = ::operator new(items_offset + capacity * sizeof(QueueEntry));
  return new (memory) Run{nullptr, nullptr, 0, 0, static_cast<std::uint16_t>(capacity), 0, {}};
}

void EntryFifo::link(Run& run, Run* previous, Run* next) {
  run.previous = previous;
  run.next = next;
  (previous != nullptr ? previous->next : head_) = &run;
  (next != nullptr ? next->previous : tail_) = &run;
}

void EntryFifo::add_run() {
  link(*make_run(head_ == nullptr ? first_capacity : later_capacity), tail_, nullptr);
}

/// The first entries have been taken out already.
void EntryFifo::skip_taken() {
  Run& run = *head_;
  while (run.begin != run.end && is_taken(*item(run, run.begin))) {
    item(run, run.begin)->~QueueEntry();
    ++run.begin;
    --run.taken_count;
  }
}

/// Requires: no entry is left in it.
void EntryFifo::drop_run(Run& run) {
  if (run.early != nullptr) forget_early(run);
  for (; run.begin != run.end; ++run.begin) item(run, run.begin)->~QueueEntry();
  if (head_ == tail_ && run.capacity == first_capacity) {
    run.begin = run.end = run.taken_count = 0;  // Kept: traffic comes back to it.
    return;
  }
  (run.previous != nullptr ? run.previous->next : head_) = run.next;
  (run.next != nullptr ? run.next->previous : tail_) = run.previous;
  const bool was_first = run.previous == nullptr;
  run.~Run();
  ::operator delete(static_cast<void*>(&run));
  if (was_first && head_ != nullptr && head_->taken_count > 0) skip_taken();
}

void EntryFifo::clear() {
  while (size_ > 0) pop_front();
  if (head_ == nullptr) return;
  head_->~Run();
  ::operator delete(static_cast<void*>(head_));
  head_ = tail_ = nullptr;
}

/// Puts what is left of a run into a smaller one: a few that live long do not hold the memory of
/// all that have expired.
void EntryFifo::shrink(Run& run) {
  Run& smaller = *make_run(std::max<std::size_t>(run.count(), first_capacity));
  for (; run.begin != run.end; ++run.begin) {
    QueueEntry& entry = *item(run, run.begin);
    if (!is_taken(entry)) new (item(smaller, smaller.end++)) QueueEntry(std::move(entry));
    entry.~QueueEntry();
  }
  smaller.early = std::move(run.early);
  if (smaller.early != nullptr) {
    smaller.early->run = &smaller;
    smaller.early->is_sorted = false;
  }
  link(smaller, run.previous, run.next);
  run.~Run();
  ::operator delete(static_cast<void*>(&run));
}

// ---- what expires --------------------------------------------------------------------------

void EntryFifo::note_early(Run& run, Instant expires_at) {
  if (early_ == nullptr) early_ = std::make_unique<EarlyRuns>();
  if (run.early == nullptr) {
    run.early = std::make_unique<EarlyRun>();
    run.early->run = &run;
    run.early->at = expires_at;
    early_->insert(*run.early);
  } else if (expires_at < run.early->at) {
    move_early(*run.early, expires_at);
  }
  run.early->is_sorted = false;
}

void EntryFifo::forget_early(Run& run) {
  early_->erase(early_->iterator_to(*run.early));
  run.early.reset();
  if (early_->empty()) early_.reset();
}

/// One that stays where it was keeps its place among its equals: runs do not alternate then.
void EntryFifo::move_early(EarlyRun& early, Instant at) {
  if (at == early.at) return;
  early_->erase(early_->iterator_to(early));
  early.at = at;
  early_->insert(early);
}

void EntryFifo::sort(EarlyRun& early) {
  const Run& run = *early.run;
  early.next = early.count = 0;
  for (std::uint32_t i = run.begin; i < run.end; ++i) {
    const QueueEntry& entry = *item(run, i);
    if (is_taken(entry) || entry.expires_at == never) continue;
    early.places[early.count++] = static_cast<std::uint8_t>(i);
  }
  std::sort(early.places.begin(), early.places.begin() + early.count,
            [&](std::uint8_t left, std::uint8_t right) {
              const Instant left_at = item(run, left)->expires_at;
              const Instant right_at = item(run, right)->expires_at;
              return left_at != right_at ? left_at < right_at : left < right;
            });
  early.is_sorted = true;
}

std::optional<QueueEntry> EntryFifo::take_due(Instant limit, std::size_t* cost) {
  while (next_expires_at() <= limit && size_ > 0) {
    if (early_ == nullptr || front().expires_at <= early_->begin()->at) return pop_front();
    if (auto entry = take_from(*early_->begin(), cost)) return entry;
  }
  return std::nullopt;
}

/// The entry of the run that expires when it was said to. Nothing: it has left before; when the
/// next one expires is known now.
std::optional<QueueEntry> EntryFifo::take_from(EarlyRun& early, std::size_t* cost) {
  constexpr std::size_t cost_of_sorting = 16;
  Run& run = *early.run;
  if (!early.is_sorted) {
    sort(early);
    if (cost != nullptr) *cost += cost_of_sorting;
  }
  while (early.next < early.count && (early.places[early.next] < run.begin ||
                                      is_taken(*item(run, early.places[early.next])))) {
    ++early.next;
  }
  if (early.next == early.count) {
    forget_early(run);
    return std::nullopt;
  }
  const std::uint32_t place = early.places[early.next];
  const Instant expires_at = item(run, place)->expires_at;
  if (expires_at != early.at) {
    move_early(early, expires_at);
    return std::nullopt;
  }
  return take(run, place);
}

QueueEntry EntryFifo::take(Run& run, std::uint32_t index) {
  QueueEntry entry = std::move(*item(run, index));
  ++run.taken_count;
  --size_;
  if (run.count() == 0) {
    drop_run(run);
  } else if (&run == head_) {
    skip_taken();
  } else if (&run != tail_ && run.capacity > first_capacity && run.count() * 4 <= run.capacity) {
    shrink(run);
  }
  return entry;
}

}  // namespace leveret::broker
