/// Whether bytes are text, and what to show when they are not.
///
/// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace leveret::protocol {

/// Whether `text` is UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above
/// U+10FFFF.
bool is_utf8(std::string_view text);

/// With the replacement character, U+FFFD, in the place of each byte that is not UTF-8.
std::string valid_utf8(std::string_view text);

}  // namespace leveret::protocol
