#include "broker/cli/message_properties.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace leveret::cli {

using protocol::BasicProperties;
using protocol::FieldTable;

namespace {

struct TextProperty {
  std::string_view name;
  std::optional<std::string_view> BasicProperties::*member;
};
constexpr std::array<TextProperty, 10> text_properties{{
    {"contentType", &BasicProperties::content_type},
    {"contentEncoding", &BasicProperties::content_encoding},
    {"correlationId", &BasicProperties::correlation_id},
    {"replyTo", &BasicProperties::reply_to},
    {"expiration", &BasicProperties::expiration},
    {"messageId", &BasicProperties::message_id},
    {"type", &BasicProperties::type},
    {"userId", &BasicProperties::user_id},
    {"appId", &BasicProperties::app_id},
    {"clusterId", &BasicProperties::cluster_id},
}};

const TextProperty* text_property(std::string_view name) {
  const auto* found = std::ranges::find(text_properties, name, &TextProperty::name);
  return found == text_properties.end() ? nullptr : found;
}

template <class Number>
bool read_number(const std::string& text, std::optional<Number>& number) {
  const char* text_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), text_end, number.emplace());
  return error == std::errc{} && end == text_end;
}

}  // namespace

Result<MessageProperties, std::string> MessageProperties::parse(const KeyValues& pairs) {
  MessageProperties properties;
  KeyValues headers;
  for (const auto& [name, value] : pairs) {
    bool good = true;
    if (name == "priority") {
      good = read_number(value, properties.numbers_.priority);
    } else if (name == "deliveryMode") {
      good = read_number(value, properties.numbers_.delivery_mode);
    } else if (name == "timestamp") {  // Seconds since 1970; PerfTest wants a date.
      good = read_number(value, properties.numbers_.timestamp);
    } else if (text_property(name) != nullptr) {
      properties.texts_.emplace_back(name, value);
    } else {
      headers.emplace_back(name, value);
    }
    if (!good) return tl::unexpected("'" + value + "' is no number that " + name + " can be");
  }
  properties.headers_ = field_table(headers);
  return properties;
}

BasicProperties MessageProperties::with_headers(const FieldTable& headers,
                                                std::vector<std::byte>& headers_content) const {
  BasicProperties properties = numbers_;
  for (const auto& [name, value] : texts_) properties.*text_property(name)->member = value;
  FieldTable all = headers_;
  for (const auto& [name, value] : headers) all.set(name, value);
  if (!all.empty()) {
    headers_content = encoded_content(all);
    properties.headers = protocol::TableView{headers_content};
  }
  return properties;
}

}  // namespace leveret::cli
