/// Routing index of an x-consistent-hash exchange: each message goes to one destination, chosen by
/// a hash, and the destinations get shares in proportion to their weights.
///
/// This is weighted rendezvous hashing: every destination draws a number from the message's hash
/// and its own name, and the best draw wins. A destination that comes takes messages from the
/// others in proportion, one that goes leaves its own to the others; no other message moves. The
/// choice follows from names and weights alone, so it is the same on every shard, in whatever order
/// the bindings were made, and after a restart.
///
/// Owner:  one BindingIndex.   Thread: that exchange's shard; takes no lock.
/// Spec:   RabbitMQ's consistent hash exchange; which destination gets which hash is our own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "broker/core/binding_key.hpp"
#include "broker/core/hash_source.hpp"

namespace leveret::broker {

/// The weight that a binding's routing key says: a positive integer of any size, in decimal.
/// Error: 406 precondition_failed for anything else, soft.
Result<double, protocol::AmqpError> parse_hash_weight(std::string_view routing_key);

class ConsistentHashIndex {
 public:
  explicit ConsistentHashIndex(HashSource source) : source_(std::move(source)) {}

  /// Adds a binding. False when the very same one exists. Of several bindings that lead to one
  /// destination the one with the smallest weight counts. (In RabbitMQ it is the first one, and
  /// after a restart the one whose key comes first.) Requires: parse_hash_weight() accepts its key.
  bool add(const BindingKey& binding, std::string_view destination_name);

  /// Removes a binding. False when there is none.
  bool remove(const BindingKey& binding);

  /// Appends where a message goes; nothing without bindings. Takes time linear in the
  /// destinations, about a nanosecond each where weights are equal.
  void match(std::string_view routing_key, const protocol::BasicProperties& properties,
             std::vector<Destination>& out) const;

  const HashSource& source() const { return source_; }
  std::size_t binding_count() const { return bindings_.size(); }

 private:
  /// A destination with the weight that counts.
  struct Candidate {
    double weight = 1;
    std::uint64_t seed = 0;  ///< Hash of the destination's kind and name.
    Destination destination;
  };
  struct Binding {
    BindingKey key;
    double weight = 1;
    std::uint64_t seed = 0;
  };

  void update_candidate(Destination destination);

  HashSource source_;
  std::vector<Binding> bindings_;
  std::vector<Candidate> candidates_;  ///< By weight, so that equal weights lie together.
};

}  // namespace leveret::broker
