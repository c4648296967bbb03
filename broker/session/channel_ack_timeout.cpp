// Deliveries that are not acknowledged in time.

#include <algorithm>

#include "broker/session/channel.hpp"
#include "broker/session/connection_session.hpp"

namespace leveret::broker {

using protocol::AmqpError;

namespace {
// A turn's share of what a channel gives back.
constexpr int taken_back_in_a_turn_max = 1024;
}  // namespace

void Channel::watch_delivery(std::uint64_t delivery_tag, const AckTimeout& timeout) {
  if (!ack_timeouts_) {
    AckTimeouts::Owner& owner = *this;
    ack_timeouts_ = std::make_unique<AckTimeouts>(owner, shard().timers());
  }
  ack_timeouts_->add(delivery_tag, timeout, shard().now(), ledger_.size());
}

AckTimeouts::Owner::State Channel::state_of(std::uint64_t delivery_tag) const {
  if (ledger_.contains(delivery_tag)) return State::open;
  const bool is_held =
      transaction_ && std::ranges::any_of(transaction_->settlements, [&](const auto& held) {
        return held.delivery.delivery_tag == delivery_tag;
      });
  return is_held ? State::held : State::settled;
}

void Channel::on_ack_timeout() {
  int left = taken_back_in_a_turn_max;
  while (const auto lapsed = ack_timeouts_->take_lapsed(shard().now())) {
    if (lapsed->timeout.action == AckTimeoutAction::close_channel) {
      return fail(AmqpError::precondition_failed(
                      "delivery acknowledgement on channel " + std::to_string(number_) +
                      " timed out. Timeout value used: " +
                      std::to_string(lapsed->timeout.duration_ms) +
                      " ms. This timeout value can be configured, see consumers doc guide to "
                      "learn more"),
                  {});
    }
    ack_timeouts_->note_taken_back(lapsed->delivery_tag);
    settle_delivery(ledger_.take(lapsed->delivery_tag), Settlement::requeue);
    if (--left == 0) {
      ack_timeouts_->put_off(shard().now());
      break;
    }
  }
  note_room();
}

}  // namespace leveret::broker
