// The world's ends and starts: what must be there afterwards.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/sim/storage/world.hpp"

namespace leveret::storage {

namespace {
const std::string folder = "log";
constexpr NodeId node{std::byte{7}, std::byte{8}, std::byte{9}};
}  // namespace

/// How many of the frames are promised: all up to the last committed one.
std::size_t StorageWorld::committed_frame_count() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    const auto committed = life_->shards[frames_[i].shard]->committed();
    if (static_cast<std::uint64_t>(committed) >= frames_[i].ticket) count = i + 1;
  }
  return count;
}

void StorageWorld::end_life(End end) {
  tell("end " + std::to_string(static_cast<int>(end)));
  if (end == End::closing && !life_->log.failed()) {
    ++counts_.closings;
    for (std::size_t shard = 0; shard < shard_count_; ++shard) submit(shard);
    life_->log.close(now_);
    life_->keeper->finish();
    if (!has_failed_ && !life_->log.out_of_space() && committed_frame_count() < frames_.size()) {
      complain("a log that was closed has not committed all");
    }
  }
  Promise promise{committed_frame_count(), settings_.sync};
  life_.reset();
  if (end == End::power_cut || (disk_.has_failed() && chance(50))) {
    cut_power(promise);
  } else {
    kill();
  }
  start_life(promise);
}

/// The process died, perhaps in the middle of something; the system lives on.
void StorageWorld::kill() {
  tell("kill");
  ++counts_.kills;
  disk_.heal();
}

void StorageWorld::cut_power(Promise& promise) {
  ++counts_.crashes;
  had_trouble_ = true;
  tell("power cut");
  disk_.crash(random_);
  if (!promise.survives_power_cut) promise.frames_min = 0;
}

std::uint32_t StorageWorld::newest_checkpoint() const {
  std::uint32_t newest = 0;
  for (const std::string& name : disk_.names(folder)) {
    if (const auto number = number_in_checkpoint_name(name)) newest = std::max(newest, *number);
  }
  return newest;
}

/// A checkpoint may be damaged when there is another one, an index always.
void StorageWorld::damage_what_may_be() {
  std::vector<std::string> checkpoints;
  std::vector<std::string> indexes;
  for (const std::string& name : disk_.names(folder)) {
    if (number_in_index_name(name)) indexes.push_back(name);
    if (number_in_checkpoint_name(name) || number_in_checkpoint_copy_name(name)) {
      checkpoints.push_back(name);
    }
  }
  // A life without trouble that has made one leaves two that are good, and no others.
  if (!had_trouble_ && newest_checkpoint() > first_checkpoint_ && checkpoints.size() == 2 &&
      chance(30)) {
    damage(checkpoints[below(2)]);
  }
  if (!indexes.empty() && chance(20)) damage(indexes[below(indexes.size())]);
}

void StorageWorld::damage(const std::string& name) {
  tell("damages " + name);
  ++counts_.damages;
  const std::string path = folder + "/" + name;
  std::vector<std::byte> bytes = disk_.bytes(path);
  if (bytes.empty() || chance(20)) return disk_.erase(path);
  if (chance(30)) {
    bytes.resize(below(bytes.size()));
  } else {
    bytes[below(bytes.size())] ^= std::byte{static_cast<std::uint8_t>(1 + below(255))};
  }
  disk_.put(path, std::move(bytes));
}

