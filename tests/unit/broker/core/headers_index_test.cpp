/// Headers exchanges: which bindings a message's headers meet, as RabbitMQ 3.10.8 was seen to do.
#include "broker/core/headers_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace leveret::broker {
namespace {

using protocol::FieldTable;
using protocol::FieldValue;
using Fields = std::vector<std::pair<std::string, FieldValue>>;

const Destination target{Destination::Kind::queue, 7};

FieldTable table(const Fields& fields) {
  FieldTable result;
  for (const auto& [name, value] : fields) result.set(name, value);
  return result;
}

/// A table of integers; unlike in table(), a name may come several times.
FieldTable integers(const std::vector<std::pair<std::string, std::int32_t>>& fields) {
  FieldTable result;
  for (const auto& [name, value] : fields) result.append(name, FieldValue::int32(value));
  return result;
}

FieldValue text(std::string value) { return FieldValue::long_string(std::move(value)); }
FieldValue number(std::int32_t value) { return FieldValue::int32(value); }

bool matches(const FieldTable& arguments, const FieldTable* headers) {
  HeadersIndex index;
  index.add({target, "ignored", arguments});
  std::vector<Destination> out;
  index.match(headers, out);
  return out == std::vector{target};
}

bool matches(const FieldTable& arguments, const FieldTable& headers) {
  return matches(arguments, &headers);
}

// Goal: the four kinds of x-match, with and without x- arguments, over eight messages each.
TEST(HeadersIndex, MatchesByXMatch) {
  const FieldTable none;
  const FieldTable a1 = table({{"a", number(1)}});
  const FieldTable a2 = table({{"a", number(2)}});
  const FieldTable a1_b2 = table({{"a", number(1)}, {"b", number(2)}});
  const FieldTable b2 = table({{"b", number(2)}});
  const FieldTable x1 = table({{"x-a", number(1)}});
  const FieldTable a1_x1 = table({{"a", number(1)}, {"x-a", number(1)}});
  const std::vector<const FieldTable*> messages{nullptr, &none, &a1, &a2, &a1_b2, &b2, &x1, &a1_x1};

  const auto with = [](const char* kind, Fields fields) {
    fields.emplace_back("x-match", text(kind));
    return table(fields);
  };
  const Fields ask_a{{"a", number(1)}};
  const Fields ask_a_b{{"a", number(1)}, {"b", number(2)}};
  const Fields ask_x{{"x-a", number(1)}};
  const Fields ask_x_a{{"x-a", number(1)}, {"a", number(1)}};
  const Fields ask_a_present{{"a", FieldValue::void_value()}};
  struct Case {
    FieldTable arguments;
    std::string expected;  ///< One digit for each message.
  };
  const std::vector<Case> cases{
      {with("all", {}), "11111111"},
      {with("all", ask_a), "00101001"},
      {with("all", ask_a_b), "00001000"},
      {with("all", ask_x), "11111111"},
      {with("all", ask_x_a), "00101001"},
      {with("all", ask_a_present), "00111001"},
      {with("any", {}), "00000000"},
      {with("any", ask_a), "00101001"},
      {with("any", ask_a_b), "00101101"},
      {with("any", ask_x), "00000000"},
      {with("any", ask_x_a), "00101001"},
      {with("any", ask_a_present), "00111001"},
      {with("all-with-x", {}), "11111111"},
      {with("all-with-x", ask_a), "00101001"},
      {with("all-with-x", ask_a_b), "00001000"},
      {with("all-with-x", ask_x), "00000011"},
      {with("all-with-x", ask_x_a), "00000001"},
      {with("all-with-x", ask_a_present), "00111001"},
      {with("any-with-x", {}), "00000000"},
      {with("any-with-x", ask_a), "00101001"},
      {with("any-with-x", ask_a_b), "00101101"},
      {with("any-with-x", ask_x), "00000011"},
      {with("any-with-x", ask_x_a), "00101011"},
      {with("any-with-x", ask_a_present), "00111001"},
      {table({}), "11111111"},
      {table(ask_a), "00101001"},
      {table(ask_x), "11111111"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    std::string seen;
    for (const FieldTable* message : messages) {
      seen += matches(cases[i].arguments, message) ? '1' : '0';
    }
    EXPECT_EQ(seen, cases[i].expected) << "case " << i;
  }
}

// Goal: types are left aside between a header and its argument, but count inside of containers.
TEST(HeadersIndex, ComparesValuesWithoutTheirTypes) {
  const auto array = [](FieldValue element) { return FieldValue::array({std::move(element)}); };
  const auto nested = [](FieldValue value) {
    return FieldValue::table(table({{"p", std::move(value)}}));
  };
  // Values in one row equal each other, and nothing in another row.
  const std::vector<std::vector<FieldValue>> rows{
      {number(1), FieldValue::int64(1), FieldValue::int8(1), FieldValue::uint8(1),
       FieldValue::int16(1), FieldValue::uint16(1), FieldValue::uint32(1), FieldValue::float64(1.0),
       FieldValue::float32(1.0F), FieldValue::timestamp(1)},
      {FieldValue::decimal({0, 1})},
      {FieldValue::boolean(true)},
      {text("1"), FieldValue::byte_array("1")},
      {array(number(1))},
      {array(FieldValue::int64(1))},
      {array(FieldValue::float64(1.0))},
      {nested(number(1))},
      {nested(FieldValue::int64(1))},
      {FieldValue::array({}), FieldValue::table({})},
      {text(""), FieldValue::byte_array("")},
      {FieldValue::float64(1.5), FieldValue::float32(1.5F)},
      {FieldValue::float64(0.1)},
      {FieldValue::float32(0.1F)},
      {text("undefined")},
      {text("true")},
      {FieldValue::int64(9007199254740993), FieldValue::timestamp(9007199254740993)},
      {FieldValue::float64(9007199254740992.0)},
      {FieldValue::int64(-1)},
      {FieldValue::timestamp(0xFFFFFFFFFFFFFFFF)},
      {FieldValue::float64(-9223372036854775808.0), FieldValue::int64(INT64_MIN)},
  };
  for (std::size_t asked_row = 0; asked_row < rows.size(); ++asked_row) {
    for (const FieldValue& asked : rows[asked_row]) {
      for (std::size_t row = 0; row < rows.size(); ++row) {
        for (const FieldValue& header : rows[row]) {
          EXPECT_EQ(matches(table({{"a", asked}}), table({{"a", header}})), row == asked_row)
              << "rows " << asked_row << " and " << row;
        }
      }
    }
  }
}

TEST(HeadersIndex, TakesAVoidArgumentForPresence) {
  const FieldTable present = table({{"a", FieldValue::void_value()}});
  EXPECT_TRUE(matches(present, table({{"a", text("x")}})));
  EXPECT_TRUE(matches(present, table({{"a", FieldValue::void_value()}})));
  EXPECT_FALSE(matches(present, table({{"b", text("x")}})));
  EXPECT_FALSE(matches(table({{"a", number(1)}}), present));
}

// Goal: fields of one name are paired in their order, with few headers and with many.
TEST(HeadersIndex, PairsRepeatedNamesInTheirOrder) {
  for (const std::size_t filler_count : {0U, 40U}) {
    SCOPED_TRACE(filler_count);
    const auto message = [&](std::vector<std::pair<std::string, std::int32_t>> fields) {
      for (std::size_t i = 0; i < filler_count; ++i) {
        fields.emplace_back("f" + std::to_string(i), 0);
      }
      return integers(fields);
    };
    const FieldTable one_then_two = integers({{"a", 1}, {"a", 2}});
    EXPECT_TRUE(matches(one_then_two, message({{"a", 1}, {"a", 2}})));
    EXPECT_TRUE(matches(one_then_two, message({{"a", 1}, {"b", 1}, {"a", 2}})));
    EXPECT_FALSE(matches(one_then_two, message({{"a", 2}, {"a", 1}})));
    EXPECT_FALSE(matches(one_then_two, message({{"a", 1}})));
    EXPECT_FALSE(matches(one_then_two, message({{"a", 2}})));
    const FieldTable one = integers({{"a", 1}});
    EXPECT_TRUE(matches(one, message({{"a", 1}, {"a", 2}})));
    EXPECT_FALSE(matches(one, message({{"a", 2}, {"a", 1}})));
    EXPECT_FALSE(matches(one, message({{"b", 1}})));
  }
}

// Goal: the sorted search for messages with many headers finds the same as the plain one.
TEST(HeadersIndex, FindsHeadersAmongMany) {
  Fields many;
  for (int i = 99; i >= 0; --i) many.emplace_back("h" + std::to_string(i), number(i));
  const FieldTable headers = table(many);
  EXPECT_TRUE(
      matches(table({{"h0", number(0)}, {"h99", number(99)}, {"h50", number(50)}}), headers));
  EXPECT_FALSE(matches(table({{"h0", number(0)}, {"h100", number(100)}}), headers));
  EXPECT_FALSE(matches(table({{"h0", number(1)}}), headers));
  EXPECT_FALSE(matches(table({{"zzz", number(1)}}), headers));
}

// Goal: the texts that RabbitMQ 3.10.8 was seen to answer with.
TEST(HeadersIndex, RefusesABadXMatch) {
  const auto complaint = [](const FieldValue& value) {
    const auto checked = check_headers_binding(table({{"x-match", value}, {"a", number(1)}}));
    EXPECT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code(), protocol::ReplyCode::precondition_failed);
    return checked.error().explanation();
  };
  const std::string expected = "; expected all, any, all-with-x, or any-with-x";
  EXPECT_EQ(complaint(text("x")), "Invalid x-match field value <<\"x\">>" + expected);
  EXPECT_EQ(complaint(text("")), "Invalid x-match field value <<>>" + expected);
  EXPECT_EQ(complaint(text("ALL")), "Invalid x-match field value <<\"ALL\">>" + expected);
  EXPECT_EQ(complaint(text("a\"b")), "Invalid x-match field value <<\"a\\\"b\">>" + expected);
  EXPECT_EQ(complaint(text("a\nb")), "Invalid x-match field value <<\"a\\nb\">>" + expected);
  EXPECT_EQ(complaint(number(1)),
            "Invalid x-match field type signedint (value 1); expected longstr");
  EXPECT_EQ(complaint(FieldValue::void_value()),
            "Invalid x-match field type void (value undefined); expected longstr");
  EXPECT_EQ(complaint(FieldValue::byte_array("all")),
            "Invalid x-match field type binary (value <<\"all\">>); expected longstr");
  EXPECT_EQ(complaint(FieldValue::boolean(true)),
            "Invalid x-match field type bool (value true); expected longstr");
  EXPECT_EQ(complaint(FieldValue::array({text("a")})),
            "Invalid x-match field type array (value [{longstr,<<\"a\">>}]); expected longstr");
  for (const char* kind : {"all", "any", "all-with-x", "any-with-x"}) {
    EXPECT_TRUE(check_headers_binding(table({{"x-match", text(kind)}})).has_value());
  }
  EXPECT_TRUE(check_headers_binding({}).has_value());
}

// Goal: removing bindings in the middle keeps the others' terms and destinations together.
TEST(HeadersIndex, KeepsTheOthersWhenOneIsRemoved) {
  HeadersIndex index;
  const auto binding = [](std::uint32_t slot) {
    return BindingKey{{Destination::Kind::queue, slot},
                      "",
                      table({{"h", number(static_cast<std::int32_t>(slot))}})};
  };
  for (std::uint32_t slot = 0; slot < 5; ++slot) EXPECT_TRUE(index.add(binding(slot)));
  EXPECT_TRUE(index.remove(binding(1)));
  EXPECT_TRUE(index.remove(binding(4)));
  for (std::uint32_t slot = 0; slot < 5; ++slot) {
    const FieldTable headers = binding(slot).arguments;
    std::vector<Destination> out;
    index.match(&headers, out);
    const bool kept = slot != 1 && slot != 4;
    EXPECT_EQ(out, kept ? std::vector{binding(slot).destination} : std::vector<Destination>{});
  }
}

/// One of few names, so that bindings and messages meet, with a value that equals some others.
FieldTable random_table(std::mt19937& random, std::size_t size_max) {
  constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<FieldValue> values{number(1),
                                       FieldValue::float64(1),
                                       FieldValue::int64(2),
                                       FieldValue::float64(-0.0),
                                       FieldValue::float64(not_a_number),
                                       FieldValue::float32(std::numeric_limits<float>::quiet_NaN()),
                                       FieldValue::float64(infinity),
                                       FieldValue::float64(-infinity),
                                       FieldValue::timestamp(0),
                                       text("1"),
                                       FieldValue::byte_array("1"),
                                       FieldValue::boolean(true),
                                       FieldValue::array({}),
                                       FieldValue::table({}),
                                       FieldValue::decimal({1, 10}),
                                       FieldValue::void_value()};
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  FieldTable result;
  for (std::size_t left = below(size_max + 1); left > 0; --left) {
    const std::string name = (below(4) == 0 ? "x-h" : "h") + std::to_string(below(4));
    result.append(name, values[below(values.size())]);
  }
  return result;
}

// Goal: among many bindings, that come and go, each is met exactly when it would be met alone.
TEST(HeadersIndex, FindsAmongManyBindingsWhatEachFindsAlone) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> kinds{"all", "any", "all-with-x", "any-with-x"};
  HeadersIndex index;
  std::vector<BindingKey> bindings;
  for (std::uint32_t slot = 0; slot < 600; ++slot) {
    FieldTable arguments = random_table(random, 4);
    if (random() % 8 != 0) arguments.append("x-match", text(kinds[random() % kinds.size()]));
    bindings.push_back({{Destination::Kind::queue, slot}, "", arguments});
    EXPECT_TRUE(index.add(bindings.back()));
    EXPECT_FALSE(index.add(bindings.back()));
    if (random() % 3 != 0) continue;
    std::swap(bindings[random() % bindings.size()], bindings.back());
    EXPECT_TRUE(index.remove(bindings.back()));
    EXPECT_FALSE(index.remove(bindings.back()));
    bindings.pop_back();
  }
  EXPECT_EQ(index.binding_count(), bindings.size());
  for (int i = 0; i < 200; ++i) {
    // Sometimes more headers than are searched linearly.
    const FieldTable headers = random_table(random, i % 2 == 0 ? 4 : 30);
    std::vector<std::uint32_t> expected;
    for (const BindingKey& binding : bindings) {
      if (matches(binding.arguments, headers)) expected.push_back(binding.destination.slot);
    }
    std::vector<Destination> out;
    index.match(&headers, out);
    std::vector<std::uint32_t> found;
    for (const Destination& destination : out) found.push_back(destination.slot);
    std::ranges::sort(expected);
    std::ranges::sort(found);
    EXPECT_EQ(found, expected);
  }
}

}  // namespace
}  // namespace leveret::broker
