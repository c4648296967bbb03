/// The routing indexes of direct, fanout and topic exchanges, and what is common to all.
#include "broker/core/binding_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <limits>
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
  if (index.chooses_one()) {
    index.choose(key, {}, out);
  } else {
    index.match(key, headers, out);
  }
  std::ranges::sort(out);
  return out;
}

std::set<Destination> route_once(const BindingIndex& index, std::string_view key) {
  const auto found = route(index, key);
  return {found.begin(), found.end()};
}

/// The indexes of exchanges that send to all that match.
class EveryIndex : public testing::TestWithParam<ExchangeType> {};

INSTANTIATE_TEST_SUITE_P(Types, EveryIndex,
                         testing::Values(ExchangeType::direct, ExchangeType::fanout,
                                         ExchangeType::topic, ExchangeType::headers),
                         [](const auto& suite) {
                           return std::string(exchange_type_name(suite.param));
                         });

/// Mostly 0, no arguments at all.
int some_argument(std::mt19937& random) {
  return random() % 8 == 0 ? static_cast<int>(1 + random() % 5) : 0;
}
/// Arguments by their number; among them values that are no number, or no end of them.
FieldTable some_arguments(int number) {
  switch (number) {
    case 0: return {};
    case 1: return table({{"x-a", FieldValue::int32(1)}});
    case 2: return table({{"x-a", FieldValue::float64(std::numeric_limits<double>::quiet_NaN())}});
    case 3: return table({{"x-a", FieldValue::float32(std::numeric_limits<float>::infinity())}});
    case 4: return table({{"x-a", FieldValue::float64(-std::numeric_limits<double>::infinity())}});
    default: return table({{"x-a", FieldValue::float64(0.5)}});
  }
}

/// And those that choose one of all.
class EveryChoice : public testing::TestWithParam<ExchangeType> {};

INSTANTIATE_TEST_SUITE_P(Types, EveryChoice,
                         testing::Values(ExchangeType::consistent_hash, ExchangeType::random,
                                         ExchangeType::local_random, ExchangeType::modulus_hash),
                         [](const auto& suite) {
                           std::string name(exchange_type_name(suite.param));
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// Goal: many bindings coming and going leave exactly those that a plain set of them has, and no
// message goes where no binding leads.
TEST_P(EveryChoice, AgreesWithAPlainSetOfBindings) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::set<std::tuple<Destination, std::string, int>> expected;
  BindingIndex index(GetParam());
  for (int round = 0; round < 4000; ++round) {
    const bool growing = (round / 1000) % 2 == 0;
    const Destination destination{random() % 4 == 0 ? Destination::Kind::exchange
                                                    : Destination::Kind::queue,
                                  static_cast<std::uint32_t>(random() % 40)};
    const std::string name = "d" + std::to_string(destination.slot);
    const std::string key = std::to_string(1 + random() % 3);
    const int argument = some_argument(random);
    const BindingKey binding{destination, key, some_arguments(argument)};
    if (random() % 10 < (growing ? 8U : 2U)) {
      ASSERT_EQ(index.add(binding, name), expected.emplace(destination, key, argument).second);
    } else {
      ASSERT_EQ(index.remove(binding), expected.erase({destination, key, argument}) > 0);
    }
    ASSERT_EQ(index.binding_count(), expected.size());
    const auto found = route(index, std::to_string(round));
    ASSERT_EQ(found.size(), expected.empty() ? 0U : 1U);
    const bool leads_there = std::ranges::any_of(
        expected, [&](const auto& one) { return std::get<0>(one) == found[0]; });
    ASSERT_TRUE(expected.empty() || leads_there);
  }
}

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
    const int argument = some_argument(random);
    const BindingKey binding{destination, key, some_arguments(argument)};
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
  EXPECT_LT(sizeof(OneOfAllIndex), 64U);
  EXPECT_LT(sizeof(BindingIndex), 128U);
}

TEST(BindingIndex, AsksForHeadersOnlyWhereTheyDecide) {
  EXPECT_FALSE(BindingIndex(ExchangeType::direct).needs_headers());
  EXPECT_FALSE(BindingIndex(ExchangeType::topic).needs_headers());
  EXPECT_TRUE(BindingIndex(ExchangeType::headers).needs_headers());
}

