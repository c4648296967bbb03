/// Shards whose turns and whose mail come in a random order, and random clients of theirs. The
/// same seed gives the same story.
///
/// Owner:  one test.   Thread: the test's.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "broker/core/shard_state.hpp"
#include "broker/session/session_settings.hpp"
#include "storage/log.hpp"
#include "tests/sim/model.hpp"
#include "tests/unit/broker/core/paging.hpp"

namespace leveret::broker {

class SimClient;

class SimWorld {
 public:
  /// `paged`: there is a log, and all that can leave memory does at the end of each turn.
  SimWorld(std::uint64_t seed, std::uint16_t shard_count, std::size_t client_count, bool paged);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  /// One random step: some shard has a turn.
  void step();
  /// Nothing new happens until everything that has begun is over; then all is counted.
  void check();
  /// All clients go, and what is left is fetched.
  void end();

  // ---- what clients ask ----
  Model& model() { return model_; }
  ShardState& shard(std::uint16_t number) { return shards_[number]->state; }
  std::uint64_t random(std::uint64_t below) { return random_() % below; }
  bool one_in(std::uint64_t count) { return random(count) == 0; }
  MessageNumber next_message() { return ++last_message_; }
  std::string next_tag() { return "c" + std::to_string(++last_tag_); }
  Instant now() const { return now_; }
  std::shared_ptr<const SessionSettings> settings() const { return settings_; }
  /// Keeps a line for the story that is told when something is wrong.
  void note(std::string line);
  void complain(const std::string& what);
  bool failed() const { return failed_; }

 private:
  class Port;
  struct Shard {
    Shard(SimWorld& world, std::uint16_t number, std::uint16_t count);
    std::unique_ptr<Port> port;
    storage::VolatileLog no_log;
    std::unique_ptr<Paging> paging;
    ShardState state;
    std::vector<std::deque<ShardMessage>> mail_from;
    bool somebody_waits = false;
    bool unfinished = false;
  };

  bool turn(std::uint16_t number, bool calm);
  bool receive_mail(Shard& shard, bool calm);
  std::size_t mail_count(const Shard& shard) const;
  void settle();
  void check_queue(const std::string& queue);
  void check_stream(const SimQueue& stream);
  void check_log();
  std::unique_ptr<SimClient> new_client();

  std::uint64_t seed_;
  std::mt19937_64 random_;
  Instant now_{1'000'000};
  std::shared_ptr<SessionSettings> settings_;
  std::unique_ptr<ReadableLog> log_;  ///< Of all shards, if they page.
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::unique_ptr<SimClient> observer_;
  Model model_;
  std::deque<std::string> story_;
  std::uint64_t last_message_ = 0;
  std::uint64_t last_tag_ = 0;
  std::uint64_t last_client_ = 0;
  std::uint64_t chunks_max_ = 0;
  bool failed_ = false;
};

}  // namespace leveret::broker
