/// What connections, channels and consumers are and have, for those who look at them.
///
/// Thread: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/core/ids.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

struct ConsumerStatus {
  std::string tag;
  std::string queue;  ///< Empty: it has gone in the meantime.
  bool no_ack = false;
  std::uint32_t prefetch_count = 0;  ///< 0: no limit.
};

struct ChannelStatus {
  std::uint16_t number = 0;
  bool is_confirming = false;
  bool is_transactional = false;
  std::uint16_t prefetch_count = 0;         ///< For consumers to come; 0: no limit.
  std::uint16_t global_prefetch_count = 0;  ///< For all together; 0: no limit.
  std::uint64_t unacked_count = 0;
  std::uint64_t unconfirmed_count = 0;
  std::uint64_t uncommitted_count = 0;       ///< Messages of the open transaction,
  std::uint64_t uncommitted_ack_count = 0;   ///< and its acknowledgements.
  std::vector<ConsumerStatus> consumers{};
};

/// A connection that has been opened.
struct ConnectionStatus {
  ConnectionId id{};
  ShardId shard{};
  std::string user, vhost;
  std::string client_name;  ///< Empty: it has told none.
  std::string mechanism;
  std::string peer_address, local_address;
  std::uint16_t peer_port = 0, local_port = 0;
  bool is_internal = false;
  bool is_blocked = false;  ///< An alarm holds it.
  std::uint64_t connected_at_ms = 0;  ///< Since 1970.
  std::uint16_t heartbeat_s = 0;
  std::uint32_t frame_max_bytes = 0;
  std::uint16_t channel_max = 0;
  protocol::FieldTable client_properties{};
  std::uint64_t received_bytes = 0, sent_bytes = 0;
  std::uint64_t receive_count = 0, send_count = 0;  ///< System calls that moved something.
  std::uint64_t pending_bytes = 0;                  ///< Not sent yet.
  std::vector<ChannelStatus> channels{};

  /// RabbitMQ's name of it: "1.2.3.4:5 -> 6.7.8.9:5672".
  std::string name() const;
};

}  // namespace leveret::broker
