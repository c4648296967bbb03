/// A node's storage from start to crash to start, with shards that do random things, on a disk that
/// does its worst.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "storage/durable_log.hpp"
#include "storage/keeper.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_reader.hpp"
#include "storage/shard_log.hpp"
#include "tests/sim/storage/model.hpp"
#include "tests/unit/storage/faulty_disk.hpp"

namespace leveret::storage {

class StorageWorld final : public LogEvents {
 public:
  explicit StorageWorld(std::uint64_t seed);

  /// Tells the story whose number is the seed. False: something was wrong and has been reported.
  bool run();

  struct Counts {
    std::uint64_t crashes = 0, kills = 0, closings = 0, failures = 0, full_disks = 0;
    std::uint64_t frames = 0, lost_frames = 0, reads = 0, damages = 0, compacted = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  /// What lives from a start to its end.
  struct Life {
    Life(StorageWorld& world, Recovered&& recovered);
    SegmentFiles files;
    DurableLog log;
    std::unique_ptr<Keeper> keeper;
    std::vector<std::unique_ptr<ShardLog>> shards;
    std::vector<std::unique_ptr<SegmentReader>> readers;
    std::vector<std::uint64_t> wakes;
  };
  enum class End { kill, power_cut, closing };
  /// How many of the frames have to be there after the end of a life.
  struct Promise {
    std::size_t frames_min = 0;
    bool survives_power_cut = true;
  };

  void on_failure(const IoError& error) override;
  void on_disk_full(bool is_full) override;
  void on_warning(const std::string& sentence) override;

  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  void complain(const std::string& what);
  /// Into the output, when LEVERET_SIM_TALK is set.
  void tell(const std::string& what) const;

  void draw_settings();
  void step();
  void pass_time();

  // ---- what shards do ----
  void publish();
  void settle();
  void purge();
  void deliver();
  /// A consumer gives a message back.
  void give_back();
  void note_returns(const SimReference& held, bool is_out);
  void define();
  void submit(std::size_t shard);
  std::optional<std::size_t> pick_held();
  void settle_held(std::size_t at);
  void forget_written();

  // ---- what the log's threads do ----
  void step_log();
  void step_keeper();
  void check_reads();

  // ---- what the disk does ----
  void trouble();

  // ---- ends and starts ----
  std::size_t committed_frame_count() const;
  void end_life(End end);
  void cut_power(Promise& promise);
  void kill();
  std::uint32_t newest_checkpoint() const;
  void damage_what_may_be();
  void damage(const std::string& name);
  void start_life(Promise promise);
  bool try_recover(std::size_t frames_min);
  void check_recovered(const Recovered& recovered, const std::vector<LiveReference>& found,
                       std::size_t frames_min);
  std::vector<std::uint64_t> read_ids(const std::vector<LiveReference>& found);
  bool matches(const SimState& state, const Recovered& recovered,
               const std::vector<LiveReference>& found,
               const std::vector<std::uint64_t>& ids) const;
  void take_over(SimState state, const std::vector<LiveReference>& found);
  void finish();
  void settle_all();

  const std::uint64_t seed_;
  const bool is_talkative_ = std::getenv("LEVERET_SIM_TALK") != nullptr;
  FaultyDisk::Random random_;
  FaultyDisk disk_;
  LogSettings settings_;
  std::size_t shard_count_ = 1;
  std::uint64_t queue_count_ = 1;
  std::size_t body_size_max_ = 100;
  std::unique_ptr<Life> life_;
  Instant now_{1000};

  SimState base_;                  ///< When this life began.
  std::vector<SimFrame> frames_;   ///< Submitted since then.
  std::vector<SimFrame> turns_;    ///< What each shard has not submitted yet.
  std::vector<SimReference> held_; ///< Alive as the shards see it.
  std::set<std::uint64_t> gone_queues_;
  std::map<std::uint64_t, SimMessagePtr> messages_;
  std::vector<SimMessagePtr> unwritten_;
  std::uint64_t next_id_ = 1;
  std::uint64_t next_value_ = 1;
  bool has_failed_ = false;    ///< The log or the keeper has said so.
  bool trouble_is_due_ = false;///< A fault was ordered.
  bool had_trouble_ = false;   ///< In this life.
  std::uint32_t first_checkpoint_ = 0;  ///< That there was at the beginning of this life.
  bool is_calm_ = false;       ///< Nothing goes wrong any more.
  bool failed_ = false;        ///< The test.
  Counts counts_;
};

}  // namespace leveret::storage
