/// Bytes on their way to one client. Small things are copied into chunks, large bodies are held
/// by reference; a drained outbox owns no memory.
///
/// Owner:  one ConnectionSession.   Thread: its shard. The shell gathers and consumes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "broker/core/message.hpp"
#include "protocol/base/ring_buffer.hpp"

namespace leveret::broker {

class Outbox {
 public:
  /// From this size on, a body is sent from where it lies. Below, copying it is cheaper than
  /// one more entry in the gather list (measured crossover between 2 and 4 KiB).
  static constexpr std::size_t shared_min_bytes = 4096;

  Outbox() = default;
  ~Outbox() = default;

  /// Makes room for exactly `size` bytes, which the caller must write before anything else is
  /// added. The room is contiguous whatever the size.
  std::span<std::byte> reserve(std::size_t size);

  /// Copies bytes.
  void append(std::span<const std::byte> bytes);

  /// Adds bytes of a message without copying them; the message is held until they are sent.
  void append_shared(const MessageRef& message, std::span<const std::byte> bytes);

  std::uint64_t pending_bytes() const { return pending_bytes_; }
  bool empty() const { return pending_bytes_ == 0; }

  /// Fills `pieces` with the next bytes to send; returns how many pieces there are.
  std::size_t gather(std::span<std::span<const std::byte>> pieces) const;

  /// Forgets bytes that were sent. Requires: size <= pending_bytes().
  void consume(std::uint64_t size);

 private:
  static constexpr std::size_t chunk_size_bytes = 16 * 1024;

  struct Segment {
    const std::byte* begin = nullptr;
    std::size_t size = 0;
    std::unique_ptr<std::byte[]> chunk;  ///< Set where the segment is the last in its chunk.
    MessageRef message;                  ///< Set where the bytes belong to a message.
  };

  void new_chunk(std::size_t size);

  RingBuffer<Segment> segments_;
  std::uint64_t pending_bytes_ = 0;
  const std::byte* newest_chunk_ = nullptr;
  std::byte* free_begin_ = nullptr;  ///< What is left of the newest chunk.
  std::size_t free_size_ = 0;
};

}  // namespace leveret::broker