// Goal: what was found for a message is taken for the next one only where its keys decide.
TEST(BindingIndex, SaysWhetherKeysDecide) {
  for (const auto& [type, decide] : std::vector<std::pair<ExchangeType, bool>>{
           {ExchangeType::direct, true},
           {ExchangeType::fanout, true},
           {ExchangeType::topic, true},
           {ExchangeType::headers, false},
           {ExchangeType::consistent_hash, true},
           {ExchangeType::random, false},
           {ExchangeType::local_random, false},
           {ExchangeType::modulus_hash, true}}) {
    EXPECT_EQ(BindingIndex(type).type(), type);
    EXPECT_EQ(BindingIndex(type).keys_decide(), decide) << exchange_type_name(type);
  }
  for (const char* argument : {"hash-header", "hash-property"}) {
    const FieldTable arguments = table({{argument, FieldValue::long_string("message_id")}});
    EXPECT_FALSE(BindingIndex(ExchangeType::consistent_hash, arguments).keys_decide());
  }
}

TEST(BindingIndex, ChoosesOneByWhatTheArgumentsSay) {
  const FieldTable arguments = table({{"hash-property", FieldValue::long_string("message_id")}});
  BindingIndex index(ExchangeType::consistent_hash, arguments);
  for (std::uint32_t slot = 0; slot < 10; ++slot) {
    index.add({queue(slot), "1", {}}, "q" + std::to_string(slot));
  }
  std::set<Destination> of_one;
  std::set<Destination> of_many;
  for (int i = 0; i < 100; ++i) {
    const std::string text = std::to_string(i);
    protocol::BasicProperties one;
    one.message_id = "one";
    protocol::BasicProperties another;
    another.message_id = text;
    std::vector<Destination> out;
    index.choose(text, one, out);
    index.choose("one", another, out);
    ASSERT_EQ(out.size(), 2U);
    of_one.insert(out[0]);
    of_many.insert(out[1]);
  }
  EXPECT_EQ(of_one.size(), 1U);
  EXPECT_EQ(of_many.size(), 10U);
}

BindingDefinition binding(const std::string& key, const FieldTable& arguments = {},
                          bool to_queue = true) {
  return {"/", "e", to_queue, "destination", key, arguments};
}

std::string refusal(ExchangeType type, const BindingDefinition& wanted) {
  const auto checked = check_binding(type, wanted);
  if (checked.has_value()) return {};
  EXPECT_EQ(checked.error().code(), protocol::ReplyCode::precondition_failed);
  return checked.error().explanation();
}

TEST(BindingIndex, ChecksTheKeysOfTypesThatReadThem) {
  EXPECT_EQ(refusal(ExchangeType::consistent_hash, binding("5")), "");
  EXPECT_EQ(refusal(ExchangeType::consistent_hash, binding("5", {}, false)), "");
  EXPECT_EQ(refusal(ExchangeType::consistent_hash, binding("k")),
            "The binding key must be an integer: <<\"k\">>");
  EXPECT_EQ(refusal(ExchangeType::local_random, binding("")), "");
  EXPECT_EQ(refusal(ExchangeType::local_random, binding("k", {}, false)),
            "Non empty binding 'k' key not permitted");
  EXPECT_EQ(refusal(ExchangeType::local_random, binding("", {}, false)), "Destination not found");
  for (const ExchangeType type : {ExchangeType::random, ExchangeType::modulus_hash}) {
    EXPECT_EQ(refusal(type, binding("k")), "");
    EXPECT_EQ(refusal(type, binding("k", {}, false)), "");
  }
}

// Goal: x-match is an argument like any other where headers do not decide.
TEST(BindingIndex, ChecksXMatchOfHeadersExchangesOnly) {
  const auto bad = binding("", table({{"x-match", FieldValue::long_string("bad")}}));
  EXPECT_TRUE(check_binding(ExchangeType::direct, bad).has_value());
  EXPECT_TRUE(check_binding(ExchangeType::topic, bad).has_value());
  EXPECT_FALSE(check_binding(ExchangeType::headers, bad).has_value());
}

TEST(ExchangeType, HasOneNameEach) {
  for (std::uint8_t number = 0; number < exchange_type_count; ++number) {
    const auto type = static_cast<ExchangeType>(number);
    EXPECT_FALSE(exchange_type_name(type).empty());
    EXPECT_EQ(parse_exchange_type(exchange_type_name(type)), type);
  }
  for (const char* name : {"", "Direct", "direct ", "random", "x-recent", "head"}) {
    EXPECT_EQ(parse_exchange_type(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace leveret::broker
