/// Bytes as text, in base64 with padding.
///
/// Thread: pure functions, any.   Spec: RFC 4648 section 4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leveret::protocol {

/// Strict: padded, no other characters, no bits set in the padding. Nothing: it is no base64.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace leveret::protocol
