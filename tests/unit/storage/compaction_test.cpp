// A segment that is mostly garbage is written anew: tests of the second half of Keeper.

#include <algorithm>

#include "tests/unit/storage/log_fixture.hpp"

namespace leveret::storage {
namespace {

class CompactionTest : public LogFixture {
 protected:
  static constexpr int message_count = 20;

  CompactionTest() {
    settings.checkpoint_interval = std::chrono::milliseconds(1'000'000);
    settings.compact_at_rest_percent = 50;
  }

  std::string text_of(int number) const {
    return std::to_string(number) + std::string(1000, static_cast<char>('a' + number));
  }
  /// Segment 1 has 20 messages for `queues` and two checkpoints that cover it.
  void fill(const std::vector<std::uint64_t>& queues = {1}) {
    open();
    for (int i = 0; i < message_count; ++i) append(text_of(i), queues);
    shards[0]->define("a key", "a value");
    commit();
    roll();
    make_checkpoint();
  }
  void make_checkpoint() {
    shards[0]->define("more", "");
    commit();
    roll();
  }
  /// All but every fourth message.
  void settle_most() {
    for (int i = 0; i < message_count; ++i) {
      if (i % 4 != 0) settle(places[i]);
    }
  }
  std::vector<std::string> texts_left() const {
    std::vector<std::string> left;
    for (int i = 0; i < message_count; i += 4) left.push_back(text_of(i));
    return left;
  }
  std::uint32_t generation(std::uint32_t segment = 1) {
    const auto file = disk.open(path(segment_name(segment)), OpenMode::read);
    const auto header = read_segment_header(**file, node, segment);
    return header && *header ? (*header)->generation : UINT32_MAX;
  }
  /// What can be read by places from before.
  void expect_readable() {
    std::vector<LogPlace> asked;
    for (int i = 0; i < message_count; i += 4) asked.push_back(places[i]);
    std::vector<std::string> got;
    reader->read(asked, [&](std::size_t, std::span<const std::byte> bytes) {
      got.emplace_back(read_text(bytes));
    });
    EXPECT_EQ(got, texts_left());
    EXPECT_TRUE(warnings.empty()) << warnings[0];
  }
};

TEST_F(CompactionTest, KeepsWhatIsAlive) {
  fill();
  settle_most();
  commit();
  expect_readable();  // The reader has the file open.
  const std::uint64_t size_before = disk.bytes(path(segment_name(1))).size();
  keeper->step(now);
  EXPECT_EQ(generation(), 1U);
  EXPECT_LT(disk.bytes(path(segment_name(1))).size(), size_before / 2);
  expect_readable();
  for (int restart = 0; restart < 2; ++restart) {
    cut_power_losing_all();
    open();
    EXPECT_EQ(found_texts(), texts_left());
    EXPECT_EQ(recovered.state.definitions().size(), 2U);
  }
  EXPECT_TRUE(warnings.empty());
}

TEST_F(CompactionTest, IsDoneAgainWhenMoreIsSettled) {
  fill();
  settle_most();
  commit();
  keeper->step(now);
  for (int i = 4; i < message_count; i += 4) settle(places[i]);
  commit();
  keeper->step(now);
  EXPECT_EQ(generation(), 2U);
  EXPECT_EQ(read(places[0]), text_of(0));
  kill();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{text_of(0)}));
}

TEST_F(CompactionTest, WaitsUntilThereIsEnoughGarbage) {
  fill();
  for (int i = 0; i < message_count * 4 / 10; ++i) settle(places[i]);
  commit();
  keeper->step(now);
  EXPECT_EQ(generation(), 0U);
}

// Goal: a log that rests is tidied up more thoroughly.
TEST_F(CompactionTest, IsThoroughWhenNothingHappens) {
  settings.compact_at_rest_percent = 20;
  fill();
  for (int i = 0; i < message_count * 4 / 10; ++i) settle(places[i]);
  commit();
  keeper->step(now);
  EXPECT_EQ(generation(), 0U);
  run_seconds(11);
  EXPECT_EQ(generation(), 1U);
}

TEST_F(CompactionTest, LeavesSmallSegmentsAlone) {
  settings.compact_min_bytes = 100'000;
  fill();
  settle_most();
  commit();
  run_seconds(20);
  EXPECT_EQ(generation(), 0U);
}

// Goal: definitions and settlements of a segment that only the newer checkpoint has stay in it.
TEST_F(CompactionTest, WaitsUntilBothCheckpointsCoverTheSegment) {
  open();
  for (int i = 0; i < message_count; ++i) append(text_of(i));
  commit();
  roll();
  settle_most();
  commit();
  keeper->step(now);
  EXPECT_EQ(generation(), 0U);
  make_checkpoint();
  EXPECT_EQ(generation(), 1U);
}

// Goal: who was told by no record on the disk that a message is settled still finds it.
TEST_F(CompactionTest, WaitsForSettlementsToBeSafe) {
  fill();
  settle_most();
  write_unsynced();
  keeper->step(now);
  EXPECT_EQ(generation(), 0U);
  cut_power_losing_all();
  open();
  EXPECT_EQ(found.size(), 20U);
  EXPECT_TRUE(names_like(".new").empty());

  keeper->step(now);  // The due checkpoint.
  settle_most();
  write_unsynced();
  keeper->step(now);
  EXPECT_EQ(generation(), 0U);
  pass(settings.sync_delay.count());
  step();
  keeper->step(now);
  EXPECT_EQ(generation(), 1U);
}

TEST_F(CompactionTest, WaitsForSettlementsToBeSafeWhereNothingIsSynced) {
  settings.sync = false;
  fill();
  settle_most();
  commit();
  keeper->step(now);
  EXPECT_EQ(generation(), 0U);
  make_checkpoint();
  keeper->step(now);
  EXPECT_EQ(generation(), 1U);
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), texts_left());
}

