/// The configuration of a node, checked and complete: what every part is started with.
///
/// Thread: plain value.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace leveret::config {

using Duration = std::chrono::milliseconds;

struct Node {
  std::string name;
  std::string cluster_name;
  std::uint16_t threads = 1;
};

struct Bind {
  std::string address;  ///< Empty: all addresses.
  std::uint16_t port = 0;
  bool operator==(const Bind&) const = default;
};

struct Listener {
  Bind bind;
  std::uint32_t backlog = 1024;
  bool operator==(const Listener&) const = default;
};

struct Permissions {
  std::string vhost, configure, write, read;
};

struct User {
  std::string name;
  std::string password;
  std::string password_hash;
  std::string hashing_algorithm;
  std::vector<std::string> tags;
  std::vector<Permissions> permissions;
  std::string origin;  ///< Where it was given: "file:line:column", "default" and so on.
};

struct Auth {
  std::vector<std::string> mechanisms{"PLAIN", "AMQPLAIN"};
  std::vector<std::string> loopback_only{"guest"};
  std::string hashing = "sha256";
  std::vector<User> users;
};

struct Limits {
  std::uint64_t connections = 65536;
  std::uint64_t connections_per_user = 0;
  std::uint16_t channels = 2047;
  std::uint32_t frame_max_bytes = 131072;
  Duration heartbeat{60000};
  Duration handshake_timeout{10000};
  std::uint64_t message_size_bytes = 134217728;
  std::uint32_t consumers_per_channel = 0;
  std::uint64_t queues = 0;
};

struct Memory {
  std::uint64_t high_watermark_bytes = 0;  ///< Of message bodies, or of the process.
};

struct Network {
  bool nodelay = true;
  Duration keepalive{60000};
  Duration user_timeout{180000};
  std::uint32_t send_buffer_bytes = 0;
  std::uint32_t receive_buffer_bytes = 0;
  std::uint64_t write_high_watermark_bytes = 4194304;
};

struct LogFile {
  std::string path;
  std::uint64_t max_size_bytes = 104857600;
  std::uint32_t keep = 5;
  bool operator==(const LogFile&) const = default;
};

struct Log {
  std::string level = "info";
  std::map<std::string, std::string> levels;  ///< By category.
  std::string format = "text";
  bool to_stderr = true;
  std::vector<LogFile> files;
};

struct Shutdown {
  Duration grace{10000};
};

struct Compat {
  std::string product = "RabbitMQ";
  std::string version = "3.13.7";
};

struct Config {
  Node node;
  std::vector<Listener> amqp_listeners;
  Auth auth;
  std::vector<std::string> vhosts{"/"};
  Limits limits;
  Memory memory;
  Network network;
  Log log;
  Shutdown shutdown;
  Compat compat;
};

}  // namespace leveret::config
