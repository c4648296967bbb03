#include "broker/server/server.hpp"

#include <malloc.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <utility>

#include "broker/core/recovered_messages.hpp"
#include "broker/core/recovery.hpp"
#include "broker/server/configured_users.hpp"
#include "broker/server/definitions_loader.hpp"
#include "broker/server/logging.hpp"
#include "broker/server/process.hpp"
#include "broker/server/service_manager.hpp"

namespace leveret::server {

using broker::ShardId;

namespace {

constexpr std::chrono::milliseconds resource_check_interval{250};
constexpr std::chrono::milliseconds stop_check_interval{10};
// The allocator may keep this much beside what is in use, and is asked for the rest this often:
// asking holds up everybody who allocates meanwhile.
constexpr std::uint64_t kept_memory_max_bytes = 64ull << 20;
constexpr std::chrono::seconds trim_interval{10};
// A backlog goes when messages take less than at the last look, by this much.
constexpr std::uint64_t falling_min_bytes = 4ull << 20;
// An alarm that is on ends a little below the mark, so that it does not flutter.
constexpr double alarm_end_share = 0.95;

std::shared_ptr<const broker::SessionSettings> session_settings(const config::Config& config) {
  auto settings = std::make_shared<broker::SessionSettings>();
  settings->product = config.compat.product;
  settings->version = config.compat.version;
  settings->platform = "C++20";
  settings->node_name = config.node.name;
  settings->cluster_name =
      config.node.cluster_name.empty() ? config.node.name : config.node.cluster_name;
  settings->mechanisms = config.auth.mechanisms;
  settings->loopback_only_users = config.auth.loopback_only;
  settings->frame_max_bytes = config.limits.frame_max_bytes;
  settings->channel_max = config.limits.channels;
  settings->heartbeat_s = static_cast<std::uint16_t>(config.limits.heartbeat.count() / 1000);
  settings->handshake_timeout_ms =
      static_cast<std::uint32_t>(config.limits.handshake_timeout.count());
  settings->message_size_max_bytes = config.limits.message_size_bytes;
  settings->immediate = config.compat.immediate;
  settings->consumers_per_channel_max = config.limits.consumers_per_channel;
  // Classic is what they are anyway.
  if (config.queues.default_type != "classic") {
    settings->default_queue_type = config.queues.default_type;
  }
  settings->write_high_watermark_bytes = config.network.write_high_watermark_bytes;
  return settings;
}

ShardSettings shard_settings(const config::Config& config) {
  SocketSettings socket;
  socket.nodelay = config.network.nodelay;
  socket.keepalive_s = static_cast<std::uint32_t>(config.network.keepalive.count() / 1000);
  socket.user_timeout_ms = static_cast<std::uint32_t>(config.network.user_timeout.count());
  socket.send_buffer_bytes = config.network.send_buffer_bytes;
  socket.receive_buffer_bytes = config.network.receive_buffer_bytes;
  return {session_settings(config), socket, config.memory.high_watermark_bytes,
          config.memory.page_out_at_bytes,
          static_cast<std::uint64_t>(config.limits.consumer_timeout.count()), config.events.vhost};
}

}  // namespace

Server::Server(config::Config config, Reload reload, AdoptHttp adopt_http)
    : config_(std::move(config)), reload_(std::move(reload)),
      adopt_http_(std::move(adopt_http)), context_(1),
      signals_(context_, SIGTERM, SIGINT, SIGHUP), resource_timer_(context_),
      stop_timer_(context_),
      links_(shards_, config_.node.cluster_name.empty() ? config_.node.name
                                                        : config_.node.cluster_name),
      control_(shards_, links_, [this](broker::ControlPort::Then<broker::NodeStatus> then) {
        boost::asio::post(context_, [this, then = std::move(then)] { then(node_status()); });
      }) {}

Server::~Server() { stop_shards(); }

// ---- start ---------------------------------------------------------------------------------

Result<void, std::string> Server::start() {
  log_info("file descriptors: " + std::to_string(raise_descriptor_limit()) + " at most");
  memory_high_watermark_bytes_ = config_.memory.high_watermark_bytes;
  const auto on_low = [this] {
    if (alarms_.disk.exchange(true)) return;
    for (auto& shard : shards_) shard->wake();
  };
  if (auto opened = storage_.open(config_, on_low); !opened) return opened;
  make_shards();
  if (auto recovered = recover(); !recovered) return recovered;
  storage_.log().start();
  install_users(config_);
  // Every shard knows users and virtual hosts before any of them sees a client.
  for (int pass = 0; pass < 2; ++pass) {
    for (auto& shard : shards_) shard->run_ready();
  }
  begin_data_directory();
  links_.install();
  for (auto& shard : shards_) threads_.emplace_back([&shard] { shard->run(); });
  if (auto imported = import_definitions(); !imported) return imported;
  if (storage_.data_dir().is_new()) {
    if (auto finished = storage_.data_dir().finish_first_boot(); !finished) return finished;
  }
  // Ports open when all that was promised is there: clients declare again at once what is missing.
  if (auto opened = open_listeners(); !opened) return opened;
  links_.start();
  wait_for_signal();
  watch_resources();
  report_ready();
  return {};
}

void Server::make_shards() {
  for (std::uint16_t i = 0; i < config_.node.threads; ++i) {
    inboxes_.push_back(std::make_unique<Inbox>([this, i] { shards_[i]->wake(); }));
  }
  for (std::uint16_t i = 0; i < config_.node.threads; ++i) {
    shards_.push_back(std::make_unique<Shard>(
        ShardId{i}, inboxes_, storage_.make_shard_storage(i, [this, i] { shards_[i]->wake(); }),
        shard_settings(config_), alarms_));
  }
}

Result<void, std::string> Server::recover() {
  storage::Storage& log = storage_.log();
  std::vector<broker::ShardState*> states;
  for (auto& shard : shards_) states.push_back(&shard->state());
  auto topology = broker::recover_topology(log.recovered().state.definitions(), states);
  if (!topology) return tl::unexpected(topology.error());
  for (const std::string& repair : topology->repairs) log_warning(repair, LogCategory::storage);

  const auto reader = log.make_reader();
  broker::RecoveredMessages messages(topology->queues, topology->exchanges, *reader,
                                     states[0]->now(), states[0]->wall_time());
  auto visited = log.for_each_live_reference(
      [&](const storage::LiveReference& reference) { return messages.add(reference); });
  if (!visited) return visited;
  messages.finish();
  for (auto& shard : shards_) shard->pager().end_recovery();
  storage_.report_recovery(topology->queues.size(), messages.count());
  return {};
}

Result<void, std::string> Server::open_listeners() {
  for (const config::Listener& settings : config_.amqp_listeners) {
    auto opened = open_listener(settings, "amqp", [this](int descriptor, broker::Peer peer) {
      on_accept(descriptor, std::move(peer));
    });
    if (!opened) return opened;
  }
  if (adopt_http_ == nullptr) return {};
  for (const config::Listener& settings : config_.http_listeners) {
    if (auto opened = open_listener(settings, "http", adopt_http_); !opened) return opened;
  }
  return {};
}

Result<void, std::string> Server::open_listener(const config::Listener& settings,
                                                std::string scheme,
                                                Listener::OnAccept on_accept) {
  auto listener = std::make_unique<Listener>(context_, std::move(on_accept));
  auto opened = listener->open(settings.bind.address, settings.bind.port,
                               static_cast<int>(settings.backlog));
  if (opened) listeners_.push_back({std::move(scheme), std::move(listener)});
  return opened;
}

void Server::install_users(const config::Config& config) {
  broker::NodeLimits limits;
  limits.connections = config.limits.connections;
  limits.connections_per_user = config.limits.connections_per_user;
  limits.queues = config.limits.queues;
  shards_[0]->post([this, limits, users = make_listed_users(config), vhosts = config.vhosts,
                    event_vhost = config.events.vhost] {
    broker::ShardState& state = shards_[0]->state();
    state.controller().set_limits(limits);
    state.send(ShardId{0},
               broker::TopologyRequest{{}, broker::ReplaceUsers{users, vhosts, event_vhost}});
  });
}

/// Makes what a new data directory begins with, and waits until that is safe.
void Server::begin_data_directory() {
  if (!storage_.data_dir().is_new()) {
    const auto& user = config_.auth.default_user;
    if (user && user->origin != "default") {
      log_info("auth.default_user counts only for a new data directory: it is not looked at");
    }
    return;
  }
  storage::LogTicket ticket{};
  shards_[0]->post([this, &ticket] {
    broker::ShardState& state = shards_[0]->state();
    for (broker::DefinitionChange& change : first_boot_changes(config_)) {
      state.send(ShardId{0},
                 broker::TopologyRequest{{}, broker::ChangeDefinition{std::move(change)}});
    }
    ticket = state.log().awaited_ticket();
  });
  for (auto& shard : shards_) shard->run_ready();
  shards_[0]->run_until([&] { return shards_[0]->state().log().committed() >= ticket; });
  for (int pass = 0; pass < 2; ++pass) {
    for (auto& shard : shards_) shard->run_ready();
  }
}

/// Imports the configured files, if it is time for it, and waits for the end.
Result<void, std::string> Server::import_definitions() {
  const config::Definitions& settings = config_.definitions;
  if (settings.files.empty()) return {};
  if (settings.when == config::ImportTime::first_boot && !storage_.data_dir().is_new()) return {};
  std::optional<std::vector<std::string>> problems;
  {
    const auto work = boost::asio::make_work_guard(context_);
    load_definitions(context_, shards_, settings,
                     [&](std::vector<std::string> found) { problems = std::move(found); });
    while (!problems) context_.run_one();
  }
  context_.restart();  // Without work it has stopped.
  for (const std::string& problem : *problems) log_warning("definitions.import: " + problem);
  if (problems->empty() || !settings.problems_are_fatal) return {};
  return tl::unexpected("definitions.import: " + problems->front() +
                        (problems->size() > 1 ? "; the log has more of them" : ""));
}

std::vector<std::string> Server::urls() const {
  std::vector<std::string> urls;
  for (const auto& [scheme, listener] : listeners_) {
    urls.push_back(scheme + "://" + listener->endpoint_text());
  }
  return urls;
}

broker::NodeStatus Server::node_status() const {
  broker::NodeStatus status;
  status.memory_alarm = alarms_.memory;
  status.disk_alarm = alarms_.disk;
  status.is_stopping = stopping_;
  status.connections_max = config_.limits.connections;
  const ProcessFigures figures = process_figures();
  status.process_id = figures.process_id;
  status.processor_count = figures.processor_count;
  status.thread_count = figures.thread_count;
  status.threads_max = figures.threads_max;
  status.descriptor_count = figures.descriptor_count;
  status.descriptors_max = figures.descriptors_max;
  status.memory_bytes = resident_bytes();
  status.memory_limit_bytes = memory_high_watermark_bytes_;
  status.disk_free_bytes = storage_.free_bytes();
  status.disk_free_limit_bytes = config_.disk.free_limit_bytes;
  status.data_dir = config_.node.data_dir;
  const auto uptime = std::chrono::steady_clock::now() - started_at_;
  status.uptime_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(uptime).count());
  if (stopping_) return status;  // Its listeners are closed.
  for (const auto& [scheme, listener] : listeners_) {
    status.listeners.push_back({scheme, listener->address(), listener->port()});
  }
  return status;
}

