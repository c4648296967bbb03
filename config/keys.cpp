#include "config/keys.hpp"

#include <algorithm>
#include <array>

#include "config/values.hpp"

namespace leveret::config {

namespace {

constexpr std::uint64_t no_maximum = UINT64_MAX;
constexpr std::uint64_t second = 1000;
// What file systems and memory reckon in.
constexpr std::uint64_t page_size_bytes = 4096;

template <class T>
T narrow(const KeyValue& value) {
  return static_cast<T>(value.number);
}
Duration duration(const KeyValue& value) {
  return Duration{static_cast<std::int64_t>(value.number)};
}

using K = KeyType;
constexpr std::string_view levels = "trace | debug | info | warning | error | critical";

// path, type, default, minimum, maximum, choices, reloadable, RabbitMQ's name, sentence, assign
const std::array keys{
    Key{"version", K::count, "1", 1, 1, "", true, "", "Version of this file's form.",
        [](Config&, const KeyValue&) {}},

    Key{"node.name", K::text, "", 0, 255, "", false, "RABBITMQ_NODENAME",
        "Name of the node; empty: leveret@ and the short host name.",
        [](Config& config, const KeyValue& value) { config.node.name = value.text; }},
    Key{"node.cluster_name", K::text, "", 0, 255, "", true, "cluster_name",
        "Shown to clients; empty: the node's name.",
        [](Config& config, const KeyValue& value) { config.node.cluster_name = value.text; }},
    Key{"node.data_dir", K::text, "/var/lib/leveret", 1, 4000, "", false, "RABBITMQ_MNESIA_BASE",
        "Folder of all that outlives the process, for this node alone. It is made when it is "
        "missing; the folder above it is not.",
        [](Config& config, const KeyValue& value) { config.node.data_dir = value.text; }},
    Key{"node.threads", K::text, "auto", 0, 0, "", false, "",
        "Shards, a thread each, 1 to 256; auto: one for up to 4 CPUs, else half as many as CPUs.",
        nullptr},

    Key{"auth.mechanisms", K::texts, "[PLAIN, AMQPLAIN]", 0, 0, "PLAIN | AMQPLAIN", true,
        "auth_mechanisms", "SASL mechanisms on offer.",
        [](Config& config, const KeyValue& value) { config.auth.mechanisms = value.texts; }},
    Key{"auth.loopback_only", K::texts, "[guest]", 0, 0, "", true, "loopback_users",
        "Users who are refused from other machines.",
        [](Config& config, const KeyValue& value) { config.auth.loopback_only = value.texts; }},
    Key{"auth.hashing", K::choice, "sha256", 0, 0, "sha256 | sha512", true,
        "password_hashing_module",
        "How plain passwords of this file are kept in memory.",
        [](Config& config, const KeyValue& value) { config.auth.hashing = value.text; }},

    Key{"limits.connections", K::count, "65536", 0, no_maximum, "", true, "connection_max",
        "Client connections; 0: no limit.",
        [](Config& config, const KeyValue& value) { config.limits.connections = value.number; }},
    Key{"limits.connections_per_user", K::count, "0", 0, no_maximum, "", true, "",
        "Connections of one user; 0: no limit.",
        [](Config& config, const KeyValue& value) {
          config.limits.connections_per_user = value.number;
        }},
    Key{"limits.channels", K::count, "2047", 1, 65535, "", true, "channel_max",
        "Channels of one connection; negotiated.",
        [](Config& config, const KeyValue& value) {
          config.limits.channels = narrow<std::uint16_t>(value);
        }},
    Key{"limits.frame_max", K::size, "128KiB", 4096, 16ull << 20, "", true, "frame_max",
        "Largest frame; negotiated.",
        [](Config& config, const KeyValue& value) {
          config.limits.frame_max_bytes = narrow<std::uint32_t>(value);
        }},
    Key{"limits.heartbeat", K::duration, "60s", 0, 65535 * second, "", true, "heartbeat",
        "Heartbeat offered to clients, in whole seconds; 0: off. The client decides.",
        [](Config& config, const KeyValue& value) { config.limits.heartbeat = duration(value); }},
    Key{"limits.handshake_timeout", K::duration, "10s", second, 600 * second, "", true,
        "handshake_timeout", "From the connection's start to connection.open-ok.",
        [](Config& config, const KeyValue& value) {
          config.limits.handshake_timeout = duration(value);
        }},
    Key{"limits.message_size", K::size, "128MiB", 1024, 512ull << 20, "", true, "max_message_size",
        "Largest message body.",
        [](Config& config, const KeyValue& value) {
          config.limits.message_size_bytes = value.number;
        }},
    Key{"limits.consumers_per_channel", K::count, "0", 0, UINT32_MAX, "", true,
        "consumer_max_per_channel", "Consumers of one channel; 0: no limit.",
        [](Config& config, const KeyValue& value) {
          config.limits.consumers_per_channel = narrow<std::uint32_t>(value);
        }},
    Key{"limits.consumer_timeout", K::duration, "0s", 0, 315'360'000 * second, "", true,
        "consumer_timeout", "How long a delivery may stay unacknowledged; 0: for ever.",
        [](Config& config, const KeyValue& value) {
          config.limits.consumer_timeout = duration(value);
        }},
    Key{"limits.queues", K::count, "0", 0, no_maximum, "", true, "cluster_queue_limit",
        "Queues of the node; 0: no limit.",
        [](Config& config, const KeyValue& value) { config.limits.queues = value.number; }},

    Key{"memory.high_watermark", K::share, "40%", 16ull << 20, no_maximum, "", true,
        "vm_memory_high_watermark",
        "Above this much memory publishers are blocked: a share of RAM (or of the cgroup's limit), "
        "or a size.",
        [](Config& config, const KeyValue& value) {
          config.memory.high_watermark_bytes = value.number;
        }},
    Key{"memory.total_override", K::text, "", 0, 0, "", true,
        "total_memory_available_override_value",
        "Reckon shares of this size instead of RAM; empty: of RAM.", nullptr},
    Key{"memory.page_out_at", K::share, "50%", 0, no_maximum, "", true,
        "vm_memory_high_watermark_paging_ratio",
        "Above this much memory message bodies leave it for the disk: a share of "
        "memory.high_watermark, or a size.",
        [](Config& config, const KeyValue& value) {
          config.memory.page_out_at_bytes = value.number;
        }},

    Key{"disk.free_limit", K::size, "50MB", 0, no_maximum, "", true, "disk_free_limit",
        "Publishers are blocked while less than this, or than the log needs, is free on the "
        "disk of node.data_dir.",
        [](Config& config, const KeyValue& value) {
          config.disk.free_limit_bytes = value.number;
        }},
    Key{"disk.check_interval", K::duration, "10s", 100, 3600 * second, "", true, "",
        "How often the free space is looked at.",
        [](Config& config, const KeyValue& value) {
          config.disk.check_interval = duration(value);
        }},

    Key{"storage.sync", K::choice, "fdatasync", 0, 0, "fdatasync | os", false, "",
        "What a confirm says of a persistent message: the disk has it (fdatasync), or the "
        "operating system (os), which a power cut takes along.",
        [](Config& config, const KeyValue& value) {
          config.storage.sync = value.text == "os" ? StorageSync::os : StorageSync::fdatasync;
        }},
    Key{"storage.segment_size", K::size, "64MiB", 1ull << 20, 1ull << 30, "", false, "",
        "Size of the log's files, rounded down to 4KiB.",
        [](Config& config, const KeyValue& value) {
          config.storage.segment_size_bytes = value.number / page_size_bytes * page_size_bytes;
        }},
    Key{"storage.compact_at", K::percent, "50%", 10, 90, "", false, "",
        "A file of the log is rewritten when so much of it is dead.",
        [](Config& config, const KeyValue& value) {
          config.storage.compact_at_percent = narrow<std::uint32_t>(value);
        }},

    Key{"definitions.import", K::texts, "[]", 0, 0, "", true, "load_definitions",
        "Files in RabbitMQ's JSON format that are imported before any port opens. With some, a new "
        "data directory begins without the usual guest.",
        [](Config& config, const KeyValue& value) { config.definitions.files = value.texts; }},
    Key{"definitions.when", K::choice, "first_boot", 0, 0, "first_boot | every_boot | changed",
        true, "definitions.skip_if_unchanged",
        "Import into a new data directory only, or at each start and reload, or then what has "
        "changed since it was imported. What a file no longer names stays.",
        [](Config& config, const KeyValue& value) {
          config.definitions.when = value.text == "every_boot" ? ImportTime::every_boot
                                    : value.text == "changed"  ? ImportTime::changed
                                                               : ImportTime::first_boot;
        }},
    Key{"definitions.on_error", K::choice, "fail", 0, 0, "fail | warn", true, "",
        "What becomes of a start when a definition cannot be imported: it fails, or goes on "
        "without it.",
        [](Config& config, const KeyValue& value) {
          config.definitions.problems_are_fatal = value.text == "fail";
        }},

    Key{"queues.default_type", K::choice, "classic", 0, 0, "classic | quorum | stream", true,
        "default_queue_type",
        "Type of durable, shared queues that are declared without one, in virtual hosts that have "
        "no default of their own.",
        [](Config& config, const KeyValue& value) { config.queues.default_type = value.text; }},

    Key{"events.vhost", K::text, "", 0, 255, "", true, "event_exchange.vhost",
        "Virtual host whose exchange amq.rabbitmq.event gets a message for each thing that "
        "happens; it is made when it is missing. Empty: none.",
        [](Config& config, const KeyValue& value) { config.events.vhost = value.text; }},

    Key{"network.nodelay", K::boolean, "true", 0, 0, "", true, "tcp_listen_options.nodelay",
        "TCP_NODELAY on clients' sockets.",
        [](Config& config, const KeyValue& value) { config.network.nodelay = value.flag; }},
    Key{"network.keepalive", K::duration, "60s", 0, 86400 * second, "", true,
        "tcp_listen_options.keepalive", "TCP keepalive, in whole seconds; 0: off.",
        [](Config& config, const KeyValue& value) { config.network.keepalive = duration(value); }},
    Key{"network.user_timeout", K::duration, "3m", 0, 86400 * second, "", true, "",
        "TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged, or a client may not read; "
        "0: the system's.",
        [](Config& config, const KeyValue& value) {
          config.network.user_timeout = duration(value);
        }},
    Key{"network.send_buffer", K::size, "0", 0, 1ull << 30, "", true, "tcp_listen_options.sndbuf",
        "Socket send buffer; 0: the system's.",
        [](Config& config, const KeyValue& value) {
          config.network.send_buffer_bytes = narrow<std::uint32_t>(value);
        }},
    Key{"network.receive_buffer", K::size, "0", 0, 1ull << 30, "", true,
        "tcp_listen_options.recbuf", "Socket receive buffer; 0: the system's.",
        [](Config& config, const KeyValue& value) {
          config.network.receive_buffer_bytes = narrow<std::uint32_t>(value);
        }},
    Key{"network.write_high_watermark", K::size, "4MiB", 65536, 1ull << 30, "", true, "",
        "With more than this to be sent, a connection gets no deliveries; with as much again in "
        "answers to it, it is not read.",
        [](Config& config, const KeyValue& value) {
          config.network.write_high_watermark_bytes = value.number;
        }},

    Key{"log.level", K::choice, "info", 0, 0, levels, true, "log.file.level",
        "The least important lines that are written.",
        [](Config& config, const KeyValue& value) { config.log.level = value.text; }},
    Key{"log.format", K::choice, "text", 0, 0, "text | json", false, "log.file.formatter",
        "One line an event: for people or for machines.",
        [](Config& config, const KeyValue& value) { config.log.format = value.text; }},
    Key{"log.levels.connection", K::choice, "", 0, 0, levels, true, "log.connection.level",
        "Level of one category; empty: log.level.",
        [](Config& config, const KeyValue& value) {
          config.log.levels["connection"] = value.text;
        }},
    Key{"log.levels.channel", K::choice, "", 0, 0, levels, true, "log.channel.level",
        "Level of one category; empty: log.level.",
        [](Config& config, const KeyValue& value) { config.log.levels["channel"] = value.text; }},
    Key{"log.levels.queue", K::choice, "", 0, 0, levels, true, "log.queue.level",
        "Level of one category; empty: log.level.",
        [](Config& config, const KeyValue& value) { config.log.levels["queue"] = value.text; }},
    Key{"log.levels.auth", K::choice, "", 0, 0, levels, true, "",
        "Level of one category; empty: log.level.",
        [](Config& config, const KeyValue& value) { config.log.levels["auth"] = value.text; }},
    Key{"log.levels.server", K::choice, "", 0, 0, levels, true, "log.default.level",
        "Level of one category; empty: log.level.",
        [](Config& config, const KeyValue& value) { config.log.levels["server"] = value.text; }},
    Key{"log.levels.storage", K::choice, "", 0, 0, levels, true, "",
        "Level of one category; empty: log.level.",
        [](Config& config, const KeyValue& value) { config.log.levels["storage"] = value.text; }},

    Key{"shutdown.grace", K::duration, "10s", 0, 3600 * second, "", true, "",
        "How long clients may take to go after connection.close.",
        [](Config& config, const KeyValue& value) { config.shutdown.grace = duration(value); }},

    Key{"compat.product", K::text, "RabbitMQ", 1, 255, "", true, "product.name",
        "Product told to clients; kombu and Celery choose their QoS by it.",
        [](Config& config, const KeyValue& value) { config.compat.product = value.text; }},
    Key{"compat.version", K::text, "3.13.7", 1, 32, "", true, "product.version",
        "Version told to clients, strictly N.N.N.",
        [](Config& config, const KeyValue& value) { config.compat.version = value.text; }},
    Key{"compat.immediate", K::boolean, "false", 0, 0, "", true, "",
        "basic.publish with immediate works as AMQP says, in place of 540.",
        [](Config& config, const KeyValue& value) { config.compat.immediate = value.flag; }},
};

constexpr std::array<std::string_view, 18> later_keys{
    "node.runtime_dir",   "listeners.metrics",
    "tls",                "auth.failure_delay",     "log.levels.http",
    "limits.vhosts",      "limits.connections_per_address",
    "queues.default_policy", "queues.expire_scan",  "http",
    "stats",
    "proxy_protocol",     "proxy_trusted",          "management",
    "prometheus",         "federation",             "shovel",
    "cluster"};

}  // namespace

std::span<const Key> all_keys() { return keys; }

std::span<const std::string_view> keys_not_supported_yet() { return later_keys; }

std::string range_of(const Key& key) {
  const auto shown = [&](std::uint64_t number) {
    switch (key.type) {
      case KeyType::size:
      case KeyType::share: return show_size(number);
      case KeyType::duration: return show_duration(number);
      case KeyType::percent: return std::to_string(number) + "%";
      default: return std::to_string(number);
    }
  };
  const bool is_number = key.type == KeyType::count || key.type == KeyType::size ||
                         key.type == KeyType::duration || key.type == KeyType::share ||
                         key.type == KeyType::percent;
  if (!is_number || (key.minimum == 0 && key.maximum == no_maximum)) return "";
  if (key.maximum == no_maximum) return "at least " + shown(key.minimum);
  if (key.minimum == key.maximum) return "only " + shown(key.minimum);
  return shown(key.minimum) + ".." + shown(key.maximum);
}

namespace {

std::string_view name_of(KeyType type) {
  switch (type) {
    case KeyType::text: return "text";
    case KeyType::boolean: return "true or false";
    case KeyType::count: return "number";
    case KeyType::size: return "size";
    case KeyType::duration: return "duration";
    case KeyType::share: return "share or size";
    case KeyType::percent: return "percent";
    case KeyType::choice: return "one of";
    case KeyType::texts: return "list of";
  }
  return "";
}

/// What may be given: "size, 4KiB..16MiB", "one of text, json".
std::string value_column(const Key& key) {
  std::string text(name_of(key.type));
  if (!key.choices.empty()) {
    std::string_view rest = key.choices;
    std::string separator = " ";
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(" | "), rest.size());
      text += separator + std::string(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 3, rest.size()));
      separator = ", ";
    }
  } else if (key.type == KeyType::texts) {
    text += " names";
  }
  const std::string range = range_of(key);
  return range.empty() ? text : text + ", " + range;
}

}  // namespace

std::string key_table() {
  std::string table =
      "| key | value | default | reload | RabbitMQ's name | meaning |\n"
      "| --- | --- | --- | --- | --- | --- |\n";
  const auto code = [](std::string_view text) {
    return text.empty() ? std::string() : "`" + std::string(text) + "`";
  };
  for (const Key& key : keys) {
    table += "| " + code(key.path) + " | " + value_column(key) + " | " + code(key.default_text) +
             " | " + (key.reloadable ? "yes" : "no") + " | " + code(key.rabbitmq_name) + " | " +
             std::string(key.sentence) + " |\n";
  }
  return table;
}

}  // namespace leveret::config
