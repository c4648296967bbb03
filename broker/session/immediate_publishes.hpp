/// Messages that were published with `immediate` and whose queues have not all said yet whether
/// they could deliver them. One that nobody could take goes back to its publisher.
///
/// Owner:  one Channel.   Thread: that channel's shard.
/// Spec:   basic.publish (60,40), immediate; basic.return (60,50).
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>

#include "broker/core/ids.hpp"
#include "broker/core/message.hpp"
#include "protocol/amqp_error.hpp"

namespace leveret::broker {

class ImmediatePublishes {
 public:
  /// A number of our own, for a publish that the channel does not number. `is_counted`: a
  /// transaction waits for its verdicts, too.
  PublishSeq number(bool is_counted) {
    return PublishSeq{(is_counted ? own_bit : own_bit | uncounted_bit) | ++last_};
  }
  /// Nobody but this class waits for verdicts about it.
  static bool is_uncounted(PublishSeq seq) {
    return (static_cast<std::uint64_t>(seq) & uncounted_bit) != 0;
  }

  /// A message waits for as many verdicts. `code`: with which it goes back.
  void open(PublishSeq seq, MessageRef message, std::size_t verdict_count,
            protocol::ReplyCode code) {
    pending_.emplace(static_cast<std::uint64_t>(seq),
                     Pending{std::move(message), verdict_count, code});
  }
  bool is_open(PublishSeq seq) const {
    return pending_.contains(static_cast<std::uint64_t>(seq));
  }

  struct Returned {
    MessageRef message;
    protocol::ReplyCode code{};
  };
  /// Records a verdict. The message, when it was the last one and nobody could deliver it.
  std::optional<Returned> settle(PublishSeq seq, Verdict verdict) {
    const auto place = pending_.find(static_cast<std::uint64_t>(seq));
    if (place == pending_.end()) return std::nullopt;
    Pending& one = place->second;
    one.was_delivered |= verdict != Verdict::undelivered;
    if (--one.missing_count > 0) return std::nullopt;
    std::optional<Returned> returned;
    if (!one.was_delivered) returned = Returned{std::move(one.message), one.code};
    pending_.erase(place);
    return returned;
  }

 private:
  // The numbers that a channel gives in confirm mode will never be as large.
  static constexpr std::uint64_t own_bit = std::uint64_t{1} << 63;
  static constexpr std::uint64_t uncounted_bit = std::uint64_t{1} << 62;

  struct Pending {
    MessageRef message;
    std::size_t missing_count = 0;
    protocol::ReplyCode code{};
    bool was_delivered = false;
  };
  boost::unordered_flat_map<std::uint64_t, Pending> pending_;
  std::uint64_t last_ = 0;
};

}  // namespace leveret::broker
