/// Which method of which class.
#pragma once

#include <cstdint>

namespace leveret::protocol {

struct MethodId {
  std::uint16_t class_id = 0;
  std::uint16_t method_id = 0;
  bool operator==(const MethodId&) const = default;
};

}  // namespace leveret::protocol
