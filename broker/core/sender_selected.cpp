#include "broker/core/sender_selected.hpp"

#include <array>
#include <string>

#include "broker/core/argument_value.hpp"

namespace leveret::broker {
namespace {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

constexpr std::string_view bcc_header = "BCC";
constexpr std::array<std::string_view, 2> routing_headers{"CC", bcc_header};

void append_texts(const protocol::FieldArray& array, std::vector<std::string_view>& keys) {
  for (const FieldValue& element : array) {
    if (element.type() == FieldType::long_string) keys.push_back(*element.as_string());
  }
}

}  // namespace

Result<void, AmqpError> append_sender_selected_keys(const FieldTable& headers,
                                                    std::vector<std::string_view>& keys) {
  for (const std::string_view name : routing_headers) {
    const FieldValue* value = headers.find(name);
    if (value == nullptr) continue;
    const auto* array = value->as_array();
    if (array == nullptr) {
      std::string text("invalid message: {unacceptable_type_in_header,\"");
      text.append(name).append("\",").append(type_name(value->type())).append("}");
      return tl::unexpected(AmqpError::precondition_failed(std::move(text)));
    }
    append_texts(*array, keys);
  }
  return {};
}

std::vector<std::string_view> blind_keys_in(const FieldTable& headers) {
  std::vector<std::string_view> keys;
  const FieldValue* value = headers.find(bcc_header);
  if (value != nullptr && value->as_array() != nullptr) append_texts(*value->as_array(), keys);
  return keys;
}

bool remove_bcc(FieldTable& headers) { return headers.erase(bcc_header); }

}  // namespace leveret::broker
