/// Shards whose turns and whose mail come in a random order, and random clients of theirs. The
/// same seed gives the same story. With a disk the broker has one life after the other.
///
/// Owner:  one test.   Thread: the test's.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "broker/core/recovery.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/session/session_settings.hpp"
#include "storage/log.hpp"
#include "tests/sim/model.hpp"
#include "tests/sim/sim_log.hpp"
#include "tests/unit/broker/core/paging.hpp"

namespace leveret::broker {

class SimClient;

enum class SimStorage : std::uint8_t {
  none,      ///< Nothing is kept.
  readable,  ///< A log in memory; all that can leave memory does at the end of each turn.
  disk,      ///< A log on a disk, which outlives the broker.
};

class SimWorld {
 public:
  SimWorld(std::uint64_t seed, std::uint16_t shard_count, std::size_t client_count,
           SimStorage storage);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  /// One random step: some shard has a turn.
  void step();
  /// Nothing new happens until everything that has begun is over; then all is counted.
  void check();
  /// All clients go, and what is left is fetched.
  void end();
  /// The broker ends, in some way or other, and begins anew. Requires: a disk.
  void restart();

  // ---- what clients ask ----
  Model& model() { return model_; }
  ShardState& shard(std::uint16_t number) { return shards_[number]->state; }
  std::uint64_t random(std::uint64_t below) { return random_() % below; }
  bool one_in(std::uint64_t count) { return random(count) == 0; }
  MessageNumber next_message() { return ++last_message_; }
  std::string next_tag() { return "c" + std::to_string(++last_tag_); }
  Instant now() const { return now_; }
  /// The turn of a shard that somebody acts in.
  void begin_turn(ShardState& shard) const { shard.begin_turn(now_, wall_time()); }
  std::shared_ptr<const SessionSettings> settings() const { return settings_; }
  /// A consumer has got a message of a queue that has a single active consumer.
  void note_active(const std::string& queue, const std::string& tag);
  /// Keeps a line for the story that is told when something is wrong.
  void note(std::string line);
  void complain(const std::string& what);
  bool failed() const { return failed_; }

 private:
  class Port;
  struct Shard {
    Shard(SimWorld& world, std::uint16_t number, std::uint16_t count);
    ~Shard();
    std::unique_ptr<Port> port;
    storage::VolatileLog no_log;
    std::unique_ptr<Paging> paging;
    ShardState state;
    std::vector<std::deque<ShardMessage>> mail_from;
    bool somebody_waits = false;
    bool unfinished = false;
  };

  WallTime wall_time() const {
    return WallTime{1'700'000'000'000 + static_cast<std::int64_t>(now_)};
  }
  storage::LogReader* reader(std::uint16_t shard);
  storage::LogWriter& writer(std::uint16_t shard, storage::VolatileLog& no_log);

  // ---- sim_restart.cpp ----
  void make_trouble();
  void end_life();
  void begin_life();
  void make_shards(std::uint16_t count);
  void recover();
  std::vector<Survivor> read_survivors(const RecoveredTopology& topology,
                                       const std::vector<storage::LiveReference>& found);
  Survivor survivor_of(const storage::LiveReference& reference, const std::string& queue,
                       std::span<const std::byte> bytes);
  void begin_clients();
  void write_log(bool calm);

  bool turn(std::uint16_t number, bool calm);
  bool receive_mail(Shard& shard, bool calm);
  std::size_t mail_count(const Shard& shard) const;
  void settle();
  void let_time_pass();
  /// What a queue has, as its observer sees it.
  struct Seen {
    std::uint64_t ready_count = 0;
    std::uint64_t consumer_count = 0;
  };
  void check_queues();
  void check_counts(const std::map<std::string, Seen>& seen);
  void check_consumers(const SimQueue& queue, const Seen& seen);
  std::string neglected(const SimQueue& queue,
                        const std::map<std::string, std::string>& hungry,
                        std::uint64_t consumer_count) const;
  bool is_staying(const std::string& tag) const;
  void check_refusals(const SimQueue& queue, const Seen& seen);
  void drain(const SimQueue& queue);
  void check_window(const SimQueue& queue);
  void change_policies();
  void put_policy(const std::string& queue, const std::string& definition);
  void check_stream(const SimQueue& stream);
  void check_log();
  std::unique_ptr<SimClient> new_client();

  std::uint64_t seed_;
  std::mt19937_64 random_;
  Instant now_{1'000'000};
  std::shared_ptr<SessionSettings> settings_;
  const SimStorage storage_;
  std::unique_ptr<ReadableLog> log_;  ///< Of all shards, if they page.
  storage::FaultyDisk disk_;
  std::unique_ptr<SimLog> disk_log_;  ///< Of this life, if there is a disk.
  std::size_t client_count_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::unique_ptr<SimClient> observer_;
  Model model_;
  /// Who was last given something, of queues with a single active consumer.
  std::map<std::string, std::string> active_consumers_;
  std::deque<std::string> story_;
  std::uint64_t last_message_ = 0;
  std::uint64_t last_tag_ = 0;
  std::uint64_t last_client_ = 0;
  std::uint64_t chunks_max_ = 0;
  bool failed_ = false;
};

}  // namespace leveret::broker
