#include "tests/sim/model.hpp"

#include <utility>

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
    const std::chrono::milliseconds time_to_live(from.message_ttl_ms.value_or(0));
    bury(from.name, number, source->published_at + time_to_live);
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

void Model::bury(const std::string& queue, MessageNumber number, Instant not_before) {
  Copy& copy = *find(queue, number);
  copy.state = Copy::State::done;
  copy.may_have_gone = false;
  const SimQueue& from = sim_queue(queue);
  const char* const next = from.dead_letters_to;
  if (next == nullptr || (from.has_dead_lettering_policy && !policies_.dead_letters)) return;
  Copy letter;
  letter.is_persistent = copy.is_persistent;
  letter.is_letter = true;
  letter.not_before = not_before;
  publish(next, number, letter);
}

void Model::doubt(MessageNumber number) {
  for (auto& [queue, copies] : copies_) {
    const auto place = copies.find(number);
    if (place == copies.end() || !sim_queue(queue).max_length || place->second.seen) continue;
    place->second.may_have_gone = true;
  }
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

std::string Model::check_window(const SimQueue& queue) {
  struct Group {
    std::uint64_t accepted_count = 0;
    bool has_forgotten = false;
    bool has_confirmed = false;
  };
  std::map<std::uint64_t, Group> groups;
  const auto& copies = copies_[queue.name];
  for (auto place = copies.upper_bound(last_checked_); place != copies.end(); ++place) {
    const Copy& copy = place->second;
    Group& group = groups[copy.key];
    group.has_forgotten |= copy.is_forgotten;
    group.has_confirmed |= copy.is_safe;
    if (copy.is_accepted && !copy.is_forgotten) ++group.accepted_count;
    last_checked_ = place->first;
  }
  const bool was_restarted = std::exchange(was_restarted_, false);
  for (const auto& [key, group] : groups) {
    if (group.accepted_count > 1) {
      return std::to_string(group.accepted_count) + " messages of key " + std::to_string(key) +
             " have come";
    }
    const bool has_to_come = !was_restarted || (group.has_confirmed && !group.has_forgotten);
    if (group.accepted_count == 0 && has_to_come) {
      return "no message of key " + std::to_string(key) + " has come";
    }
  }
  return {};
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
