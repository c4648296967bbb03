#include "tests/sim/sim_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include "broker/core/stateful_exchanges.hpp"
#include "tests/sim/sim_client.hpp"

namespace leveret::broker {

namespace {
constexpr std::size_t congestion_mark = 60;
constexpr std::size_t drained_mark = 30;
const std::size_t story_lines_max =
    std::getenv("LEVERET_SIM_TALK") == nullptr ? 300 : std::numeric_limits<std::size_t>::max();
}  // namespace

class SimWorld::Port final : public ShardPort {
 public:
  Port(SimWorld& world, std::uint16_t own) : world_(world), own_(own) {}

  void post(ShardId to, ShardMessage&& message) override {
    unsent_.emplace_back(to, std::move(message));
  }
  /// At the end of the turn, when the log has what the mail is about.
  void flush() {
    for (auto& [to, message] : unsent_) shard(to).mail_from[own_].push_back(std::move(message));
    unsent_.clear();
  }
  bool has_unsent() const { return !unsent_.empty(); }
  bool congested(ShardId to) override {
    if (world_.mail_count(shard(to)) < congestion_mark) return false;
    shard(to).somebody_waits = true;
    return true;
  }

 private:
  Shard& shard(ShardId id) { return *world_.shards_[static_cast<std::size_t>(id)]; }

  SimWorld& world_;
  std::uint16_t own_;
  std::vector<std::pair<ShardId, ShardMessage>> unsent_;
};

SimWorld::Shard::Shard(SimWorld& world, std::uint16_t number, std::uint16_t count)
    : port(std::make_unique<Port>(world, number)),
      paging(world.storage_ == SimStorage::none
                 ? nullptr
                 : std::make_unique<Paging>(world.writer(number, no_log), world.reader(number))),
      state(ShardId{number}, count, *port, world.writer(number, no_log)), mail_from(count) {
  if (paging) state.set_pager(paging->pager);
  world.begin_turn(state);
}

SimWorld::Shard::~Shard() = default;

storage::LogReader* SimWorld::reader(std::uint16_t shard) {
  return disk_log_ ? &disk_log_->reader(shard) : static_cast<storage::LogReader*>(log_.get());
}

storage::LogWriter& SimWorld::writer(std::uint16_t shard, storage::VolatileLog& no_log) {
  if (disk_log_) return disk_log_->writer(shard);
  if (log_) return *log_;
  return no_log;
}

SimWorld::SimWorld(std::uint64_t seed, std::uint16_t shard_count, std::size_t client_count,
                   SimStorage storage)
    : seed_(seed), random_(seed), settings_(std::make_shared<SessionSettings>()),
      storage_(storage),
      log_(storage == SimStorage::readable ? std::make_unique<ReadableLog>() : nullptr),
      client_count_(client_count) {
  settings_->write_high_watermark_bytes = 500;
  if (storage == SimStorage::disk) {
    begin_life();
  } else {
    make_shards(shard_count);
    begin_clients();
  }
}

void SimWorld::make_shards(std::uint16_t count) {
  for (std::uint16_t number = 0; number < count; ++number) {
    shards_.push_back(std::make_unique<Shard>(*this, number, count));
  }
}

void SimWorld::begin_clients() {
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
  while (clients_.size() < client_count_) clients_.push_back(new_client());
}

SimWorld::~SimWorld() {
  for (auto& client : clients_) {
    if (!client->gone()) client->drop();
  }
  if (observer_ && !observer_->gone()) observer_->drop();
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
  if (storage_ == SimStorage::disk) make_trouble();
}

bool SimWorld::turn(std::uint16_t number, bool calm) {
  Shard& own = *shards_[number];
  begin_turn(own.state);
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
  own.port->flush();
  if (own.state.page_out()) own.unfinished = true;
  if (log_) {
    if (calm || one_in(2)) log_->write_all();
    chunks_max_ = std::max(chunks_max_, own.paging->pages.chunk_count());
  }
  if (own.paging && !own.paging->reports.empty()) complain(own.paging->reports.front());
  if (disk_log_) write_log(calm);
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
    for (const auto& shard : shards_) {
      active |= mail_count(*shard) > 0 || shard->port->has_unsent();
    }
    idle_rounds = active ? 0 : idle_rounds + 1;
  }
}

// ---- checks --------------------------------------------------------------------------------

void SimWorld::check() {
  disk_.heal();  // The power does not go now.
  for (auto& client : clients_) client->read_always();
  settle();
  let_time_pass();
  for (auto& client : clients_) client->check_at_rest();
  check_queues();
  if (one_in(2)) change_policies();
}

