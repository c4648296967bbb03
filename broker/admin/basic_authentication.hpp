/// The Basic scheme of HTTP.
///
/// Thread: pure function, any.   Spec: RFC 7617; base64 of "user:password", UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leveret::admin {

struct Credentials {
  std::string user, password;
};

/// Reads the value of an Authorization header. Nothing: it is not Basic, or not to be understood.
std::optional<Credentials> parse_basic(std::string_view header);

}  // namespace leveret::admin
