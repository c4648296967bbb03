#include "broker/core/erlang_term.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <map>
#include <string_view>

namespace leveret::broker {

namespace {

std::string binary(std::string_view text) {
  std::string result = "<<\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') result += '\\';
    result += character;
  }
  return result + "\">>";
}

std::string floating(double value) {
  char memory[32];
  const auto [end, error] = std::to_chars(memory, memory + sizeof(memory), value);
  std::string text(memory, error == std::errc{} ? end : memory);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

std::string erlang_term(const boost::json::value& value) {
  if (const auto* text = value.if_string()) return binary(*text);
  if (const auto* number = value.if_double()) return floating(*number);
  std::string result;
  if (const auto* array = value.if_array()) {
    for (const auto& element : *array) result += (result.empty() ? "" : ",") + erlang_term(element);
    return "[" + result + "]";
  }
  if (const auto* object = value.if_object()) {
    // Erlang keeps small maps in the order of their keys.
    std::map<std::string_view, const boost::json::value*> sorted;
    for (const auto& [key, field] : *object) sorted.emplace(key, &field);
    for (const auto& [key, field] : sorted) {
      result += (result.empty() ? "" : ",") + binary(key) + " => " + erlang_term(*field);
    }
    return "#{" + result + "}";
  }
  return boost::json::serialize(value);
}

}  // namespace leveret::broker
