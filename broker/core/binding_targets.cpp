#include "broker/core/binding_targets.hpp"

#include <algorithm>

#include "broker/core/binding_key.hpp"

namespace leveret::broker {
namespace {

/// Up to this many destinations a linear search beats a hash table and needs no memory.
constexpr std::size_t linear_search_max = 64;

}  // namespace

bool BindingTargets::add(Destination destination, const protocol::FieldTable& arguments) {
  return arguments.empty() ? add_plain(destination) : add_with_arguments(destination, arguments);
}

bool BindingTargets::remove(Destination destination, const protocol::FieldTable& arguments) {
  const bool removed = arguments.empty() ? remove_plain(destination)
                                         : remove_with_arguments(destination, arguments);
  drop_extra_when_unused();
  return removed;
}

void BindingTargets::append_to(std::vector<Destination>& out) const {
  out.insert(out.end(), plain_.begin(), plain_.end());
  if (!extra_) return;
  for (const WithArguments& binding : extra_->with_arguments) out.push_back(binding.destination);
}

bool BindingTargets::add_plain(Destination destination) {
  if (has_positions()) {
    const auto position = static_cast<std::uint32_t>(plain_.size());
    if (!extra_->positions.emplace(destination, position).second) return false;
    plain_.push_back(destination);
    return true;
  }
  if (std::ranges::find(plain_, destination) != plain_.end()) return false;
  plain_.push_back(destination);
  if (plain_.size() > linear_search_max) build_positions();
  return true;
}

bool BindingTargets::remove_plain(Destination destination) {
  std::size_t position = 0;
  if (has_positions()) {
    const auto known = extra_->positions.find(destination);
    if (known == extra_->positions.end()) return false;
    position = known->second;
    extra_->positions.erase(known);
  } else {
    const auto found = std::ranges::find(plain_, destination);
    if (found == plain_.end()) return false;
    position = static_cast<std::size_t>(found - plain_.begin());
  }
  if (position + 1 != plain_.size()) {
    // The order of destinations means nothing, so the last one may fill the gap.
    plain_[position] = plain_.back();
    if (has_positions()) {
      extra_->positions.find(plain_[position])->second = static_cast<std::uint32_t>(position);
    }
  }
  plain_.pop_back();
  // Half of the threshold, so that a set at the threshold does not build and drop it in turns.
  if (has_positions() && plain_.size() <= linear_search_max / 2) {
    extra_->positions = decltype(extra_->positions)();
  }
  if (plain_.size() <= 1) plain_.shrink_to_fit();
  return true;
}

bool BindingTargets::add_with_arguments(Destination destination,
                                        const protocol::FieldTable& arguments) {
  if (!extra_) extra_ = std::make_unique<Extra>();
  for (const WithArguments& binding : extra_->with_arguments) {
    if (binding.destination == destination &&
        same_binding_arguments(binding.arguments, arguments)) {
      return false;
    }
  }
  extra_->with_arguments.push_back({destination, arguments});
  return true;
}

bool BindingTargets::remove_with_arguments(Destination destination,
                                           const protocol::FieldTable& arguments) {
  if (!extra_) return false;
  const auto removed = std::erase_if(extra_->with_arguments, [&](const WithArguments& binding) {
    return binding.destination == destination &&
           same_binding_arguments(binding.arguments, arguments);
  });
  return removed > 0;
}

void BindingTargets::build_positions() {
  if (!extra_) extra_ = std::make_unique<Extra>();
  std::uint32_t position = 0;
  for (const Destination& destination : plain_) extra_->positions.emplace(destination, position++);
}

void BindingTargets::drop_extra_when_unused() {
  if (extra_ && extra_->with_arguments.empty() && extra_->positions.empty()) extra_.reset();
}

}  // namespace leveret::broker
