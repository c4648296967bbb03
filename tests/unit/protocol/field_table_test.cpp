#include "protocol/field_table.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <random>

#include "protocol/limits.hpp"
#include "protocol/wire_writer.hpp"
#include "tests/unit/protocol/bytes_of_text.hpp"

namespace leveret::protocol {
namespace {

std::string encoded(const FieldTable& table) {
  Bytes memory(4 + table.encoded_size());
  WireWriter writer(memory);
  table.encode(writer);
  EXPECT_EQ(writer.position(), memory.size());
  return hex(memory);
}

/// Content of a table: one field of that name.
Bytes field(std::string_view name, char type, const Bytes& value) {
  return bytes({static_cast<int>(name.size())}) + bytes(name) + bytes({type}) + value;
}

Bytes with_length(const Bytes& content) {
  Bytes length(4);
  WireWriter(length).write_u32(static_cast<std::uint32_t>(content.size()));
  return length + content;
}

struct Case {
  FieldValue value;
  char letter;
  std::string digits;  ///< Of the value, without the letter.
  std::string_view name;
};

std::vector<Case> every_type() {
  FieldTable table;
  table.set("k", FieldValue::boolean(true));
  return {
      {FieldValue::boolean(true), 't', "01", "bool"},
      {FieldValue::int8(-2), 'b', "fe", "byte"},
      {FieldValue::uint8(254), 'B', "fe", "unsignedbyte"},
      {FieldValue::int16(-2), 's', "fffe", "short"},
      {FieldValue::uint16(65534), 'u', "fffe", "unsignedshort"},
      {FieldValue::int32(-2), 'I', "fffffffe", "signedint"},
      {FieldValue::uint32(4294967294), 'i', "fffffffe", "unsignedint"},
      {FieldValue::int64(-2), 'l', "fffffffffffffffe", "long"},
      {FieldValue::float32(-1.5f), 'f', "bfc00000", "float"},
      {FieldValue::float64(-1.5), 'd', "bff8000000000000", "double"},
      {FieldValue::decimal({2, 314}), 'D', "020000013a", "decimal"},
      {FieldValue::long_string("ab"), 'S', "000000026162", "longstr"},
      {FieldValue::byte_array(std::string("\0\xFF", 2)), 'x', "0000000200ff", "binary"},
      {FieldValue::array({FieldValue::int8(1), FieldValue::void_value()}), 'A', "0000000362" "0156",
       "array"},
      {FieldValue::timestamp(0xFFFFFFFFFFFFFFFF), 'T', "ffffffffffffffff", "timestamp"},
      {FieldValue::table(table), 'F', "00000004016b7401", "table"},
      {FieldValue::void_value(), 'V', "", "void"},
  };
}

TEST(FieldTable, EncodesEachTypeAsRabbitMqDoes) {
  for (const Case& each : every_type()) {
    FieldTable table;
    table.set("n", each.value);
    EXPECT_EQ(encoded(table), hex(with_length(field("n", each.letter, from_hex(each.digits)))))
        << each.letter;
  }
}

TEST(FieldTable, DecodesEachTypeAsRabbitMqDoes) {
  for (const Case& each : every_type()) {
    const auto table = FieldTable::decode(field("n", each.letter, from_hex(each.digits)));
    ASSERT_TRUE(table) << each.letter;
    ASSERT_EQ(table->size(), 1u);
    EXPECT_EQ(*table->find("n"), each.value) << each.letter;
    EXPECT_EQ(table->find("n")->type(), static_cast<FieldType>(each.letter));
  }
}

TEST(FieldTable, NamesTypesAsRabbitMqDoes) {
  for (const Case& each : every_type()) EXPECT_EQ(type_name(each.value.type()), each.name);
}

// Goal: RabbitMQ takes the document's 'L' for a signed 64-bit integer, too.
TEST(FieldTable, ReadsTheOtherLetterOfLongIntegers) {
  const auto table = FieldTable::decode(field("n", 'L', from_hex("fffffffffffffffb")));
  ASSERT_TRUE(table);
  EXPECT_EQ(*table->find("n"), FieldValue::int64(-5));
}

TEST(FieldTable, ReadsEveryOctetButZeroAsTrue) {
  for (const auto& [octet, expected] : {std::pair{0, false}, {1, true}, {2, true}, {255, true}}) {
    const auto table = FieldTable::decode(field("n", 't', bytes({octet})));
    ASSERT_TRUE(table);
    EXPECT_EQ(table->find("n")->as_bool(), expected);
  }
}

TEST(FieldTable, KeepsOrderAndNamesThatComeTwice) {
  const Bytes content = field("b", 'b', bytes({1})) + field("a", 'b', bytes({2})) +
                        field("b", 'b', bytes({3})) + field("", 'V', {});
  const auto table = FieldTable::decode(content);
  ASSERT_TRUE(table);
  EXPECT_EQ(encoded(*table), hex(with_length(content)));
  EXPECT_EQ(table->find("b")->as_integer(), 1);
  EXPECT_NE(table->find(""), nullptr);
}

TEST(FieldTable, SetsFindsAndErases) {
  FieldTable table;
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.find("a"), nullptr);
  table.set("a", FieldValue::int32(1));
  table.set("b", FieldValue::int32(2));
  table.set("a", FieldValue::int32(3));
  table.append("b", FieldValue::int32(4));
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(table.begin()->first, "a");
  EXPECT_EQ(table.find("a")->as_integer(), 3);
  EXPECT_TRUE(table.erase("b"));
  EXPECT_FALSE(table.erase("b"));
  EXPECT_EQ(table.size(), 1u);
}

TEST(FieldTable, ComparesValuesAndOrder) {
  FieldTable left, right;
  left.set("a", FieldValue::int32(1));
  right.set("a", FieldValue::int32(1));
  EXPECT_EQ(left, right);
  right.set("a", FieldValue::int64(1));
  EXPECT_FALSE(left == right);
}

void expect_refused(const Bytes& content, std::string_view why) {
  const auto table = FieldTable::decode(content);
  ASSERT_FALSE(table) << hex(content);
  EXPECT_EQ(table.error().code(), ReplyCode::syntax_error);
  EXPECT_EQ(table.error().explanation(), "malformed field table: " + std::string(why));
}

TEST(FieldTable, RefusesContentThatIsCutOffWhereverThatIs) {
  for (const Case& each : every_type()) {
    const Bytes whole = field("name", each.letter, from_hex(each.digits));
    for (std::size_t size = 1; size < whole.size(); ++size) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(FieldTable::decode(part)) << each.letter << " cut to " << size;
    }
  }
  expect_refused(bytes({5, 'a'}), "it ends within a name");
  expect_refused(bytes({1, 'a', 'I', 0, 0, 0}), "it ends within a value");
}

