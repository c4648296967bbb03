#include "broker/session/delivery_count_header.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/basic_properties.hpp"
#include "protocol/field_table.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::broker {
namespace {

using protocol::BasicProperties;
using protocol::FieldTable;
using protocol::FieldValue;

std::vector<std::byte> encoded(BasicProperties properties, const FieldTable* headers) {
  std::vector<std::byte> table(4 + (headers == nullptr ? 0 : headers->encoded_size()));
  if (headers != nullptr) {
    protocol::WireWriter writer(table);
    headers->encode(writer);
    properties.headers = protocol::TableView{std::span(table).subspan(4)};
  }
  std::vector<std::byte> bytes(properties.encoded_size());
  protocol::WireWriter writer(bytes);
  properties.encode(writer);
  return bytes;
}

/// Names of the headers in their order, and the count.
std::string headers_in(const std::vector<std::byte>& bytes) {
  BasicProperties properties;
  if (!properties.read(bytes) || !properties.headers) return "none";
  std::string all;
  const auto headers = properties.headers->decode();
  for (const auto& [name, value] : *headers) all += name + " ";
  return all + std::to_string(headers->find("x-delivery-count")->as_integer().value_or(-1));
}

TEST(DeliveryCountHeader, StandsWhereNoneWere) {
  BasicProperties properties;
  properties.content_type = "text/plain";
  const auto counted = with_delivery_count(encoded(properties, nullptr), 3);
  EXPECT_EQ(headers_in(counted), "x-delivery-count 3");
  BasicProperties read;
  ASSERT_TRUE(read.read(counted));
  EXPECT_EQ(read.content_type, "text/plain");
}

TEST(DeliveryCountHeader, TakesItsPlaceAmongOthers) {
  FieldTable headers;
  headers.append("z", FieldValue::int64(1));
  headers.append("x-delivery-count", FieldValue::long_string("many"));
  headers.append("a", FieldValue::boolean(true));
  EXPECT_EQ(headers_in(with_delivery_count(encoded({}, &headers), 0)), "a x-delivery-count z 0");
}

}  // namespace
}  // namespace leveret::broker
