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

#include "broker/server/broker_control.hpp"
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

  /// Takes over the accepted socket of an HTTP client.
  using AdoptHttp = std::function<void(int descriptor, broker::Peer peer)>;

  /// Without `adopt_http` the HTTP listeners stay closed.
  Server(config::Config config, Reload reload, AdoptHttp adopt_http = nullptr);
  ~Server();

  /// Starts the shards and opens the listeners. Error: a sentence.
  Result<void, std::string> start();
  /// How others may see and change the broker, as long as it runs.
  broker::ControlPort& control() { return control_; }
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
  Result<void, std::string> open_listener(const config::Listener& settings, std::string scheme,
                                          Listener::OnAccept on_accept);
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
  broker::NodeStatus node_status() const;

  config::Config config_;
  Reload reload_;
  AdoptHttp adopt_http_;
  boost::asio::io_context context_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer resource_timer_;
  boost::asio::steady_timer stop_timer_;
  NodeStorage storage_;
  std::vector<std::unique_ptr<Inbox>> inboxes_;
  std::vector<std::unique_ptr<Shard>> shards_;
  BrokerLinks links_;
  BrokerControl control_;
  std::vector<std::thread> threads_;
  struct OpenListener {
    std::string scheme;
    std::unique_ptr<Listener> listener;
  };
  std::vector<OpenListener> listeners_;
  NodeAlarms alarms_;
  std::uint64_t memory_high_watermark_bytes_ = 0;
  std::chrono::steady_clock::time_point last_trim_;
  std::uint64_t last_used_bytes_ = 0;  ///< By messages, when memory was looked at last.
  const std::chrono::steady_clock::time_point started_at_ = std::chrono::steady_clock::now();
  std::size_t next_shard_ = 0;
  bool stopping_ = false;
  bool clients_are_ending_ = false;
  std::chrono::steady_clock::time_point stop_deadline_;
};

}  // namespace leveret::server
