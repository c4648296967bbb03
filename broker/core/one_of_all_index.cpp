#include "broker/core/one_of_all_index.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <tuple>

#include "broker/core/stable_hash.hpp"
#include "protocol/base/assert.hpp"

namespace leveret::broker {

OneOfAllIndex::OneOfAllIndex(Choice choice) : choice_(choice) {
  if (choice != Choice::at_random) return;
  const int ok = RAND_bytes(reinterpret_cast<unsigned char*>(&random_state_),
                            sizeof random_state_);
  LEVERET_ASSERT(ok == 1, "the system gives randomness");
}

bool OneOfAllIndex::add(const BindingKey& binding, std::string_view destination_name) {
  if (std::ranges::find(bindings_, binding, &Binding::key) != bindings_.end()) return false;
  const auto order = [](Destination::Kind kind, std::string_view name) {
    return std::tuple(kind == Destination::Kind::queue, name);
  };
  const auto place = std::ranges::upper_bound(
      bindings_, order(binding.destination.kind, destination_name), {},
      [&](const Binding& one) { return order(one.key.destination.kind, one.destination_name); });
  bindings_.insert(place, {binding, std::string(destination_name)});
  return true;
}

bool OneOfAllIndex::remove(const BindingKey& binding) {
  const auto found = std::ranges::find(bindings_, binding, &Binding::key);
  if (found == bindings_.end()) return false;
  bindings_.erase(found);
  return true;
}

void OneOfAllIndex::match(std::string_view routing_key, std::vector<Destination>& out) const {
  if (bindings_.empty()) return;
  const std::uint64_t number = choice_ == Choice::by_key
                                   ? stable_hash(routing_key)
                                   // SplitMix64.
                                   : mix_bits(random_state_ += 0x9E3779B97F4A7C15ULL);
  out.push_back(bindings_[number % bindings_.size()].key.destination);
}

}  // namespace leveret::broker
