/// The messages of a queue that wait for a consumer, in the order of their positions.
///
/// New messages come at the end; requeued ones go back to where they were, so two sequences are
/// kept apart and merged on the way out: the FIFO of what was never delivered, and the sorted
/// few that came back.
///
/// Owner: one Queue.   Thread: the queue's home shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "broker/core/chunked_fifo.hpp"
#include "broker/core/queue_entry.hpp"

namespace leveret::broker {

class ReadyList {
 public:
  bool empty() const { return fresh_.empty() && returned_ == nullptr; }
  std::size_t size() const { return fresh_.size() + (returned_ ? returned_->size() : 0); }
  std::uint64_t body_bytes() const { return body_bytes_; }

  /// Adds a new message. Requires: its position is above all others ever pushed.
  void push_back(QueueEntry entry) {
    body_bytes_ += entry.message->body_size();
    fresh_.push_back(std::move(entry));
  }

  /// Puts a delivered message back to its position.
  void put_back(QueueEntry entry) {
    body_bytes_ += entry.message->body_size();
    if (returned_ == nullptr) returned_ = std::make_unique<Returned>();
    const Position position = entry.position;
    returned_->emplace_hint(returned_->end(), position, std::move(entry));
  }

  /// The message with the lowest position. Requires: not empty.
  QueueEntry& front() {
    return first_is_returned() ? returned_->begin()->second : fresh_.front();
  }

  QueueEntry pop_front() {
    QueueEntry entry;
    if (first_is_returned()) {
      entry = std::move(returned_->begin()->second);
      returned_->erase(returned_->begin());
      if (returned_->empty()) returned_.reset();
    } else {
      entry = fresh_.pop_front();
    }
    body_bytes_ -= entry.message->body_size();
    return entry;
  }

  void clear() {
    fresh_.clear();
    returned_.reset();
    body_bytes_ = 0;
  }

 private:
  using Returned = std::map<Position, QueueEntry>;

  bool first_is_returned() {
    if (returned_ == nullptr) return false;
    return fresh_.empty() || returned_->begin()->first < fresh_.front().position;
  }

  ChunkedFifo<QueueEntry> fresh_;
  std::unique_ptr<Returned> returned_;  ///< Never empty: an idle queue does not pay for it.
  std::uint64_t body_bytes_ = 0;
};

}  // namespace leveret::broker
