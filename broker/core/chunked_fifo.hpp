/// A first-in-first-out list for queues that are mostly empty and sometimes very long.
///
/// Empty, it holds no memory. A short list lives in one small chunk; a long one grows and shrinks
/// by larger chunks, so nothing is ever copied and a drained backlog gives its memory back.
///
/// Owner: whoever holds it. Thread: its owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "protocol/base/assert.hpp"

namespace leveret::broker {

/// `later_capacity`: of all chunks but the first.
template <class T, std::uint32_t later_capacity = 128>
class ChunkedFifo {
 public:
  ChunkedFifo() = default;
  ChunkedFifo(const ChunkedFifo&) = delete;
  ChunkedFifo& operator=(const ChunkedFifo&) = delete;
  ~ChunkedFifo() { clear(); }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  T& front() {
    LEVERET_ASSERT(size_ > 0, "an empty list has no front");
    return *item(head_, head_->begin);
  }
  const T& front() const { return const_cast<ChunkedFifo&>(*this).front(); }

  void push_back(T value) {
    if (tail_ == nullptr || tail_->end == tail_->capacity) add_chunk();
    new (item(tail_, tail_->end)) T(std::move(value));
    ++tail_->end;
    ++size_;
  }

  T pop_front() {
    T& first = front();
    T value = std::move(first);
    first.~T();
    ++head_->begin;
    --size_;
    if (head_->begin == head_->end) drop_head_chunk();
    return value;
  }

  /// Calls visit(value) for the values after the first `skipped`, as long as it says true.
  template <class Visit>
  void visit_after(std::size_t skipped, Visit&& visit) const {
    for (Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) {
      const std::size_t count = chunk->end - chunk->begin;
      if (skipped >= count) {
        skipped -= count;
        continue;
      }
      for (auto i = chunk->begin + static_cast<std::uint32_t>(skipped); i < chunk->end; ++i) {
        if (!visit(std::as_const(*item(chunk, i)))) return;
      }
      skipped = 0;
    }
  }

  void swap(ChunkedFifo& other) {
    std::swap(head_, other.head_);
    std::swap(tail_, other.tail_);
    std::swap(size_, other.size_);
  }

  void clear() {
    while (size_ > 0) pop_front();
    if (head_ != nullptr) free_chunk(std::exchange(head_, nullptr));
    tail_ = nullptr;
  }

 private:
  static constexpr std::uint32_t first_capacity = 4;

  struct Chunk {
    Chunk* next;
    std::uint32_t begin, end, capacity;
  };
  static_assert(alignof(T) <= alignof(std::max_align_t));
  static constexpr std::size_t items_offset =
      (sizeof(Chunk) + alignof(T) - 1) / alignof(T) * alignof(T);

  static T* item(Chunk* chunk, std::uint32_t index) {
    return reinterpret_cast<T*>(reinterpret_cast<std::byte*>(chunk) + items_offset) + index;
  }

  void add_chunk() {
    const std::uint32_t capacity = head_ == nullptr ? first_capacity : later_capacity;
    void* memory = ::operator new(items_offset + capacity * sizeof(T));
    auto* chunk = new (memory) Chunk{nullptr, 0, 0, capacity};
    if (tail_ != nullptr) {
      tail_->next = chunk;
    } else {
      head_ = chunk;
    }
    tail_ = chunk;
  }

  void drop_head_chunk() {
    if (head_ == tail_ && head_->capacity == first_capacity) {
      head_->begin = head_->end = 0;  // The small chunk is kept: traffic comes back to it.
      return;
    }
    Chunk* spent = head_;
    head_ = spent->next;
    if (head_ == nullptr) tail_ = nullptr;
    free_chunk(spent);
  }

  static void free_chunk(Chunk* chunk) { ::operator delete(static_cast<void*>(chunk)); }

  Chunk* head_ = nullptr;
  Chunk* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace leveret::broker
