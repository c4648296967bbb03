#include "broker/core/consistent_hash_index.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>

#include "broker/core/argument_value.hpp"
#include "broker/core/stable_hash.hpp"
#include "protocol/base/assert.hpp"

namespace leveret::broker {

using protocol::AmqpError;

namespace {

/// A number in (0, 1] from the upper bits of a hash.
double unit_interval(std::uint64_t hash) {
  return static_cast<double>((hash >> 11U) + 1) * 0x1p-53;
}

}  // namespace

Result<double, AmqpError> parse_hash_weight(std::string_view routing_key) {
  std::string_view digits = routing_key;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  const bool is_integer = !digits.empty() && std::ranges::all_of(digits, [](char letter) {
    return letter >= '0' && letter <= '9';
  });
  if (!is_integer) {
    return tl::unexpected(AmqpError::precondition_failed(
        "The binding key must be an integer: " +
        term_text(protocol::FieldValue::long_string(std::string(routing_key)))));
  }
  // A key has 255 digits at most, which a double holds.
  double weight = 0;
  for (const char digit : digits) weight = weight * 10 + (digit - '0');
  if (negative || weight < 1) {
    return tl::unexpected(
        AmqpError::precondition_failed("The binding key must be greater than 0"));
  }
  return weight;
}

bool ConsistentHashIndex::add(const BindingKey& binding, std::string_view destination_name) {
  if (std::ranges::find(bindings_, binding, &Binding::key) != bindings_.end()) return false;
  const auto weight = parse_hash_weight(binding.routing_key);
  LEVERET_ASSERT(weight.has_value(), "the key of a binding was checked");
  // A queue and an exchange of one name are two destinations.
  const auto kind = static_cast<std::uint64_t>(binding.destination.kind);
  bindings_.push_back({binding, *weight, mix_bits(stable_hash(destination_name) + kind)});
  update_candidate(binding.destination);
  return true;
}

bool ConsistentHashIndex::remove(const BindingKey& binding) {
  const auto found = std::ranges::find(bindings_, binding, &Binding::key);
  if (found == bindings_.end()) return false;
  bindings_.erase(found);
  update_candidate(binding.destination);
  return true;
}

void ConsistentHashIndex::update_candidate(Destination destination) {
  std::erase_if(candidates_,
                [&](const Candidate& one) { return one.destination == destination; });
  const Binding* lightest = nullptr;
  for (const Binding& binding : bindings_) {
    if (binding.key.destination != destination) continue;
    if (lightest == nullptr || binding.weight < lightest->weight) lightest = &binding;
  }
  if (lightest == nullptr) return;
  const Candidate candidate{lightest->weight, lightest->seed, destination};
  const auto place =
      std::ranges::upper_bound(candidates_, candidate, [](const auto& left, const auto& right) {
        return std::tie(left.weight, left.seed) < std::tie(right.weight, right.seed);
      });
  candidates_.insert(place, candidate);
}

void ConsistentHashIndex::match(std::string_view routing_key,
                                const protocol::BasicProperties& properties,
                                std::vector<Destination>& out) const {
  if (candidates_.empty()) return;
  const std::uint64_t hash = hash_message(source_, routing_key, properties);
  // The smallest -ln(u)/weight of uniformly drawn u wins, each with a probability in proportion to
  // its weight. Among equal weights that is the largest u: one logarithm for all of them.
  double best_score = std::numeric_limits<double>::infinity();
  Destination best = candidates_.front().destination;
  for (std::size_t next = 0; next < candidates_.size();) {
    const double weight = candidates_[next].weight;
    std::size_t winner = next;
    std::uint64_t highest = 0;
    for (; next < candidates_.size() && candidates_[next].weight == weight; ++next) {
      const std::uint64_t drawn = mix_bits(hash ^ candidates_[next].seed);
      if (drawn <= highest) continue;
      highest = drawn;
      winner = next;
    }
    const double score = -std::log(unit_interval(highest)) / weight;
    if (score >= best_score) continue;
    best_score = score;
    best = candidates_[winner].destination;
  }
  out.push_back(best);
}

}  // namespace leveret::broker