TEST(FieldTable, RefusesTypesThatAreUnknown) {
  expect_refused(field("n", 'Z', bytes({0})), "unknown type 90");
  expect_refused(field("n", 'A', with_length(bytes({'z'}))), "unknown type 122");
}

// Goal: what lies within a table must end within it.
TEST(FieldTable, RefusesNestedContentThatIsLongerThanItsTable) {
  EXPECT_FALSE(FieldTable::decode(field("n", 'F', bytes({0, 0, 0, 9, 1, 'k', 't', 1}))));
  EXPECT_FALSE(FieldTable::decode(field("n", 'F', bytes({0, 0, 0, 3, 1, 'k', 't', 1}))));
  EXPECT_FALSE(FieldTable::decode(field("n", 'S', bytes({255, 255, 255, 255, 'a'}))));
}

Bytes nested(char type, int depth) {
  Bytes content;
  for (int level = 1; level < depth; ++level) {
    content = type == 'F' || level + 1 == depth ? field("n", type, with_length(content))
                                                : bytes({type}) + with_length(content);
  }
  return content;
}

// Goal: deep nesting must not use up the stack.
TEST(FieldTable, RefusesWhatIsNestedTooDeeply) {
  for (const char type : {'F', 'A'}) {
    const auto deepest = FieldTable::decode(nested(type, field_depth_max));
    ASSERT_TRUE(deepest) << type;
    EXPECT_EQ(encoded(*deepest), hex(with_length(nested(type, field_depth_max))));
    expect_refused(nested(type, field_depth_max + 1), "nested too deeply");
    expect_refused(nested(type, 20'000), "nested too deeply");
  }
}

FieldValue random_value(std::mt19937& random, int depth);

std::string random_text(std::mt19937& random) {
  std::string text(random() % 12, '\0');
  for (char& character : text) character = static_cast<char>(random());
  return text;
}

/// Any bits, so all that a double can be: no number, infinities, zeros with a sign, denormal ones.
double random_double(std::mt19937& random) {
  constexpr double special[] = {std::numeric_limits<double>::quiet_NaN(),
                                -std::numeric_limits<double>::quiet_NaN(),
                                std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity(),
                                -0.0,
                                std::numeric_limits<double>::denorm_min(),
                                std::numeric_limits<double>::max()};
  if (random() % 2 == 0) return special[random() % std::size(special)];
  return std::bit_cast<double>((std::uint64_t{random()} << 32) | random());
}

/// A float of any bits but a NaN that signals: a processor may quieten that on the way to a double.
float random_float(std::mt19937& random) {
  const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
  if (std::isnan(value) || random() % 2 == 0) {
    constexpr float special[] = {std::numeric_limits<float>::quiet_NaN(),
                                 std::numeric_limits<float>::infinity(),
                                 -std::numeric_limits<float>::infinity(), -0.0F,
                                 std::numeric_limits<float>::denorm_min()};
    return special[random() % std::size(special)];
  }
  return value;
}

FieldTable random_table(std::mt19937& random, int depth) {
  FieldTable table;
  for (auto count = random() % 6; count > 0; --count) {
    table.append(random_text(random), random_value(random, depth));
  }
  return table;
}

FieldValue random_value(std::mt19937& random, int depth) {
  const auto integer = static_cast<std::int64_t>((std::uint64_t{random()} << 32) | random());
  switch (random() % (depth < 4 ? 17u : 15u)) {
    case 0: return FieldValue::boolean(integer % 2 == 0);
    case 1: return FieldValue::int8(static_cast<std::int8_t>(integer));
    case 2: return FieldValue::uint8(static_cast<std::uint8_t>(integer));
    case 3: return FieldValue::int16(static_cast<std::int16_t>(integer));
    case 4: return FieldValue::uint16(static_cast<std::uint16_t>(integer));
    case 5: return FieldValue::int32(static_cast<std::int32_t>(integer));
    case 6: return FieldValue::uint32(static_cast<std::uint32_t>(integer));
    case 7: return FieldValue::int64(integer);
    case 8: return FieldValue::float32(random_float(random));
    case 9: return FieldValue::float64(random_double(random));
    case 10:
      return FieldValue::decimal(
          {static_cast<std::uint8_t>(random()), static_cast<std::uint32_t>(random())});
    case 11: return FieldValue::long_string(random_text(random));
    case 12: return FieldValue::byte_array(random_text(random));
    case 13: return FieldValue::timestamp(static_cast<std::uint64_t>(integer));
    case 14: return FieldValue::void_value();
    case 15: return FieldValue::table(random_table(random, depth + 1));
    default: {
      FieldArray array;
      for (auto count = random() % 4; count > 0; --count) {
        array.push_back(random_value(random, depth + 1));
      }
      return FieldValue::array(std::move(array));
    }
  }
}

TEST(FieldTable, ReadsBackWhatItWrote) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    const FieldTable table = random_table(random, 1);
    const Bytes all = from_hex(encoded(table));
    const auto decoded = FieldTable::decode(std::span(all).subspan(4));
    ASSERT_TRUE(decoded);
    ASSERT_EQ(*decoded, table);
    ASSERT_EQ(encoded(*decoded), hex(all));
  }
}

