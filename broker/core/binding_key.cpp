#include "broker/core/binding_key.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace leveret::broker {
namespace {

using protocol::FieldTable;
using Field = FieldTable::Field;

/// The table's fields by name; fields of one name keep their order.
std::vector<const Field*> sorted_fields(const FieldTable& table) {
  std::vector<const Field*> fields;
  fields.reserve(table.size());
  for (const Field& field : table) fields.push_back(&field);
  std::ranges::stable_sort(fields, {},
                           [](const Field* field) -> const auto& { return field->first; });
  return fields;
}

}  // namespace

bool same_binding_arguments(const FieldTable& left, const FieldTable& right) {
  if (left.size() != right.size()) return false;
  if (left == right) return true;
  return std::ranges::equal(sorted_fields(left), sorted_fields(right),
                            [](const Field* a, const Field* b) { return *a == *b; });
}

bool BindingKey::operator==(const BindingKey& other) const {
  return destination == other.destination && routing_key == other.routing_key &&
         same_binding_arguments(arguments, other.arguments);
}

}  // namespace leveret::broker
