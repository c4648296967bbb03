#include "tests/sim/storage/model.hpp"

#include <cstring>

namespace leveret::storage {

std::vector<std::byte> SimMessage::right_bytes() const {
  std::vector<std::byte> right(size_bytes);
  std::uint64_t state = id;
  for (std::size_t at = 0; at < right.size(); at += sizeof(state)) {
    std::memcpy(right.data() + at, &state, std::min(sizeof(state), right.size() - at));
    state = state * 6364136223846793005u + 1442695040888963407u;
  }
  return right;
}

void SimState::apply(const SimFrame& frame) {
  for (const Act& act : frame.acts) apply(act);
}

void SimState::forget_queue(std::uint64_t queue) {
  for (const Live& one : live()) {
    if (one.reference.queue() == queue) settle(one.reference);
  }
}

void SimState::apply(const Act& act) {
  if (const auto* publish = std::get_if<Publish>(&act)) {
    const std::size_t count = publish->message->queues.size();
    orders_[publish->message->id] = next_order_;
    entries_[next_order_++] = {publish->message, std::vector<bool>(count),
                               std::vector<bool>(count), std::vector<std::uint32_t>(count)};
    live_count_ += count;
  } else if (const auto* settled = std::get_if<Settle>(&act)) {
    settle(settled->reference);
  } else if (const auto* deliver = std::get_if<Deliver>(&act)) {
    const auto order = orders_.find(deliver->reference.message->id);
    if (order == orders_.end()) return;
    entries_.at(order->second).delivered[deliver->reference.index] = true;
  } else if (const auto* returned = std::get_if<Return>(&act)) {
    const auto order = orders_.find(returned->reference.message->id);
    if (order == orders_.end()) return;
    Entry& entry = entries_.at(order->second);
    entry.delivered[returned->reference.index] = returned->returns.is_out;
    entry.return_counts[returned->reference.index] = returned->returns.count;
  } else if (const auto* define = std::get_if<Define>(&act)) {
    definitions_[define->key] = define->value;
  } else if (const auto* undefine = std::get_if<Undefine>(&act)) {
    definitions_.erase(undefine->key);
  } else if (const auto* all = std::get_if<UndefineAll>(&act)) {
    std::erase_if(definitions_, [&](const auto& definition) {
      return definition.first.starts_with(all->prefix);
    });
  }
}

void SimState::settle(const SimReference& reference) {
  const auto order = orders_.find(reference.message->id);
  if (order == orders_.end()) return;
  Entry& entry = entries_.at(order->second);
  if (entry.settled[reference.index]) return;
  entry.settled[reference.index] = true;
  --live_count_;
  for (const bool settled : entry.settled) {
    if (!settled) return;
  }
  entries_.erase(order->second);
  orders_.erase(order);
}

std::vector<SimState::Live> SimState::live() const {
  std::vector<Live> all;
  all.reserve(live_count_);
  for (const auto& [order, entry] : entries_) {
    for (std::uint32_t index = 0; index < entry.settled.size(); ++index) {
      if (entry.settled[index]) continue;
      all.push_back({{entry.message, index}, entry.delivered[index], entry.return_counts[index]});
    }
  }
  return all;
}

}  // namespace leveret::storage
