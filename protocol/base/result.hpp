/// Errors as values: what a function gives, or why it could not.
#pragma once

#include <tl/expected.hpp>

namespace leveret {

/// A value of type T, or an error of type E.
template <class T, class E>
using Result = tl::expected<T, E>;

}  // namespace leveret
