/// How links are, for those who look at them.
///
/// Thread: plain values.
#pragma once

#include <cstdint>
#include <string>

namespace leveret::broker {

enum class LinkKind : std::uint8_t { shovel, exchange_federation, queue_federation };
enum class LinkState : std::uint8_t { starting, running, terminated };

struct LinkStatus {
  LinkKind kind = LinkKind::shovel;
  std::string vhost;
  std::string name;      ///< Of the shovel, or of the exchange or queue that is federated.
  std::string upstream;  ///< Of federation.
  LinkState state = LinkState::starting;
  std::string last_error;  ///< Empty: there was none.
  std::string source_uri, destination_uri;  ///< Without credentials; of the last attempt.
  std::uint64_t forwarded_count = 0;    ///< Messages written to the destination,
  std::uint64_t settled_count = 0;      ///< settled by it, where it is asked to confirm,
  std::uint64_t unconfirmed_count = 0;  ///< and under way to it.
  std::uint64_t restart_count = 0;
};

}  // namespace leveret::broker
