/// The broker as a process runs it: shards and their threads, listeners, start, reload, stop.
///
/// Owner:  main().   Thread: that of run(), which is not a shard's.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/server/broker_links.hpp"
#include "broker/server/listener.hpp"
#include "broker/server/mailbox.hpp"
#include "broker/server/node_storage.hpp"
#include "broker/server/shard.hpp"
#include "config/config.hpp"
#include "config/load.hpp"
#include "protocol/base/result.hpp"

namespace leveret::server {

class Server {
 public:
  /// Reads the configuration again; an error has been logged already.
  using Reload = std::function<std::unique_ptr<config::Config>()>;

  Server(config::Config config, Reload reload);
  ~Server();

  /// Starts the shards and opens the listeners. Error: a sentence.
  Result<void, std::string> start();
  /// "amqp://127.0.0.1:5672", one for each listener.
  std::vector<std::string> urls() const;
  /// Serves until a signal ends it. SIGTERM and SIGINT stop gracefully, a second one at once;
  /// SIGHUP reloads.
  void run();

 private:
  void make_shards();
  /// Brings back what the log holds.
  Result<void, std::string> recover();
  Result<void, std::string> open_listeners();
  void begin_data_directory();
  Result<void, std::string> import_definitions();
  void install_users(const config::Config& config);
  void wait_for_signal();
  void on_signal(int number);
  void reload();
  void begin_stop();
  void end_clients();
  void check_stopped();
  void watch_resources();
  void watch_memory();
  void watch_disk();
  void give_back_memory(std::uint64_t resident, bool is_high);
  void on_accept(int descriptor, broker::Peer peer);
  void stop_shards();

  config::Config config_;
  Reload reload_;
  boost::asio::io_context context_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer resource_timer_;
  boost::asio::steady_timer stop_timer_;
  NodeStorage storage_;
  std::vector<std::unique_ptr<Inbox>> inboxes_;
  std::vector<std::unique_ptr<Shard>> shards_;
  BrokerLinks links_;
  std::vector<std::thread> threads_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  NodeAlarms alarms_;
  std::uint64_t memory_high_watermark_bytes_ = 0;
  std::chrono::steady_clock::time_point last_trim_;
  std::size_t next_shard_ = 0;
  bool stopping_ = false;
  bool clients_are_ending_ = false;
  std::chrono::steady_clock::time_point stop_deadline_;
};

}  // namespace leveret::server
