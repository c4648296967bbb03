/// Topic patterns against keys: RabbitMQ's answers, a naive matcher as reference, bounds of work.
#include "broker/core/topic_trie.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace leveret::broker {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  if (text.empty()) return words;
  std::size_t begin = 0;
  while (true) {
    const std::size_t dot = text.find('.', begin);
    words.emplace_back(text.substr(begin, dot == std::string_view::npos ? dot : dot - begin));
    if (dot == std::string_view::npos) return words;
    begin = dot + 1;
  }
}

/// The definition, word by word; exponential in the number of `#`.
bool naive_match(const std::vector<std::string>& pattern, std::size_t p,
                 const std::vector<std::string>& key, std::size_t k) {
  if (p == pattern.size()) return k == key.size();
  if (pattern[p] == "#") {
    for (std::size_t next = k; next <= key.size(); ++next) {
      if (naive_match(pattern, p + 1, key, next)) return true;
    }
    return false;
  }
  if (k == key.size() || (pattern[p] != "*" && pattern[p] != key[k])) return false;
  return naive_match(pattern, p + 1, key, k + 1);
}

bool naive_match(std::string_view pattern, std::string_view key) {
  return naive_match(words_of(pattern), 0, words_of(key), 0);
}

std::vector<TopicTrie::PatternId> sorted_matches(const TopicTrie& trie, std::string_view key) {
  const auto found = trie.match(key);
  std::vector<TopicTrie::PatternId> ids(found.begin(), found.end());
  std::ranges::sort(ids);
  return ids;
}

// Goal: every pattern matches exactly the keys that RabbitMQ 3.10.8 was seen to route to it.
TEST(TopicTrie, MatchesWhatRabbitMqMatches) {
  const std::vector<std::string> keys{
      "",    "a", ".",   "..",  "a.",  ".a",      "a.b",   "a..b", "a.x.b", "a.x.y.b", "*",
      "#",   "a.*", "a.#", "b.c", "x.b.y.c", "a.b.c", "A",    "a.xb",  "**",      "##"};
  std::vector<std::string> all_but_empty(keys.begin() + 1, keys.end());
  const std::map<std::string, std::vector<std::string>> expected{
      {"", {""}},
      {"#", keys},
      {"*", {"a", "*", "#", "A", "**", "##"}},
      {".", {"."}},
      {"*.*", {".", "a.", ".a", "a.b", "a.*", "a.#", "b.c", "a.xb"}},
      {"#.*", all_but_empty},
      {"*.#", all_but_empty},
      {"#.#", keys},
      {"a", {"a"}},
      {"a.", {"a."}},
      {".a", {".a"}},
      {"a.#",
       {"a", "a.", "a.b", "a..b", "a.x.b", "a.x.y.b", "a.*", "a.#", "a.b.c", "a.xb"}},
      {"#.a", {"a", ".a"}},
      {"a.*", {"a.", "a.b", "a.*", "a.#", "a.xb"}},
      {"*.a", {".a"}},
      {"a..b", {"a..b"}},
      {"a.*.b", {"a..b", "a.x.b"}},
      {"a.#.b", {"a.b", "a..b", "a.x.b", "a.x.y.b"}},
      {"#.a.#",
       {"a", "a.", ".a", "a.b", "a..b", "a.x.b", "a.x.y.b", "a.*", "a.#", "a.b.c", "a.xb"}},
      {"a.#.#.b", {"a.b", "a..b", "a.x.b", "a.x.y.b"}},
      {"*.#.*.#",
       {".", "..", "a.", ".a", "a.b", "a..b", "a.x.b", "a.x.y.b", "a.*", "a.#", "b.c", "x.b.y.c",
        "a.b.c", "a.xb"}},
      {"A", {"A"}},
      {"a.**", {}},
      {"**", {"**"}},
      {"##", {"##"}},
      {"a.#b", {}},
      {"*.", {".", "a."}},
      {".*", {".", ".a"}},
      {".#", {".", "..", ".a"}},
      {"#.", {".", "..", "a."}},
      {"..", {".."}},
      {"#.b.#.c", {"b.c", "x.b.y.c", "a.b.c"}},
  };
  for (const auto& [pattern, matching_keys] : expected) {
    TopicTrie trie;
    trie.insert(pattern);
    std::vector<std::string> matched;
    for (const std::string& key : keys) {
      if (!trie.match(key).empty()) matched.push_back(key);
    }
    EXPECT_EQ(matched, matching_keys) << "pattern '" << pattern << "'";
  }
}

