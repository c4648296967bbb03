#include "tests/sim/model.hpp"

namespace leveret::broker {

namespace {
bool goes_to(const SimQueue& from, const std::string& queue) {
  return from.dead_letters_to != nullptr && queue == from.dead_letters_to;
}
}  // namespace

void Model::publish(const std::string& queue, MessageNumber number, Copy copy) {
  copies_[queue][number] = copy;
}

Copy* Model::find(const std::string& queue, MessageNumber number) {
  auto& copies = copies_[queue];
  const auto place = copies.find(number);
  return place == copies.end() ? nullptr : &place->second;
}

Copy* Model::arrive(const std::string& queue, MessageNumber number) {
  Copy* copy = find(queue, number);
  if (copy != nullptr && copy->state != Copy::State::done) return copy;
  for (const SimQueue& from : sim_queues) {
    if (!goes_to(from, queue)) continue;
    const Copy* source = find(from.name, number);
    if (source == nullptr || !may_have_left(from, *source)) continue;
    bury(from.name, number);
    return find(queue, number);
  }
  return copy;
}

void Model::give_back(const std::string& queue, MessageNumber number) {
  const SimQueue& from = sim_queue(queue);
  Copy& copy = *find(queue, number);
  copy.state = Copy::State::queued;
  if (!from.counts_returns()) return;
  ++copy.return_count;
  if (is_over(from, copy)) bury(queue, number);
}

bool Model::is_over(const SimQueue& queue, const Copy& copy) const {
  const auto limit =
      std::string_view(queue.name) == "kr" ? policies_.delivery_limit : queue.delivery_limit;
  return limit && copy.return_count > *limit;
}

void Model::set_policies(const Policies& policies) {
  policies_ = policies;
  const SimQueue& limited = sim_queue("kr");
  for (auto& [number, copy] : copies_[limited.name]) {
    if (copy.state == Copy::State::queued && is_over(limited, copy)) copy.may_have_gone = true;
  }
}

bool Model::refuse(MessageNumber number) {
  bool has_reason = false;
  for (auto& [queue, copies] : copies_) {
    const auto place = copies.find(number);
    if (place == copies.end()) continue;
    has_reason = sim_queue(queue).max_length && place->second.state == Copy::State::queued &&
                 !place->second.seen;
    place->second.state = Copy::State::done;
  }
  return has_reason;
}

void Model::bury(const std::string& queue, MessageNumber number) {
  Copy& copy = *find(queue, number);
  copy.state = Copy::State::done;
  copy.may_have_gone = false;
  const SimQueue& from = sim_queue(queue);
  const char* const next = from.dead_letters_to;
  if (next == nullptr || (from.has_dead_lettering_policy && !policies_.dead_letters)) return;
  Copy letter;
  letter.is_persistent = copy.is_persistent;
  letter.is_letter = true;
  publish(next, number, letter);
}

void Model::withdraw(const std::string& queue, MessageNumber number) {
  Copy& copy = *find(queue, number);
  copy.state = Copy::State::done;
  copy.is_gone = true;
}

Model::ReadyCount Model::ready_count(const std::string& queue) const {
  ReadyCount count;
  const auto copies = copies_.find(queue);
  if (copies == copies_.end()) return count;
  for (const auto& [number, copy] : copies->second) {
    if (copy.state != Copy::State::queued) continue;
    ++(may_have_left(sim_queue(queue), copy) ? count.loose : count.certain);
  }
  return count;
}

void Model::note_empty(const std::string& queue) {
  for (auto& [number, copy] : copies_[queue]) {
    if (may_have_left(sim_queue(queue), copy)) bury(queue, number);
  }
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
