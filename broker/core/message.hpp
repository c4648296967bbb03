/// A message on its way through the broker: immutable once published, shared by reference
/// between all queues, channels and sockets that have a copy.
///
/// Owner:  counted references.   Thread: any; the count is atomic, the content never changes.
#pragma once

#include <array>
#include <atomic>
#include <boost/intrusive_ptr.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/base/assert.hpp"
#include "storage/log.hpp"

namespace leveret::broker {

class Message;
/// A counted reference to a message. A MessageRef may be handed from shard to shard.
using MessageRef = boost::intrusive_ptr<const Message>;

/// Exchange, routing key, properties and body. Head and a body of up to
/// `inline_body_max_bytes` live in one allocation.
class Message {
 public:
  /// Larger bodies have a block of their own, which grows with the bytes that really arrive.
  static constexpr std::size_t inline_body_max_bytes = 64 * 1024;

  /// Makes a message whose body is still to come: `body_size` bytes by append_body().
  /// `properties` are the encoded property flags and values, exactly as they are delivered.
  /// `blind_keys` are those of the header BCC, which nobody gets to see, as write_blind_keys()
  /// has put them down; at most `blind_keys_max_bytes`.
  static boost::intrusive_ptr<Message> create(std::string_view exchange,
                                              std::string_view routing_key,
                                              std::span<const std::byte> properties,
                                              std::uint64_t body_size,
                                              std::span<const std::byte> blind_keys = {});
  static constexpr std::size_t blind_keys_max_bytes = UINT16_MAX;

  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  /// Makes a message again from what the log or a page has kept of it: log_parts(), one after
  /// the other. Null when the bytes cannot be that.
  static boost::intrusive_ptr<Message> parse(std::span<const std::byte> bytes);

  /// Adds received bytes. Requires: no more than body_missing_bytes(); not shared yet.
  void append_body(std::span<const std::byte> bytes);

  std::string_view exchange() const { return {head(), sizes_.exchange}; }
  std::string_view routing_key() const { return {head() + sizes_.exchange, sizes_.routing_key}; }
  std::span<const std::byte> properties() const {
    return {reinterpret_cast<const std::byte*>(head()) + sizes_.exchange + sizes_.routing_key,
            sizes_.properties};
  }
  /// 0 when the properties name none.
  std::uint8_t priority() const;
  std::span<const std::byte> blind_keys() const {
    return head_bytes().last(sizes_.blind_keys);
  }
  std::span<const std::byte> body() const { return {body_, body_filled_}; }
  /// What parse() makes a message of, in pieces.
  std::array<std::span<const std::byte>, 3> log_parts() const {
    return {log_head(), head_bytes(), body()};
  }
  std::uint64_t body_size() const { return body_size_; }
  std::uint64_t body_missing_bytes() const { return body_size_ - body_filled_; }

  /// Where the log has the message. Set by the shard that publishes it, before any other sees it.
  storage::LogPlace& log_place() const { return log_place_; }

  /// What the message costs in memory, for the node's accounts.
  std::uint64_t memory_bytes() const { return memory_bytes_; }

 private:
  /// Exchange, routing key, properties and blind keys as they lie in memory.
  std::span<const std::byte> head_bytes() const {
    return {reinterpret_cast<const std::byte*>(head()), sizes_.sum()};
  }
  /// The sizes of the four.
  std::span<const std::byte> log_head() const {
    return std::as_bytes(std::span(&sizes_, 1));
  }
  Message() = default;
  ~Message();
  char* head() { return reinterpret_cast<char*>(this + 1); }
  const char* head() const { return reinterpret_cast<const char*>(this + 1); }
  void reserve_body(std::uint64_t needed_bytes);
  void account(std::uint64_t bytes);

  friend void intrusive_ptr_add_ref(const Message* message) noexcept {
    message->reference_count_.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(const Message* message) noexcept;

  mutable std::atomic<std::uint32_t> reference_count_{0};
  bool body_is_inline_ = true;
  /// Also the first bytes of the message in the log. (All machines of ours are little-endian.)
  struct Sizes {
    std::uint32_t properties = 0;
    std::uint8_t exchange = 0;
    std::uint8_t routing_key = 0;
    std::uint16_t blind_keys = 0;

    std::size_t sum() const {
      return std::size_t{properties} + exchange + routing_key + blind_keys;
    }
  };
  Sizes sizes_;
  mutable storage::LogPlace log_place_;
  std::byte* body_ = nullptr;
  std::uint64_t body_size_ = 0;
  std::uint64_t body_filled_ = 0;
  std::uint64_t body_capacity_ = 0;
  std::uint64_t memory_bytes_ = 0;
};

/// Routing keys as a message keeps them: of each its size (2 bytes) and its bytes.
std::vector<std::byte> write_blind_keys(std::span<const std::string_view> keys);
/// They are views into `blind_keys`.
std::vector<std::string_view> read_blind_keys(std::span<const std::byte> blind_keys);

/// Bytes of all live messages of the process. Each thread keeps its own balance and hands it
/// over at the end of its turn: the sum is exact then, and never contended on a message's path.
class MessageMemory {
 public:
  /// Hands over this thread's balance. Call at the end of each turn.
  static void flush();
  /// Bytes in use, as of the threads' last flush().
  static std::uint64_t used_bytes();

 private:
  friend class Message;
  friend void intrusive_ptr_release(const Message* message) noexcept;
  static thread_local std::int64_t unflushed_bytes_;
  static std::atomic<std::int64_t> used_bytes_;
};

}  // namespace leveret::broker
