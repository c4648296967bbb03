/// A whole broker without sockets, threads or a clock: shards, what they say to each other, and
/// the clients that scripts speak for. Everything happens in one order, always the same.
///
/// Owner:  one test.   Thread: the test's.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/shard_state.hpp"
#include "broker/session/session_settings.hpp"
#include "tests/session/slow_log.hpp"

namespace leveret::broker {

class Client;

/// How a script's bytes reach the session.
enum class Split : std::uint8_t {
  frames,  ///< A frame, then a turn.
  bytes,   ///< A byte, then a turn.
  chunk,   ///< All that one client says until somebody else does something, then a turn.
};

/// In which form a script is played.
struct Form {
  std::uint16_t shard_count = 1;
  Split split = Split::frames;
};
void PrintTo(const Form& form, std::ostream* out);
/// A word for a test's name: "OneShardByBytes".
std::string name_of(const Form& form);

class World {
 public:
  explicit World(Form form);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// A new client that has said nothing yet. The first is on the last shard, the next on the one
  /// before, so that with two shards a first client's topology requests cross over. The address
  /// "internal" is that of the broker itself.
  Client& add_client(std::string address = "127.0.0.1");

  /// Turns of all shards, one after the other, until nobody has anything more to do.
  void settle();
  /// Brings what all clients have been told to say so far to the sessions, and their answers back.
  void catch_up();
  /// Lets time pass, and timers fire in their order, each at its time.
  void advance(std::chrono::milliseconds duration);

  void set_alarm(ResourceAlarm alarm);
  /// While the disk is slow, nothing that is logged becomes safe.
  void set_disk_slow(bool slow);
  /// How many references to logged messages a shard has settled.
  std::uint64_t settled_count(std::size_t shard) const {
    return shards_[shard]->log.settled_count();
  }
  /// Says of a shard that its inbox is full, or that it has room again.
  void set_congested(ShardId shard, bool congested);
  void shut_down();

  /// Replaces users and virtual hosts. guest, with all permissions in "/", is there from the start.
  void install(std::shared_ptr<const Users> users, std::vector<std::string> vhosts);
  /// Changes users, vhosts and the like, as an operator does while all runs.
  void change(DefinitionChange change);
  void set_limits(const NodeLimits& limits);
  void set_consumer_timeout(std::chrono::milliseconds timeout);

  SessionSettings& settings() { return settings_; }  ///< For clients that are added afterwards.
  const Form& form() const { return form_; }
  ShardState& shard(std::size_t number) { return shards_[number]->state; }
  Instant now() const { return now_; }
  std::uint64_t connection_count() { return shard(0).controller().connection_count(); }
  /// All clients hang up. For the end of a script.
  void hang_up_everybody();
  std::vector<std::unique_ptr<Client>>& clients() { return clients_; }

 private:
  class Port;
  struct Shard {
    Shard(World& world, std::uint16_t number, std::uint16_t count);
    std::unique_ptr<Port> port;
    SlowLog log;
    ShardState state;
    std::deque<ShardMessage> inbox;
    bool congested = false;
    bool unfinished = false;
  };

  /// True when something happened that may lead to more.
  bool turn(std::uint16_t number);
  void send_to_all(const ShardMessage& message);

  Form form_;
  Instant now_{1'000'000};
  SessionSettings settings_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace leveret::broker
