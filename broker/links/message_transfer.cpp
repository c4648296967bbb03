#include "broker/links/message_transfer.hpp"

#include <algorithm>

namespace leveret::links {

using broker::LinkAckMode;

void MessageTransfer::forward(std::uint64_t tag, std::string_view exchange,
                              std::string_view routing_key, std::span<const std::byte> properties,
                              std::span<const std::byte> body) {
  destination_->publish(exchange, routing_key, properties, body);
  if (mode_ == LinkAckMode::on_confirm) {
    unconfirmed_.push_back({tag});
    ++unconfirmed_count_;
  } else if (mode_ == LinkAckMode::on_publish) {
    source_->settle(tag, false, true);
  }
  if (!destination_->has_room()) source_->pause_reading();
}

void MessageTransfer::drop(std::uint64_t tag) {
  if (mode_ != LinkAckMode::no_ack) source_->settle(tag, false, true);
}

std::uint64_t MessageTransfer::on_confirm(std::uint64_t seq, bool multiple, bool accepted) {
  if (seq < first_seq_ || unconfirmed_.empty()) return 0;
  const std::uint64_t last = std::min<std::uint64_t>(seq - first_seq_, unconfirmed_.size() - 1);
  if (!multiple && last != seq - first_seq_) return 0;  // Never published.
  std::uint64_t settled_count = 0;
  std::uint64_t last_tag = 0;
  for (std::uint64_t at = multiple ? 0 : last; at <= last; ++at) {
    if (unconfirmed_[at].is_settled) continue;
    unconfirmed_[at].is_settled = true;
    last_tag = unconfirmed_[at].tag;
    ++settled_count;
  }
  // The tag must be one that is still out. What was settled alone before is not meant any more.
  if (settled_count > 0) source_->settle(last_tag, settled_count > 1, accepted);
  unconfirmed_count_ -= settled_count;
  while (!unconfirmed_.empty() && unconfirmed_.front().is_settled) {
    unconfirmed_.pop_front();
    ++first_seq_;
  }
  return settled_count;
}

}  // namespace leveret::links