TEST_F(CompactionTest, IsDroppedWhenTheSegmentDies) {
  fill();
  settle_most();
  write_unsynced();
  keeper->step(now);
  ASSERT_EQ(names_like(".new").size(), 1U);
  for (const LogPlace& place : places) settle(place);
  shards[0]->submit();
  for (int i = 0; i < 3; ++i) make_checkpoint();
  EXPECT_TRUE(names_like(segment_name(1)).empty());
  keeper->step(now);
  EXPECT_TRUE(names_like(segment_name(1)).empty());
  keeper->finish();
  EXPECT_TRUE(names_like(".new").empty());
}

TEST_F(CompactionTest, LeavesNoHalfAFileBehindWhenItEnds) {
  fill();
  settle_most();
  write_unsynced();
  keeper->step(now);
  ASSERT_EQ(names_like(".new").size(), 1U);
  keeper->finish();
  EXPECT_TRUE(names_like(".new").empty());
}

// Goal: a message that one slow queue still needs is not copied again and again because all others
// have settled it.
TEST_F(CompactionTest, DoesNotCopyForNothing) {
  fill({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  for (const LogPlace& place : places) {
    for (std::uint32_t index = 0; index < 9; ++index) {
      if (place.is_logged()) settle(place, index);
    }
  }
  commit();
  run_seconds(1);
  const std::uint64_t writes = disk.call_count(DiskCall::write);
  run_seconds(50);
  EXPECT_EQ(generation(), 0U);
  EXPECT_EQ(disk.call_count(DiskCall::write), writes);
  // When they are really settled it is worth it.
  for (int i = 0; i < message_count; ++i) {
    if (i % 4 != 0) settle(places[i], 9);
  }
  commit();
  run_seconds(1);
  EXPECT_EQ(generation(), 1U);
  expect_readable();
}

TEST_F(CompactionTest, LeavesADamagedSegmentAsItIs) {
  fill();
  settle_most();
  commit();
  auto bytes = disk.bytes(path(segment_name(1)));
  bytes[places[4].position * 8 + 100] ^= std::byte{1};
  disk.put(path(segment_name(1)), bytes);
  run_seconds(20);
  EXPECT_EQ(warnings.size(), 1U);
  EXPECT_EQ(disk.bytes(path(segment_name(1))), bytes);
  EXPECT_TRUE(names_like(".new").empty());
  EXPECT_EQ(read(places[8]), text_of(8));
}

TEST_F(CompactionTest, ComesBackWhenThereIsRoom) {
  settings.spare_count = 0;
  fill();
  settle_most();
  commit();
  disk.limit_bytes(disk.used_bytes());
  keeper->step(now);
  EXPECT_EQ(generation(), 0U);
  EXPECT_TRUE(names_like(".new").empty());
  disk.limit_bytes(FaultyDisk::no_limit);
  keeper->step(now);
  EXPECT_EQ(generation(), 1U);
  EXPECT_TRUE(warnings.empty());
}

// Goal: shards read while the file is replaced; at no moment is a message not found.
TEST_F(CompactionTest, IsNotSeenByReaders) {
  for (const DiskCall call : {DiskCall::rename, DiskCall::sync_folder}) {
    for (const std::string& name : disk.names(folder)) disk.erase(path(name));
    places.clear();
    fill();
    settle_most();
    commit();
    bool has_read = false;
    disk.before(call, [&] {
      has_read = true;
      expect_readable();
    });
    keeper->step(now);
    EXPECT_TRUE(has_read);
    EXPECT_EQ(generation(), 1U);
    expect_readable();
  }
}

// Goal: a reader that has just learnt which file to open finds the other one there.
TEST_F(CompactionTest, IsNotSeenByAReaderInTheMiddleOfOpening) {
  fill();
  settle_most();
  commit();
  disk.before(DiskCall::open, [&] { keeper->step(now); });
  expect_readable();
  EXPECT_EQ(generation(), 1U);
}

// Goal: a file that was replaced takes no room once nobody reads it.
TEST_F(CompactionTest, GivesTheRoomOfTheOldFileBack) {
  settings.spare_count = 0;
  fill();
  settle_most();
  commit();
  expect_readable();
  const std::uint64_t used = disk.used_bytes();
  keeper->step(now);
  ASSERT_EQ(generation(), 1U);
  EXPECT_LT(disk.used_bytes(), used - 10'000);
}

TEST_F(CompactionTest, FindsMessagesAlsoWithoutItsIndex) {
  fill();
  settle_most();
  commit();
  keeper->step(now);
  kill();
  const std::string index = path(index_name(1));
  ASSERT_TRUE(disk.has(index));
  const auto right = disk.bytes(index);
  disk.erase(index);
  open();
  EXPECT_EQ(found_texts(), texts_left());
  EXPECT_EQ(disk.bytes(index), right);  // It has been made again.
}

// Goal: wherever in a compaction the power goes, what is alive is there.
TEST_F(CompactionTest, SurvivesAPowerCutAtEveryCall) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    for (const std::string& name : disk.names(folder)) disk.erase(path(name));
    places.clear();
    fill();
    settle_most();
    commit();
    disk.fail({.nth = n, .power_cut = true});
    keeper->step(now);
    const bool has_failed = disk.has_failed();
    kill();
    FaultyDisk::Random random(n);
    disk.crash(random);
    warnings.clear();
    open();
    EXPECT_EQ(found_texts(), texts_left());
    ASSERT_TRUE(warnings.empty()) << warnings[0];
    if (!has_failed) break;
    ASSERT_LT(n, 200U);
  }
}

}  // namespace
}  // namespace leveret::storage