void Server::on_accept(int descriptor, broker::Peer peer) {
  shards_[next_shard_++ % shards_.size()]->adopt(descriptor, std::move(peer));
}

void Server::run() { context_.run(); }

// ---- signals -------------------------------------------------------------------------------

void Server::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    on_signal(number);
    wait_for_signal();
  });
}

void Server::on_signal(int number) {
  if (number == SIGHUP) return reload();
  if (stopping_) {
    log_warning("told to stop a second time: stopping at once");
    return context_.stop();
  }
  begin_stop();
}

void Server::reload() {
  const std::unique_ptr<config::Config> next = reload_();
  if (next == nullptr) return;
  for (const std::string& key : config::changes_needing_restart(config_, *next)) {
    log_warning("reload: " + key + " has changed; it takes effect after a restart");
  }
  if (config::default_user_differs(config_, *next)) {
    log_warning("reload: auth.default_user has changed; it counts only for a new data directory");
  }
  config::Config merged = *next;
  merged.node = config_.node;
  merged.storage = config_.storage;
  merged.amqp_listeners = config_.amqp_listeners;
  merged.http_listeners = config_.http_listeners;
  config_ = std::move(merged);
  set_log_levels(config_.log);
  memory_high_watermark_bytes_ = config_.memory.high_watermark_bytes;
  install_users(config_);
  for (auto& shard : shards_) {
    shard->post([&shard, settings = shard_settings(config_)] { shard->set_settings(settings); });
  }
  log_info("configuration reloaded");
  const config::Definitions& definitions = config_.definitions;
  if (definitions.when == config::ImportTime::first_boot) return;
  load_definitions(context_, shards_, definitions, [](const std::vector<std::string>& problems) {
    for (const std::string& problem : problems) log_warning("definitions.import: " + problem);
    log_info(problems.empty() ? "definitions imported"
                              : "definitions imported, but for what was said before");
  });
}

