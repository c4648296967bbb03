#include "broker/core/keyed_bindings.hpp"

namespace leveret::broker {

bool KeyedBindings::add(const BindingKey& binding) {
  if (!targets_[binding.routing_key].add(binding.destination, binding.arguments)) return false;
  ++binding_count_;
  return true;
}

bool KeyedBindings::remove(const BindingKey& binding) {
  const auto found = targets_.find(binding.routing_key);
  if (found == targets_.end()) return false;
  if (!found->second.remove(binding.destination, binding.arguments)) return false;
  --binding_count_;
  if (found->second.empty()) targets_.erase(found);
  if (targets_.empty()) targets_ = decltype(targets_)();  // Gives the table's memory back.
  return true;
}

void KeyedBindings::append_of_key(std::string_view routing_key,
                                  std::vector<Destination>& out) const {
  const auto found = targets_.find(routing_key);
  if (found != targets_.end()) found->second.append_to(out);
}

void KeyedBindings::append_all(std::vector<Destination>& out) const {
  for (const auto& [key, targets] : targets_) targets.append_to(out);
}

}  // namespace leveret::broker
