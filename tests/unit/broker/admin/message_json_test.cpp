#include "broker/admin/message_json.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace leveret::admin {
namespace {

namespace json = boost::json;

/// The properties after a way to AMQP and back.
std::string there_and_back(std::string_view text) {
  auto properties = read_properties(json::parse(text).as_object());
  if (!properties) return properties.error();
  AmqpAnswer message;
  message.properties = std::move(*properties);
  return json::serialize(got_message_json(message, true, {}).at("properties"));
}

TEST(MessageJson, CarriesAllProperties) {
  for (const char* text :
       {"{}", R"({"headers":{"a":[1,true,null,"x",{"b":2.5E0}]}})",
        R"({"content_type":"text/plain","content_encoding":"gzip","headers":{},)"
        R"("delivery_mode":2,"priority":255,"correlation_id":"c","reply_to":"r",)"
        R"("expiration":"100","message_id":"m","timestamp":1700000000,"type":"t",)"
        R"("user_id":"u","app_id":"a","cluster_id":"i"})"}) {
    EXPECT_EQ(there_and_back(text), text);
  }
  EXPECT_EQ(there_and_back(R"({"unknown":1,"type":null,"priority":"7"})"), R"({"priority":7})");
}

TEST(MessageJson, RefusesPropertiesThatAreNone) {
  EXPECT_EQ(there_and_back(R"({"type":1})"), "properties: 'type' is not a text");
  EXPECT_EQ(there_and_back(R"({"priority":256})"),
            "properties: 'priority' is not a number that it can be");
  EXPECT_EQ(there_and_back(R"({"timestamp":-1})"),
            "properties: 'timestamp' is not a number that it can be");
  EXPECT_EQ(there_and_back(R"({"headers":[1]})"), "properties: 'headers' is not an object");
  EXPECT_EQ(there_and_back(R"({"app_id":")" + std::string(256, 'x') + "\"}"),
            "properties: 'app_id' is longer than 255 bytes");
}

TEST(MessageJson, ShowsTextsAsTheyAreAndAllElseInBase64) {
  AmqpAnswer message;
  message.body = "hello";
  const auto shown = [&](bool automatic, std::optional<std::uint64_t> truncate = {}) {
    const json::object got = got_message_json(message, automatic, truncate);
    return std::string(got.at("payload").as_string()) + " " +
           std::string(got.at("payload_encoding").as_string()) + " " +
           std::to_string(got.at("payload_bytes").to_number<int>());
  };
  EXPECT_EQ(shown(true), "hello string 5");
  EXPECT_EQ(shown(false), "aGVsbG8= base64 5");
  EXPECT_EQ(shown(true, 2), "he string 5");
  message.body = "\xFF";
  EXPECT_EQ(shown(true), "/w== base64 1");
}

}  // namespace
}  // namespace leveret::admin