void SimWorld::change_policies() {
  Model::Policies policies;
  if (one_in(2)) policies.max_length = 1 + random(4);
  policies.dead_letters = one_in(2);
  if (one_in(2)) policies.delivery_limit = static_cast<std::uint32_t>(random(3));
  const auto limited = [](const std::string& key, const auto& limit) {
    return limit ? "{\"" + key + "\":" + std::to_string(*limit) + "}" : "";
  };
  put_policy("kl", limited("max-length", policies.max_length));
  put_policy("kr", limited("delivery-limit", policies.delivery_limit));
  put_policy("kx", policies.dead_letters
                       ? R"({"dead-letter-exchange":"","dead-letter-routing-key":"kd"})"
                       : "");
  settle();
  model_.set_policies(policies);
  let_time_pass();
}

/// Sets the policy of a queue; without a definition it has none.
void SimWorld::put_policy(const std::string& queue, const std::string& definition) {
  note("policy of " + queue + ": " + definition);
  const ParameterKey key{"/", "policy", queue};
  DefinitionChange change = DeleteParameter{key};
  if (!definition.empty()) {
    change = PutParameter{{key, "{\"pattern\":\"^" + queue + "$\",\"apply-to\":\"queues\"," +
                                    "\"priority\":0,\"definition\":" + definition + "}"}};
  }
  shard(0).send(ShardId{0}, TopologyRequest{{}, ChangeDefinition{std::move(change)}});
}

/// What was to come has come, what was to expire has expired, and what nobody waits for is safe.
void SimWorld::let_time_pass() {
  constexpr std::chrono::milliseconds pause{1000};
  for (int i = 0; i < 4; ++i) {
    now_ = now_ + pause;
    settle();
  }
  if (disk_log_) model_.note_rest();
}

void SimWorld::check_queues() {
  std::map<std::string, Seen> seen;
  for (const SimQueue& queue : kept_queues()) {
    observer_->inspect(queue.name);
    settle();
    seen[queue.name] = {observer_->seen_ready_count(), observer_->seen_consumer_count()};
  }
  check_counts(seen);
  const auto& max_length = model_.policies().max_length;
  if (max_length && seen["kl"].ready_count > *max_length) {
    complain("kl has more messages than the policy says");
  }
  for (const SimQueue& queue : kept_queues()) check_consumers(queue, seen[queue.name]);
  for (const SimQueue& queue : kept_queues()) {
    if (queue.max_length) check_refusals(queue, seen[queue.name]);
    if (queue.is_deduplicated) check_window(queue);
    if (queue.message_ttl_ms && seen[queue.name].ready_count > 0) {
      complain(std::string(queue.name) + " has messages whose time is over");
    }
  }
}

/// What has been dropped is known when all that has not been is fetched.
void SimWorld::check_window(const SimQueue& queue) {
  drain(queue);
  if (const std::string mistake = model_.check_window(queue); !mistake.empty()) complain(mistake);
}

/// It refuses a message if it is full, and only then.
void SimWorld::check_refusals(const SimQueue& queue, const Seen& seen) {
  const MessageNumber number = observer_->publish_one(queue);
  settle();
  const Copy& copy = *model_.find(queue.name, number);
  const bool is_refused = copy.state == Copy::State::done && !copy.seen;
  const bool is_full = seen.ready_count >= static_cast<std::uint64_t>(*queue.max_length);
  if (is_refused == is_full) return;
  complain(std::string(queue.name) + " has " + std::to_string(seen.ready_count) +
           " messages and " + (is_refused ? "refuses" : "takes") + " another one");
}

/// What may have left a queue as a dead letter has to be in one of both.
void SimWorld::check_counts(const std::map<std::string, Seen>& seen) {
  std::map<std::string, std::uint64_t> come;
  for (const SimQueue& queue : kept_queues()) {
    const Model::ReadyCount wanted = model_.ready_count(queue.name);
    const std::uint64_t count = seen.at(queue.name).ready_count;
    const std::uint64_t least = wanted.certain + come[queue.name];
    if (count < least || count > least + wanted.loose) {
      complain(std::string(queue.name) + " has " + std::to_string(count) +
               " messages instead of " + std::to_string(least) +
               (wanted.loose > 0 ? " and " + std::to_string(wanted.loose) + " perhaps" : ""));
      return;
    }
    if (queue.dead_letters_to != nullptr) {
      come[queue.dead_letters_to] += least + wanted.loose - count;
    }
  }
}

