#include "tests/sim/stream_model.hpp"

#include <utility>

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

std::string StreamModel::restart(std::map<Offset, std::uint64_t> numbers) {
  for (const auto& [offset, number] : numbers_) {
    const auto place = numbers.find(offset);
    // Nobody reads what is not safe.
    if (place != numbers.end() && place->second == number) continue;
    return "offset " + std::to_string(offset) + " is no longer message " + std::to_string(number);
  }
  Offset next = 0;
  for (const auto& [offset, number] : numbers) {
    if (offset != next++) return "there is no offset " + std::to_string(next - 1);
  }
  numbers_ = std::move(numbers);
  offsets_.clear();
  for (const auto& [offset, number] : numbers_) offsets_[number] = offset;
  return {};
}

}  // namespace leveret::broker
