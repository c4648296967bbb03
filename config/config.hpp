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
  std::string data_dir;
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
  bool operator==(const Permissions&) const = default;
};

struct User {
  std::string name;
  std::string password;
  std::string password_hash;
  std::string hashing_algorithm;
  std::vector<std::string> tags;
  std::vector<Permissions> permissions;
  std::string origin;  ///< Where it was given: "file:line:column", "default" and so on.
  bool operator==(const User&) const = default;
};

struct Auth {
  std::vector<std::string> mechanisms{"PLAIN", "AMQPLAIN"};
  std::vector<std::string> loopback_only{"guest"};
  std::string hashing = "sha256";
  /// The user that a new data directory begins with, and the vhost where it has permissions begins
  /// to exist with it. None: one of `users` has its name and stands in its place.
  std::optional<User> default_user;
  std::vector<User> users;  ///< These hold as long as they are listed.
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
  Duration consumer_timeout{0};
  std::uint64_t queues = 0;
};

struct Memory {
  std::uint64_t high_watermark_bytes = 0;  ///< Of message bodies, or of the process.
  std::uint64_t page_out_at_bytes = 0;     ///< Of message bodies.
};

struct Disk {
  std::uint64_t free_limit_bytes = 50'000'000;
  Duration check_interval{10000};
};

/// What a confirm of a persistent message stands for.
enum class StorageSync : std::uint8_t {
  fdatasync,  ///< It is on the disk.
  os,         ///< The operating system has it.
};

struct Storage {
  StorageSync sync = StorageSync::fdatasync;
  std::uint64_t segment_size_bytes = 64ull << 20;  ///< Whole pages of 4 KiB.
  std::uint32_t compact_at_percent = 50;           ///< Dead bytes of a segment's bytes.
  bool operator==(const Storage&) const = default;
};

/// When definitions files are imported.
enum class ImportTime : std::uint8_t {
  first_boot,  ///< Into a new data directory only.
  every_boot,  ///< At each start and each reload.
  changed,     ///< The same, but only what has another content than last time.
};

struct Definitions {
  std::vector<std::string> files;
  ImportTime when = ImportTime::first_boot;
  bool problems_are_fatal = true;
};

struct Queues {
  std::string default_type = "classic";
};

struct Events {
  std::string vhost;  ///< Has the exchange amq.rabbitmq.event; empty: none does.
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
  bool immediate = false;
};

struct Config {
  Node node;
  std::vector<Listener> amqp_listeners;
  std::vector<Listener> http_listeners;  ///< None: there is no HTTP API.
  Auth auth;
  std::vector<std::string> vhosts{"/"};
  Limits limits;
  Memory memory;
  Disk disk;
  Storage storage;
  Definitions definitions;
  Queues queues;
  Events events;
  Network network;
  Log log;
  Shutdown shutdown;
  Compat compat;
};

}  // namespace leveret::config
