/// What must be in the log: the same acts, done to plain values.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "storage/log.hpp"

namespace leveret::storage {

/// A message of the simulation. Its bytes follow from its number.
struct SimMessage {
  std::uint64_t id = 0;
  std::vector<std::uint64_t> queues;
  std::uint64_t published_at_ms = 0;
  std::uint64_t expiration_ms = no_expiration;
  std::uint32_t body_size_bytes = 0;
  std::size_t size_bytes = 0;
  std::size_t publisher = 0;  ///< The shard.
  std::uint64_t ticket = 0;   ///< 0: it is not submitted in this life.
  /// How often each of the references has come back, as far as this life knows.
  std::vector<std::uint32_t> return_counts;
  LogPlace place;
  /// What the log is given; gone once it has said that it is written.
  std::vector<std::byte> bytes;

  std::vector<std::byte> right_bytes() const;
};
using SimMessagePtr = std::shared_ptr<SimMessage>;

struct SimReference {
  SimMessagePtr message;
  std::uint32_t index = 0;
  std::uint64_t queue() const { return message->queues[index]; }
};

struct Publish {
  SimMessagePtr message;
};
struct Settle {
  SimReference reference;
};
struct Deliver {
  SimReference reference;
};
struct Return {
  SimReference reference;
  Returns returns;
};
struct Define {
  std::string key, value;
};
struct Undefine {
  std::string key;
};
struct UndefineAll {
  std::string prefix;
};
using Act = std::variant<Publish, Settle, Deliver, Return, Define, Undefine, UndefineAll>;

/// What one shard submitted at once.
struct SimFrame {
  std::size_t shard = 0;
  std::uint64_t ticket = 0;
  bool awaited = false;
  std::vector<Act> acts;
};

/// What is alive after a number of frames.
class SimState {
 public:
  struct Live {
    SimReference reference;
    bool delivered = false;
    std::uint32_t return_count = 0;
  };
  void apply(const SimFrame& frame);
  /// Nobody knows the queue any more.
  void forget_queue(std::uint64_t queue);

  const std::map<std::string, std::string>& definitions() const { return definitions_; }
  /// In the order of publishing.
  std::vector<Live> live() const;
  std::size_t live_count() const { return live_count_; }

 private:
  struct Entry {
    SimMessagePtr message;
    std::vector<bool> settled, delivered;
    std::vector<std::uint32_t> return_counts;
  };
  void apply(const Act& act);
  void settle(const SimReference& reference);

  std::map<std::string, std::string> definitions_;
  std::map<std::uint64_t, Entry> entries_;  ///< By their place in the order.
  std::map<std::uint64_t, std::uint64_t> orders_;  ///< By the message's number.
  std::uint64_t next_order_ = 0;
  std::size_t live_count_ = 0;
};

}  // namespace leveret::storage
