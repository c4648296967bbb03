// The ends and beginnings of a broker whose log is on a disk.

#include <algorithm>
#include <array>

#include "broker/core/deduplication_window.hpp"
#include "broker/core/recovered_messages.hpp"
#include "broker/core/recovery.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/bytes.hpp"
#include "tests/sim/sim_client.hpp"
#include "tests/sim/sim_world.hpp"

namespace leveret::broker {

namespace {

storage::LogSettings log_settings(std::uint64_t choice) {
  constexpr std::array<std::uint64_t, 4> segment_sizes_bytes{4096, 8192, 16384, 65536};
  storage::LogSettings settings;
  settings.segment_size_bytes = segment_sizes_bytes[choice % 4];
  settings.checkpoint_bytes = settings.segment_size_bytes * 2;
  settings.compact_min_bytes = 600;
  return settings;
}

const SimQueue& queue_behind(const std::string& exchange) {
  return *std::ranges::find_if(
      sim_queues, [&](const SimQueue& queue) { return queue.exchange == exchange; });
}

}  // namespace

void SimWorld::write_log(bool calm) {
  if (calm || one_in(3)) disk_log_->write(now_);
  if (one_in(20)) disk_log_->tidy(now_);
}

/// At some moment, in the middle of whatever the log does, the power goes. Not while a shard reads:
/// its clients would hear what nobody can tell them any more.
void SimWorld::make_trouble() {
  using storage::DiskCall;
  constexpr std::array calls{DiskCall::write,  DiskCall::write,    DiskCall::sync,
                             DiskCall::rename, DiskCall::truncate, DiskCall::sync_folder};
  if (disk_log_->has_failed()) return restart();
  if (!one_in(500)) return;
  storage::DiskFault fault;
  fault.call = calls[random(calls.size())];
  fault.nth = 1 + random(20);
  fault.power_cut = true;
  disk_.fail(fault);
}

void SimWorld::restart() {
  end_life();
  begin_life();
}

void SimWorld::end_life() {
  const bool is_orderly = !disk_log_->has_failed() && one_in(4);
  const bool loses_power = disk_log_->has_failed() || (!is_orderly && one_in(2));
  note(is_orderly    ? "---- the broker stops"
       : loses_power ? "---- the power goes"
                     : "---- the broker dies");
  if (is_orderly) {
    disk_.heal();  // What was to come does not.
    for (auto& client : clients_) client->drop();
    settle();
    disk_log_->close(now_);
    model_.note_rest();
  }
  // What the broker wrote is read: nobody else would know of what goes without acknowledgement.
  for (auto& client : clients_) {
    client->read_always();
    client->flush();
  }
  clients_.clear();
  observer_.reset();
  active_consumers_.clear();
  shards_.clear();
  disk_log_.reset();
  if (loses_power) {
    disk_.crash(random_);
  } else {
    disk_.heal();
  }
}

void SimWorld::begin_life() {
  const auto shard_count = static_cast<std::uint16_t>(1 + random(3));
  now_ = now_ + std::chrono::milliseconds(random(50));
  disk_log_ = std::make_unique<SimLog>(disk_, shard_count, log_settings(random(4)),
                                       [this](const std::string& what) { complain(what); });
  make_shards(shard_count);
  const bool is_paged = one_in(2);
  for (auto& shard : shards_) shard->paging->pager.set_budget(is_paged ? 0 : UINT64_MAX);
  if (!failed_) recover();
  disk_log_->start();
  begin_clients();
}

/// As the server does it.
void SimWorld::recover() {
  std::vector<ShardState*> states;
  for (auto& shard : shards_) states.push_back(&shard->state);
  const KeptDefinitions& definitions = disk_log_->recovered().state.definitions();
  const bool is_first = definitions.empty();
  auto topology = recover_topology(definitions, states);
  if (!topology) return complain(topology.error());
  for (const std::string& repair : topology->repairs) complain(repair);
  RecoveredMessages messages(topology->queues, topology->exchanges, disk_log_->reader(0), now_,
                             wall_time());
  std::vector<storage::LiveReference> found;
  disk_log_->for_each_live_reference([&](const storage::LiveReference& reference) {
    found.push_back(reference);
    return messages.add(reference);
  });
  messages.finish();
  for (auto& shard : shards_) shard->paging->pager.end_recovery();
  const std::string mistake = model_.restart(read_survivors(*topology, found));
  if (!mistake.empty()) complain(mistake);
  for (const SimQueue& queue : kept_queues()) {
    const bool is_there =
        std::ranges::any_of(topology->queues, [&](const auto& numbered) {
          return numbered.second->definition().name == queue.name;
        });
    if (!is_there && !is_first) complain(std::string(queue.name) + " has gone");
  }
}

std::vector<Survivor> SimWorld::read_survivors(const RecoveredTopology& topology,
                                               const std::vector<storage::LiveReference>& found) {
  std::vector<storage::LogPlace> places;
  for (const storage::LiveReference& reference : found) places.push_back(reference.place);
  std::vector<Survivor> survivors;
  disk_log_->reader(0).read(places, [&](std::size_t index, std::span<const std::byte> bytes) {
    const std::uint64_t owner = found[index].queue;
    const auto queue = topology.queues.find(owner);
    if (queue != topology.queues.end()) {
      return survivors.push_back(
          survivor_of(found[index], queue->second->definition().name, bytes));
    }
    const auto exchange = topology.exchanges.find(owner);
    if (exchange == topology.exchanges.end()) {
      return complain("a message of nobody's is in the log");
    }
    const auto message = Message::parse(bytes);
    if (message != nullptr && is_seen_record(*message)) return;
    survivors.push_back(survivor_of(
        found[index], queue_behind(exchange->second->definition().name).name, bytes));
    survivors.back().is_in_exchange = true;
    survivors.back().redelivered = false;  // The mark says that the exchange has taken it.
  });
  return survivors;
}

Survivor SimWorld::survivor_of(const storage::LiveReference& reference, const std::string& queue,
                               std::span<const std::byte> bytes) {
  Survivor survivor;
  survivor.queue = queue;
  survivor.redelivered = reference.delivered || reference.return_count > 0;
  survivor.was_out = reference.delivered;
  survivor.return_count = reference.return_count;
  const auto message = Message::parse(bytes);
  if (message == nullptr) {
    complain("a message of " + queue + " cannot be read");
    return survivor;
  }
  survivor.number = std::stoull(std::string(protocol::text_of(message->body())));
  protocol::BasicProperties properties;
  if (!properties.read(message->properties()) || !properties.headers) return survivor;
  const auto headers = properties.headers->decode();
  if (!headers) return survivor;
  if (const auto* offset = headers->find("x-stream-offset"); offset && queue == "ks") {
    survivor.offset = offset->as_integer();
  }
  return survivor;
}

}  // namespace leveret::broker
