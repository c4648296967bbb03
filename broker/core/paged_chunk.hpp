/// A run of a queue's entries that has left memory: what is kept of each in the page file, and the
/// little that is kept of the run in memory.
///
/// Owner: one queue.   Thread: the queue's home shard.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "broker/core/queue_entry.hpp"
#include "storage/page_file.hpp"

namespace leveret::broker {

/// An entry in the page file. A chunk is so many of these, and then the bytes of those messages
/// that the log does not have, one after the other.
struct PagedEntry {
  /// Not logged: the message's bytes are in the chunk, `size_bytes` of them.
  storage::LogPlace place;
  Instant expires_at = never;
  Position position{};
  std::uint32_t log_index = not_in_log;
  std::uint32_t redelivered = 0;
};
static_assert(sizeof(PagedEntry) == 40, "ten million messages are to take 400 MB of disk");

/// An entry that the log has kept, as recovery finds it: the message itself is not in memory.
struct RecoveredEntry {
  storage::LogPlace place;
  std::uint32_t log_index = 0;
  std::uint32_t body_size_bytes = 0;
  Instant expires_at = never;
  bool redelivered = false;
  WallTime published_at{};
  std::uint8_t priority = 0;  ///< The message's own. Known only where the queue has priorities.
};

/// What memory keeps of a chunk.
struct PagedChunk {
  storage::PageAddress address;
  std::uint32_t loaded_count = 0;  ///< So many of its first entries are back in memory.
  std::uint32_t count = 0;         ///< Of the others, which all that follows is about.
  bool has_logged = false;  ///< The log has some of them, and must hear what becomes of those.
  std::uint64_t body_bytes = 0;
  Position first_position{};
  Instant first_expires_at = never;
  Instant last_expires_at{};  ///< When all of them have expired.
};
static_assert(sizeof(PagedChunk) <= 64, "a backlog of a gigabyte has about a thousand of them");

/// Gathers the entries of a chunk.
class ChunkBuilder {
 public:
  /// `by_place`: the log has the message; otherwise its bytes are referred to until they are
  /// written. Requires: the position is above the last one's.
  void add(const QueueEntry& entry, bool by_place) {
    const Message& message = *entry.message;
    PagedEntry paged{{}, entry.expires_at, entry.position, entry.log_index, entry.redelivered};
    if (by_place) {
      paged.place = message.log_place();
    } else {
      std::size_t size = 0;
      for (const auto part : message.log_parts()) {
        size += part.size();
        parts_.push_back(part);
      }
      paged.place.size_bytes = static_cast<std::uint32_t>(size);
    }
    add(paged, message.body_size());
  }

  void add(const RecoveredEntry& entry, Position position) {
    add({entry.place, entry.expires_at, position, entry.log_index, entry.redelivered},
        entry.body_size_bytes);
  }

  std::uint32_t count() const { return chunk_.count; }
  std::uint64_t body_bytes() const { return chunk_.body_bytes; }
  /// All but the address.
  const PagedChunk& chunk() const { return chunk_; }

  /// What is to be written.
  std::span<const std::span<const std::byte>> parts() {
    parts_.front() = std::as_bytes(std::span(entries_));
    return parts_;
  }

  void clear() {
    chunk_ = {};
    entries_.clear();
    parts_.resize(1);
  }

 private:
  void add(const PagedEntry& entry, std::uint64_t body_size) {
    if (chunk_.count == 0) {
      chunk_.first_position = entry.position;
      chunk_.first_expires_at = entry.expires_at;
    }
    if (entry.expires_at > chunk_.last_expires_at) chunk_.last_expires_at = entry.expires_at;
    chunk_.has_logged |= entry.place.is_logged();
    ++chunk_.count;
    chunk_.body_bytes += body_size;
    entries_.push_back(entry);
  }

  PagedChunk chunk_;
  std::vector<PagedEntry> entries_;
  std::vector<std::span<const std::byte>> parts_{1};  ///< The first is kept for the entries.
};

}  // namespace leveret::broker
