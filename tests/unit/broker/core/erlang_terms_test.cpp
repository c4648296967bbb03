/// Values as Erlang writes them. All of this was printed by Erlang/OTP 25, or by RabbitMQ 3.10.8.
#include "broker/core/erlang_terms.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace leveret::broker {
namespace {

using protocol::FieldTable;
using protocol::FieldValue;
using namespace std::string_literals;

std::string term(FieldValue value, std::string name = "k") {
  FieldTable table;
  table.set(std::move(name), std::move(value));
  return std::string(*erlang_terms(table).at(0).as_string());
}

TEST(ErlangTerms, ShowNameTypeAndValue) {
  EXPECT_EQ(term(FieldValue::int32(100000), "x-expires"), R"({<<"x-expires">>,signedint,100000})");
  EXPECT_EQ(term(FieldValue::int64(-1)), R"({<<"k">>,long,-1})");
  EXPECT_EQ(term(FieldValue::boolean(true)), R"({<<"k">>,bool,true})");
  EXPECT_EQ(term(FieldValue::void_value()), R"({<<"k">>,void,undefined})");
  EXPECT_EQ(term(FieldValue::decimal({2, 314})), R"({<<"k">>,decimal,{2,314}})");
  EXPECT_EQ(term(FieldValue::timestamp(1500000000)), R"({<<"k">>,timestamp,1500000000})");
  EXPECT_EQ(term(FieldValue::array({})), R"({<<"k">>,array,[]})");
  EXPECT_EQ(term(FieldValue::array({FieldValue::int32(1), FieldValue::long_string("z")})),
            R"({<<"k">>,array,[{signedint,1},{longstr,<<"z">>}]})");
  FieldTable inner;
  inner.set("a", FieldValue::long_string("v"));
  inner.set("b", FieldValue::table({}));
  EXPECT_EQ(term(FieldValue::table(inner)),
            R"({<<"k">>,table,[{<<"a">>,longstr,<<"v">>},{<<"b">>,table,[]}]})");
  EXPECT_TRUE(erlang_terms({}).empty());
}

// Goal: a text is one of Latin-1 to Erlang, whatever it is to others, or numbers.
TEST(ErlangTerms, ShowTexts) {
  for (const auto& [bytes, shown] : std::vector<std::pair<std::string, std::string>>{
           {"", "<<>>"},
           {"a b~", R"(<<"a b~">>)"},
           {"te'xt\"ö\\", "<<\"te'xt\\\"ö\\\\\">>"},
           {"\b\t\n\v\f\r\x1b", R"(<<"\b\t\n\v\f\r\e">>)"},
           {"ß", "<<195,159>>"},
           {"\0"s, "<<0>>"},
           {"a\x7f", "<<97,127>>"}}) {
    EXPECT_EQ(term(FieldValue::long_string(bytes)), "{<<\"k\">>,longstr," + shown + "}");
    EXPECT_EQ(term(FieldValue::byte_array(bytes)), "{<<\"k\">>,binary," + shown + "}");
  }
}

TEST(ErlangTerms, ShowFloatingPointNumbers) {
  for (const auto& [number, shown] : std::vector<std::pair<double, std::string>>{
           {0.0, "0.0"},
           {-0.0, "-0.0"},
           {1.5, "1.5"},
           {0.1, "0.1"},
           {0.001, "0.001"},
           {1e-5, "1.0e-5"},
           {-2.5e-7, "-2.5e-7"},
           {100.0, "100.0"},
           {1e4, "1.0e4"},
           {1234567.0, "1234567.0"},
           {1.2e10, "1.2e10"},
           {9007199254740991.0, "9007199254740991.0"},
           {9007199254740992.0, "9.007199254740992e15"},
           {123456789012345680.0, "1.2345678901234568e17"},
           {1e22, "1.0e22"}}) {
    EXPECT_EQ(term(FieldValue::float64(number)), "{<<\"k\">>,double," + shown + "}");
  }
  EXPECT_EQ(term(FieldValue::float32(0.5F)), R"({<<"k">>,float,0.5})");
}

TEST(ErlangTerms, ShowAddresses) {
  EXPECT_EQ(erlang_address("127.0.0.1"), "{127,0,0,1}");
  EXPECT_EQ(erlang_address("::1"), "{0,0,0,0,0,0,0,1}");
  EXPECT_EQ(erlang_address("2001:db8::ff00:1"), "{8193,3512,0,0,0,0,65280,1}");
  EXPECT_EQ(erlang_address("::"), "{0,0,0,0,0,0,0,0}");
  EXPECT_EQ(erlang_address("1:2:3:4:5:6:7:8"), "{1,2,3,4,5,6,7,8}");
  EXPECT_EQ(erlang_address("fe80::1%eth0"), "{65152,0,0,0,0,0,0,1}");
  for (const char* other : {"internal", "1.2.3", "1.2.3.x", "1:2", "::g", "1:2:3:4:5::6:7:8:9"}) {
    EXPECT_EQ(erlang_address(other), other);
  }
  EXPECT_EQ(erlang_address(""), "");
}

}  // namespace
}  // namespace leveret::broker
