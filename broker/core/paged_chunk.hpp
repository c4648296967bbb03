/// A run of a queue's entries that has left memory: what is kept of each in the page file, and the
/// little that is kept of the run in memory.
///
/// Owner: one queue.   Thread: the queue's home shard.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "broker/core/queue_entry.hpp"
#include "protocol/base/assert.hpp"
#include "storage/crc32c.hpp"
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
  std::uint32_t redelivered : 1 = 0;
  std::uint32_t body_size_bytes : 31 = 0;
  std::uint32_t delivery_count = 0;  ///< How often it has come back.
};
static_assert(sizeof(PagedEntry) == 48, "ten million messages are to take 480 MB of disk");

/// An entry that the log has kept, as recovery finds it: the message itself is not in memory.
struct RecoveredEntry {
  storage::LogPlace place;
  std::uint32_t log_index = 0;
  std::uint32_t body_size_bytes = 0;
  Instant expires_at = never;
  bool redelivered = false;
  WallTime published_at{};
  /// Somebody had it when the broker ended: it comes back from there.
  bool was_out = false;
  std::uint8_t priority = 0;  ///< The message's own. Known only where the queue has priorities.
  std::uint32_t delivery_count = 0;
  const Message* message = nullptr;  ///< For as long as it takes, where the queue has to see it.
};

/// What memory keeps of a chunk.
struct PagedChunk {
  storage::PageAddress address;
  std::uint32_t entries_size_bytes = 0;
  std::uint32_t loaded_count = 0;  ///< So many of its first entries are back in memory, or gone.
  std::uint32_t count = 0;         ///< Of what is left, which all that follows is about.
  bool has_logged = false;  ///< The log has some of them, and must hear what becomes of those.
  std::uint64_t body_bytes = 0;
  Position first_position{};
  Instant first_expires_at = never;
  /// When to look at them next: some may have expired then.
  Instant next_expires_at = never;
  Instant last_expires_at{};  ///< When all of them have expired.
  std::uint32_t entries_sum = 0;  ///< Check sum of all entries, without the bytes of messages.
  /// Which of all entries have been taken out of the middle; empty: none.
  std::vector<bool> taken;

  std::uint32_t all_count() const {
    return static_cast<std::uint32_t>(entries_size_bytes / sizeof(PagedEntry));
  }
  bool is_taken(std::uint32_t index) const { return !taken.empty() && taken[index]; }
  void mark_taken(std::uint32_t index) {
    if (taken.empty()) taken.resize(all_count());
    taken[index] = true;
  }
};
static_assert(sizeof(PagedChunk) <= 128, "a backlog of a gigabyte has about a thousand of them");

/// Gathers the entries of a chunk.
class ChunkBuilder {
 public:
  /// `by_place`: the log has the message; otherwise its bytes are referred to until they are
  /// written. Requires: the position is above the last one's.
  void add(const QueueEntry& entry, bool by_place) {
    const Message& message = *entry.message;
    PagedEntry paged{{}, entry.expires_at, entry.position, entry.log_index, entry.redelivered,
                     checked_body_size(message.body_size()) & body_size_mask,
                     entry.delivery_count};
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
    add(paged);
  }

  void add(const RecoveredEntry& entry, Position position) {
    add({entry.place, entry.expires_at, position, entry.log_index, entry.redelivered,
         checked_body_size(entry.body_size_bytes) & body_size_mask, entry.delivery_count});
  }

  std::uint32_t count() const { return chunk_.count; }
  std::uint64_t body_bytes() const { return chunk_.body_bytes; }
  /// All but the address.
  PagedChunk chunk() const {
    PagedChunk chunk = chunk_;
    const auto entries = std::as_bytes(std::span(entries_));
    chunk.entries_size_bytes = static_cast<std::uint32_t>(entries.size());
    chunk.entries_sum = storage::crc32c(0, entries);
    return chunk;
  }

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
  static constexpr std::uint32_t body_size_mask = 0x7fff'ffff;
  static std::uint32_t checked_body_size(std::uint64_t bytes) {
    LEVERET_ASSERT(bytes <= body_size_mask, "no message is larger than its limit, 512 MiB");
    return static_cast<std::uint32_t>(bytes);
  }
  void add(const PagedEntry& entry) {
    if (chunk_.count == 0) {
      chunk_.first_position = entry.position;
      chunk_.first_expires_at = entry.expires_at;
    }
    chunk_.next_expires_at = std::min(chunk_.next_expires_at, entry.expires_at);
    if (entry.expires_at > chunk_.last_expires_at) chunk_.last_expires_at = entry.expires_at;
    chunk_.has_logged |= entry.place.is_logged();
    ++chunk_.count;
    chunk_.body_bytes += entry.body_size_bytes;
    entries_.push_back(entry);
  }

  PagedChunk chunk_;
  std::vector<PagedEntry> entries_;
  std::vector<std::span<const std::byte>> parts_{1};  ///< The first is kept for the entries.
};

}  // namespace leveret::broker
