#include "broker/session/delivery_ledger.hpp"

#include <algorithm>

namespace leveret::broker {

std::optional<std::size_t> DeliveryLedger::find(std::uint64_t delivery_tag) const {
  if (unsettled_.empty() || delivery_tag < unsettled_.front().delivery_tag) return std::nullopt;
  // Tags never used by an acknowledged delivery are missing, so the guess may be too high.
  std::size_t low = 0;
  std::size_t high = std::min<std::uint64_t>(
      unsettled_.size() - 1, delivery_tag - unsettled_.front().delivery_tag);
  while (low < high) {
    // The upper bound is the answer whenever there are no holes: look there first.
    if (unsettled_[high].delivery_tag == delivery_tag) break;
    const std::size_t middle = low + (high - low) / 2;
    if (unsettled_[middle].delivery_tag < delivery_tag) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const Unsettled& found = unsettled_[high];
  if (found.delivery_tag != delivery_tag || found.entry.message == nullptr) return std::nullopt;
  return high;
}

Unsettled DeliveryLedger::take(std::uint64_t delivery_tag) {
  const auto index = find(delivery_tag);
  LEVERET_ASSERT(index.has_value(), "only an unsettled delivery is taken");
  Unsettled& place = unsettled_[*index];
  Unsettled taken = std::move(place);  // Leaves the tag, and no message: a hole.
  note_taken(taken);
  while (!unsettled_.empty() && unsettled_.front().entry.message == nullptr) {
    unsettled_.pop_front();
  }
  if (unsettled_.size() > 64 && unsettled_.size() > 2 * size_) squeeze();
  unsettled_.trim(kept_capacity);
  return taken;
}

void DeliveryLedger::restore(Unsettled delivery) {
  note_added(delivery);
  // Rare, so it looks for its place from the end, one by one.
  std::size_t place = unsettled_.size();
  while (place > 0 && unsettled_[place - 1].delivery_tag > delivery.delivery_tag) --place;
  if (place > 0 && unsettled_[place - 1].delivery_tag == delivery.delivery_tag) {
    unsettled_[place - 1] = std::move(delivery);  // The hole that it left.
    return;
  }
  unsettled_.push_back(std::move(delivery));
  for (std::size_t i = unsettled_.size() - 1; i > place; --i) {
    std::swap(unsettled_[i - 1], unsettled_[i]);
  }
}

void DeliveryLedger::squeeze() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < unsettled_.size(); ++i) {
    if (unsettled_[i].entry.message == nullptr) continue;
    if (kept != i) unsettled_[kept] = std::move(unsettled_[i]);
    ++kept;
  }
  unsettled_.truncate(kept);
}

}  // namespace leveret::broker
