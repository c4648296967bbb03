#include "storage/keeper.hpp"

#include <algorithm>

#include "tests/unit/storage/log_fixture.hpp"

namespace leveret::storage {
namespace {

class KeeperTest : public LogFixture {
 protected:
  KeeperTest() { settings.checkpoint_interval = std::chrono::milliseconds(5000); }

  /// Fills a segment and ends it.
  void fill_segment(int messages, std::size_t size_bytes) {
    for (int i = 0; i < messages; ++i) {
      append(std::to_string(texts.size()) + std::string(size_bytes, 'x'));
    }
    commit();
    roll();
  }
  std::uint64_t size_of(const std::string& name) const { return disk.bytes(path(name)).size(); }
  std::vector<std::string> checkpoints() const { return names_like("checkpoint"); }
};

// ---- spares --------------------------------------------------------------------------------

TEST_F(KeeperTest, KeepsSparesReady) {
  open();
  keeper->step(now);
  EXPECT_EQ(names_like("spare"), (std::vector<std::string>{"spare-1", "spare-2"}));
  EXPECT_EQ(size_of("spare-1"), settings.segment_size_bytes);
  append("one");
  commit();
  keeper->step(now);
  EXPECT_EQ(log->spare_count(), 2U);
  EXPECT_FALSE(keeper->lacks_room());
}

// Goal: spares of earlier lives keep their names; no two are one file.
TEST_F(KeeperTest, MakesNewSparesBesideOldOnes) {
  open();
  keeper->step(now);
  append("one");
  commit();
  kill();
  open();
  EXPECT_EQ(recovered.spares.size(), 1U);
  keeper->step(now);
  EXPECT_EQ(names_like("spare").size(), 2U);
  for (int i = 0; i < 2; ++i) {
    append(std::string(60'000, 'x'));
    EXPECT_TRUE(is_committed(commit()));
  }
  EXPECT_TRUE(names_like("spare").empty());
  EXPECT_TRUE(failures.empty());
}

TEST_F(KeeperTest, LeavesNoHalfASpareBehind) {
  open();
  disk.limit_bytes(settings.segment_size_bytes * 3 / 2);
  keeper->step(now);
  EXPECT_EQ(disk.names(folder), (std::vector<std::string>{"spare-1"}));
  EXPECT_TRUE(keeper->lacks_room());
  disk.limit_bytes(FaultyDisk::no_limit);
  keeper->step(now);
  EXPECT_FALSE(keeper->lacks_room());
  EXPECT_EQ(log->spare_count(), 2U);
}

TEST_F(KeeperTest, SaysThatTheDiskFails) {
  open();
  disk.fail({.call = DiskCall::write});
  keeper->step(now);
  EXPECT_EQ(failures.size(), 1U);
  EXPECT_FALSE(keeper->lacks_room());
}

// ---- sealed segments and checkpoints -------------------------------------------------------

TEST_F(KeeperTest, GivesASealedSegmentItsIndex) {
  open();
  append("one", {5, 6});
  commit();
  roll();
  const std::string name = path(segment_name(1));
  const auto file = disk.open(name, OpenMode::read);
  const auto header = read_segment_header(**file, node, 1);
  ASSERT_TRUE(header && *header);
  const auto index = SegmentIndex::parse(disk.bytes(path(index_name(1))), **header);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->message_count(), 1U);
  index->for_each([&](const IndexEntry& entry) {
    EXPECT_EQ(entry.queues, (std::vector<std::uint64_t>{5, 6}));
    EXPECT_EQ(entry.position, places[0].position);
  });
}

TEST_F(KeeperTest, CutsOffWhatASealedSegmentDoesNotNeed) {
  settings.segment_size_bytes = 4 << 20;
  open();
  append("one");
  commit();
  roll();
  EXPECT_LT(size_of(segment_name(1)), 4096U);
  cut_power_losing_nothing();
  open();
  EXPECT_EQ(found.size(), 1U);
}

TEST_F(KeeperTest, KeepsTwoCheckpoints) {
  open();
  for (int i = 0; i < 4; ++i) {
    append("text");
    commit();
    roll();
  }
  EXPECT_EQ(checkpoints(), (std::vector<std::string>{checkpoint_name(4), checkpoint_name(5)}));
}

TEST_F(KeeperTest, MakesACheckpointAfterSoMuchLog) {
  settings.segment_size_bytes = 4096;
  settings.checkpoint_bytes = 20'000;
  open();
  for (int i = 0; i < 30; ++i) {
    append(std::string(1000, 'x'));
    commit();
    keeper->step(now);
  }
  EXPECT_GE(checkpoints().size(), 1U);
  const LogPlace last = places.back();
  kill();
  open();
  EXPECT_EQ(found.size(), 30U);
  EXPECT_GT(recovered.newest_checkpoint.segment, 5U);
  EXPECT_LE(recovered.newest_checkpoint.segment, last.segment);
}

TEST_F(KeeperTest, MakesACheckpointAfterSomeTimeWhenSomethingHasChanged) {
  open();
  append("one");
  commit();
  keeper->step(now);
  pass(4999);
  keeper->step(now);
  step();
  keeper->step(now);
  EXPECT_TRUE(checkpoints().empty());
  pass(1);
  keeper->step(now);
  step();
  keeper->step(now);
  EXPECT_EQ(checkpoints(), (std::vector<std::string>{checkpoint_name(2)}));
  run_seconds(30);
  EXPECT_EQ(names_like(".seg"), (std::vector<std::string>{segment_name(1)}));
}

// Goal: a checkpoint that found no room is made when there is some, although nothing changes.
TEST_F(KeeperTest, MakesACheckpointLaterWhenThereIsNoRoom) {
  settings.spare_count = 0;
  open();
  append("one");
  commit();
  disk.limit_bytes(disk.used_bytes());
  roll();
  EXPECT_TRUE(checkpoints().empty());
  EXPECT_EQ(warnings.size(), 1U);
  run_seconds(3);
  EXPECT_EQ(warnings.size(), 1U);  // It is said once.
  disk.limit_bytes(FaultyDisk::no_limit);
  keeper->step(now);
  EXPECT_EQ(checkpoints(), (std::vector<std::string>{checkpoint_name(2)}));
}

TEST_F(KeeperTest, GivesASparesRoomToACheckpoint) {
  open();
  append("one");
  commit();
  keeper->step(now);
  disk.limit_bytes(disk.used_bytes());
  roll();
  EXPECT_EQ(checkpoints().size(), 2U);  // The second is a copy, in what the spare has left.
  EXPECT_EQ(log->spare_count(), 1U);
}

TEST_F(KeeperTest, WritesTheLastCheckpointWhenItFinishes) {
  open();
  append("one");
  commit();
  kill();
  open();
  log->close(now);  // Before any step.
  keeper->finish();
  EXPECT_EQ(checkpoints(), (std::vector<std::string>{checkpoint_name(2)}));
}

// ---- garbage -------------------------------------------------------------------------------

// Goal: as long as the older checkpoint knows of something alive in a segment, it stays: the newer
// one may turn out to be damaged.
TEST_F(KeeperTest, RemovesWhatNeitherCheckpointNeeds) {
  open();
  fill_segment(3, 100);                                        // Segment 1, checkpoint 2.
  for (const LogPlace& place : places) settle(place);
  commit();
  roll();                                                      // Segment 2, checkpoint 3.
  EXPECT_TRUE(disk.has(path(segment_name(1))));
  append("more");
  commit();
  roll();                                                      // Segment 3, checkpoint 4.
  EXPECT_FALSE(disk.has(path(segment_name(1))));
  EXPECT_FALSE(disk.has(path(index_name(1))));
  EXPECT_TRUE(disk.has(path(segment_name(3))));
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"more"}));
}