// Goal: many patterns in one trie, coming and going, match as each would alone.
TEST(TopicTrie, AgreesWithANaiveMatcherOnRandomPatterns) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto random_text = [&random](const std::vector<std::string>& alphabet) {
    std::string text;
    const auto word_count = random() % 7;
    for (std::uint32_t i = 0; i < word_count; ++i) {
      if (i > 0) text += '.';
      text += alphabet[random() % alphabet.size()];
    }
    return text;
  };
  const std::vector<std::string> pattern_words{"a", "b", "", "*", "#", "*", "#"};
  const std::vector<std::string> key_words{"a", "b", "c", "", "*", "#"};

  TopicTrie trie;
  std::map<std::string, TopicTrie::PatternId> live;  // By pattern; equivalent ones share a number.
  for (int round = 0; round < 1500; ++round) {
    const std::string pattern = random_text(pattern_words);
    if (random() % 3 != 0) {
      live[pattern] = trie.insert(pattern);
    } else if (const auto known = live.find(pattern); known != live.end()) {
      const auto id = known->second;
      trie.erase(pattern);
      std::erase_if(live, [id](const auto& entry) { return entry.second == id; });
    }
    const std::string key = random_text(key_words);
    std::set<TopicTrie::PatternId> expected;
    for (const auto& [other, id] : live) {
      if (naive_match(other, key)) expected.insert(id);
    }
    ASSERT_EQ(sorted_matches(trie, key),
              std::vector<TopicTrie::PatternId>(expected.begin(), expected.end()))
        << "key '" << key << "' in round " << round;
  }
  for (const auto& entry : std::map(live)) {
    if (trie.find(entry.first)) trie.erase(entry.first);
  }
  EXPECT_EQ(trie.pattern_count(), 0U);
  EXPECT_EQ(trie.node_count(), 0U);
}

// Goal: patterns that mean the same share a number, patterns that do not have different ones.
TEST(TopicTrie, OrdersTheWildcardsOfARun) {
  TopicTrie trie;
  const auto at_least_two = trie.insert("*.*.#");
  for (const char* spelling : {"*.#.*", "#.*.*", "#.*.#.*.#", "*.*.#.#"}) {
    EXPECT_EQ(trie.insert(spelling), at_least_two) << spelling;
    EXPECT_EQ(trie.find(spelling), at_least_two) << spelling;
    EXPECT_FALSE(TopicTrie::is_canonical(spelling)) << spelling;
  }
  EXPECT_NE(trie.insert("*.#"), at_least_two);
  EXPECT_NE(trie.insert("*.a.*.#"), at_least_two);
  EXPECT_TRUE(TopicTrie::is_canonical("*.*.#"));
  EXPECT_TRUE(TopicTrie::is_canonical("#.a.*.#.b.#"));
  EXPECT_TRUE(TopicTrie::is_canonical(""));
  EXPECT_EQ(trie.pattern_count(), 3U);
}

// Goal: work is bounded by words times nodes, however many ways a key could be taken apart.
TEST(TopicTrie, VisitsEachNodeAtMostOnceAWord) {
  TopicTrie trie;
  std::string alternating;  // #.a.#.a. ... : exponential for a backtracking matcher.
  for (int i = 0; i < 40; ++i) alternating += "#.a.";
  trie.insert(alternating + "z");
  trie.insert("#.*.#.*.#.*.#.*.#.*.#.*.#");
  trie.insert("#.#.#.#.#.#.#.#.#.#.a.#.#.#.#.#.b");
  std::string key = "a";
  std::uint64_t word_count = 1;
  for (; word_count < 120; ++word_count) key += ".a";

  EXPECT_EQ(trie.match(key).size(), 1U);
  EXPECT_LE(trie.last_match_step_count(), word_count * trie.node_count());
  EXPECT_GT(trie.last_match_step_count(), 0U);
}

// Goal: twice the words are at most about twice the work, with patterns full of hashes.
TEST(TopicTrie, WorksLinearlyInTheWordsOfTheKey) {
  TopicTrie trie;
  trie.insert("#.#.#");
  trie.insert("#.a.#.b.#");
  trie.insert("*.#.*.#");
  const auto steps_for = [&trie](int word_count) {
    std::string key = "x";
    for (int i = 1; i < word_count; ++i) key += ".x";
    trie.match(key);
    return trie.last_match_step_count();
  };
  const auto short_steps = steps_for(20);
  const auto long_steps = steps_for(120);
  EXPECT_GT(short_steps, 0U);
  EXPECT_LE(long_steps, 6 * short_steps + trie.node_count());
}

// Goal: patterns that a key cannot match any more cost nothing.
TEST(TopicTrie, StopsWhenNoPatternIsLeft) {
  TopicTrie trie;
  for (int i = 0; i < 1000; ++i) trie.insert("p" + std::to_string(i) + ".x.y");
  EXPECT_TRUE(trie.match("p1.b.c.d.e.f").empty());
  EXPECT_LE(trie.last_match_step_count(), 2U);
}

// Goal: erasing leaves exactly the nodes that the remaining patterns need.
TEST(TopicTrie, PrunesTheNodesOfAnErasedPattern) {
  TopicTrie trie;
  trie.insert("a.b");
  const auto before = trie.node_count();
  const auto erased = trie.insert("a.b.*.#.c");
  trie.insert("a");
  trie.erase("a.b.*.#.c");
  EXPECT_EQ(trie.node_count(), before);
  EXPECT_EQ(trie.find("a.b.*.#.c"), std::nullopt);
  EXPECT_EQ(trie.find("a.b.*"), std::nullopt);
  EXPECT_EQ(trie.insert("x"), erased);  // Numbers stay dense.
  trie.erase("a.b");
  EXPECT_EQ(sorted_matches(trie, "a").size(), 1U);
  EXPECT_TRUE(trie.match("a.b").empty());
  trie.erase("a");
  trie.erase("x");
  EXPECT_EQ(trie.node_count(), 0U);
  EXPECT_TRUE(trie.match("a").empty());
}

TEST(TopicTrieDeathTest, RefusesToEraseAPatternThatIsNotThere) {
  TopicTrie trie;
  trie.insert("a.b");
  EXPECT_DEATH(trie.erase("a"), "inserted before");
}

}  // namespace
}  // namespace leveret::broker
