#include "broker/core/federation_index.hpp"

#include <algorithm>

namespace leveret::broker {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

namespace {

bool says(const FieldTable& table, std::string_view name, std::string_view text) {
  const FieldValue* value = table.find(name);
  return value != nullptr && value->as_string() == text;
}

std::string text_of_argument(const FieldTable& arguments, std::string_view name) {
  const FieldValue* value = arguments.find(name);
  return value == nullptr ? std::string() : std::string(value->as_string().value_or(""));
}

}  // namespace

bool may_be_forwarded(const FieldTable* headers, std::uint64_t max_hops,
                      std::string_view cluster_name, std::string_view vhost) {
  const FieldValue* header = headers == nullptr ? nullptr : headers->find("x-received-from");
  const protocol::FieldArray* places = header == nullptr ? nullptr : header->as_array();
  if (places == nullptr) return true;
  return places->size() < max_hops && std::ranges::none_of(*places, [&](const FieldValue& place) {
           const FieldTable* table = place.as_table();
           return table != nullptr && says(*table, "cluster-name", cluster_name) &&
                  says(*table, "vhost", vhost);
         });
}

Result<void, AmqpError> check_federation_arguments(const FieldTable& arguments) {
  const FieldValue* max_hops = arguments.find(max_hops_argument);
  if (max_hops == nullptr) {
    return tl::unexpected(AmqpError::precondition_failed("Argument x-max-hops missing"));
  }
  if (max_hops->type() != FieldType::int64) {
    return tl::unexpected(
        AmqpError::precondition_failed("Argument x-max-hops must be of type long"));
  }
  return {};
}

FederationIndex::FederationIndex(const FieldTable& arguments)
    : cluster_name_(text_of_argument(arguments, "x-downstream-name")),
      vhost_(text_of_argument(arguments, "x-downstream-vhost")) {
  const FieldValue* max_hops = arguments.find(max_hops_argument);
  const std::int64_t number = max_hops == nullptr ? 0 : max_hops->as_integer().value_or(0);
  max_hops_ = static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0));
}

}  // namespace leveret::broker