TEST_F(KeeperTest, MakesSparesOfDeadSegments) {
  open();
  keeper->step(now);
  for (int i = 0; i < 3; ++i) append(std::string(20'000, 'x'));
  commit();
  roll();
  for (const LogPlace& place : places) settle(place);
  commit();
  roll();
  append("more");
  commit();
  roll();
  EXPECT_FALSE(disk.has(path(segment_name(1))));
  ASSERT_EQ(names_like("spare-000"), (std::vector<std::string>{"spare-" + segment_name(1)}));
  // What it still holds of its former life does no harm.
  append("new");
  commit();
  EXPECT_EQ(places.back().segment, 4U);
  EXPECT_TRUE(names_like("spare-000").empty());
  EXPECT_EQ(size_of(segment_name(4)), settings.segment_size_bytes);
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"more", "new"}));
}

// Goal: when all was acknowledged shortly before everybody went home, the disk is empty the next
// morning, not at the next message.
TEST_F(KeeperTest, RemovesGarbageAlthoughNothingHappens) {
  open();
  for (int i = 0; i < 5; ++i) fill_segment(3, 20'000);
  run_seconds(10);
  ASSERT_GE(names_like(".seg").size(), 5U);
  for (const LogPlace& place : places) settle(place);
  commit();
  run_seconds(30);
  EXPECT_LE(names_like(".seg").size(), 1U);
  const auto names = checkpoints();
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names[0] + ".copy", names[1]);
  EXPECT_EQ(disk.bytes(path(names[0])), disk.bytes(path(names[1])));
  cut_power_losing_all();
  open();
  EXPECT_TRUE(found.empty());
}