// ---- stop ----------------------------------------------------------------------------------

void Server::begin_stop() {
  stopping_ = true;
  report_stopping();
  stop_deadline_ = std::chrono::steady_clock::now() + config_.shutdown.grace;
  log_info("stopping: no new connections; clients are told connection.close 320");
  for (auto& open : listeners_) open.listener->close();
  // Links that have time to finish leave nothing behind that would be moved twice.
  links_.begin_stop([this] { boost::asio::post(context_, [this] { end_clients(); }); });
  stop_timer_.expires_after(config_.shutdown.grace / 2);
  stop_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) end_clients();
  });
}

void Server::end_clients() {
  if (std::exchange(clients_are_ending_, true)) return;
  for (auto& shard : shards_) {
    shard->post([&shard] { shard->state().dispatch(broker::Shutdown{}); });
  }
  check_stopped();
}

void Server::check_stopped() {
  const bool all_gone =
      std::all_of(shards_.begin(), shards_.end(),
                  [](const auto& shard) { return shard->connection_count() == 0; });
  if (all_gone || std::chrono::steady_clock::now() >= stop_deadline_) {
    log_info(all_gone ? "stopped: all clients have gone"
                      : "stopped: some clients did not go within shutdown.grace");
    return context_.stop();
  }
  stop_timer_.expires_after(stop_check_interval);
  stop_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) check_stopped();
  });
}

