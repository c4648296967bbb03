/// Properties that are taken apart and put together again.
#include "broker/links/message_headers.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/wire_writer.hpp"

namespace leveret::links {
namespace {

using protocol::BasicProperties;
using protocol::FieldTable;
using protocol::FieldValue;

std::vector<std::byte> encoded(const BasicProperties& properties) {
  std::vector<std::byte> bytes(properties.encoded_size());
  protocol::WireWriter writer(bytes);
  properties.encode(writer);
  return bytes;
}

TEST(MessageHeaders, KeepWhatIsNotTouched) {
  BasicProperties properties;
  properties.content_type = "text/plain";
  properties.delivery_mode = 2;
  properties.timestamp = 12;
  const std::vector<std::byte> bytes = encoded(properties);
  EXPECT_EQ(MessageHeaders(bytes).encode(), bytes);
  EXPECT_EQ(MessageHeaders({}).encode().size(), 2U);  // Flags, and none is set.
}

TEST(MessageHeaders, KeepHeadersThatAreEmpty) {
  BasicProperties properties;
  properties.headers = protocol::TableView{};
  const std::vector<std::byte> bytes = encoded(properties);
  EXPECT_EQ(MessageHeaders(bytes).encode(), bytes);
}

TEST(MessageHeaders, TakeOtherPropertiesAndMoreHeaders) {
  BasicProperties properties;
  properties.app_id = "before";
  properties.user_id = "guest";
  const std::vector<std::byte> bytes = encoded(properties);
  MessageHeaders message(bytes);
  message.properties().app_id = "after";
  message.properties().user_id.reset();
  message.headers().set("h", FieldValue::int64(1));
  const std::vector<std::byte> changed = message.encode();
  const auto read = BasicProperties::decode(changed);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->app_id, "after");
  EXPECT_EQ(read->user_id, std::nullopt);
  ASSERT_TRUE(read->headers);
  EXPECT_EQ(read->headers->decode()->find("h")->as_integer(), 1);
}

TEST(MessageHeaders, PutTablesBeforeThoseThatAreThere) {
  MessageHeaders message({});
  FieldTable first, second;
  first.set("n", FieldValue::int64(1));
  second.set("n", FieldValue::int64(2));
  message.prepend_table("x", first);
  message.prepend_table("x", second);
  const auto& array = *message.headers().find("x")->as_array();
  ASSERT_EQ(array.size(), 2U);
  EXPECT_EQ(*array[0].as_table(), second);
  EXPECT_EQ(*array[1].as_table(), first);
}

}  // namespace
}  // namespace leveret::links
