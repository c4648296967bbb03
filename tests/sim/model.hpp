/// What a broker may do with the messages of a random world, kept beside it: where every copy of
/// every message is, and what would be wrong.
///
/// Owner:  one SimWorld.   Thread: the test's.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tests/sim/sim_queues.hpp"
#include "tests/sim/stream_model.hpp"

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
  bool is_persistent = false;
  bool seen = false;  ///< A client has had it: it is redelivered from now on.
  std::uint32_t return_count = 0;  ///< How often it has come back, where that is counted.
  /// Whose messages stay in the order in which they were published.
  std::uint64_t publisher = 0;
};

class Model {
 public:
  void publish(const std::string& queue, MessageNumber number, Copy copy);
  /// Null: the message was never sent to the queue.
  Copy* find(const std::string& queue, MessageNumber number);
  template <class Visit>
  void for_copies_of(MessageNumber number, Visit&& visit) {
    for (auto& [queue, copies] : copies_) {
      if (const auto place = copies.find(number); place != copies.end()) visit(place->second);
    }
  }

  /// Somebody who had it does not want it, or has gone.
  void give_back(const std::string& queue, MessageNumber number);
  /// The queue gives it up: it is gone, or goes on as a dead letter.
  void bury(const std::string& queue, MessageNumber number);

  /// How many copies lie in the queue.
  std::uint64_t ready_count(const std::string& queue) const;

  StreamModel& stream() { return stream_; }
  /// What is wrong with the order in which the stream has the messages; nothing: it is right.
  std::string stream_disorder() const;

 private:
  std::map<std::string, std::map<MessageNumber, Copy>> copies_;
  StreamModel stream_;  ///< There is one stream.
};

}  // namespace leveret::broker
