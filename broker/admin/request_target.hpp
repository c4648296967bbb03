/// The target of an HTTP request: what its path and its query say.
///
/// Thread: values and pure functions, any.
/// Spec:   RFC 3986; a plus sign in a path is itself, in a query it is a space.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"

namespace leveret::admin {

struct RequestTarget {
  /// Percent-decoded once; empty ones, as of a slash at the end, are left out.
  std::vector<std::string> segments;
  /// Of a name that comes twice the first one counts.
  std::map<std::string, std::string, std::less<>> query;

  /// Null when the query has no such name.
  const std::string* find(std::string_view name) const;
  bool flag(std::string_view name) const;
};

/// Error: a sentence, for what is no path, for bad percent signs, and for what is not UTF-8.
Result<RequestTarget, std::string> parse_request_target(std::string_view target);

/// The exchange that a segment of a path names: `amq.default` is the one without a name, which no
/// path can carry.
std::string exchange_named(const std::string& segment);

/// The other way, for one segment of a path: all but letters, digits and `-._~` is encoded.
std::string percent_encode(std::string_view text);

}  // namespace leveret::admin
