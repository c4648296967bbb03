#include "tests/session/world.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/session/client.hpp"

namespace leveret::broker {

void PrintTo(const Form& form, std::ostream* out) { *out << name_of(form); }

std::string name_of(const Form& form) {
  const std::string shards = form.shard_count == 1 ? "OneShard" : "TwoShards";
  switch (form.split) {
    case Split::frames: return shards + "ByFrames";
    case Split::bytes: return shards + "ByBytes";
    case Split::chunk: return shards + "InOneChunk";
  }
  return shards;
}

class World::Port final : public ShardPort {
 public:
  explicit Port(World& world) : world_(world) {}

  void post(ShardId to, ShardMessage&& message) override {
    inbox_of(to).inbox.push_back(std::move(message));
  }
  bool congested(ShardId shard) override { return inbox_of(shard).congested; }

 private:
  Shard& inbox_of(ShardId shard) { return *world_.shards_[static_cast<std::size_t>(shard)]; }

  World& world_;
};

World::Shard::Shard(World& world, std::uint16_t number, std::uint16_t count)
    : port(std::make_unique<Port>(world)), state(ShardId{number}, count, *port, log) {
  state.begin_turn(world.now_);
}

World::World(Form form) : form_(form) {
  settings_.platform = "C++20";
  settings_.cluster_name = "leveret@test";
  for (std::uint16_t number = 0; number < form.shard_count; ++number) {
    shards_.push_back(std::make_unique<Shard>(*this, number, form.shard_count));
  }
  auto users = std::make_shared<Users>();
  const auto everything = [] { return *PermissionPattern::compile(".*"); };
  users->add({"guest", PasswordHash::of("guest", HashAlgorithm::sha256), {"administrator"}});
  users->set_permissions("guest", "/", {everything(), everything(), everything()});
  install(users, {"/"});
}

World::~World() {
  hang_up_everybody();
  clients_.clear();
}

Client& World::add_client(std::string address) {
  const auto number = static_cast<std::uint16_t>(clients_.size());
  const auto last = static_cast<std::uint16_t>(form_.shard_count - 1);
  const auto shard = static_cast<std::uint16_t>(last - number % form_.shard_count);
  Peer peer{std::move(address), static_cast<std::uint16_t>(40000 + number), false};
  peer.is_internal = peer.address == "internal";
  peer.is_loopback = peer.is_internal || peer.address == "127.0.0.1";
  clients_.push_back(std::make_unique<Client>(*this, ShardId{shard}, std::move(peer),
                                              ConnectionId{number + 1u}));
  return *clients_.back();
}

// ---- turns ---------------------------------------------------------------------------------

bool World::turn(std::uint16_t number) {
  Shard& shard = *shards_[number];
  bool active = false;
  shard.state.begin_turn(now_);
  for (auto& client : clients_) {
    if (client->shard() == ShardId{number}) active |= client->take_input();
  }
  shard.state.advance_timers();
  // What arrives while the mail is read is for the next turn.
  for (std::size_t left = shard.inbox.size(); left > 0; --left) {
    active = true;
    ShardMessage message = std::move(shard.inbox.front());
    shard.inbox.pop_front();
    shard.state.dispatch(std::move(message));
  }
  for (auto& client : clients_) {
    if (client->shard() == ShardId{number}) active |= client->resume();
  }
  shard.unfinished = !shard.state.end_turn();
  for (auto& client : clients_) {
    if (client->shard() == ShardId{number}) active |= client->flush();
  }
  return active;
}

void World::settle() {
  // A queue whose consumer's shard is congested stays unfinished until that is over.
  const auto congested = [](const auto& shard) { return shard->congested; };
  int idle_rounds = 0;
  for (int round = 0; idle_rounds < 2; ++round) {
    if (round > 1'000'000) {
      ADD_FAILURE() << "the shards do not come to rest";
      return;
    }
    bool active = false;
    for (std::uint16_t number = 0; number < form_.shard_count; ++number) active |= turn(number);
    const bool blocked = std::any_of(shards_.begin(), shards_.end(), congested);
    for (const auto& shard : shards_) active |= !shard->inbox.empty();
    for (const auto& shard : shards_) active |= shard->unfinished && !blocked;
    idle_rounds = active ? 0 : idle_rounds + 1;
  }
}

void World::catch_up() {
  settle();
  for (auto& client : clients_) client->check();
}

void World::advance(std::chrono::milliseconds duration) {
  catch_up();
  const Instant end = now_ + duration;
  while (true) {
    Instant next = never;
    for (const auto& shard : shards_) next = std::min(next, shard->state.timers().next_deadline());
    if (next > end) break;
    now_ = std::max(next, now_ + std::chrono::milliseconds(1));
    settle();
  }
  now_ = std::max(now_, end);
  settle();
}

// ---- conditions ----------------------------------------------------------------------------

void World::send_to_all(const ShardMessage& message) {
  catch_up();
  for (auto& shard : shards_) {
    shard->state.begin_turn(now_);
    shard->state.dispatch(ShardMessage(message));
  }
  settle();
}

void World::set_alarm(ResourceAlarm alarm) { send_to_all(alarm); }

void World::set_disk_slow(bool slow) {
  catch_up();
  for (auto& shard : shards_) shard->log.set_slow(slow);
  settle();
}

void World::shut_down() { send_to_all(Shutdown{}); }

void World::set_congested(ShardId shard, bool congested) {
  catch_up();
  shards_[static_cast<std::size_t>(shard)]->congested = congested;
  if (!congested) send_to_all(InboxDrained{shard});
}

void World::install(std::shared_ptr<const Users> users, std::vector<std::string> vhosts) {
  catch_up();
  shard(0).send(ShardId{0}, TopologyRequest{{}, ReplaceUsers{std::move(users), std::move(vhosts)}});
  settle();
}

void World::change(DefinitionChange change) {
  catch_up();
  shard(0).send(ShardId{0}, TopologyRequest{{}, ChangeDefinition{std::move(change)}});
  settle();
}

void World::set_consumer_timeout(std::chrono::milliseconds timeout) {
  for (auto& shard : shards_) {
    shard->state.set_consumer_timeout_ms(static_cast<std::uint64_t>(timeout.count()));
  }
}

void World::set_limits(const NodeLimits& limits) { shard(0).controller().set_limits(limits); }

void World::hang_up_everybody() {
  for (auto& client : clients_) client->vanish();
  settle();
}

}  // namespace leveret::broker
