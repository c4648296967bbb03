#include "tests/sim/storage/world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>

namespace leveret::storage {

namespace {
const std::string folder = "log";
constexpr NodeId node{std::byte{7}, std::byte{8}, std::byte{9}};
}  // namespace

StorageWorld::Life::Life(StorageWorld& world, Recovered&& recovered)
    : files(world.disk_, folder, node),
      log(files, Recovered(recovered), world.settings_, world) {
  Keeper::Start start{recovered.newest_checkpoint, recovered.older_checkpoint};
  keeper = std::make_unique<Keeper>(log, files, world.settings_, world, std::move(start));
  wakes.resize(world.shard_count_);
  for (std::size_t shard = 0; shard < world.shard_count_; ++shard) {
    shards.push_back(std::make_unique<ShardLog>(log, [this, shard] { ++wakes[shard]; }));
    readers.push_back(std::make_unique<SegmentReader>(log, files, world));
  }
}

StorageWorld::StorageWorld(std::uint64_t seed) : seed_(seed), random_(seed) {
  shard_count_ = 1 + below(3);
  queue_count_ = 1 + below(5);
  body_size_max_ = std::array<std::size_t, 4>{40, 200, 1000, 5000}[below(4)];
}

void StorageWorld::draw_settings() {
  constexpr std::array<std::uint64_t, 5> sizes{1500, 4096, 8192, 16384, 65536};
  constexpr std::array<std::uint64_t, 4> checkpoint_sizes{1000, 5000, 20000, 1 << 20};
  if (settings_.segment_size_bytes == LogSettings{}.segment_size_bytes || chance(20)) {
    settings_.segment_size_bytes = sizes[below(sizes.size())];
  }
  settings_.sync = !chance(15);
  settings_.checkpoint_bytes = checkpoint_sizes[below(checkpoint_sizes.size())];
  settings_.checkpoint_interval = std::chrono::milliseconds(chance(50) ? 1000 : 60'000);
  settings_.spare_count = static_cast<std::uint32_t>(below(4));
  settings_.compact_at_percent = static_cast<std::uint32_t>(10 + below(80));
  settings_.compact_min_bytes = 600;
}

bool StorageWorld::run() {
  (void)disk_.make_folder(folder);
  start_life({});
  const std::uint64_t steps = 50 + below(500);
  for (std::uint64_t i = 0; i < steps && !failed_; ++i) step();
  if (!failed_) finish();
  return !failed_;
}

void StorageWorld::complain(const std::string& what) {
  failed_ = true;
  ADD_FAILURE() << "LEVERET_SIM_SEED=" << seed_ << ": " << what;
}

void StorageWorld::on_failure(const IoError& error) {
  tell("failure " + error.text());
  has_failed_ = true;
  if (!disk_.has_failed()) complain("the log failed on a healthy disk: " + error.text());
}

void StorageWorld::on_disk_full(bool is_full) {
  if (is_full) ++counts_.full_disks;
}

void StorageWorld::on_warning(const std::string& sentence) {
  tell("warning " + sentence);
  if (!trouble_is_due_) complain("a warning on a healthy disk: " + sentence);
}

void StorageWorld::pass_time() {
  constexpr std::array<std::int64_t, 8> pauses{0, 0, 1, 5, 15, 100, 300, 20'000};
  now_ = now_ + std::chrono::milliseconds(pauses[below(pauses.size())]);
}

void StorageWorld::step() {
  const std::uint64_t drawn = below(1000);
  if (drawn < 220) publish();
  else if (drawn < 370) settle();
  else if (drawn < 390) purge();
  else if (drawn < 420) deliver();
  else if (drawn < 440) give_back();
  else if (drawn < 500) define();
  else if (drawn < 690) submit(below(shard_count_));
  else if (drawn < 850) step_log();
  else if (drawn < 920) step_keeper();
  else if (drawn < 945) check_reads();
  else if (drawn < 960) life_->log.request_checkpoint();
  else if (drawn < 970) trouble();
  else if (drawn < 975) end_life(End::closing);
  else if (drawn < 990) end_life(chance(60) ? End::power_cut : End::kill);
  if (failed_) return;
  if (disk_.power_is_cut()) {
    end_life(End::kill);
  } else if (has_failed_ || life_->log.failed()) {
    ++counts_.failures;
    end_life(chance(30) ? End::power_cut : End::kill);
  }
}

// ---- what shards do ------------------------------------------------------------------------

void StorageWorld::publish() {
  auto message = std::make_shared<SimMessage>();
  message->id = next_id_++;
  for (std::uint64_t queue = 1; queue <= queue_count_; ++queue) {
    if (gone_queues_.contains(queue)) continue;
    if (chance(40) || (queue == queue_count_ && message->queues.empty())) {
      message->queues.push_back(queue);
    }
  }
  message->published_at_ms = 1'000'000 + message->id * (chance(50) ? 1 : 1000) - below(900);
  if (chance(30)) message->expiration_ms = below(10'000);
  message->body_size_bytes = static_cast<std::uint32_t>(below(1'000'000));
  message->size_bytes = 8 + (chance(3) ? below(60'000) : below(body_size_max_));
  message->bytes = message->right_bytes();
  message->return_counts.resize(message->queues.size());
  message->publisher = below(shard_count_);
  // In one part, or two.
  const std::size_t cut = chance(50) ? below(message->size_bytes) : 0;
  const std::array<std::span<const std::byte>, 2> parts{
      std::span<const std::byte>(message->bytes).first(cut),
      std::span<const std::byte>(message->bytes).subspan(cut)};
  MessageRecord record;
  record.queues = message->queues;
  record.published_at_ms = message->published_at_ms;
  record.expiration_ms = message->expiration_ms;
  record.body_size_bytes = message->body_size_bytes;
  record.parts = std::span(parts).subspan(cut == 0 ? 1 : 0);
  ShardLog& log = *life_->shards[message->publisher];
  log.append_message(record, message->place);
  SimFrame& turn = turns_[message->publisher];
  if (chance(50)) {
    turn.awaited = true;
    (void)log.awaited_ticket();
  }
  turn.acts.push_back(Publish{message});
  messages_[message->id] = message;
  for (std::uint32_t index = 0; index < message->queues.size(); ++index) {
    held_.push_back({message, index});
  }
}

/// A reference whose shard knows the message, mostly an old one.
std::optional<std::size_t> StorageWorld::pick_held() {
  if (held_.empty()) return std::nullopt;
  const std::size_t at = chance(70) ? below(std::min<std::size_t>(held_.size(), 3))
                                    : below(held_.size());
  const SimReference& held = held_[at];
  const bool is_known = !held.message->place.is_logged() ? false
                        : held.message->place.segment != LogPlace::pending ||
                              held.message->publisher == held.queue() % shard_count_;
  return is_known ? std::optional(at) : std::nullopt;
}

void StorageWorld::settle_held(std::size_t at) {
  const SimReference held = held_[at];
  const std::size_t shard = held.queue() % shard_count_;
  life_->shards[shard]->settle(held.message->place, held.index);
  turns_[shard].acts.push_back(Settle{held});
  held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(at));
}

void StorageWorld::settle() {
  if (const auto at = pick_held()) settle_held(*at);
}

void StorageWorld::purge() {
  const std::uint64_t queue = 1 + below(queue_count_);
  for (std::size_t at = 0; at < held_.size();) {
    const SimReference& held = held_[at];
    const bool is_known = held.message->place.segment != LogPlace::pending ||
                          held.message->publisher == queue % shard_count_;
    if (held.queue() == queue && is_known) {
      settle_held(at);
    } else {
      ++at;
    }
  }
}

void StorageWorld::deliver() {
  const auto at = pick_held();
  if (!at) return;
  const SimReference held = held_[*at];
  if (held.message->return_counts[held.index] > 0) return note_returns(held, true);
  const std::size_t shard = held.queue() % shard_count_;
  life_->shards[shard]->mark_delivered(held.message->place, held.index);
  turns_[shard].acts.push_back(Deliver{held});
}

void StorageWorld::give_back() {
  const auto at = pick_held();
  if (!at) return;
  const SimReference held = held_[*at];
  ++held.message->return_counts[held.index];
  note_returns(held, false);
}

void StorageWorld::note_returns(const SimReference& held, bool is_out) {
  const std::size_t shard = held.queue() % shard_count_;
  const Returns returns{held.message->return_counts[held.index], is_out};
  life_->shards[shard]->mark_returned(held.message->place, held.index, returns);
  turns_[shard].acts.push_back(Return{held, returns});
}

void StorageWorld::define() {
  const std::size_t shard = below(shard_count_);
  const std::string key = std::string(1 + below(2), 'a') + std::to_string(below(6));
  if (chance(70)) {
    const std::string value(below(3) == 0 ? below(300) : 3,
                            static_cast<char>('0' + next_value_++ % 10));
    life_->shards[shard]->define(key, value);
    turns_[shard].acts.push_back(Define{key, value});
  } else if (chance(80)) {
    life_->shards[shard]->undefine(key);
    turns_[shard].acts.push_back(Undefine{key});
  } else {
    const std::string prefix(below(3), 'a');
    life_->shards[shard]->undefine_all(prefix);
    turns_[shard].acts.push_back(UndefineAll{prefix});
  }
  if (chance(50)) {
    (void)life_->shards[shard]->awaited_ticket();
    turns_[shard].awaited = true;
  }
}

void StorageWorld::tell(const std::string& what) const {
  if (is_talkative_) std::printf("%lld: %s\n", static_cast<long long>(now_), what.c_str());
}

void StorageWorld::submit(std::size_t shard) {
  SimFrame turn = std::exchange(turns_[shard], {});
  turn.shard = shard;
  turn.ticket = static_cast<std::uint64_t>(life_->shards[shard]->ticket());
  life_->shards[shard]->submit();
  if (turn.acts.empty() && !turn.awaited) return;
  for (const Act& act : turn.acts) {
    const auto* published = std::get_if<Publish>(&act);
    if (published == nullptr) continue;
    if (published->message->place.segment == LogPlace::pending) complain("a place is pending");
    unwritten_.push_back(published->message);
    published->message->ticket = turn.ticket;
  }
  tell("submit " + std::to_string(shard) + " " + std::to_string(turn.acts.size()) +
       (turn.awaited ? " awaited" : ""));
  frames_.push_back(std::move(turn));
  ++counts_.frames;
}

/// Bytes that the log has written are the broker's again: they are overwritten here.
void StorageWorld::forget_written() {
  std::erase_if(unwritten_, [&](const SimMessagePtr& message) {
    const auto written = life_->shards[message->publisher]->written();
    if (static_cast<std::uint64_t>(written) < message->ticket) return false;
    std::fill(message->bytes.begin(), message->bytes.end(), std::byte{0xDD});
    return true;
  });
}

// ---- what the log's threads do -------------------------------------------------------------

void StorageWorld::step_log() {
  pass_time();
  tell("step");
  life_->log.step(now_);
  forget_written();
  if (life_->log.failed() || life_->log.out_of_space()) return;
  for (const SimFrame& frame : frames_) {
    const ShardLog& shard = *life_->shards[frame.shard];
    if (frame.awaited && static_cast<std::uint64_t>(shard.committed()) < frame.ticket) {
      complain("a step has not committed what is awaited");
    }
    if (shard.committed() > shard.written()) complain("committed before it was written");
  }
}

void StorageWorld::step_keeper() {
  pass_time();
  tell("keeper");
  life_->keeper->step(now_);
}

void StorageWorld::check_reads() {
  if (trouble_is_due_) return;
  SegmentReader& reader = *life_->readers[below(life_->readers.size())];
  std::vector<LogPlace> places;
  std::vector<SimMessagePtr> messages;
  const bool sparse = chance(50);
  for (const SimReference& held : held_) {
    const LogPlace& place = held.message->place;
    if (place.segment == LogPlace::pending || (sparse && chance(70))) continue;
    if (!reader.is_written(place)) {
      if (held.message->publisher < life_->shards.size() && held.message->ticket != 0 &&
          static_cast<std::uint64_t>(life_->shards[held.message->publisher]->written()) <
              held.message->ticket) {
        continue;
      }
      return complain("a message that is written cannot be read yet");
    }
    places.push_back(place);
    messages.push_back(held.message);
  }
  std::size_t next = 0;
  reader.read(places, [&](std::size_t index, std::span<const std::byte> bytes) {
    ++counts_.reads;
    if (index != next++) complain("messages come in another order than they were asked for");
    if (!std::ranges::equal(bytes, messages[index]->right_bytes())) {
      complain("message " + std::to_string(messages[index]->id) + " has other bytes: " +
               std::to_string(bytes.size()));
    }
  });
  if (next != places.size()) complain("not all messages were visited");
}

// ---- what the disk does --------------------------------------------------------------------

void StorageWorld::trouble() {
  const std::uint64_t kind = below(4);
  tell("trouble " + std::to_string(kind));
  switch (kind) {
    case 0: {
      DiskFault fault;
      fault.nth = 1 + below(20);
      fault.for_ever = chance(30);
      if (chance(70)) fault.call = chance(50) ? DiskCall::sync : DiskCall::write;
      trouble_is_due_ = had_trouble_ = true;
      return disk_.fail(fault);
    }
    case 1: {
      DiskFault fault;
      fault.nth = 1 + below(60);
      fault.power_cut = true;
      trouble_is_due_ = had_trouble_ = true;
      return disk_.fail(fault);
    }
    case 2:
      // Warnings that there is no room are right now.
      trouble_is_due_ = had_trouble_ = true;
      return disk_.limit_bytes(disk_.used_bytes() + below(20'000));
    default:
      return disk_.limit_bytes(FaultyDisk::no_limit);
  }
}

}  // namespace leveret::storage
