/// CC and BCC, as RabbitMQ 3.10.8 was seen to treat them.
#include "broker/core/sender_selected.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace leveret::broker {
namespace {

using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldValue;

FieldTable table(const std::vector<std::pair<std::string, FieldValue>>& fields) {
  FieldTable result;
  for (const auto& [name, value] : fields) result.set(name, value);
  return result;
}

FieldValue texts(const std::vector<std::string>& values) {
  FieldArray array;
  for (const std::string& value : values) array.push_back(FieldValue::long_string(value));
  return FieldValue::array(std::move(array));
}

using Keys = std::vector<std::string_view>;

TEST(SenderSelected, AddsTheKeysOfCcThenBcc) {
  const FieldTable headers =
      table({{"BCC", texts({"b"})}, {"other", texts({"o"})}, {"CC", texts({"c", "d"})}});
  Keys keys{"own"};
  ASSERT_TRUE(append_sender_selected_keys(headers, keys).has_value());
  EXPECT_EQ(keys, (Keys{"own", "c", "d", "b"}));
}

// Goal: only long strings are keys; the names are case-sensitive.
TEST(SenderSelected, PassesOverWhatIsNoKey) {
  const FieldArray elements{FieldValue::long_string("u"), FieldValue::int32(1),
                            FieldValue::byte_array("v"), FieldValue::long_string("w")};
  const FieldTable mixed = table({{"CC", FieldValue::array(elements)}});
  Keys keys;
  ASSERT_TRUE(append_sender_selected_keys(mixed, keys).has_value());
  EXPECT_EQ(keys, (Keys{"u", "w"}));

  const FieldTable lower_case = table({{"cc", FieldValue::long_string("u")}});
  keys.clear();
  ASSERT_TRUE(append_sender_selected_keys(lower_case, keys).has_value());
  EXPECT_TRUE(keys.empty());
}

TEST(SenderSelected, RefusesWhatIsNoArray) {
  const auto complaint = [](const FieldTable& headers) {
    Keys keys;
    const auto appended = append_sender_selected_keys(headers, keys);
    EXPECT_FALSE(appended.has_value());
    EXPECT_EQ(appended.error().code(), protocol::ReplyCode::precondition_failed);
    return appended.error().explanation();
  };
  const FieldValue text = FieldValue::long_string("u");
  const FieldValue number = FieldValue::int32(1);
  EXPECT_EQ(complaint(table({{"CC", text}})),
            "invalid message: {unacceptable_type_in_header,\"CC\",longstr}");
  EXPECT_EQ(complaint(table({{"BCC", FieldValue::void_value()}})),
            "invalid message: {unacceptable_type_in_header,\"BCC\",void}");
  EXPECT_EQ(complaint(table({{"CC", FieldValue::table({})}})),
            "invalid message: {unacceptable_type_in_header,\"CC\",table}");
  // CC is looked at first wherever it stands.
  EXPECT_EQ(complaint(table({{"BCC", number}, {"CC", number}})),
            "invalid message: {unacceptable_type_in_header,\"CC\",signedint}");
}

TEST(SenderSelected, TakesBccOutAndLeavesTheRest) {
  FieldTable headers = table({{"BCC", texts({"b"})}, {"CC", texts({"c"})}});
  EXPECT_TRUE(remove_bcc(headers));
  EXPECT_EQ(headers, table({{"CC", texts({"c"})}}));
  EXPECT_FALSE(remove_bcc(headers));
}

// Goal: of two BCC fields only the first adds keys, and neither is left to be seen.
TEST(SenderSelected, MindsTheFirstOfTwoFields) {
  FieldTable headers;
  headers.append("BCC", texts({"u"}));
  headers.append("BCC", texts({"v"}));
  Keys keys;
  ASSERT_TRUE(append_sender_selected_keys(headers, keys).has_value());
  EXPECT_EQ(keys, Keys{"u"});
  EXPECT_TRUE(remove_bcc(headers));
  EXPECT_TRUE(headers.empty());
}

}  // namespace
}  // namespace leveret::broker
