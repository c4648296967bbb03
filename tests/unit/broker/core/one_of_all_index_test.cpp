/// The routing index of x-random, x-local-random and x-modulus-hash exchanges.
#include "broker/core/one_of_all_index.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "broker/core/stable_hash.hpp"

namespace leveret::broker {
namespace {

using Choice = OneOfAllIndex::Choice;

constexpr Destination queue(std::uint32_t slot) { return {Destination::Kind::queue, slot}; }
constexpr Destination exchange(std::uint32_t slot) { return {Destination::Kind::exchange, slot}; }

std::vector<Destination> route(const OneOfAllIndex& index, const std::string& key) {
  std::vector<Destination> out;
  index.match(key, out);
  return out;
}

/// Where the keys 0 to count - 1 go.
std::map<Destination, int> spread(const OneOfAllIndex& index, int count) {
  std::map<Destination, int> counts;
  for (int i = 0; i < count; ++i) {
    const auto found = route(index, std::to_string(i));
    EXPECT_EQ(found.size(), 1U);
    ++counts[found.at(0)];
  }
  return counts;
}

TEST(OneOfAllIndex, SendsNothingWithoutBindings) {
  for (const Choice choice : {Choice::at_random, Choice::by_key}) {
    OneOfAllIndex index(choice);
    EXPECT_TRUE(route(index, "k").empty());
    EXPECT_TRUE(index.add({queue(1), "any key", {}}, "q"));
    EXPECT_EQ(route(index, "k"), std::vector{queue(1)});
    EXPECT_TRUE(index.remove({queue(1), "any key", {}}));
    EXPECT_TRUE(route(index, "k").empty());
  }
}

// Goal: every binding has the same chance, so who is bound twice has two of them. A fair choice
// fails once in some million runs.
TEST(OneOfAllIndex, ChoosesEveryBindingAlike) {
  for (const Choice choice : {Choice::at_random, Choice::by_key}) {
    OneOfAllIndex index(choice);
    index.add({queue(1), "a", {}}, "q1");
    index.add({queue(2), "a", {}}, "q2");
    index.add({queue(2), "b", {}}, "q2");
    index.add({exchange(1), "", {}}, "e");
    EXPECT_EQ(index.binding_count(), 4U);
    auto counts = spread(index, 20'000);
    EXPECT_NEAR(counts[queue(1)], 5000, 320);
    EXPECT_NEAR(counts[queue(2)], 10'000, 360);
    EXPECT_NEAR(counts[exchange(1)], 5000, 320);
  }
}

TEST(OneOfAllIndex, ChoosesAtRandomWhateverTheKey) {
  OneOfAllIndex index(Choice::at_random);
  for (std::uint32_t slot = 0; slot < 4; ++slot) index.add({queue(slot), "", {}}, "q");
  std::map<Destination, int> counts;
  for (int i = 0; i < 4000; ++i) ++counts[route(index, "k").at(0)];
  EXPECT_EQ(counts.size(), 4U);
  for (const auto& [destination, count] : counts) EXPECT_NEAR(count, 1000, 150);
}

// Goal: a key's hash means one place among the destinations by kind and name, whatever their slots
// and the order in which they were bound, so it means the same after a restart.
TEST(OneOfAllIndex, CountsByKindAndNameOfTheDestinations) {
  OneOfAllIndex index(Choice::by_key);
  index.add({queue(3), "", {}}, "b");
  index.add({queue(9), "", {}}, "a");
  index.add({exchange(5), "", {}}, "z");
  index.add({queue(1), "", {}}, "c");
  const std::vector expected{exchange(5), queue(9), queue(3), queue(1)};
  for (int i = 0; i < 100; ++i) {
    const std::string key = "key" + std::to_string(i);
    EXPECT_EQ(route(index, key).at(0), expected[stable_hash(key) % 4]) << key;
  }
}

}  // namespace
}  // namespace leveret::broker
