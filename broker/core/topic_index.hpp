/// Routing index of a topic exchange: bindings under patterns such as `order.*.#`.
///
/// Owner:  one BindingIndex.   Thread: that exchange's shard; takes no lock.
/// Spec:   AMQP 0-9-1 section 3.1.3.3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/binding_key.hpp"
#include "broker/core/binding_targets.hpp"
#include "broker/core/topic_trie.hpp"

namespace leveret::broker {

class TopicIndex {
 public:
  /// Adds a binding. False when the very same one exists.
  bool add(const BindingKey& binding);

  /// Removes a binding. False when there is none.
  bool remove(const BindingKey& binding);

  /// Appends where a message with this key goes. May append a destination more than once.
  void match(std::string_view routing_key, std::vector<Destination>& out) const;

  std::size_t binding_count() const { return binding_count_; }

  /// Trie nodes visited by the last match().
  std::uint64_t last_match_step_count() const { return trie_.last_match_step_count(); }

 private:
  /// The bindings of one pattern of the trie. A binding keeps its own spelling (`#.*` and `*.#`
  /// are two bindings), nearly all use the canonical one.
  struct Pattern {
    BindingTargets canonical;
    std::vector<std::pair<std::string, BindingTargets>> respelled;

    bool empty() const { return canonical.empty() && respelled.empty(); }
  };

  TopicTrie trie_;
  std::vector<Pattern> patterns_;  ///< By the trie's number.
  std::size_t binding_count_ = 0;
};

}  // namespace leveret::broker
