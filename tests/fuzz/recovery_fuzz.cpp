// Any bytes at all as a log's folder: recovered, inspected, repaired and used.

#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/fuzz/recovery_checks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leveret::storage;
  check_recovery(read_image(std::as_bytes(std::span(data, size))));
  return 0;
}
