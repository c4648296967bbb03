/// Routing index of a direct exchange: a message goes where its key is exactly the binding's key.
///
/// Owner:  one BindingIndex.   Thread: that exchange's shard; takes no lock.
/// Spec:   AMQP 0-9-1 section 3.1.3.1.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "broker/core/keyed_bindings.hpp"

namespace leveret::broker {

class DirectIndex {
 public:
  /// Adds a binding. False when the very same one exists.
  bool add(const BindingKey& binding) { return bindings_.add(binding); }

  /// Removes a binding. False when there is none.
  bool remove(const BindingKey& binding) { return bindings_.remove(binding); }

  /// Appends where a message with this key goes. May append a destination more than once.
  void match(std::string_view routing_key, std::vector<Destination>& out) const {
    bindings_.append_of_key(routing_key, out);
  }

  std::size_t binding_count() const { return bindings_.binding_count(); }

 private:
  KeyedBindings bindings_;
};

}  // namespace leveret::broker
