/// What `leveret perf` is asked to do. Names and letters are those of RabbitMQ's PerfTest where it
/// has them.
///
/// Thread: plain value.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/cli/amqp_url.hpp"
#include "broker/cli/key_values.hpp"
#include "broker/cli/message_properties.hpp"

namespace leveret::cli {

/// The smallest message: its number and its time take this much.
inline constexpr std::uint64_t message_min_size_bytes = 16;

struct PerfOptions {
  enum class Load { throughput, rpc, expiry, connection_churn, channel_churn, queue_churn,
                    connection_count, queue_count };
  Load load = Load::throughput;
  std::string uri = "amqp://guest:guest@127.0.0.1:5672";
  AmqpUrl url;

  std::uint32_t producers = 1;
  std::uint32_t consumers = 1;
  std::uint64_t size_bytes = message_min_size_bytes;
  bool autoack = false;
  std::uint32_t multi_ack_every = 1;
  std::uint32_t confirm = 0;  ///< Most messages unconfirmed; 0: no confirms.
  std::uint16_t qos = 0;
  double rate = 0;           ///< Messages a second of each producer, calls of each client; 0: as
                             ///< fast as can be.
  double consumer_rate = 0;  ///< Of each consumer; 0: as fast as can be.
  std::uint64_t producer_messages = 0;  ///< Of each producer; 0: no limit.
  std::uint64_t consumer_messages = 0;  ///< Of each consumer; 0: no limit.
  double time_s = 0;                    ///< 0: until told to stop.
  double grace_s = 10;                  ///< How long messages may stay away at the end.
  double interval_s = 0;                ///< Between lines of progress; 0: none.

  std::string queue = "leveret-perf";
  std::string queue_pattern;  ///< With one %d.
  std::uint32_t queue_pattern_from = 1;
  std::uint32_t queue_pattern_to = 1;
  std::string exchange;
  std::string type = "direct";
  std::string routing_key;  ///< Empty: the queue's name, or "perf" for a named exchange.
  bool random_routing_key = false;
  std::uint32_t bindings = 0;  ///< Messages go by one of so many; 0: all by the same one.
  std::uint32_t unused_bindings = 0;
  std::uint32_t priorities = 0;  ///< Messages have so many, from 0 on; 0: none.
  std::vector<std::string> flags;  ///< persistent, mandatory.
  bool predeclared = false;
  bool durable = false;
  bool auto_delete = true;
  std::string queue_args_text;
  KeyValues queue_args;
  std::string consumer_args_text;
  KeyValues consumer_args;
  std::string message_properties_text;
  MessageProperties message_properties;

  std::uint32_t outstanding = 1;  ///< RPC: calls at a time of each client.
  bool direct_reply_to = false;
  std::uint32_t expiring_count = 1'000'000;
  double expire_after_s = 30;  ///< Expiry: from the first publish to the first deadline.
  double expire_within_s = 1;  ///< Expiry: from the first deadline to the last.
  std::uint32_t count = 1000;     ///< Connections or queues to hold.
  bool json = false;

  bool has_flag(std::string_view flag) const;
  /// Queues are declared as streams.
  bool reads_streams() const;
  /// Names of all queues.
  std::vector<std::string> queue_names() const;
};

/// Adds `perf` and its loads to the program. Once parsed, `perf` has been said if the returned
/// command was.
CLI::App* add_perf_command(CLI::App& program, PerfOptions& options);

/// Checks what the parser cannot, and reads the URL. Error: a sentence.
Result<void, std::string> check(PerfOptions& options);

}  // namespace leveret::cli
