#include "tests/sim/stream_model.hpp"

namespace leveret::broker {

std::string StreamModel::read(Offset offset, std::uint64_t number) {
  const auto [at_offset, is_new_offset] = numbers_.emplace(offset, number);
  const auto [of_number, is_new_number] = offsets_.emplace(number, offset);
  if (at_offset->second != number) {
    return "offset " + std::to_string(offset) + " was message " +
           std::to_string(at_offset->second) + " before";
  }
  if (of_number->second != offset) {
    return "it had offset " + std::to_string(of_number->second) + " before";
  }
  return {};
}

}  // namespace leveret::broker
