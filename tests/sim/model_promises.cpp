// What the broker has promised, and whether it has kept that when it ended.

#include <algorithm>
#include <utility>

#include "tests/sim/model.hpp"

namespace leveret::broker {

void Model::confirm(MessageNumber number) {
  for (auto& [queue, copies] : copies_) {
    const auto place = copies.find(number);
    if (place == copies.end() || !sim_queue(queue).keeps(place->second.is_persistent)) continue;
    // A dead letter was not what was confirmed.
    if (!place->second.is_letter) place->second.is_safe = true;
  }
}

std::uint64_t Model::begin_commit(std::vector<Key> published, std::vector<Key> settled) {
  commits_[++last_commit_] = {std::move(published), std::move(settled)};
  return last_commit_;
}

void Model::end_commit(std::uint64_t number) {
  const Commit commit = commits_.extract(number).mapped();
  for (const auto& [queue, message] : commit.published) {
    Copy& copy = *find(queue, message);
    if (sim_queue(queue).keeps(copy.is_persistent)) copy.is_safe = true;
  }
  for (const auto& [queue, message] : commit.settled) find(queue, message)->is_gone = true;
}

void Model::note_rest() {
  for (const SimQueue& queue : kept_queues()) {
    for (auto& [number, copy] : copies_[queue.name]) {
      if (copy.state == Copy::State::held_back) continue;
      if (copy.state == Copy::State::done) {
        copy.is_gone = true;
      } else if (queue.keeps(copy.is_persistent)) {
        copy.is_safe = true;
        copy.safe_return_count = copy.return_count;
      }
    }
  }
}

// ---- the end and the new beginning ---------------------------------------------------------

std::string Model::restart(const std::vector<Survivor>& survivors) {
  Survivors found;
  std::map<StreamModel::Offset, MessageNumber> offsets;
  const auto named = [](MessageNumber number, const std::string& queue) {
    return "message " + std::to_string(number) + " of " + queue + " ";
  };
  for (const Survivor& survivor : survivors) {
    const std::string what = named(survivor.number, survivor.queue);
    if (!found.emplace(Key{survivor.queue, survivor.number}, &survivor).second) {
      return what + "is in the log twice";
    }
    if (arrive(survivor.queue, survivor.number) == nullptr) return what + "was never sent there";
    if (survivor.offset) offsets[*survivor.offset] = survivor.number;
  }
  if (std::string mistake = check_commits(found); !mistake.empty()) return mistake;
  for (const SimQueue& queue : kept_queues()) {
    for (const auto& [number, copy] : copies_[queue.name]) {
      const std::string mistake = check_copy(queue, number, copy, found);
      if (!mistake.empty()) return named(number, queue.name) + mistake;
    }
  }
  adopt(found);
  return stream_.restart(std::move(offsets));
}

std::string Model::check_commits(const Survivors& survivors) const {
  const auto is_there = [&](const Key& key) { return survivors.contains(key); };
  for (const auto& [commit_number, commit] : commits_) {
    const auto settled = std::ranges::find_if(commit.settled, is_there);
    const auto published = std::ranges::find_if(commit.published, is_there);
    if (settled == commit.settled.end() || published == commit.published.end()) continue;
    return "half of a transaction is there: message " + std::to_string(published->second) +
           " was published in it, and message " + std::to_string(settled->second) +
           " is not settled";
  }
  return {};
}

std::string Model::check_copy(const SimQueue& queue, MessageNumber number, const Copy& copy,
                              const Survivors& survivors) const {
  const auto place = survivors.find({queue.name, number});
  if (place == survivors.end()) {
    return may_be_missing(queue, number, copy, survivors) ? "" : "is lost";
  }
  const Survivor& survivor = *place->second;
  if (!queue.keeps(copy.is_persistent)) return "has survived, and is transient";
  if (copy.state == Copy::State::held_back) return "was never committed";
  if (copy.is_gone) return "is back";
  if (queue.dead_letters_to != nullptr && survivors.contains({queue.dead_letters_to, number})) {
    return "has died, and is still there";
  }
  if (!queue.counts_returns()) return {};
  const std::string times = std::to_string(survivor.return_count) + " times";
  if (copy.is_safe && survivor.return_count < copy.safe_return_count) {
    return "has come back only " + times;
  }
  if (survivor.return_count > copy.return_count) return "has not come back " + times;
  return {};
}

bool Model::may_be_missing(const SimQueue& queue, MessageNumber number, const Copy& copy,
                           const Survivors& survivors) const {
  if (!copy.is_safe) return true;
  const char* const next = queue.dead_letters_to;
  const bool is_done = copy.state == Copy::State::done;
  if (!is_done && !may_have_left(queue, copy)) return false;
  if (next == nullptr || !sim_queue(next).keeps(copy.is_persistent)) return true;
  if (survivors.contains({next, number})) return true;
  if (!is_done) return false;
  // Either it was settled here, or else its letter has to be there until that is settled.
  const auto& letters = copies_.at(next);
  const auto letter = letters.find(number);
  return letter == letters.end() || letter->second.state == Copy::State::done;
}

void Model::adopt(const Survivors& survivors) {
  commits_.clear();
  was_restarted_ = true;
  for (auto& [name, copies] : copies_) {
    const SimQueue& queue = sim_queue(name);
    for (auto& [number, copy] : copies) {
      const auto place = survivors.find({name, number});
      copy.may_have_gone = false;
      const bool is_there = place != survivors.end();
      copy.is_forgotten |= !is_there && !copy.is_safe;
      copy.is_safe |= is_there;
      copy.is_gone = !is_there;
      copy.state = is_there ? Copy::State::queued : Copy::State::done;
      if (!is_there) continue;
      const Survivor& survivor = *place->second;
      copy.seen = survivor.redelivered;
      copy.is_accepted |= !survivor.is_in_exchange;
      copy.safe_return_count = copy.return_count = survivor.return_count;
      // The end of the broker was the end of whoever had it.
      if (queue.counts_returns() && survivor.was_out) ++copy.return_count;
      copy.may_have_gone = is_over(queue, copy);
    }
  }
}

}  // namespace leveret::broker
