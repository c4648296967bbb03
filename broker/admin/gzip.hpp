/// Compression of HTTP bodies.
///
/// Thread: pure function, any.   Spec: RFC 1952.
#pragma once

#include <string>
#include <string_view>

namespace leveret::admin {

/// Quick rather than small.
std::string gzip(std::string_view bytes);

}  // namespace leveret::admin
