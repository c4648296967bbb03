#include "broker/core/permission_pattern.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

#include "protocol/base/assert.hpp"

namespace leveret::broker {

namespace {

// RabbitMQ 4.3's bounds.
constexpr std::uint32_t match_limit = 50'000;
constexpr std::size_t pattern_size_max_bytes = 1024;

/// One thread's working memory for matching.
struct Matcher {
  Matcher()
      : data(pcre2_match_data_create(1, nullptr)), context(pcre2_match_context_create(nullptr)) {
    LEVERET_ASSERT(data != nullptr && context != nullptr, "there is memory for a pattern match");
    pcre2_set_match_limit(context, match_limit);
    pcre2_set_depth_limit(context, match_limit);
  }
  ~Matcher() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  pcre2_match_data* data;
  pcre2_match_context* context;
};

const unsigned char* units(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Result<PermissionPattern, std::string> PermissionPattern::compile(std::string_view pattern) {
  if (pattern.size() > pattern_size_max_bytes) {
    return tl::unexpected(std::string("the pattern has more than 1024 bytes"));
  }
  PermissionPattern compiled;
  compiled.text_ = pattern;
  if (pattern.empty() || pattern == "^$") {
    compiled.kind_ = Kind::empty_name;
    return compiled;
  }
  // Not `^.*$`: that one refuses a name with a line break inside.
  if (pattern == ".*" || pattern == "^.*" || pattern == ".*$") {
    compiled.kind_ = Kind::everything;
    return compiled;
  }
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code =
      pcre2_compile(units(pattern), pattern.size(), 0, &error, &offset, nullptr);
  if (code == nullptr) {
    std::array<unsigned char, 128> text{};
    pcre2_get_error_message(error, text.data(), text.size());
    return tl::unexpected("the pattern '" + std::string(pattern) +
                          "' cannot be read at character " + std::to_string(offset + 1) + ": " +
                          reinterpret_cast<const char*>(text.data()));
  }
  compiled.kind_ = Kind::expression;
  compiled.code_ = std::shared_ptr<pcre2_code>(code, pcre2_code_free);
  return compiled;
}

PermissionPattern::Outcome PermissionPattern::match(std::string_view name) const {
  switch (kind_) {
    case Kind::nothing: return Outcome::differs;
    case Kind::everything: return Outcome::matches;
    case Kind::empty_name: return name.empty() ? Outcome::matches : Outcome::differs;
    case Kind::expression: break;
  }
  thread_local const Matcher matcher;
  const int found = pcre2_match(static_cast<const pcre2_code*>(code_.get()), units(name),
                                name.size(), 0, 0, matcher.data, matcher.context);
  if (found >= 0) return Outcome::matches;
  return found == PCRE2_ERROR_NOMATCH ? Outcome::differs : Outcome::gave_up;
}

}  // namespace leveret::broker