TEST_F(KeeperTest, DoesNotCopyADamagedCheckpoint) {
  open();
  fill_segment(3, 100);
  fill_segment(3, 100);
  auto bytes = disk.bytes(path(checkpoint_name(3)));
  bytes.back() ^= std::byte{1};
  disk.put(path(checkpoint_name(3)), bytes);
  run_seconds(6);
  EXPECT_FALSE(warnings.empty());
  EXPECT_EQ(checkpoints(), (std::vector<std::string>{checkpoint_name(2), checkpoint_name(3)}));
}

TEST_F(KeeperTest, CollectsWhatTheLastLifeDidNotComeTo) {
  open();
  fill_segment(3, 100);
  for (const LogPlace& place : places) settle(place);
  commit();
  run_seconds(20);
  ASSERT_FALSE(disk.has(path(segment_name(1))));
  const auto was_removed = disk.copy_of_all();
  kill();
  // The system forgot that it was removed.
  disk.put(path(segment_name(1)), std::vector<std::byte>(65536));
  open();
  keeper->step(now);
  EXPECT_FALSE(disk.has(path(segment_name(1))));
}

// ---- a full disk ---------------------------------------------------------------------------

// Goal: what fills a disk and is consumed then makes room by itself, time and again.
TEST_F(KeeperTest, MakesRoomOnAFullDiskWhenItIsDrained) {
  settings.segment_size_bytes = 16 * 1024;
  open();
  disk.limit_bytes(400 * 1024);
  for (int round = 0; round < 10; ++round) {
    SCOPED_TRACE(round);
    places.clear();
    int published = 0;
    while (!keeper->lacks_room() && !log->out_of_space()) {
      ASSERT_LT(published++, 1000);
      append(std::string(1000, 'x'));
      commit();
      keeper->step(now);
      pass(10);
    }
    ASSERT_GT(published, 100);
    // What is on its way when publishers are blocked comes, too.
    for (int i = 0; i < 5; ++i) append(std::string(1000, 'y'));
    commit();
    for (const LogPlace& place : places) {
      settle(place);
      shards[0]->submit();
      step();
      keeper->step(now);
      pass(10);
    }
    run_seconds(10);
    EXPECT_FALSE(keeper->lacks_room());
    EXPECT_FALSE(log->out_of_space());
    EXPECT_LE(names_like(".seg").size(), 2U);
  }
  EXPECT_TRUE(failures.empty());
  cut_power_losing_all();
  open();
  EXPECT_TRUE(found.empty());
}

}  // namespace
}  // namespace leveret::storage
