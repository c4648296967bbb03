/// What a broker may do with the messages of a random world, kept beside it: where every copy of
/// every message is, and what would be wrong.
///
/// Owner:  one SimWorld.   Thread: the test's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/clock.hpp"
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
  std::uint8_t priority = 0;  ///< As its queue counts.
  Instant published_at{};
  Instant not_before{};  ///< Nobody may have it sooner.
  std::uint64_t key = 0;  ///< Where messages with the same key are dropped.
  /// It is known to have come to its queue: its exchange has not dropped it.
  bool is_accepted = false;

  // ---- what holds when the broker ends ----
  /// It was promised that the queue has it until it is done. Only of what the queue keeps.
  bool is_safe = false;
  /// It was promised that it does not come back.
  bool is_gone = false;
  std::uint32_t safe_return_count = 0;  ///< The count is at least that.
  /// Its queue may have given it up, or will do so when it is next: it has come back too often,
  /// with the end of the broker or by a new limit.
  bool may_have_gone = false;
  /// The broker has ended before it was safe, and nobody knows what had become of it.
  bool is_forgotten = false;
  bool is_letter = false;  ///< It has died elsewhere.
};

/// What the log has kept of a copy.
struct Survivor {
  std::string queue;
  MessageNumber number = 0;
  bool redelivered = false;
  bool is_in_exchange = false;  ///< Its queue does not have it yet.
  bool was_out = false;  ///< Somebody had it when the broker ended.
  std::uint32_t return_count = 0;
  std::optional<StreamModel::Offset> offset{};
};

class Model {
 public:
  using Key = std::pair<std::string, MessageNumber>;

  void publish(const std::string& queue, MessageNumber number, Copy copy);
  /// Null: the message was never sent to the queue.
  Copy* find(const std::string& queue, MessageNumber number);
  /// The same for a message that has come from the queue, which tells where it is.
  Copy* arrive(const std::string& queue, MessageNumber number);
  template <class Visit>
  void for_copies_of(MessageNumber number, Visit&& visit) {
    for (auto& [queue, copies] : copies_) {
      if (const auto place = copies.find(number); place != copies.end()) visit(place->second);
    }
  }

  /// What policies say at present.
  struct Policies {
    std::optional<std::uint64_t> max_length;      ///< Of kl.
    bool dead_letters = false;                    ///< Of kx.
    std::optional<std::uint32_t> delivery_limit;  ///< Of kr.
  };
  void set_policies(const Policies& policies);
  const Policies& policies() const { return policies_; }
  /// Whether it has come back more often than it may.
  bool is_over(const SimQueue& queue, const Copy& copy) const;

  /// Somebody who had it does not want it, or has gone.
  void give_back(const std::string& queue, MessageNumber number);
  /// The queue gives it up: it is gone, or goes on as a dead letter.
  void bury(const std::string& queue, MessageNumber number, Instant not_before = {});
  /// The queue has not taken it. False: it had no reason.
  bool refuse(MessageNumber number);
  /// Whoever published it has gone, and does not hear whether it is refused.
  void doubt(MessageNumber number);
  /// What was held back is not published.
  void withdraw(const std::string& queue, MessageNumber number);

  /// How many copies lie in the queue.
  struct ReadyCount {
    std::uint64_t certain = 0;
    /// More, which lie there or have gone on already.
    std::uint64_t loose = 0;
  };
  ReadyCount ready_count(const std::string& queue) const;
  /// The queue is empty: what may have gone on has.
  void note_empty(const std::string& queue);

  StreamModel& stream() { return stream_; }
  /// What is wrong with the order in which the stream has the messages; nothing: it is right.
  std::string stream_disorder() const;

  /// What is wrong with what a deduplicating queue has got since the last call; nothing: it is
  /// right. Requires: all that has come has been fetched.
  std::string check_window(const SimQueue& queue);

  // ---- promises: model_promises.cpp ----
  /// A publish was confirmed.
  void confirm(MessageNumber number);
  /// A commit was said. Returns its number, for when it is answered.
  std::uint64_t begin_commit(std::vector<Key> published, std::vector<Key> settled);
  void end_commit(std::uint64_t number);
  /// All that has happened is on the disk.
  void note_rest();
  /// The broker has ended and begun anew with what the log has kept: from now on that is so.
  /// Returns what is wrong with it; nothing: it is right.
  std::string restart(const std::vector<Survivor>& survivors);

 private:
  /// All of it is there after the end of the broker, or nothing.
  struct Commit {
    std::vector<Key> published, settled;
  };
  using Survivors = std::map<Key, const Survivor*>;

  std::string check_commits(const Survivors& survivors) const;
  std::string check_copy(const SimQueue& queue, MessageNumber number, const Copy& copy,
                         const Survivors& survivors) const;
  bool may_be_missing(const SimQueue& queue, MessageNumber number, const Copy& copy,
                      const Survivors& survivors) const;
  void adopt(const Survivors& survivors);

  std::map<std::string, std::map<MessageNumber, Copy>> copies_;
  bool may_have_left(const SimQueue& queue, const Copy& copy) const {
    const bool may_be_dropped = queue.drops || (queue.is_deduplicated && !copy.is_accepted);
    return copy.state == Copy::State::queued && (copy.may_have_gone || may_be_dropped);
  }

  bool was_restarted_ = false;  ///< Since the window was checked.
  MessageNumber last_checked_ = 0;
  Policies policies_;
  StreamModel stream_;  ///< There is one stream.
  std::map<std::uint64_t, Commit> commits_;
  std::uint64_t last_commit_ = 0;
};

}  // namespace leveret::broker
