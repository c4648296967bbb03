/// Routing index of a fanout exchange: a message goes to every destination, whatever the keys.
///
/// Owner:  one BindingIndex.   Thread: that exchange's shard; takes no lock.
/// Spec:   AMQP 0-9-1 section 3.1.3.2.
#pragma once

#include <cstddef>
#include <vector>

#include "broker/core/keyed_bindings.hpp"

namespace leveret::broker {

/// The routing keys matter for the identity of the bindings only. Publishers and consumers of one
/// fanout exchange mostly use one key, so matching is mostly one copy of one array.
class FanoutIndex {
 public:
  /// Adds a binding. False when the very same one exists.
  bool add(const BindingKey& binding) { return bindings_.add(binding); }

  /// Removes a binding. False when there is none.
  bool remove(const BindingKey& binding) { return bindings_.remove(binding); }

  /// Appends all destinations. May append a destination more than once.
  void match(std::vector<Destination>& out) const { bindings_.append_all(out); }

  std::size_t binding_count() const { return bindings_.binding_count(); }

 private:
  KeyedBindings bindings_;
};

}  // namespace leveret::broker
