#include "broker/core/topic_trie.hpp"

#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/assert.hpp"

namespace leveret::broker {
namespace {

using NodeId = std::uint32_t;
constexpr NodeId root_id = 0;
constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

enum class WordKind : std::uint8_t { literal, star, hash };

/// Takes the words of a key or pattern one after the other. An empty text has no words.
class WordCursor {
 public:
  explicit WordCursor(std::string_view text) : rest_(text), at_end_(text.empty()) {}

  bool at_end() const { return at_end_; }

  /// Requires: not at_end().
  std::string_view take() {
    const std::size_t dot = rest_.find('.');
    const std::string_view word = rest_.substr(0, dot);
    at_end_ = dot == std::string_view::npos;
    if (!at_end_) rest_.remove_prefix(dot + 1);
    return word;
  }

 private:
  std::string_view rest_;
  bool at_end_;
};

WordKind kind_of(std::string_view word) {
  if (word == "*") return WordKind::star;
  return word == "#" ? WordKind::hash : WordKind::literal;
}

/// Calls `visit(kind, word)` for the pattern's words with the wildcards of each run put in order:
/// first the stars, then one hash for all of the run's hashes. Ends early when visit says false.
template <class Visit>
void visit_canonical_words(std::string_view pattern, Visit&& visit) {
  bool hash_pending = false;
  for (WordCursor cursor(pattern); !cursor.at_end();) {
    const std::string_view word = cursor.take();
    const WordKind kind = kind_of(word);
    if (kind == WordKind::hash) {
      hash_pending = true;
      continue;
    }
    if (kind == WordKind::literal && std::exchange(hash_pending, false) &&
        !visit(WordKind::hash, std::string_view("#"))) {
      return;
    }
    if (!visit(kind, word)) return;
  }
  if (hash_pending) visit(WordKind::hash, std::string_view("#"));
}

std::size_t hash_of(std::string_view word) { return std::hash<std::string_view>{}(word); }

/// Spreads the node's number over all bits, so that equal words under many nodes do not collide.
std::size_t edge_hash(NodeId parent, std::size_t word_hash) {
  return word_hash ^ static_cast<std::size_t>((parent + 1ULL) * 0x9E3779B97F4A7C15ULL);
}

struct Node {
  std::uint64_t visited_at = 0;  ///< Step in which a match entered the node last.
  NodeId parent = none;
  NodeId star_child = none;
  NodeId hash_child = none;
  std::uint32_t literal_child_count = 0;  ///< Their edges are in Nodes::edges.
  std::uint32_t pattern = none;           ///< Number of the pattern that ends here.
  WordKind kind = WordKind::literal;
  std::string word;  ///< Of literal nodes only.
};

/// A literal child looked for.
struct Edge {
  NodeId parent;
  std::string_view word;
  std::size_t word_hash;
};

struct EdgeHash {
  using is_transparent = void;
  const std::vector<Node>* nodes;

  std::size_t operator()(NodeId child) const {
    const Node& node = (*nodes)[child];
    return edge_hash(node.parent, hash_of(node.word));
  }
  std::size_t operator()(const Edge& edge) const { return edge_hash(edge.parent, edge.word_hash); }
};

struct EdgeEqual {
  using is_transparent = void;
  const std::vector<Node>* nodes;

  bool operator()(NodeId left, NodeId right) const { return left == right; }
  bool operator()(const Edge& edge, NodeId child) const {
    const Node& node = (*nodes)[child];
    return node.parent == edge.parent && node.word == edge.word;
  }
  bool operator()(NodeId child, const Edge& edge) const { return (*this)(edge, child); }
};

}  // namespace

struct TopicTrie::Nodes {
  // The table of edges points at `pool`, so this object stays where it is.
  Nodes() : pool(1), edges(0, EdgeHash{&pool}, EdgeEqual{&pool}) {}
  Nodes(const Nodes&) = delete;
  Nodes& operator=(const Nodes&) = delete;

