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

struct Log {
  std::string level = "info";
  std::map<std::string, std::string> levels;
  std::string format = "text";
};

struct Config {
  Node node;
  std::vector<Listener> amqp_listeners;
  Auth auth;
  std::vector<std::string> vhosts{"/"};
  Limits limits;
};

}  // namespace leveret::config
