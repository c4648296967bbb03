/// The bindings of one federated exchange, for links that are yet to be made.
///
/// Owner: shared by the links of the exchange.   Thread: that of the links.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "broker/core/durable_definitions.hpp"

namespace leveret::links {

class BindingBook {
 public:
  void add(const broker::BindingDefinition& binding) {
    bindings_.insert_or_assign(broker::binding_key(binding), binding);
  }
  void remove(const broker::BindingDefinition& binding) {
    bindings_.erase(broker::binding_key(binding));
  }
  void forget_destination(bool is_queue, const std::string& name) {
    std::erase_if(bindings_, [&](const auto& entry) {
      return entry.second.to_queue == is_queue && entry.second.destination == name;
    });
  }
  std::vector<broker::BindingDefinition> all() const {
    std::vector<broker::BindingDefinition> all;
    for (const auto& [key, binding] : bindings_) all.push_back(binding);
    return all;
  }

 private:
  std::map<std::string, broker::BindingDefinition> bindings_;
};

}  // namespace leveret::links