void Server::stop_shards() {
  links_.stop();
  for (auto& shard : shards_) shard->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  storage_.stop();
}

// ---- memory and disk -----------------------------------------------------------------------

void Server::watch_resources() {
  watch_memory();
  watch_disk();
  resource_timer_.expires_after(resource_check_interval);
  resource_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) watch_resources();
  });
}

void Server::watch_disk() {
  const bool is_low = storage_.check_disk(config_.disk, alarms_.disk);
  if (alarms_.disk.exchange(is_low) == is_low) return;
  for (auto& shard : shards_) shard->wake();
}

void Server::watch_memory() {
  const bool was_high = alarms_.memory;
  const auto mark = static_cast<double>(memory_high_watermark_bytes_) *
                    (was_high ? alarm_end_share : 1.0);
  const std::uint64_t resident = resident_bytes();
  const bool is_high = static_cast<double>(resident) > mark;
  give_back_memory(resident, is_high);
  // Queues of shards at rest have to leave memory, too.
  if (broker::MessageMemory::used_bytes() > config_.memory.page_out_at_bytes) {
    for (auto& shard : shards_) shard->wake();
  }
  if (is_high != was_high) {
    alarms_.memory = is_high;
    log_warning(is_high ? "memory alarm: publishers are blocked (memory.high_watermark)"
                        : "memory alarm is over: publishers go on");
    for (auto& shard : shards_) shard->wake();
  }
}

/// What the allocator keeps for later is not in use: it goes back before anybody complains, and
/// some time after a backlog has gone. Not while it is going: the shard that frees its messages
/// would wait for the allocator, and all clients with it.
void Server::give_back_memory(std::uint64_t resident, bool is_high) {
  const std::uint64_t used = broker::MessageMemory::used_bytes();
  const auto now = std::chrono::steady_clock::now();
  const bool much_is_kept = resident > 2 * used + kept_memory_max_bytes;
  const bool is_falling = used + falling_min_bytes < last_used_bytes_;
  last_used_bytes_ = used;
  if (is_high ? used < memory_high_watermark_bytes_ / 2
              : much_is_kept && !is_falling && now - last_trim_ > trim_interval) {
    ::malloc_trim(0);
    last_trim_ = now;
  }
}

}  // namespace leveret::server
