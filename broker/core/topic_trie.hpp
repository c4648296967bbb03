/// A set of topic patterns that finds all patterns matching a routing key in one walk over it.
///
/// Words are separated by `.`; `*` stands for exactly one word, `#` for any number of words, also
/// none. A word may be empty (`a..b` has three words), but the empty key has no word at all.
///
/// The trie is walked as a non-deterministic automaton: after each word of the key the set of live
/// nodes is known, and a node is in it at most once, however many ways lead there. The work for a
/// key is therefore at most its words times the nodes, also for `#.*.#.*.#`.
///
/// Owner:  one TopicIndex.   Thread: that index's; takes no lock. Matching uses scratch memory of
///         the trie, so even two matches must not run at once.
/// Spec:   AMQP 0-9-1 section 3.1.3.3; empty words and the empty key as RabbitMQ treats them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace leveret::broker {

class TopicTrie {
 public:
  /// Number of a pattern: small, dense, reused after erase().
  using PatternId = std::uint32_t;

  TopicTrie();
  ~TopicTrie();
  TopicTrie(TopicTrie&&) noexcept;
  TopicTrie& operator=(TopicTrie&&) noexcept;

  /// The number of the pattern, which is added when it is not there. Patterns that match the same
  /// keys only because their wildcards stand in another order (`#.*`, `*.#`, `*.#.#`) share one.
  PatternId insert(std::string_view pattern);

  /// The number of the pattern if it is there.
  std::optional<PatternId> find(std::string_view pattern) const;

  /// Removes a pattern and the nodes that only it needed. Requires: the pattern is there.
  void erase(std::string_view pattern);

  /// The patterns that match the key, each once, in no particular order. Valid until the next call
  /// of any member.
  std::span<const PatternId> match(std::string_view routing_key) const;

  /// Whether no other spelling with the same meaning is preferred: stars stand before a `#` that
  /// follows on them, and no `#` follows on a `#`.
  static bool is_canonical(std::string_view pattern);

  std::size_t pattern_count() const;

  /// Nodes in use, the root included; 0 when there is no pattern.
  std::size_t node_count() const;

  /// Node visits of the last match(), to check that work stays linear.
  std::uint64_t last_match_step_count() const;

 private:
  struct Nodes;
  std::unique_ptr<Nodes> nodes_;  ///< Absent while there is no pattern.
};

}  // namespace leveret::broker
