#include "protocol/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace leveret {

void assertion_failed(const char* condition, const char* what_must_hold, const char* file,
                      int line) {
  std::fprintf(stderr, "leveret: %s:%d: it does not hold that %s (%s)\n", file, line,
               what_must_hold, condition);
  std::abort();
}

}  // namespace leveret