// Goal: bytes that happen to be a table are written back as they were; others do no harm.
TEST(FieldTable, SurvivesRandomBytes) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  int refused_count = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes content = from_hex(encoded(random_table(random, 1)));
    content.erase(content.begin(), content.begin() + 4);
    if (content.empty()) continue;
    for (auto changes = random() % 3; changes > 0; --changes) {
      content[random() % content.size()] = static_cast<std::byte>(random());
    }
    const auto table = FieldTable::decode(content);
    if (table) {
      ASSERT_EQ(table->encoded_size(), content.size());
    } else {
      ++refused_count;
    }
  }
  EXPECT_GT(refused_count, 1000);
}

// Goal: a value is found where it lies, after values of every type, and never behind damage.
TEST(TableView, FindsAValueWithoutDecoding) {
  FieldTable table;
  int number = 0;
  for (const Case& one : every_type()) table.append("v" + std::to_string(number++), one.value);
  table.append("v0", FieldValue::int32(9));
  Bytes encoded(4 + table.encoded_size());
  WireWriter writer(encoded);
  table.encode(writer);
  const TableView view{std::span(encoded).subspan(4)};
  number = 0;
  for (const Case& one : every_type()) {
    const auto found = view.find("v" + std::to_string(number++));
    ASSERT_TRUE(found.has_value()) << one.name;
    EXPECT_EQ(hex(*found), hex(bytes({one.letter})) + one.digits) << one.name;
  }
  EXPECT_FALSE(view.find("w").has_value());
  EXPECT_FALSE(view.find("").has_value());
  EXPECT_FALSE(TableView{}.find("v0").has_value());

  const Bytes unknown = field("a", 'Z', {});
  EXPECT_FALSE(TableView{unknown}.find("a").has_value());
  const Bytes behind = unknown + field("b", 't', bytes({1}));
  EXPECT_FALSE(TableView{behind}.find("b").has_value());
  const Bytes half = field("a", 'I', bytes({0, 1}));
  EXPECT_FALSE(TableView{half}.find("a").has_value());
}

TEST(TableView, DecodesWhenAsked) {
  const Bytes content = field("n", 'I', bytes({0, 0, 0, 5}));
  const auto table = TableView{content}.decode();
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find("n")->as_integer(), 5);
  EXPECT_TRUE(TableView{}.empty());
  EXPECT_TRUE(TableView{}.decode()->empty());
  EXPECT_FALSE(TableView{content}.empty());
}

}  // namespace
}  // namespace leveret::protocol
