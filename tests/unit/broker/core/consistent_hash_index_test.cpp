/// The routing index of x-consistent-hash exchanges: shares, what moves and what does not.
#include "broker/core/consistent_hash_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace leveret::broker {
namespace {

constexpr Destination queue(std::uint32_t slot) { return {Destination::Kind::queue, slot}; }

/// Names that no other run has, so that a spread is not one of luck.
class ConsistentHash : public testing::Test {
 protected:
  ConsistentHash() { RecordProperty("seed", std::to_string(seed_)); }

  std::string name(std::uint32_t slot) const {
    return "queue-" + std::to_string(seed_) + "-" + std::to_string(slot);
  }
  bool bind(ConsistentHashIndex& index, std::uint32_t slot, const std::string& weight) const {
    return index.add({queue(slot), weight, {}}, name(slot));
  }
  static std::vector<Destination> route(const ConsistentHashIndex& index, std::string_view key) {
    std::vector<Destination> out;
    index.match(key, {}, out);
    return out;
  }
  /// Where each of many keys goes, by slot.
  std::vector<std::uint32_t> routes(const ConsistentHashIndex& index) const {
    std::vector<std::uint32_t> found;
    for (int i = 0; i < keys; ++i) {
      const auto out = route(index, "key-" + std::to_string(seed_) + "-" + std::to_string(i));
      EXPECT_EQ(out.size(), 1U);
      found.push_back(out.at(0).slot);
    }
    return found;
  }
  /// Expects about `share` of all keys to be `count`, within five standard deviations.
  static void expect_share(std::size_t count, double share) {
    const double deviation = std::sqrt(keys * share * (1 - share));
    EXPECT_NEAR(static_cast<double>(count), keys * share, 5 * deviation);
  }

  static constexpr int keys = 20'000;
  const std::uint32_t seed_ = std::random_device{}();
  testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
  ConsistentHashIndex index_{HashSource{}};
};

TEST_F(ConsistentHash, SendsNothingWithoutBindings) {
  EXPECT_TRUE(route(index_, "k").empty());
  EXPECT_EQ(index_.binding_count(), 0U);
  bind(index_, 1, "1");
  EXPECT_EQ(route(index_, "k"), std::vector{queue(1)});
  EXPECT_TRUE(index_.remove({queue(1), "1", {}}));
  EXPECT_TRUE(route(index_, "k").empty());
}

TEST_F(ConsistentHash, SpreadsInProportionToTheWeights) {
  const std::vector<int> weights{1, 1, 2, 3, 3, 10};
  for (std::uint32_t slot = 0; slot < weights.size(); ++slot) {
    bind(index_, slot, std::to_string(weights[slot]));
  }
  std::vector<std::size_t> counts(weights.size());
  for (const std::uint32_t slot : routes(index_)) ++counts[slot];
  for (std::size_t slot = 0; slot < weights.size(); ++slot) {
    SCOPED_TRACE("weight " + std::to_string(weights[slot]));
    expect_share(counts[slot], weights[slot] / 20.0);
  }
}

TEST_F(ConsistentHash, SpreadsEvenlyOverManyOfOneWeight) {
  for (std::uint32_t slot = 0; slot < 50; ++slot) bind(index_, slot, "7");
  std::map<std::uint32_t, std::size_t> counts;
  for (const std::uint32_t slot : routes(index_)) ++counts[slot];
  for (std::uint32_t slot = 0; slot < 50; ++slot) expect_share(counts[slot], 1 / 50.0);
}

// Goal: what comes takes its share from the others, and what goes leaves it to them; no message
// moves between two that stay.
TEST_F(ConsistentHash, MovesNoKeyBetweenThoseThatStay) {
  for (std::uint32_t slot = 0; slot < 10; ++slot) {
    bind(index_, slot, std::to_string(1 + slot % 3));
  }
  const auto before = routes(index_);
  bind(index_, 10, "2");
  const auto between = routes(index_);
  std::size_t moved = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] == between[i]) continue;
    EXPECT_EQ(between[i], 10U);
    ++moved;
  }
  expect_share(moved, 2 / 21.0);
  EXPECT_TRUE(index_.remove({queue(10), "2", {}}));
  EXPECT_EQ(routes(index_), before);
  EXPECT_TRUE(index_.remove({queue(4), "2", {}}));
  const auto after = routes(index_);
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(before[i] == 4U || after[i] == before[i]);
  }
}

