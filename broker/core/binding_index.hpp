/// The routing index of one exchange of any type.
///
/// Owner:  one exchange.   Thread: that exchange's shard; takes no lock.
#pragma once

#include <cstddef>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/core/binding_key.hpp"
#include "broker/core/consistent_hash_index.hpp"
#include "broker/core/direct_index.hpp"
#include "broker/core/exchange_type.hpp"
#include "broker/core/fanout_index.hpp"
#include "broker/core/federation_index.hpp"
#include "broker/core/headers_index.hpp"
#include "broker/core/one_of_all_index.hpp"
#include "broker/core/topic_index.hpp"
#include "broker/core/topology_delta.hpp"

namespace leveret::broker {

class BindingIndex {
 public:
  /// `arguments` are the exchange's, as parse_exchange_arguments() accepts them.
  explicit BindingIndex(ExchangeType type, const protocol::FieldTable& arguments = {});

  /// How it routes: for those that keep something, the plain type that they route as.
  ExchangeType type() const { return type_; }

  /// Adds a binding. False when the very same one exists. The destination's name is what the types
  /// that hash choose it by. Requires: check_binding() accepts it.
  bool add(const BindingKey& binding, std::string_view destination_name = {});

  /// Removes a binding. False when there is none.
  bool remove(const BindingKey& binding);

  /// Appends where a message goes; may append a destination more than once. `headers` is null when
  /// the message has none; only looked at when needs_headers(). Does not allocate once `out` and
  /// the index's scratch have grown to their size. Requires: not chooses_one().
  void match(std::string_view routing_key, const protocol::FieldTable* headers,
             std::vector<Destination>& out) const;

  /// Whether the message's headers decide; then its routing keys do not.
  bool needs_headers() const {
    return std::holds_alternative<HeadersIndex>(index_) ||
           std::holds_alternative<FederationIndex>(index_);
  }

  /// Whether a message goes to one destination, however many routing keys it has.
  bool chooses_one() const {
    return type_ >= ExchangeType::consistent_hash && type_ != ExchangeType::federation_upstream;
  }

  /// Appends the one destination; nothing without bindings. `routing_key` is the publish's, without
  /// those of CC and BCC. Does not allocate once `out` has grown. Requires: chooses_one().
  void choose(std::string_view routing_key, const protocol::BasicProperties& properties,
              std::vector<Destination>& out) const;

  /// Whether messages of the same routing keys go to the same destinations.
  bool keys_decide() const { return keys_decide_; }

  std::size_t binding_count() const;
  bool empty() const { return binding_count() == 0; }

 private:
  using AnyIndex = std::variant<DirectIndex, FanoutIndex, TopicIndex, HeadersIndex,
                                ConsistentHashIndex, OneOfAllIndex, FederationIndex>;
  static AnyIndex make_index(ExchangeType type, const protocol::FieldTable& arguments);

  ExchangeType type_;  ///< Never one that routes as another does.
  AnyIndex index_;
  bool keys_decide_ = true;
};

/// Checks what a new binding says, by the type of its exchange. Error: 406 precondition_failed,
/// soft: a headers exchange's bad `x-match`; an x-consistent-hash exchange's key that is no weight;
/// any key, or an exchange as the destination, of an x-local-random exchange.
Result<void, protocol::AmqpError> check_binding(ExchangeType type,
                                                const BindingDefinition& binding);

/// Checks whether an exchange of the type may be bound to queues of that one: x-local-random only
/// to classic ones. Error: 406 precondition_failed, soft.
Result<void, protocol::AmqpError> check_destination_type(ExchangeType type, QueueType queue);

}  // namespace leveret::broker
