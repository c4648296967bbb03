/// What federation writes into messages and bindings, and how loops are seen by it.
///
/// Thread: pure functions.   Peer: rabbit_federation_util, rabbit_federation_exchange_link,
///         rabbit_federation_queue_link.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/links/message_headers.hpp"
#include "protocol/field_table.hpp"

namespace leveret::links {

/// A virtual host of a cluster: a place that a message may have come through.
struct FederationPlace {
  std::string cluster_name, vhost;
};

/// Whether a message may enter `here`: it has made fewer than `max_hops` hops, and not been here.
bool may_forward(const protocol::FieldTable& headers, std::uint32_t max_hops,
                 const FederationPlace& here);

/// Where a message comes from, for the header x-received-from.
struct ReceivedFrom {
  std::string uri;   ///< Without credentials.
  std::string name;  ///< Of the exchange or queue, here.
  bool redelivered = false;
  FederationPlace upstream;  ///< Without a cluster name: unknown. Exchanges only.
};
void add_received_from_exchange(MessageHeaders& message, const ReceivedFrom& from);
/// `exchange` and `routing_key` are those that the message was published with at first.
void add_received_from_queue(MessageHeaders& message, const ReceivedFrom& from,
                             const std::string& exchange, const std::string& routing_key);

/// The arguments of a binding on its way up to `upstream`, or none when it goes no further: from
/// there no message would come. `downstream` is what the exchange here is called.
std::optional<protocol::FieldTable> bound_from(const protocol::FieldTable& arguments,
                                               std::uint32_t max_hops,
                                               const FederationPlace& here,
                                               const std::string& downstream,
                                               const FederationPlace& upstream);

/// Whether a binding has come from further downstream.
bool is_bound_from(const protocol::FieldTable& arguments);

}  // namespace leveret::links