void SimWorld::check_consumers(const SimQueue& queue, const Seen& seen) {
  SimClient::QueueView view;
  for (auto& client : clients_) client->add_to(queue.name, view);
  // RabbitMQ does not say who reads a stream.
  if (queue.is_stream()) view.consumer_count = 0;
  const std::string name(queue.name);
  if (seen.consumer_count != view.consumer_count) {
    complain(name + " has " + std::to_string(seen.consumer_count) + " consumers instead of " +
             std::to_string(view.consumer_count));
  }
  if (queue.is_stream()) {
    for (auto& client : clients_) client->check_readers(seen.ready_count);
    return;
  }
  const std::string hungry = neglected(queue, view.hungry, view.consumer_count);
  if (seen.ready_count > 0 && !hungry.empty()) {
    complain(name + " has messages, and consumer " + hungry + " gets none");
  }
}

/// One of the consumers who could take a message, and would have to get one if there is any.
std::string SimWorld::neglected(const SimQueue& queue,
                                const std::map<std::string, std::string>& hungry,
                                std::uint64_t consumer_count) const {
  if (hungry.empty()) return {};
  if (!queue.has_single_active_consumer) return hungry.begin()->second;
  // It stays the active one as long as it is there. Of a new one nobody knows who that is.
  const auto active = active_consumers_.find(queue.name);
  if (active != active_consumers_.end() && is_staying(active->second)) {
    const auto place = hungry.find(active->second);
    return place == hungry.end() ? "" : place->second;
  }
  return hungry.size() == consumer_count ? hungry.begin()->second : "";
}

bool SimWorld::is_staying(const std::string& tag) const {
  return std::ranges::any_of(clients_,
                             [&](const auto& client) { return client->has_staying(tag); });
}

void SimWorld::note_active(const std::string& queue, const std::string& tag) {
  std::string& active = active_consumers_[queue];
  if (active != tag && is_staying(active)) {
    complain(queue + " gives messages to " + tag + " while " + active + " is there");
  }
  active = tag;
}

void SimWorld::end() {
  check();
  for (auto& client : clients_) client->drop();
  settle();
  clients_.clear();
  check_queues();
  for (const SimQueue& queue : kept_queues()) {
    if (queue.is_stream()) {
      check_stream(queue);
    } else {
      drain(queue);
    }
  }
  check_log();
}

/// Fetches all messages. Those of higher priority come first; what one publisher has sent with the
/// same priority comes in its order, whether it was out meanwhile or not.
void SimWorld::drain(const SimQueue& queue) {
  std::map<std::uint64_t, MessageNumber> last_of_publishers;
  std::uint8_t priority = UINT8_MAX;
  while (!failed_) {
    observer_->fetch(queue.name);
    settle();
    if (!observer_->fetched()) break;
    const MessageNumber number = observer_->last_number();
    const Copy& copy = *model_.find(queue.name, number);
    // What comes back to a quorum queue has another place.
    if (copy.is_letter || queue.type != QueueType::classic || queue.delays()) continue;
    const std::string what = "message " + std::to_string(number) + " of " + queue.name;
    if (copy.priority > priority) complain(what + " comes behind others of lower priority");
    if (copy.priority < priority) last_of_publishers.clear();
    priority = copy.priority;
    MessageNumber& last = last_of_publishers[copy.publisher];
    if (number < last) complain(what + " comes behind message " + std::to_string(last));
    last = number;
  }
  model_.note_empty(queue.name);
  if (model_.ready_count(queue.name).certain > 0) {
    complain(std::string(queue.name) + " has lost messages");
  }
}

void SimWorld::check_stream(const SimQueue& stream) {
  observer_->read_all(stream, [this] { settle(); });
  const std::uint64_t known_count = model_.stream().known_count();
  const std::uint64_t wanted_count = model_.ready_count(stream.name).certain;
  if (known_count != wanted_count) {
    complain(std::string(stream.name) + " has " + std::to_string(known_count) +
             " messages to read instead of " + std::to_string(wanted_count));
  }
  if (const std::string disorder = model_.stream_disorder(); !disorder.empty()) {
    complain(disorder);
  }
}

void SimWorld::check_log() {
  if (disk_log_) restart();  // Nothing that was done with may come back.
  if (!log_) return;
  for (auto& shard : shards_) shard->state.end_turn();
  if (chunks_max_ == 0) complain("nothing was ever paged out");
  const std::size_t open_count = log_->reference_count - log_->settled.size();
  std::size_t kept_count = model_.stream().known_count();
  for (auto& shard : shards_) {
    const StatefulExchange* once = shard->state.stateful_exchanges().find("/", "once");
    if (once != nullptr) kept_count += once->seen_count();
  }
  if (open_count != kept_count) {
    complain(std::to_string(open_count) + " references are left in the log and not " +
             std::to_string(kept_count));
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