void StorageWorld::start_life(Promise promise) {
  has_failed_ = false;
  draw_settings();
  damage_what_may_be();
  had_trouble_ = false;
  first_checkpoint_ = newest_checkpoint();
  if (chance(3) && gone_queues_.size() + 1 < queue_count_) {
    const std::uint64_t gone = 1 + below(queue_count_ - 1);
    gone_queues_.insert(gone);
  }
  for (int attempt = 0; !failed_; ++attempt) {
    trouble_is_due_ = disk_.is_limited();
    if (attempt < 3 && !is_calm_ && chance(20)) {
      trouble_is_due_ = had_trouble_ = true;
      DiskFault fault;
      fault.nth = 1 + below(60);
      fault.power_cut = chance(50);
      disk_.fail(fault);
    }
    const bool recovered = try_recover(promise.frames_min);
    // All that was found is promised from now on, whatever happens to the power.
    if (recovered) promise = {};
    if (disk_.power_is_cut()) {
      life_.reset();
      if (chance(50)) {
        cut_power(promise);
      } else {
        kill();
      }
      continue;
    }
    disk_.heal();
    if (recovered) break;
  }
  trouble_is_due_ = disk_.is_limited();
}

/// False: the disk has failed meanwhile.
bool StorageWorld::try_recover(std::size_t frames_min) {
  auto recovered = recover(disk_, folder, node, {});
  tell("recover " +
       (recovered ? std::to_string(recovered->next_segment) : recovered.error()) +
       (disk_.has_failed() ? " (failed)" : ""));
  if (!recovered) {
    if (!disk_.has_failed()) complain("recovery refuses: " + recovered.error());
    return false;
  }
  std::vector<LiveReference> found;
  const auto visited = for_each_live_reference(disk_, folder, node, *recovered, {},
                                               [&](const LiveReference& reference) {
                                                 if (gone_queues_.contains(reference.queue)) {
                                                   return false;
                                                 }
                                                 found.push_back(reference);
                                                 return true;
                                               });
  if (!visited) {
    if (!disk_.has_failed()) complain("messages are missing: " + visited.error());
    return false;
  }
  Recovered copy = *recovered;
  life_ = std::make_unique<Life>(*this, std::move(*recovered));
  check_recovered(copy, found, frames_min);
  return !failed_ && life_ != nullptr;
}

void StorageWorld::check_recovered(const Recovered& recovered,
                                   const std::vector<LiveReference>& found,
                                   std::size_t frames_min) {
  const std::vector<std::uint64_t> ids = read_ids(found);
  if (failed_) return;
  if (ids.size() != found.size()) {
    life_.reset();  // The disk failed while they were read.
    return;
  }
  SimState state = base_;
  const auto forget_gone = [&](SimState& of) {
    for (const std::uint64_t queue : gone_queues_) of.forget_queue(queue);
  };
  forget_gone(state);
  for (std::size_t count = 0;; ++count) {
    if (count >= frames_min && matches(state, recovered, found, ids)) {
      counts_.lost_frames += frames_.size() - count;
      return take_over(std::move(state), found);
    }
    if (count == frames_.size()) break;
    state.apply(frames_[count]);
    forget_gone(state);
  }
  std::string text = "what was recovered is no beginning of what was submitted: " +
                     std::to_string(frames_min) + " of " + std::to_string(frames_.size()) +
                     " frames are promised;";
  for (std::size_t i = 0; i < found.size(); ++i) {
    text += " " + std::to_string(ids[i]) + "." + std::to_string(found[i].index) +
            (found[i].delivered ? "d" : "");
  }
  text += "; all would be";
  for (const SimState::Live& live : state.live()) {
    text += " " + std::to_string(live.reference.message->id) + "." +
            std::to_string(live.reference.index) + (live.delivered ? "d" : "");
  }
  text += "; " + std::to_string(recovered.state.definitions().size()) + " definitions, all " +
          std::to_string(state.definitions().size());
  complain(text);
}

