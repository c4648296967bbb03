/// Where the last publish of a channel went. Publishers tend to say the same exchange and key
/// again; then nothing is looked up, matched or permitted anew.
///
/// Owner:  one Channel.   Thread: that channel's shard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/topology.hpp"

namespace leveret::broker {

struct RouteCache {
  std::uint64_t topology_version = 0;  ///< What it was computed under; 0: nothing yet.
  ExchangeRecord* record = nullptr;
  std::string exchange;
  std::string routing_key;
  std::vector<RouteTarget> targets;
  /// Whether the next message of this exchange and key goes there, too.
  bool targets_hold = false;

  /// Whether this exchange and key are what was published by, and permitted.
  bool knows(std::string_view wanted_exchange, std::string_view wanted_key,
             std::uint64_t version) const {
    return topology_version == version && routing_key == wanted_key && exchange == wanted_exchange;
  }
};

}  // namespace leveret::broker
