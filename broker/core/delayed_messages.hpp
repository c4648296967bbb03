/// Messages that wait for their time, soonest first; those of one time in the order in which they
/// came.
///
/// When memory gets scarce, those that the log has leave it: what stays is when they are due and
/// where they are, about a hundred bytes each. Those that the log does not have stay in memory.
///
/// Owner: one StatefulExchange.   Thread: its home shard.
#pragma once

#include <boost/intrusive/list.hpp>
#include <compare>
#include <cstdint>
#include <map>

#include "broker/core/message_pager.hpp"
#include "broker/core/queue_entry.hpp"

namespace leveret::broker {

struct DelayedMessage {
  MessageRef message;  ///< Null: it is at `place` in the log.
  storage::LogPlace place;
  std::uint32_t log_index = not_in_log;

  const storage::LogPlace& log_place() const { return message ? message->log_place() : place; }
};

class DelayedMessages final : public PagedQueue {
 public:
  /// Requires: a message that is null has a place. Where there is a pager, it may move messages
  /// out of memory from now on.
  void add(Instant due, DelayedMessage delayed, MessagePager* pager);

  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.size(); }
  /// Of these, how many are in memory that need not be.
  std::size_t resident_count() const { return resident_.size(); }
  /// `never` when nothing waits.
  Instant next_due() const { return waiting_.empty() ? never : waiting_.begin()->first.due; }
  /// Takes the first. Requires: not empty.
  DelayedMessage pop_front();

  std::uint64_t page_out(bool pressing) override;
  void write_recovered() override {}

 private:
  struct Key {
    Instant due{};
    std::uint64_t number = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Waiting : boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit Waiting(DelayedMessage&& one) : delayed(std::move(one)) {}
    DelayedMessage delayed;
  };

  /// Those that can leave memory, in the order in which they came. Outlives their hooks.
  boost::intrusive::list<Waiting, boost::intrusive::constant_time_size<false>> resident_;
  std::map<Key, Waiting> waiting_;
  std::uint64_t last_number_ = 0;
  MessagePager* pager_ = nullptr;
};

}  // namespace leveret::broker
