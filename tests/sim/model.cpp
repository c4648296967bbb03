#include "tests/sim/model.hpp"

#include <algorithm>

namespace leveret::broker {

void Model::publish(const std::string& queue, MessageNumber number, Copy copy) {
  copies_[queue][number] = copy;
}

Copy* Model::find(const std::string& queue, MessageNumber number) {
  auto& copies = copies_[queue];
  const auto place = copies.find(number);
  return place == copies.end() ? nullptr : &place->second;
}

void Model::give_back(const std::string& queue, MessageNumber number) {
  const SimQueue& from = sim_queue(queue);
  Copy& copy = *find(queue, number);
  copy.state = Copy::State::queued;
  if (!from.counts_returns()) return;
  ++copy.return_count;
  if (from.delivery_limit && copy.return_count > *from.delivery_limit) bury(queue, number);
}

void Model::bury(const std::string& queue, MessageNumber number) {
  Copy& copy = *find(queue, number);
  copy.state = Copy::State::done;
  const char* const next = sim_queue(queue).dead_letters_to;
  if (next == nullptr) return;
  Copy letter;
  letter.is_persistent = copy.is_persistent;
  publish(next, number, letter);
}

std::uint64_t Model::ready_count(const std::string& queue) const {
  const auto copies = copies_.find(queue);
  if (copies == copies_.end()) return 0;
  return static_cast<std::uint64_t>(
      std::ranges::count_if(copies->second, [](const auto& numbered) {
        return numbered.second.state == Copy::State::queued;
      }));
}

std::string Model::stream_disorder() const {
  std::map<std::uint64_t, MessageNumber> last_of_publishers;
  for (const auto& [offset, number] : stream_.numbers()) {
    const Copy& copy = copies_.at("ks").at(number);
    MessageNumber& last = last_of_publishers[copy.publisher];
    if (number < last) {
      return "message " + std::to_string(number) + " stands behind message " +
             std::to_string(last) + " of the same publisher";
    }
    last = number;
  }
  return {};
}

}  // namespace leveret::broker
