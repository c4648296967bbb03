#include "broker/cli/perf_options.hpp"

#include <algorithm>

namespace leveret::cli {

namespace {

using Load = PerfOptions::Load;

void add_common(CLI::App& command, PerfOptions& options) {
  command.add_option("--uri", options.uri, "amqp://user:password@host:port/vhost")
      ->capture_default_str();
  command.add_option("-z,--time", options.time_s, "Run for this many seconds");
  command.add_flag("--json", options.json, "Print the result as one JSON object");
}

void add_queue_options(CLI::App& command, PerfOptions& options) {
  command.add_option("-u,--queue", options.queue, "Name of the queue")->capture_default_str();
  command.add_flag("-p,--predeclared", options.predeclared,
                   "Use queues and exchange as they are, declare and bind nothing");
  command.add_flag("--durable", options.durable, "Declare queues and exchange durable");
  command
      .add_option("--auto-delete", options.auto_delete, "Declare queues and exchange auto-delete")
      ->capture_default_str();
  command.add_option("--queue-args", options.queue_args_text,
                     "Arguments of queues, such as x-max-priority=10,x-max-length=1000 "
                     "(PerfTest: -qa)");
  command.add_option("-f,--flag", options.flags, "persistent or mandatory; repeatable")
      ->check(CLI::IsMember({"persistent", "mandatory"}));
  command
      .add_option("-s,--size", options.size_bytes, "Size of a message's body in bytes, from 16 on")
      ->check(CLI::Range(message_min_size_bytes, std::uint64_t{128} << 20))
      ->capture_default_str();
  command.add_flag("-a,--autoack", options.autoack, "Consume without acknowledgements");
  command.add_option("-q,--qos", options.qos, "Prefetch of each consumer; 0: no limit");
}

void add_throughput(CLI::App& perf, PerfOptions& options) {
  CLI::App* command =
      perf.add_subcommand("throughput", "Publish and consume, and check what comes");
  command->callback([&options] { options.load = Load::throughput; });
  add_common(*command, options);
  add_queue_options(*command, options);
  command->add_option("-x,--producers", options.producers, "Producers, a connection each")
      ->check(CLI::Range(0u, 10'000u))
      ->capture_default_str();
  command->add_option("-y,--consumers", options.consumers, "Consumers, a connection each")
      ->check(CLI::Range(0u, 10'000u))
      ->capture_default_str();
  command->add_option("-A,--multi-ack-every", options.multi_ack_every,
                      "Acknowledge so many messages at once")
      ->check(CLI::PositiveNumber);
  command->add_option("-c,--confirm", options.confirm,
                      "Publisher confirms, at most so many messages unconfirmed");
  command->add_option("-r,--rate", options.rate, "Messages a second of each producer");
  command->add_option("-R,--consumer-rate", options.consumer_rate,
                      "Messages a second of each consumer");
  command->add_option("-C,--pmessages", options.producer_messages, "Messages of each producer");
  command->add_option("-D,--cmessages", options.consumer_messages, "Messages of each consumer");
  command->add_option("--grace", options.grace_s,
                      "Seconds without a message before the missing ones are given up")
      ->capture_default_str();
  command->add_option("-i,--interval", options.interval_s, "Seconds between lines of progress");
  command->add_option("--queue-pattern", options.queue_pattern,
                      "Names of several queues, such as perf-%d (PerfTest: -qp)");
  command->add_option("--queue-pattern-from", options.queue_pattern_from, "PerfTest: -qpf");
  command->add_option("--queue-pattern-to", options.queue_pattern_to, "PerfTest: -qpt");
  command->add_option("-e,--exchange", options.exchange,
                      "Name of the exchange; every queue is bound to it. Without: the default one");
  command->add_option("-t,--type", options.type, "Type of the exchange")
      ->check(CLI::IsMember({"direct", "fanout", "topic", "headers"}))
      ->capture_default_str();
  command->add_option("-k,--routing-key", options.routing_key, "Routing key, and that of bindings");
  command->add_flag("-K,--random-routing-key", options.random_routing_key,
                    "Another routing key with each message");
  command
      ->add_option("--bindings", options.bindings,
                   "Bindings of each queue, which messages go by in turn; by their routing keys or "
                   "headers, with wildcards in topic patterns")
      ->check(CLI::Range(1u, 100'000u));
  command->add_option("--unused-bindings", options.unused_bindings,
                      "Bindings of each queue beside those that match");
  command->add_option("--consumer-args", options.consumer_args_text,
                      "Arguments of consumers, such as x-priority=10 (PerfTest: -ca)");
  command->add_option("--message-properties", options.message_properties_text,
                      "Properties of messages, such as expiration=5000,contentType=text/plain; "
                      "others are headers (PerfTest: -mp)");
  command
      ->add_option("--priorities", options.priorities,
                   "Messages have so many priorities in turn, from 0 on")
      ->check(CLI::Range(1u, 256u));
}

void add_call_options(CLI::App& command, PerfOptions& options) {
  add_common(command, options);
  add_queue_options(command, options);
  command.add_option("-x,--producers", options.producers, "Clients, a connection each")
      ->check(CLI::Range(1u, 10'000u))
      ->capture_default_str();
  command.add_option("-y,--consumers", options.consumers, "Servers, a connection each")
      ->check(CLI::Range(0u, 10'000u))
      ->capture_default_str();
  command.add_option("--outstanding", options.outstanding, "Calls at a time of each client")
      ->check(CLI::Range(1u, 100'000u))
      ->capture_default_str();
  command.add_option("-r,--rate", options.rate,
                     "Calls a second of each client, answered or not; round trips count from when "
                     "a call was due");
  command.add_flag("--direct-reply-to", options.direct_reply_to,
                   "Replies by amq.rabbitmq.reply-to instead of a reply queue");
}

void add_rpc(CLI::App& perf, PerfOptions& options) {
  CLI::App* command =
      perf.add_subcommand("rpc", "Call through a request queue, measure round trips");
  command->callback([&options] { options.load = Load::rpc; });
  add_call_options(*command, options);
  command->add_option("-C,--pmessages", options.producer_messages, "Calls of each client");
}

void add_expiry(CLI::App& perf, PerfOptions& options) {
  CLI::App* command = perf.add_subcommand(
      "expiry",
      "Call as rpc does, for --time seconds before another queue's messages expire, and meanwhile");
  command->callback([&options] { options.load = Load::expiry; });
  add_call_options(*command, options);
  command->add_option("-n,--count", options.expiring_count, "Messages that expire")
      ->check(CLI::Range(1u, 100'000'000u))
      ->capture_default_str();
  command->add_option("--expire-after", options.expire_after_s,
                      "Seconds from the first publish until the first message expires")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--expire-within", options.expire_within_s,
                      "Seconds in which all of them expire, evenly spread")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

void add_churn(CLI::App& perf, PerfOptions& options, const char* name, const char* what,
               Load load) {
  CLI::App* command = perf.add_subcommand(name, what);
  command->callback([&options, load] { options.load = load; });
  add_common(*command, options);
  command->add_option("-x,--producers", options.producers, "How many do so side by side")
      ->check(CLI::Range(1u, 10'000u))
      ->capture_default_str();
  command->add_option("-C,--pmessages", options.producer_messages, "Rounds of each");
}

void add_count(CLI::App& perf, PerfOptions& options, const char* name, const char* what,
               Load load) {
  CLI::App* command = perf.add_subcommand(name, what);
  command->callback([&options, load] { options.load = load; });
  add_common(*command, options);
  command->add_option("-n,--count", options.count, "How many")
      ->check(CLI::Range(1u, 1'000'000u))
      ->capture_default_str();
}

}  // namespace

bool PerfOptions::has_flag(std::string_view flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

bool PerfOptions::reads_streams() const {
  return std::find(queue_args.begin(), queue_args.end(),
                   KeyValues::value_type("x-queue-type", "stream")) != queue_args.end();
}

std::vector<std::string> PerfOptions::queue_names() const {
  if (queue_pattern.empty()) return {queue};
  const std::size_t place = queue_pattern.find("%d");
  std::vector<std::string> names;
  for (std::uint32_t number = queue_pattern_from; number <= queue_pattern_to; ++number) {
    std::string name = queue_pattern;
    names.push_back(name.replace(place, 2, std::to_string(number)));
  }
  return names;
}

CLI::App* add_perf_command(CLI::App& program, PerfOptions& options) {
  CLI::App* perf = program.add_subcommand("perf", "Put a load on a broker and measure it");
  perf->require_subcommand(1);
  add_throughput(*perf, options);
  add_rpc(*perf, options);
  add_expiry(*perf, options);
  add_churn(*perf, options, "connection-churn",
            "Open a connection with a channel and an exclusive queue, close it, again",
            Load::connection_churn);
  add_churn(*perf, options, "channel-churn", "Open a channel, close it, again",
            Load::channel_churn);
  add_churn(*perf, options, "queue-churn", "Declare a queue, delete it, again", Load::queue_churn);
  add_count(*perf, options, "connection-count",
            "Hold connections with a channel, a queue and a consumer each", Load::connection_count);
  add_count(*perf, options, "queue-count", "Hold queues without consumers", Load::queue_count);
  return perf;
}

namespace {

Result<void, std::string> check_pairs(PerfOptions& options) {
  auto queue_args = parse_key_values(options.queue_args_text);
  if (!queue_args) return tl::unexpected("--queue-args: " + queue_args.error());
  auto consumer_args = parse_key_values(options.consumer_args_text);
  if (!consumer_args) return tl::unexpected("--consumer-args: " + consumer_args.error());
  auto properties =
      parse_key_values(options.message_properties_text).and_then(MessageProperties::parse);
  if (!properties) return tl::unexpected("--message-properties: " + properties.error());
  options.queue_args = std::move(*queue_args);
  options.consumer_args = std::move(*consumer_args);
  options.message_properties = std::move(*properties);
  return {};
}

}  // namespace

Result<void, std::string> check(PerfOptions& options) {
  auto url = AmqpUrl::parse(options.uri);
  if (!url) return tl::unexpected(std::move(url.error()));
  options.url = std::move(*url);
  if (!options.queue_pattern.empty() && options.queue_pattern.find("%d") == std::string::npos) {
    return tl::unexpected(std::string("--queue-pattern needs a %d, where the number stands"));
  }
  if (options.queue_pattern_to < options.queue_pattern_from) {
    return tl::unexpected(std::string("--queue-pattern-to is less than --queue-pattern-from"));
  }
  if (options.load == PerfOptions::Load::throughput && options.producers == 0 &&
      options.consumers == 0) {
    return tl::unexpected(std::string("with neither producers nor consumers there is no load"));
  }
  if (options.load == PerfOptions::Load::expiry && options.time_s <= 0) {
    return tl::unexpected(std::string("--time has to say how long calls are timed before"));
  }
  if (options.bindings > 0 && options.exchange.empty()) {
    return tl::unexpected(std::string("--bindings needs an --exchange"));
  }
  if (options.bindings > 0 && options.random_routing_key) {
    return tl::unexpected(std::string("--bindings and --random-routing-key do not go together"));
  }
  return check_pairs(options);
}

}  // namespace leveret::cli
