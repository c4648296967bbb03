/// Bindings by their literal routing key; what the direct and the fanout index are made of.
///
/// Owner:  one routing index.   Thread: that index's; takes no lock.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/binding_key.hpp"
#include "broker/core/binding_targets.hpp"

namespace leveret::broker {

class KeyedBindings {
 public:
  /// False when the very same binding exists.
  bool add(const BindingKey& binding);

  /// False when there is no such binding.
  bool remove(const BindingKey& binding);

  /// Appends the destinations bound under exactly `routing_key`.
  void append_of_key(std::string_view routing_key, std::vector<Destination>& out) const;

  /// Appends the destinations of all keys.
  void append_all(std::vector<Destination>& out) const;

  std::size_t binding_count() const { return binding_count_; }

 private:
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept {
      return std::hash<std::string_view>{}(key);
    }
  };

  boost::unordered_flat_map<std::string, BindingTargets, KeyHash, std::equal_to<>> targets_;
  std::size_t binding_count_ = 0;
};

}  // namespace leveret::broker
