#include "broker/admin/body.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "broker/core/control_port.hpp"

namespace leveret::admin {

namespace json = boost::json;

namespace {

constexpr std::size_t name_max_bytes = 255;

const json::value* find(const json::object& body, std::string_view name) {
  const json::value* value = body.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string missing(std::string_view name) { return quoted(name) + " is missing"; }

Result<std::optional<std::string>, std::string> text_in(const json::object& body,
                                                        std::string_view name) {
  const json::value* value = find(body, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return tl::unexpected(quoted(name) + " is not a text");
  return std::string(value->get_string());
}

Result<std::string, std::string> needed_text_in(const json::object& body, std::string_view name) {
  auto text = text_in(body, name);
  if (!text) return tl::unexpected(std::move(text.error()));
  if (!*text) return tl::unexpected(missing(name));
  return std::move(**text);
}

Result<bool, std::string> flag_in(const json::object& body, std::string_view name, bool absent) {
  const json::value* value = find(body, name);
  if (value == nullptr) return absent;
  if (value->is_bool()) return value->get_bool();
  if (value->is_string() && value->get_string() == "true") return true;
  if (value->is_string() && value->get_string() == "false") return false;
  return tl::unexpected(quoted(name) + " is not true or false");
}

Result<std::optional<std::uint64_t>, std::string> number_in(const json::object& body,
                                                            std::string_view name) {
  const json::value* value = find(body, name);
  if (value == nullptr) return std::nullopt;
  if (value->is_uint64()) return value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0) {
    return static_cast<std::uint64_t>(value->get_int64());
  }
  if (value->is_string()) {
    const std::string_view text = value->get_string();
    const char* const end = text.data() + text.size();
    std::uint64_t number = 0;
    const auto [place, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc{} && place == end) return number;
  }
  return tl::unexpected(quoted(name) + " is not a whole number");
}

Result<protocol::FieldTable, std::string> arguments_in(const json::object& body) {
  const json::value* value = find(body, "arguments");
  // An empty table is an empty list to some of RabbitMQ's tools.
  if (value == nullptr || (value->is_array() && value->get_array().empty())) {
    return protocol::FieldTable{};
  }
  if (!value->is_object()) return tl::unexpected(std::string("'arguments' is not an object"));
  auto table = broker::table_of_json(value->get_object());
  if (!table) return tl::unexpected("arguments: " + table.error());
  return table;
}

Result<std::vector<std::string>, std::string> texts_of(std::string_view name,
                                                       const json::value& value) {
  std::vector<std::string> texts;
  const auto add = [&](std::string_view text) {
    if (!trimmed(text).empty()) texts.emplace_back(trimmed(text));
  };
  if (value.is_string()) {
    std::string_view text = value.get_string();
    while (!text.empty()) {
      const std::size_t size = std::min(text.find(','), text.size());
      add(text.substr(0, size));
      text.remove_prefix(std::min(size + 1, text.size()));
    }
    return texts;
  }
  if (!value.is_array()) return tl::unexpected(quoted(name) + " is not a list of texts");
  for (const json::value& one : value.get_array()) {
    if (!one.is_string()) return tl::unexpected(quoted(name) + " is not a list of texts");
    add(one.get_string());
  }
  return texts;
}

std::optional<std::string> check_name(std::string_view name) {
  if (name.empty()) return "The name is empty";
  if (name.size() > name_max_bytes) return "The name is longer than 255 bytes";
  return std::nullopt;
}

}  // namespace leveret::admin
