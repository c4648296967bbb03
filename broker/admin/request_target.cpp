#include "broker/admin/request_target.hpp"

#include <charconv>
#include <utility>

#include "protocol/utf8.hpp"

namespace leveret::admin {

namespace {

tl::unexpected<std::string> problem(std::string sentence) {
  return tl::unexpected(std::move(sentence));
}

Result<std::string, std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  while (!text.empty()) {
    const char first = text.front();
    if (first != '%') {
      decoded += first == '+' && plus_is_space ? ' ' : first;
      text.remove_prefix(1);
      continue;
    }
    unsigned char byte = 0;
    const char* const digits = text.data() + 1;
    if (text.size() < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) {
      return problem("a percent sign is not followed by two hexadecimal digits");
    }
    decoded += static_cast<char>(byte);
    text.remove_prefix(3);
  }
  if (!protocol::is_utf8(decoded)) return problem("the target is not UTF-8");
  return decoded;
}

/// Cuts what stands before the first `end` off.
std::string_view cut(std::string_view& text, char end) {
  const std::size_t size = text.find(end);
  const std::string_view first = text.substr(0, size);
  text.remove_prefix(size == std::string_view::npos ? text.size() : size + 1);
  return first;
}

}  // namespace

const std::string* RequestTarget::find(std::string_view name) const {
  const auto place = query.find(name);
  return place == query.end() ? nullptr : &place->second;
}

bool RequestTarget::flag(std::string_view name) const {
  const std::string* value = find(name);
  return value != nullptr && *value == "true";
}

Result<RequestTarget, std::string> parse_request_target(std::string_view target) {
  if (target.empty() || target.front() != '/') return problem("the target is no path");
  RequestTarget parsed;
  std::string_view path = cut(target, '?');
  while (!path.empty()) {
    const std::string_view segment = cut(path, '/');
    if (segment.empty()) continue;
    auto decoded = percent_decode(segment, false);
    if (!decoded) return tl::unexpected(std::move(decoded.error()));
    parsed.segments.push_back(std::move(*decoded));
  }
  std::string_view query = cut(target, '#');
  while (!query.empty()) {
    std::string_view pair = cut(query, '&');
    auto name = percent_decode(cut(pair, '='), true);
    auto value = percent_decode(pair, true);
    if (!name) return tl::unexpected(std::move(name.error()));
    if (!value) return tl::unexpected(std::move(value.error()));
    parsed.query.emplace(std::move(*name), std::move(*value));
  }
  return parsed;
}

std::string exchange_named(const std::string& segment) {
  return segment == "amq.default" ? "" : segment;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char character : text) {
    if (plain.find(character) != std::string_view::npos) {
      encoded += character;
      continue;
    }
    const auto byte = static_cast<unsigned char>(character);
    encoded += '%';
    encoded += digits[byte >> 4];
    encoded += digits[byte & 15];
  }
  return encoded;
}

}  // namespace leveret::admin
