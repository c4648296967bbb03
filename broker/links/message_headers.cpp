#include "broker/links/message_headers.hpp"

#include <utility>

#include "protocol/wire_writer.hpp"

namespace leveret::links {

using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldValue;

MessageHeaders::MessageHeaders(std::span<const std::byte> encoded) {
  auto properties = protocol::BasicProperties::decode(encoded);
  if (!properties) return;
  properties_ = *properties;
  if (!properties_.headers) return;
  had_headers_ = true;
  if (auto headers = properties_.headers->decode()) headers_ = std::move(*headers);
}

void MessageHeaders::prepend_table(const std::string& name, FieldTable table) {
  FieldArray array{FieldValue::table(std::move(table))};
  const FieldValue* known = headers_.find(name);
  if (const FieldArray* others = known == nullptr ? nullptr : known->as_array()) {
    array.insert(array.end(), others->begin(), others->end());
  }
  headers_.set(name, FieldValue::array(std::move(array)));
}

std::vector<std::byte> MessageHeaders::encode() {
  std::vector<std::byte> table;
  properties_.headers.reset();
  if (had_headers_ || !headers_.empty()) {
    table.resize(4 + headers_.encoded_size());
    protocol::WireWriter writer(table);
    headers_.encode(writer);
    properties_.headers = protocol::TableView{std::span(table).subspan(4)};
  }
  std::vector<std::byte> encoded(properties_.encoded_size());
  protocol::WireWriter writer(encoded);
  properties_.encode(writer);
  properties_.headers.reset();  // It refers to what goes now.
  return encoded;
}

}  // namespace leveret::links
