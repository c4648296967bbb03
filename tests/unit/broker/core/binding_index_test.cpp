/// The routing indexes of direct, fanout and topic exchanges, and what is common to all.
#include "broker/core/binding_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace leveret::broker {
namespace {

using protocol::FieldTable;
using protocol::FieldValue;

constexpr Destination queue(std::uint32_t slot) { return {Destination::Kind::queue, slot}; }
constexpr Destination exchange(std::uint32_t slot) { return {Destination::Kind::exchange, slot}; }

FieldTable table(const std::vector<std::pair<std::string, FieldValue>>& fields) {
  FieldTable result;
  for (const auto& [name, value] : fields) result.set(name, value);
  return result;
}

std::vector<Destination> route(const BindingIndex& index, std::string_view key,
                               const FieldTable* headers = nullptr) {
  std::vector<Destination> out;
  index.match(key, headers, out);
  std::ranges::sort(out);
  return out;
}

std::set<Destination> route_once(const BindingIndex& index, std::string_view key) {
  const auto found = route(index, key);
  return {found.begin(), found.end()};
}

class EveryIndex : public testing::TestWithParam<ExchangeType> {};

INSTANTIATE_TEST_SUITE_P(Types, EveryIndex,
                         testing::Values(ExchangeType::direct, ExchangeType::fanout,
                                         ExchangeType::topic, ExchangeType::headers),
                         [](const auto& suite) {
                           return std::string(exchange_type_name(suite.param));
                         });

// Goal: a binding is there once, however often it is made, and gone after one removal.
TEST_P(EveryIndex, CountsABindingOnce) {
  BindingIndex index(GetParam());
  EXPECT_EQ(index.type(), GetParam());
  EXPECT_TRUE(index.empty());
  EXPECT_TRUE(index.add({queue(1), "k", {}}));
  EXPECT_FALSE(index.add({queue(1), "k", {}}));
  EXPECT_TRUE(index.add({exchange(1), "k", {}}));
  EXPECT_EQ(index.binding_count(), 2U);
  EXPECT_EQ(route(index, "k"), (std::vector{queue(1), exchange(1)}));

  EXPECT_FALSE(index.remove({queue(2), "k", {}}));
  EXPECT_FALSE(index.remove({queue(1), "l", {}}));
  EXPECT_TRUE(index.remove({queue(1), "k", {}}));
  EXPECT_FALSE(index.remove({queue(1), "k", {}}));
  EXPECT_EQ(route(index, "k"), (std::vector{exchange(1)}));
  EXPECT_TRUE(index.remove({exchange(1), "k", {}}));
  EXPECT_TRUE(index.empty());
  EXPECT_TRUE(route(index, "k").empty());
}

// Goal: what makes two bindings the same is what RabbitMQ 3.10.8 was seen to take for the same:
// arguments in any order, but types, widths and the order inside of nested tables count.
TEST_P(EveryIndex, TellsBindingsApartByTheirArguments) {
  const auto nested = [](const FieldTable& inner) {
    return table({{"a", FieldValue::table(inner)}});
  };
  const FieldValue one = FieldValue::int32(1);
  const FieldValue two = FieldValue::int32(2);
  const FieldTable one_a = table({{"a", one}});
  const std::vector<std::tuple<FieldTable, FieldTable, bool>> cases{
      {{}, {}, true},
      {one_a, one_a, true},
      {one_a, table({{"a", FieldValue::int64(1)}}), false},
      {one_a, table({{"a", FieldValue::float64(1)}}), false},
      {one_a, {}, false},
      {one_a, table({{"a", two}}), false},
      {table({{"a", one}, {"b", two}}), table({{"b", two}, {"a", one}}), true},
      {nested(table({{"p", one}, {"q", two}})), nested(table({{"q", two}, {"p", one}})), false},
  };
  std::size_t number = 0;
  for (const auto& [first, second, same] : cases) {
    SCOPED_TRACE("case " + std::to_string(number++));
    BindingIndex index(GetParam());
    EXPECT_TRUE(index.add({queue(1), "k", first}));
    EXPECT_EQ(index.remove({queue(1), "k", second}), same);
    EXPECT_EQ(index.add({queue(1), "k", first}), same);
    EXPECT_EQ(index.add({queue(1), "k", second}), !same);
    EXPECT_EQ(index.binding_count(), same ? 1U : 2U);
    EXPECT_TRUE(index.remove({queue(1), "k", first}));
    EXPECT_EQ(index.remove({queue(1), "k", second}), !same);
    EXPECT_TRUE(index.empty());
  }
}

// Goal: many bindings coming and going leave exactly those that a plain set of them has.
TEST_P(EveryIndex, AgreesWithAPlainSetOfBindings) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  // One key often and many destinations, so that the hash tables of keys and of destinations come
  // and go.
  std::vector<std::string> keys{"a", "a", "a", "a", "a", "a", "a", "a", "b", ""};
  for (int i = 0; i < 20; ++i) keys.push_back("key" + std::to_string(i));
  std::set<std::tuple<Destination, std::string, int>> expected;
  BindingIndex index(GetParam());
  for (int round = 0; round < 8000; ++round) {
    const bool growing = (round / 2000) % 2 == 0;
    const Destination destination{random() % 4 == 0 ? Destination::Kind::exchange
                                                    : Destination::Kind::queue,
                                  static_cast<std::uint32_t>(random() % 150)};
    const std::string& key = keys[random() % keys.size()];
    const int argument = random() % 8 == 0 ? 1 : 0;
    const BindingKey binding{destination, key,
                             argument == 0 ? FieldTable{}
                                           : table({{"x-a", FieldValue::int32(argument)}})};
    if (random() % 10 < (growing ? 8U : 2U)) {
      ASSERT_EQ(index.add(binding), expected.emplace(destination, key, argument).second);
    } else {
      ASSERT_EQ(index.remove(binding), expected.erase({destination, key, argument}) > 0);
    }
    ASSERT_EQ(index.binding_count(), expected.size());
    if (round % 50 != 0) continue;
    const bool by_key = GetParam() == ExchangeType::direct || GetParam() == ExchangeType::topic;
    std::vector<Destination> expected_route;
    for (const auto& [where, bound_key, unused] : expected) {
      if (!by_key || bound_key == "a") expected_route.push_back(where);
    }
    std::ranges::sort(expected_route);
    ASSERT_EQ(route(index, "a"), expected_route) << "round " << round;
  }
}

