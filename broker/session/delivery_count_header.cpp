#include "broker/session/delivery_count_header.hpp"

#include <algorithm>
#include <utility>

#include "protocol/basic_properties.hpp"
#include "protocol/field_table.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::broker {

using protocol::FieldTable;
using protocol::FieldValue;

std::vector<std::byte> with_delivery_count(std::span<const std::byte> encoded,
                                           std::uint32_t delivery_count) {
  protocol::BasicProperties properties;
  std::vector<FieldTable::Field> fields;
  // What was published has been checked; nothing of it is lost if it cannot be read all the same.
  if (!properties.read(encoded)) return {encoded.begin(), encoded.end()};
  if (properties.headers) {
    auto decoded = properties.headers->decode();
    if (!decoded) return {encoded.begin(), encoded.end()};
    decoded->erase("x-delivery-count");
    fields.assign(decoded->begin(), decoded->end());
  }
  fields.emplace_back("x-delivery-count", FieldValue::int64(delivery_count));
  std::ranges::stable_sort(fields, {}, &FieldTable::Field::first);
  FieldTable headers;
  for (auto& [name, value] : fields) headers.append(std::move(name), std::move(value));

  std::vector<std::byte> table(4 + headers.encoded_size());
  protocol::WireWriter table_writer(table);
  headers.encode(table_writer);
  properties.headers = protocol::TableView{std::span(table).subspan(4)};
  std::vector<std::byte> rewritten(properties.encoded_size());
  protocol::WireWriter writer(rewritten);
  properties.encode(writer);
  return rewritten;
}

}  // namespace leveret::broker