// Goal: after a restart queues are found in another order and have other slots.
TEST_F(ConsistentHash, ChoosesByNamesWhateverTheOrderAndTheSlots) {
  std::vector<std::uint32_t> slots{0, 1, 2, 3, 4, 5, 6, 7};
  const auto weight = [](std::uint32_t slot) { return std::to_string(1 + slot % 2); };
  for (const std::uint32_t slot : slots) bind(index_, slot, weight(slot));
  std::mt19937 random(seed_);
  std::ranges::shuffle(slots, random);
  ConsistentHashIndex other(HashSource{});
  for (const std::uint32_t slot : slots) {
    other.add({queue(100 - slot), weight(slot), {}}, name(slot));
  }
  auto found = routes(other);
  for (std::uint32_t& slot : found) slot = 100 - slot;
  EXPECT_EQ(found, routes(index_));
}

// Goal: a route may not change with the version either.
TEST_F(ConsistentHash, SendsTheseKeysThereForEver) {
  for (std::uint32_t slot = 0; slot < 4; ++slot) {
    index_.add({queue(slot), slot == 3 ? "2" : "1", {}}, std::string(1, "abcd"[slot]));
  }
  std::string found;
  for (int i = 0; i < 20; ++i) found += "abcd"[route(index_, "key" + std::to_string(i))[0].slot];
  EXPECT_EQ(found, "ddcdabacadbdbaddcddc");
}

TEST_F(ConsistentHash, CountsTheSmallestWeightOfSeveralBindings) {
  bind(index_, 0, "10");
  bind(index_, 1, "10");
  const auto once = routes(index_);
  EXPECT_TRUE(bind(index_, 0, "90"));
  EXPECT_FALSE(bind(index_, 0, "90"));
  protocol::FieldTable arguments;
  arguments.set("a", protocol::FieldValue::int32(1));
  EXPECT_TRUE(index_.add({queue(0), "10", arguments}, name(0)));
  EXPECT_EQ(index_.binding_count(), 4U);
  EXPECT_EQ(routes(index_), once);
  // The destination stays as long as one of its bindings does.
  EXPECT_TRUE(index_.remove({queue(0), "10", {}}));
  EXPECT_FALSE(index_.remove({queue(0), "10", {}}));
  EXPECT_EQ(routes(index_), once);
  EXPECT_TRUE(index_.remove({queue(0), "10", arguments}));
  std::size_t first = 0;
  for (const std::uint32_t slot : routes(index_)) first += slot == 0 ? 1 : 0;
  expect_share(first, 0.9);
  EXPECT_TRUE(index_.remove({queue(0), "90", {}}));
  EXPECT_EQ(route(index_, "k"), std::vector{queue(1)});
}

TEST_F(ConsistentHash, TellsAQueueFromAnExchangeOfItsName) {
  const Destination exchange{Destination::Kind::exchange, 0};
  index_.add({queue(0), "1", {}}, "name");
  index_.add({exchange, "1", {}}, "name");
  std::size_t first = 0;
  for (int i = 0; i < keys; ++i) {
    first += route(index_, std::to_string(seed_ + static_cast<unsigned>(i)))[0] == exchange ? 1 : 0;
  }
  expect_share(first, 0.5);
}

TEST(HashWeight, IsAPositiveIntegerOfAnySize) {
  EXPECT_EQ(parse_hash_weight("1").value(), 1);
  EXPECT_EQ(parse_hash_weight("+20").value(), 20);
  EXPECT_EQ(parse_hash_weight("007").value(), 7);
  EXPECT_GT(parse_hash_weight(std::string(255, '9')).value(), 1e254);
  EXPECT_LT(parse_hash_weight(std::string(255, '9')).value(), 1e256);
}

TEST(HashWeight, IsRefusedInRabbitMqsWords) {
  for (const auto& [key, explanation] : std::vector<std::pair<std::string, std::string>>{
           {"0", "The binding key must be greater than 0"},
           {"-0", "The binding key must be greater than 0"},
           {"-3", "The binding key must be greater than 0"},
           {"", "The binding key must be an integer: <<>>"},
           {"k", "The binding key must be an integer: <<\"k\">>"},
           {"1.5", "The binding key must be an integer: <<\"1.5\">>"},
           {"1e3", "The binding key must be an integer: <<\"1e3\">>"},
           {" 1", "The binding key must be an integer: <<\" 1\">>"},
           {"-", "The binding key must be an integer: <<\"-\">>"},
           {"+-1", "The binding key must be an integer: <<\"+-1\">>"}}) {
    const auto parsed = parse_hash_weight(key);
    ASSERT_FALSE(parsed.has_value()) << key;
    EXPECT_EQ(parsed.error().code(), protocol::ReplyCode::precondition_failed);
    EXPECT_EQ(parsed.error().explanation(), explanation);
  }
}

}  // namespace
}  // namespace leveret::broker
