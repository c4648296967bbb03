/// What a broker may do with the messages of a random world, kept beside it: where every copy of
/// every message is, and what would be wrong.
///
/// Owner:  one SimWorld.   Thread: the test's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace leveret::broker {

/// A message by the number that is its body.
using MessageNumber = std::uint64_t;

/// One message in one queue.
struct Copy {
  enum class State : std::uint8_t {
    held_back,  ///< In a transaction that is not committed.
    queued,     ///< In the queue, or on its way to somebody who has not seen it.
    held,       ///< A client has it and owes an answer.
    done,       ///< Nobody may see it again.
  };
  State state = State::queued;
  bool seen = false;  ///< A client has had it: it is redelivered from now on.
};

class Model {
 public:
  using Key = std::pair<std::string, MessageNumber>;

  /// Queues whose names begin with a k are never deleted, purged, nor do they forget.
  static bool keeps(const std::string& queue) { return queue.front() == 'k'; }

  void publish(const std::string& queue, MessageNumber number, Copy::State state) {
    copies_[{queue, number}].state = state;
  }
  /// The copy, which must exist: a message comes only from a queue that it was sent to.
  Copy* find(const std::string& queue, MessageNumber number) {
    const auto place = copies_.find({queue, number});
    return place == copies_.end() ? nullptr : &place->second;
  }
  template <class Visit>
  void for_copies_of(MessageNumber number, Visit&& visit) {
    for (const char* queue : queues_of_one_message) {
      if (Copy* copy = find(queue, number)) visit(*copy);
    }
  }
  /// How many copies lie in the queue, as far as it keeps them.
  std::uint64_t ready_count(const std::string& queue) const {
    std::uint64_t count = 0;
    for (auto place = copies_.lower_bound({queue, 0});
         place != copies_.end() && place->first.first == queue; ++place) {
      if (place->second.state == Copy::State::queued) ++count;
    }
    return count;
  }

  static constexpr const char* queues_of_one_message[] = {"k0", "k1", "k2", "k3", "d0",
                                                          "d1", "a0", "t0", "x0"};
  /// How many of them are kept: the first ones.
  static constexpr std::size_t kept_queue_count = 4;
  static std::span<const char* const> kept_queues() {
    return std::span(queues_of_one_message).first(kept_queue_count);
  }
  /// What is rejected in the first goes to the second.
  static constexpr const char* rejecting_queue = "k2";
  static constexpr const char* dead_letter_queue = "k3";

 private:
  std::map<Key, Copy> copies_;
};

}  // namespace leveret::broker