/// Reads what was found, and finds in the bytes which messages they are.
std::vector<std::uint64_t> StorageWorld::read_ids(const std::vector<LiveReference>& found) {
  std::vector<LogPlace> places;
  for (const LiveReference& reference : found) places.push_back(reference.place);
  std::vector<std::uint64_t> ids;
  bool is_readable = true;
  life_->readers[0]->read(places, [&](std::size_t, std::span<const std::byte> bytes) {
    if (bytes.size() < 8) {
      is_readable = false;
      return;
    }
    ids.push_back(read_struct<std::uint64_t>(bytes));
    const auto known = messages_.find(ids.back());
    if (known == messages_.end() || !std::ranges::equal(bytes, known->second->right_bytes())) {
      complain("a message has other bytes than it was published with");
    }
  });
  if (!is_readable && !disk_.has_failed()) complain("a message cannot be read");
  if (!is_readable) ids.resize(found.size() + 1);
  return ids;
}

bool StorageWorld::matches(const SimState& state, const Recovered& recovered,
                           const std::vector<LiveReference>& found,
                           const std::vector<std::uint64_t>& ids) const {
  if (state.live_count() != found.size()) return false;
  if (!std::ranges::equal(state.definitions(), recovered.state.definitions())) return false;
  const std::vector<SimState::Live> live = state.live();
  for (std::size_t i = 0; i < live.size(); ++i) {
    const SimMessage& message = *live[i].reference.message;
    const LiveReference& reference = found[i];
    if (message.id != ids[i] || live[i].reference.index != reference.index ||
        live[i].reference.queue() != reference.queue ||
        live[i].delivered != reference.delivered ||
        live[i].return_count != reference.return_count ||
        message.published_at_ms != reference.published_at_ms ||
        message.expiration_ms != reference.expiration_ms ||
        message.body_size_bytes != reference.body_size_bytes ||
        message.place.reference(0) != reference.place.reference(0)) {
      return false;
    }
  }
  return true;
}

void StorageWorld::take_over(SimState state, const std::vector<LiveReference>& found) {
  base_ = std::move(state);
  frames_.clear();
  turns_.assign(shard_count_, {});
  held_.clear();
  unwritten_.clear();
  messages_.clear();
  std::size_t at = 0;
  for (const SimState::Live& live : base_.live()) {
    const SimMessagePtr& message = live.reference.message;
    message->place = found[at++].place;
    message->ticket = 0;
    message->return_counts[live.reference.index] = live.return_count;
    messages_[message->id] = message;
    held_.push_back(live.reference);
  }
}

void StorageWorld::settle_all() {
  for (std::size_t shard = 0; shard < shard_count_; ++shard) submit(shard);
  while (!held_.empty()) settle_held(held_.size() - 1);
  for (std::size_t shard = 0; shard < shard_count_; ++shard) submit(shard);
}

/// When all is settled and time has passed, little is left on the disk.
void StorageWorld::finish() {
  disk_.limit_bytes(FaultyDisk::no_limit);
  disk_.heal();
  trouble_is_due_ = false;
  if (chance(30)) end_life(chance(50) ? End::power_cut : End::kill);
  if (failed_) return;
  check_reads();
  settle_all();
  for (int i = 0; i < 300 && !failed_; ++i) {
    now_ = now_ + std::chrono::milliseconds(1000);
    life_->log.step(now_);
    life_->keeper->step(now_);
  }
  if (failed_) return;
  if (committed_frame_count() < frames_.size()) complain("frames that nobody awaits stay behind");
  // What could not be removed when the disk failed goes after a start.
  is_calm_ = true;
  end_life(End::closing);
  if (failed_) return;
  life_->keeper->step(now_);
  std::size_t segments = 0, indexes = 0, checkpoints = 0;
  for (const std::string& name : disk_.names(folder)) {
    if (number_in_segment_name(name)) ++segments;
    if (number_in_index_name(name)) ++indexes;
    if (number_in_checkpoint_name(name)) ++checkpoints;
  }
  if (segments > 2 || indexes > segments || checkpoints > 2) {
    std::string text = "garbage stays:";
    for (const std::string& name : disk_.names(folder)) {
      text += " " + name + " " + std::to_string(disk_.bytes(folder + "/" + name).size());
    }
    complain(text);
  }
}

}  // namespace leveret::storage
