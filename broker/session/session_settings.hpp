/// What the node tells its sessions: limits, names, who may come from where.
///
/// Thread: immutable, shared by all shards; a reload makes a new one for new connections.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace leveret::broker {

struct SessionSettings {
  std::string product = "RabbitMQ";  ///< kombu and Celery choose their QoS by product and version.
  std::string version = "3.13.7";
  std::string platform;
  std::string node_name;
  std::string cluster_name;
  std::vector<std::string> mechanisms = {"PLAIN", "AMQPLAIN"};
  std::vector<std::string> loopback_only_users = {"guest"};
  std::uint32_t frame_max_bytes = 131072;
  std::uint16_t channel_max = 2047;
  std::uint16_t heartbeat_s = 60;
  std::uint32_t handshake_timeout_ms = 10000;
  std::uint64_t message_size_max_bytes = 128ull * 1024 * 1024;
  /// The type of queues that are declared without one; empty: classic, without saying so.
  std::string default_queue_type;
  std::uint32_t consumers_per_channel_max = 0;  ///< 0: no limit.
  /// Whether basic.publish may ask for `immediate`; refused otherwise, as RabbitMQ does.
  bool immediate = false;
  /// Above this much waiting to be sent, a connection gets no deliveries; with as much again in
  /// answers to it, it is not read.
  std::uint64_t write_high_watermark_bytes = 4ull * 1024 * 1024;
};

}  // namespace leveret::broker