  NodeId child_of(NodeId parent, WordKind kind, std::string_view word) const;
  NodeId add_child(NodeId parent, WordKind kind, std::string_view word);
  void remove_node(NodeId id);
  NodeId find_end_of(std::string_view pattern) const;
  void enter(NodeId id, std::vector<NodeId>& live);
  void step(std::string_view word);

  std::vector<Node> pool;  ///< The root is the first.
  std::vector<NodeId> free_nodes;
  boost::unordered_flat_set<NodeId, EdgeHash, EdgeEqual> edges;  ///< Literal children.
  std::vector<PatternId> free_patterns;
  std::uint32_t pattern_limit = 0;  ///< One more than the highest number ever given.

  // Scratch of match().
  std::vector<NodeId> live;
  std::vector<NodeId> next_live;
  std::vector<PatternId> matched;
  std::uint64_t now = 0;          ///< Number of the present step; never repeats.
  std::uint64_t match_start = 0;  ///< First step of the present match.
  std::uint64_t step_count = 0;
};

NodeId TopicTrie::Nodes::child_of(NodeId parent, WordKind kind, std::string_view word) const {
  if (kind == WordKind::star) return pool[parent].star_child;
  if (kind == WordKind::hash) return pool[parent].hash_child;
  if (pool[parent].literal_child_count == 0) return none;
  const auto edge = edges.find(Edge{parent, word, hash_of(word)});
  return edge == edges.end() ? none : *edge;
}

NodeId TopicTrie::Nodes::add_child(NodeId parent, WordKind kind, std::string_view word) {
  NodeId id = none;
  if (free_nodes.empty()) {
    id = static_cast<NodeId>(pool.size());
    pool.emplace_back();
  } else {
    id = free_nodes.back();
    free_nodes.pop_back();
  }
  Node& node = pool[id];
  node.parent = parent;
  node.kind = kind;
  switch (kind) {
    case WordKind::star: pool[parent].star_child = id; break;
    case WordKind::hash: pool[parent].hash_child = id; break;
    case WordKind::literal:
      node.word = word;
      ++pool[parent].literal_child_count;
      edges.insert(id);
      break;
  }
  return id;
}

void TopicTrie::Nodes::remove_node(NodeId id) {
  Node& node = pool[id];
  Node& parent = pool[node.parent];
  switch (node.kind) {
    case WordKind::star: parent.star_child = none; break;
    case WordKind::hash: parent.hash_child = none; break;
    case WordKind::literal:
      edges.erase(id);
      --parent.literal_child_count;
      break;
  }
  node = Node{};
  free_nodes.push_back(id);
}

NodeId TopicTrie::Nodes::find_end_of(std::string_view pattern) const {
  NodeId id = root_id;
  visit_canonical_words(pattern, [&](WordKind kind, std::string_view word) {
    id = child_of(id, kind, word);
    return id != none;
  });
  return id;
}

/// Makes a node live, and the hash below it, which may stand for no word at all.
void TopicTrie::Nodes::enter(NodeId id, std::vector<NodeId>& into) {
  while (id != none) {
    Node& node = pool[id];
    if (node.visited_at == now) return;
    const bool first_time_in_match = node.visited_at < match_start;
    node.visited_at = now;
    if (node.kind == WordKind::hash) {
      // A final hash takes all that follows: it has matched as soon as it is reached.
      if (node.pattern != none && first_time_in_match) matched.push_back(node.pattern);
      if (node.literal_child_count == 0) return;
    }
    into.push_back(id);
    id = node.hash_child;
  }
}

void TopicTrie::Nodes::step(std::string_view word) {
  const std::size_t word_hash = hash_of(word);
  next_live.clear();
  ++now;
  for (const NodeId id : live) {
    ++step_count;
    const Node& node = pool[id];
    const NodeId star_child = node.star_child;
    if (node.literal_child_count > 0) {
      const auto edge = edges.find(Edge{id, word, word_hash});
      if (edge != edges.end()) enter(*edge, next_live);
    }
    enter(star_child, next_live);
    if (node.kind == WordKind::hash) enter(id, next_live);  // It may take this word as well.
  }
  live.swap(next_live);
}

TopicTrie::TopicTrie() = default;
TopicTrie::~TopicTrie() = default;
TopicTrie::TopicTrie(TopicTrie&&) noexcept = default;
TopicTrie& TopicTrie::operator=(TopicTrie&&) noexcept = default;

TopicTrie::PatternId TopicTrie::insert(std::string_view pattern) {
  if (!nodes_) nodes_ = std::make_unique<Nodes>();
  Nodes& nodes = *nodes_;
  NodeId id = root_id;
  visit_canonical_words(pattern, [&](WordKind kind, std::string_view word) {
    const NodeId child = nodes.child_of(id, kind, word);
    id = child != none ? child : nodes.add_child(id, kind, word);
    return true;
  });
  std::uint32_t& number = nodes.pool[id].pattern;
  if (number != none) return number;
  if (nodes.free_patterns.empty()) return number = nodes.pattern_limit++;
  number = nodes.free_patterns.back();
  nodes.free_patterns.pop_back();
  return number;
}

std::optional<TopicTrie::PatternId> TopicTrie::find(std::string_view pattern) const {
  if (!nodes_) return std::nullopt;
  const NodeId id = nodes_->find_end_of(pattern);
  if (id == none || nodes_->pool[id].pattern == none) return std::nullopt;
  return nodes_->pool[id].pattern;
}

void TopicTrie::erase(std::string_view pattern) {
  LEVERET_ASSERT(find(pattern).has_value(), "an erased topic pattern was inserted before");
  Nodes& nodes = *nodes_;
  NodeId id = nodes.find_end_of(pattern);
  nodes.free_patterns.push_back(std::exchange(nodes.pool[id].pattern, none));
  if (pattern_count() == 0) {
    nodes_.reset();
    return;
  }
  const auto is_needed = [&nodes](NodeId candidate) {
    const Node& node = nodes.pool[candidate];
    return candidate == root_id || node.pattern != none || node.literal_child_count > 0 ||
           node.star_child != none || node.hash_child != none;
  };
  while (!is_needed(id)) {
    const NodeId parent = nodes.pool[id].parent;
    nodes.remove_node(id);
    id = parent;
  }
}

std::span<const TopicTrie::PatternId> TopicTrie::match(std::string_view routing_key) const {
  if (!nodes_) return {};
  Nodes& nodes = *nodes_;
  nodes.matched.clear();
  nodes.live.clear();
  nodes.step_count = 0;
  nodes.match_start = ++nodes.now;
  nodes.enter(root_id, nodes.live);
  for (WordCursor cursor(routing_key); !cursor.at_end() && !nodes.live.empty();) {
    nodes.step(cursor.take());
  }
  for (const NodeId id : nodes.live) {
    const Node& node = nodes.pool[id];
    // The patterns that end in a hash have been noted when it was entered.
    if (node.pattern != none && node.kind != WordKind::hash) nodes.matched.push_back(node.pattern);
  }
  return nodes.matched;
}

bool TopicTrie::is_canonical(std::string_view pattern) {
  bool after_hash = false;
  for (WordCursor cursor(pattern); !cursor.at_end();) {
    const WordKind kind = kind_of(cursor.take());
    if (after_hash && kind != WordKind::literal) return false;
    after_hash = kind == WordKind::hash;
  }
  return true;
}

std::size_t TopicTrie::pattern_count() const {
  return nodes_ ? nodes_->pattern_limit - nodes_->free_patterns.size() : 0;
}

std::size_t TopicTrie::node_count() const {
  return nodes_ ? nodes_->pool.size() - nodes_->free_nodes.size() : 0;
}

std::uint64_t TopicTrie::last_match_step_count() const { return nodes_ ? nodes_->step_count : 0; }

}  // namespace leveret::broker
