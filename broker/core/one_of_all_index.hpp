/// Routing index of exchanges that send each message to one of all their bindings: at random
/// (x-random, x-local-random), or by the routing key's hash modulo their number (x-modulus-hash).
///
/// Owner:  one BindingIndex.   Thread: that exchange's shard; takes no lock. Choosing at random
///         changes the index, so even two matches must not run at once.
/// Spec:   RabbitMQ's exchange types of these names. Like RabbitMQ 4.3 it counts bindings in the
///         order of their destinations, so that the hash means the same after a restart; which
///         hash, is our own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/binding_key.hpp"

namespace leveret::broker {

class OneOfAllIndex {
 public:
  enum class Choice : bool { at_random, by_key };

  explicit OneOfAllIndex(Choice choice);

  /// Adds a binding. False when the very same one exists. A destination that is bound more than
  /// once counts as often.
  bool add(const BindingKey& binding, std::string_view destination_name);

  /// Removes a binding. False when there is none.
  bool remove(const BindingKey& binding);

  /// Appends where a message goes; nothing without bindings.
  void match(std::string_view routing_key, std::vector<Destination>& out) const;

  std::size_t binding_count() const { return bindings_.size(); }

 private:
  struct Binding {
    BindingKey key;
    std::string destination_name;
  };

  std::vector<Binding> bindings_;  ///< By kind and name of their destinations.
  Choice choice_;
  mutable std::uint64_t random_state_ = 0;
};

}  // namespace leveret::broker