TEST(DirectIndex, MatchesTheWholeKeyOnly) {
  BindingIndex index(ExchangeType::direct);
  index.add({queue(1), "a", {}});
  index.add({queue(2), "a.b", {}});
  index.add({queue(3), "#", {}});
  index.add({queue(4), "", {}});
  EXPECT_EQ(route(index, "a"), std::vector{queue(1)});
  EXPECT_EQ(route(index, "a.b"), std::vector{queue(2)});
  EXPECT_EQ(route(index, "A"), std::vector<Destination>{});
  EXPECT_EQ(route(index, ""), std::vector{queue(4)});
}

TEST(FanoutIndex, MatchesWhateverTheKey) {
  BindingIndex index(ExchangeType::fanout);
  index.add({queue(1), "a", {}});
  index.add({queue(2), "b", {}});
  EXPECT_EQ(route(index, "zzz"), (std::vector{queue(1), queue(2)}));
  index.remove({queue(1), "a", {}});
  EXPECT_EQ(route(index, ""), std::vector{queue(2)});
}

// Goal: two spellings of one pattern are two bindings, each removed by its own spelling.
TEST(TopicIndex, KeepsSpellingsApart) {
  BindingIndex index(ExchangeType::topic);
  EXPECT_TRUE(index.add({queue(1), "#.*", {}}));
  EXPECT_TRUE(index.add({queue(1), "*.#", {}}));
  EXPECT_FALSE(index.add({queue(1), "#.*", {}}));
  EXPECT_TRUE(index.add({queue(2), "#.*.#", {}}));
  EXPECT_EQ(index.binding_count(), 3U);
  EXPECT_EQ(route_once(index, "a"), (std::set{queue(1), queue(2)}));

  EXPECT_FALSE(index.remove({queue(2), "*.#", {}}));
  EXPECT_TRUE(index.remove({queue(1), "*.#", {}}));
  EXPECT_EQ(route_once(index, "a"), (std::set{queue(1), queue(2)}));
  EXPECT_TRUE(index.remove({queue(1), "#.*", {}}));
  EXPECT_EQ(route_once(index, "a"), std::set{queue(2)});
  EXPECT_TRUE(index.remove({queue(2), "#.*.#", {}}));
  EXPECT_TRUE(index.empty());
  EXPECT_TRUE(route(index, "a").empty());
}

// Goal: a failed add must leave nothing behind that a later match could see.
TEST(TopicIndex, RoutesByAllMatchingPatterns) {
  BindingIndex index(ExchangeType::topic);
  index.add({queue(1), "order.*.paid", {}});
  index.add({queue(2), "order.#", {}});
  index.add({queue(3), "#", {}});
  index.add({queue(4), "order.eu.paid", {}});
  index.add({queue(4), "order.*.*", {}});
  EXPECT_EQ(route(index, "order.eu.paid"),
            (std::vector{queue(1), queue(2), queue(3), queue(4), queue(4)}));
  EXPECT_EQ(route_once(index, "order"), (std::set{queue(2), queue(3)}));
  EXPECT_EQ(route_once(index, ""), std::set{queue(3)});
}

// Goal: an exchange that nobody has bound anything to costs next to nothing.
TEST(BindingIndex, IsSmallWhenEmpty) {
  EXPECT_LT(sizeof(DirectIndex), 64U);
  EXPECT_LT(sizeof(FanoutIndex), 64U);
  EXPECT_LT(sizeof(TopicIndex), 64U);
  EXPECT_LT(sizeof(HeadersIndex), 64U);
}

TEST(BindingIndex, AsksForHeadersOnlyWhereTheyDecide) {
  EXPECT_FALSE(BindingIndex(ExchangeType::direct).needs_headers());
  EXPECT_FALSE(BindingIndex(ExchangeType::topic).needs_headers());
  EXPECT_TRUE(BindingIndex(ExchangeType::headers).needs_headers());
}

// Goal: x-match is an argument like any other where headers do not decide.
TEST(BindingIndex, ChecksXMatchOfHeadersExchangesOnly) {
  const FieldTable bad = table({{"x-match", FieldValue::long_string("bad")}});
  EXPECT_TRUE(check_binding(ExchangeType::direct, bad).has_value());
  EXPECT_TRUE(check_binding(ExchangeType::topic, bad).has_value());
  EXPECT_FALSE(check_binding(ExchangeType::headers, bad).has_value());
}

TEST(ExchangeType, HasOneNameEach) {
  for (const auto type : {ExchangeType::direct, ExchangeType::fanout, ExchangeType::topic,
                          ExchangeType::headers}) {
    EXPECT_EQ(parse_exchange_type(exchange_type_name(type)), type);
  }
  for (const char* name : {"", "Direct", "direct ", "x-random", "head"}) {
    EXPECT_EQ(parse_exchange_type(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace leveret::broker
