#include "broker/session/outbox.hpp"

#include <algorithm>
#include <cstring>

namespace leveret::broker {

void Outbox::new_chunk(std::size_t size) {
  std::unique_ptr<std::byte[]> chunk(new std::byte[size]);
  newest_chunk_ = free_begin_ = chunk.get();
  free_size_ = size;
  // The chunk's memory is kept by the last segment in it: sent in order, it outlives the others.
  segments_.push_back({free_begin_, 0, std::move(chunk), nullptr});
}

std::span<std::byte> Outbox::reserve(std::size_t size) {
  if (size == 0) return {};
  if (size > free_size_) {
    new_chunk(std::max(size, chunk_size_bytes));
  } else if (segments_.back().message != nullptr) {
    // A body by reference lies between: go on in the same chunk, whose owner moves along.
    std::size_t owner = segments_.size() - 1;
    while (segments_[owner].chunk == nullptr) --owner;
    Segment next{free_begin_, 0, std::move(segments_[owner].chunk), nullptr};
    segments_.push_back(std::move(next));
  }
  const std::span<std::byte> room{free_begin_, size};
  segments_.back().size += size;
  pending_bytes_ += size;
  free_begin_ += size;
  free_size_ -= size;
  return room;
}

void Outbox::append(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  std::memcpy(reserve(bytes.size()).data(), bytes.data(), bytes.size());
}

void Outbox::append_shared(const MessageRef& message, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  segments_.push_back({bytes.data(), bytes.size(), nullptr, message});
  pending_bytes_ += bytes.size();
}

std::size_t Outbox::gather(std::span<std::span<const std::byte>> pieces) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < segments_.size() && count < pieces.size(); ++i) {
    const Segment& segment = segments_[i];
    if (segment.size > 0) pieces[count++] = {segment.begin, segment.size};
  }
  return count;
}

void Outbox::consume(std::uint64_t size) {
  LEVERET_ASSERT(size <= pending_bytes_, "only bytes that were in the outbox can have been sent");
  pending_bytes_ -= size;
  while (!segments_.empty()) {
    Segment& first = segments_.front();
    const std::uint64_t taken = std::min<std::uint64_t>(size, first.size);
    first.begin += taken;
    first.size -= taken;
    size -= taken;
    if (first.size > 0) return;
    // What is left of the newest chunk goes with the segment that owns it.
    if (first.chunk != nullptr && first.chunk.get() == newest_chunk_) free_size_ = 0;
    segments_.pop_front();
  }
  segments_.trim(8);
}

}  // namespace leveret::broker
