#include <utility>

#include "storage/log.hpp"

namespace leveret::storage {

void VolatileLog::submit() {
  if (std::exchange(has_records_, false)) ++submitted_;
}

}  // namespace leveret::storage
