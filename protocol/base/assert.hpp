/// What must hold in every build. A broken invariant stops the process: going on could lose or
/// mix up messages, and nobody would know.
#pragma once

namespace leveret {

/// Writes the broken invariant and its place to stderr, and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* what_must_hold,
                                   const char* file, int line);

}  // namespace leveret

#define LEVERET_ASSERT(condition, what_must_hold)                                             \
  (__builtin_expect(static_cast<bool>(condition), 1)                                          \
       ? static_cast<void>(0)                                                                 \
       : ::leveret::assertion_failed(#condition, what_must_hold, __FILE__, __LINE__))
