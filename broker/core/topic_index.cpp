#include "broker/core/topic_index.hpp"

#include <algorithm>

namespace leveret::broker {

bool TopicIndex::add(const BindingKey& binding) {
  const TopicTrie::PatternId id = trie_.insert(binding.routing_key);
  if (id >= patterns_.size()) patterns_.resize(id + std::size_t{1});
  Pattern& pattern = patterns_[id];
  BindingTargets* targets = &pattern.canonical;
  if (!TopicTrie::is_canonical(binding.routing_key)) {
    const auto spelled = std::ranges::find(pattern.respelled, binding.routing_key,
                                           &std::pair<std::string, BindingTargets>::first);
    targets = spelled != pattern.respelled.end()
                  ? &spelled->second
                  : &pattern.respelled.emplace_back(binding.routing_key, BindingTargets{}).second;
  }
  if (!targets->add(binding.destination, binding.arguments)) return false;
  ++binding_count_;
  return true;
}

bool TopicIndex::remove(const BindingKey& binding) {
  const auto id = trie_.find(binding.routing_key);
  if (!id) return false;
  Pattern& pattern = patterns_[*id];
  if (TopicTrie::is_canonical(binding.routing_key)) {
    if (!pattern.canonical.remove(binding.destination, binding.arguments)) return false;
  } else {
    const auto spelled = std::ranges::find(pattern.respelled, binding.routing_key,
                                           &std::pair<std::string, BindingTargets>::first);
    if (spelled == pattern.respelled.end()) return false;
    if (!spelled->second.remove(binding.destination, binding.arguments)) return false;
    if (spelled->second.empty()) pattern.respelled.erase(spelled);
  }
  --binding_count_;
  if (pattern.empty()) {
    pattern = Pattern{};
    trie_.erase(binding.routing_key);
    if (trie_.pattern_count() == 0) patterns_ = std::vector<Pattern>();  // Gives the memory back.
  }
  return true;
}

void TopicIndex::match(std::string_view routing_key, std::vector<Destination>& out) const {
  for (const TopicTrie::PatternId id : trie_.match(routing_key)) {
    const Pattern& pattern = patterns_[id];
    pattern.canonical.append_to(out);
    for (const auto& [spelling, targets] : pattern.respelled) targets.append_to(out);
  }
}

}  // namespace leveret::broker
