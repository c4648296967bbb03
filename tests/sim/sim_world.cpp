#include "tests/sim/sim_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/sim_client.hpp"

namespace leveret::broker {

namespace {
constexpr std::size_t congestion_mark = 60;
constexpr std::size_t drained_mark = 30;
constexpr std::size_t story_lines_max = 300;
}  // namespace

class SimWorld::Port final : public ShardPort {
 public:
  Port(SimWorld& world, std::uint16_t own) : world_(world), own_(own) {}

  void post(ShardId to, ShardMessage&& message) override {
    shard(to).mail_from[own_].push_back(std::move(message));
  }
  bool congested(ShardId to) override {
    if (world_.mail_count(shard(to)) < congestion_mark) return false;
    shard(to).somebody_waits = true;
    return true;
  }

 private:
  Shard& shard(ShardId id) { return *world_.shards_[static_cast<std::size_t>(id)]; }

  SimWorld& world_;
  std::uint16_t own_;
};

SimWorld::Shard::Shard(SimWorld& world, std::uint16_t number, std::uint16_t count)
    : port(std::make_unique<Port>(world, number)),
      paging(world.log_ ? std::make_unique<Paging>(*world.log_, world.log_.get()) : nullptr),
      state(ShardId{number}, count, *port,
            world.log_ ? static_cast<storage::LogWriter&>(*world.log_) : no_log),
      mail_from(count) {
  if (paging) state.set_pager(paging->pager);
  state.begin_turn(world.now_);
}

SimWorld::SimWorld(std::uint64_t seed, std::uint16_t shard_count, std::size_t client_count,
                   bool paged)
    : seed_(seed), random_(seed), settings_(std::make_shared<SessionSettings>()),
      log_(paged ? std::make_unique<ReadableLog>() : nullptr) {
  settings_->write_high_watermark_bytes = 500;
  for (std::uint16_t number = 0; number < shard_count; ++number) {
    shards_.push_back(std::make_unique<Shard>(*this, number, shard_count));
  }
  auto users = std::make_shared<Users>();
  const auto everything = [] { return *PermissionPattern::compile(".*"); };
  users->add({"guest", PasswordHash::of("guest", HashAlgorithm::sha256), {}});
  users->set_permissions("guest", "/", {everything(), everything(), everything()});
  shard(0).send(ShardId{0}, TopologyRequest{{}, ReplaceUsers{users, {"/"}}});
  settle();
  observer_ = new_client();
  settle();
  observer_->open();
  settle();
  observer_->prepare([this] { settle(); });
  while (clients_.size() < client_count) clients_.push_back(new_client());
}

SimWorld::~SimWorld() {
  for (auto& client : clients_) {
    if (!client->gone()) client->drop();
  }
  if (!observer_->gone()) observer_->drop();
}

std::unique_ptr<SimClient> SimWorld::new_client() {
  const std::uint64_t number = ++last_client_;
  return std::make_unique<SimClient>(
      *this, static_cast<std::uint16_t>(number % shards_.size()), number);
}

// ---- turns ---------------------------------------------------------------------------------

void SimWorld::step() {
  now_ = now_ + std::chrono::milliseconds(one_in(10) ? 1 : 0);
  turn(static_cast<std::uint16_t>(random(shards_.size())), false);
  for (auto& client : clients_) {
    if (client->gone()) client = new_client();
  }
}

bool SimWorld::turn(std::uint16_t number, bool calm) {
  Shard& own = *shards_[number];
  own.state.begin_turn(now_);
  const auto for_own_clients = [&](auto&& visit) {
    for (auto& client : clients_) {
      if (client->shard() == number) visit(*client);
    }
    if (observer_ && observer_->shard() == number) visit(*observer_);
  };
  bool active = false;
  if (!calm) {
    for (auto& client : clients_) {
      if (client->shard() == number && one_in(2)) client->act();
    }
  }
  own.state.advance_timers();
  active |= receive_mail(own, calm);
  for_own_clients([&](SimClient& client) { active |= client.resume(); });
  own.unfinished = !own.state.end_turn();
  if (own.state.page_out()) own.unfinished = true;
  if (log_) {
    if (calm || one_in(2)) log_->write_all();
    chunks_max_ = std::max(chunks_max_, own.paging->pages.chunk_count());
  }
  for_own_clients([&](SimClient& client) { active |= client.flush(); });
  return active || own.unfinished;
}

std::size_t SimWorld::mail_count(const Shard& shard) const {
  std::size_t count = 0;
  for (const auto& mail : shard.mail_from) count += mail.size();
  return count;
}

bool SimWorld::receive_mail(Shard& shard, bool calm) {
  bool active = false;
  for (auto& mail : shard.mail_from) {
    for (std::size_t left = calm ? mail.size() : random(mail.size() + 1); left > 0; --left) {
      ShardMessage message = std::move(mail.front());
      mail.pop_front();
      shard.state.dispatch(std::move(message));
      active = true;
    }
  }
  if (shard.somebody_waits && mail_count(shard) < drained_mark) {
    shard.somebody_waits = false;
    for (auto& other : shards_) {
      if (other.get() == &shard) continue;
      shard.port->post(other->state.own(), InboxDrained{shard.state.own()});
    }
  }
  return active;
}

void SimWorld::settle() {
  int idle_rounds = 0;
  for (int round = 0; idle_rounds < 3; ++round) {
    if (round > 10'000) return complain("the shards do not come to rest");
    bool active = false;
    for (std::uint16_t number = 0; number < shards_.size(); ++number) active |= turn(number, true);
    for (const auto& shard : shards_) active |= mail_count(*shard) > 0;
    idle_rounds = active ? 0 : idle_rounds + 1;
  }
}

// ---- checks --------------------------------------------------------------------------------

void SimWorld::check() {
  for (auto& client : clients_) client->read_always();
  settle();
  for (auto& client : clients_) client->check_at_rest();
  for (const SimQueue& queue : kept_queues()) check_queue(queue.name);
}

void SimWorld::check_queue(const std::string& queue) {
  observer_->inspect(queue);
  settle();
  SimClient::QueueView view;
  for (auto& client : clients_) client->add_to(queue, view);
  const std::uint64_t ready_count = model_.ready_count(queue);
  if (observer_->seen_ready_count() != ready_count) {
    complain(queue + " has " + std::to_string(observer_->seen_ready_count()) +
             " messages instead of " + std::to_string(ready_count));
  }
  // RabbitMQ does not say who reads a stream.
  if (sim_queue(queue).is_stream()) view.consumer_count = 0;
  if (observer_->seen_consumer_count() != view.consumer_count) {
    complain(queue + " has " + std::to_string(observer_->seen_consumer_count()) +
             " consumers instead of " + std::to_string(view.consumer_count));
  }
  if (sim_queue(queue).is_stream()) {
    for (auto& client : clients_) client->check_readers(ready_count);
  } else if (ready_count > 0 && !view.hungry.empty()) {
    complain(queue + " has messages, and consumer " + view.hungry + " gets none");
  }
}

void SimWorld::end() {
  check();
  for (auto& client : clients_) client->drop();
  settle();
  clients_.clear();
  for (const SimQueue& queue : kept_queues()) {
    check_queue(queue.name);
    if (queue.is_stream()) {
      check_stream(queue);
      continue;
    }
    do {
      observer_->fetch(queue.name);
      settle();
    } while (observer_->fetched() && !failed_);
    if (model_.ready_count(queue.name) > 0) {
      complain(std::string(queue.name) + " has lost messages");
    }
  }
  check_log();
}

void SimWorld::check_stream(const SimQueue& stream) {
  observer_->read_all(stream, [this] { settle(); });
  const std::uint64_t known_count = model_.stream().known_count();
  if (known_count != model_.ready_count(stream.name)) {
    complain(std::string(stream.name) + " has " + std::to_string(known_count) +
             " messages to read instead of " + std::to_string(model_.ready_count(stream.name)));
  }
  if (const std::string disorder = model_.stream_disorder(); !disorder.empty()) {
    complain(disorder);
  }
}

void SimWorld::check_log() {
  if (!log_) return;
  for (auto& shard : shards_) shard->state.end_turn();
  if (chunks_max_ == 0) complain("nothing was ever paged out");
  const std::size_t open_count = log_->reference_count - log_->settled.size();
  if (open_count > model_.stream().known_count()) complain(std::to_string(open_count) + " references are left in the log");
  for (const auto& shard : shards_) {
    if (shard->paging->pager.unreadable_count() > 0) complain("messages could not be read back");
  }
}

void SimWorld::note(std::string line) {
  story_.push_back(std::move(line));
  if (story_.size() > story_lines_max) story_.pop_front();
}

void SimWorld::complain(const std::string& what) {
  if (failed_) return;  // What follows from a first mistake says nothing more.
  failed_ = true;
  std::string story;
  for (const std::string& line : story_) story += line + "\n";
  ADD_FAILURE() << story << what << "\nseed " << seed_ << ", " << shards_.size() << " shards";
}

}  // namespace leveret::broker
