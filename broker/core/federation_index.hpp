/// The exchange that a federated exchange elsewhere makes here for itself, x-federation-upstream:
/// a fanout of messages that may still go there.
///
/// Owner: one BindingIndex.   Thread: its shard.
/// Peer:  rabbit_federation_upstream_exchange, rabbit_federation_util:should_forward.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/fanout_index.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// How many hops a message may make: an argument of such exchanges.
inline constexpr std::string_view max_hops_argument = "x-max-hops";

/// Whether the header x-received-from, if there is one, says that a message has made fewer than
/// `max_hops` hops, and was not at this virtual host of this cluster yet. `headers` may be null.
bool may_be_forwarded(const protocol::FieldTable* headers, std::uint64_t max_hops,
                      std::string_view cluster_name, std::string_view vhost);

/// Checks the arguments of such an exchange. Error: 406 precondition_failed, soft.
Result<void, protocol::AmqpError> check_federation_arguments(
    const protocol::FieldTable& arguments);

class FederationIndex {
 public:
  /// Requires: check_federation_arguments() accepts them.
  explicit FederationIndex(const protocol::FieldTable& arguments);

  bool add(const BindingKey& binding) { return bindings_.add(binding); }
  bool remove(const BindingKey& binding) { return bindings_.remove(binding); }
  /// Appends all destinations, or none.
  void match(const protocol::FieldTable* headers, std::vector<Destination>& out) const {
    if (may_be_forwarded(headers, max_hops_, cluster_name_, vhost_)) bindings_.match(out);
  }
  std::size_t binding_count() const { return bindings_.binding_count(); }

 private:
  FanoutIndex bindings_;
  std::uint64_t max_hops_ = 0;
  std::string cluster_name_, vhost_;  ///< Of who has made the exchange.
};

}  // namespace leveret::broker
