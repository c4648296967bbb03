/// A growing first-in-first-out list with access by index, in one block of memory.
///
/// Empty from the start, it owns nothing. Pushing doubles the block when it is full; popping
/// never gives memory back unless trim() says so, so a steady flow does not allocate.
///
/// Owner: whoever holds it. Thread: its owner's.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "protocol/base/assert.hpp"

namespace leveret {

template <class T>
class RingBuffer {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  /// The item that `index` others stand before. Requires: index < size().
  T& operator[](std::size_t index) {
    LEVERET_ASSERT(index < size_, "an item is within the list");
    return items_[(begin_ + index) & mask()];
  }
  const T& operator[](std::size_t index) const {
    LEVERET_ASSERT(index < size_, "an item is within the list");
    return items_[(begin_ + index) & mask()];
  }
  T& front() { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& front() const { return (*this)[0]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == items_.size()) grow();
    items_[(begin_ + size_) & mask()] = std::move(value);
    ++size_;
  }

  T pop_front() {
    T value = std::exchange(front(), T{});
    begin_ = (begin_ + 1) & mask();
    --size_;
    return value;
  }

  /// Keeps the first `count` items. Requires: count <= size().
  void truncate(std::size_t count) {
    while (size_ > count) {
      back() = T{};
      --size_;
    }
  }

  /// Gives the block back when nothing is in it and it has grown beyond `kept_count` items.
  void trim(std::size_t kept_count) {
    if (size_ == 0 && items_.size() > kept_count) {
      std::vector<T>().swap(items_);
      begin_ = 0;
    }
  }

 private:
  std::size_t mask() const { return items_.size() - 1; }

  void grow() {
    std::vector<T> larger(items_.empty() ? 4 : items_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    items_ = std::move(larger);
    begin_ = 0;
  }

  std::vector<T> items_;  ///< Its size is 0 or a power of two.
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace leveret
