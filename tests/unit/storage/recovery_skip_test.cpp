// Recovery that goes on behind damage, and forgets what nobody can settle any more.

#include <vector>

#include "tests/unit/storage/recovery_fixture.hpp"

namespace leveret::storage {
namespace {

// ---- queues that nobody knows --------------------------------------------------------------

TEST_F(RecoveryTest, SettlesReferencesOfQueuesThatNobodyKnows) {
  open();
  append("one", {1, 2});
  append("two", {2});
  append("three", {1});
  commit();
  close();
  unknown_queues = {2};
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one", "three"}));
  EXPECT_EQ(recovered.forgotten,
            (std::vector<ReferenceRun>{{1, 1, 2}}));
  append("four");
  commit();
  cut_power_losing_all();
  unknown_queues = {};
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one", "three", "four"}));
  EXPECT_TRUE(recovered.forgotten.empty());
}

// ---- going on behind damage ----------------------------------------------------------------

class SkipDamagedTest : public RecoveryTest {
 protected:
  SkipDamagedTest() { skipping.skip_damaged = true; }
  /// Afterwards the log opens like any other.
  void expect_healed(const std::vector<std::string>& texts_left) {
    EXPECT_EQ(found_texts(), texts_left);
    EXPECT_FALSE(recovered.notes.empty());
    step();
    keeper->step(now);
    step();
    pass(settings.write_delay.count());
    step();
    close();
    open();
    EXPECT_EQ(found_texts(), texts_left);
    EXPECT_TRUE(recovered.notes.empty());
  }
  RecoveryOptions skipping;
};

TEST_F(SkipDamagedTest, LeavesOutADamagedFrame) {
  commit_three();
  change_byte(segment_name(1), places[1].position * 8 + 50);
  open(skipping);
  EXPECT_TRUE(recovered.has_skipped);
  EXPECT_EQ(recovered.skipped_bytes, (places[2].position - places[1].position) * 8);
  expect_healed({"one", "three"});
}

TEST_F(SkipDamagedTest, LeavesOutTheEndOfASegment) {
  commit_three_segments();
  change_byte(segment_name(2), places[1].position * 8 + 50);
  open(skipping);
  const std::string dots(5000, '.');
  expect_healed({"one" + dots, "three" + dots});
}

TEST_F(SkipDamagedTest, GoesOnWithoutASegment) {
  commit_three_segments();
  disk.erase(path(segment_name(2)));
  open(skipping);
  const std::string dots(5000, '.');
  expect_healed({"one" + dots, "three" + dots});
}

TEST_F(SkipDamagedTest, GoesOnWithoutASegmentThatACheckpointNeeds) {
  open();
  append("one");
  commit();
  roll();
  append("two");
  commit();
  close();
  disk.erase(path(segment_name(1)));
  open(skipping);
  expect_healed({"two"});
}

TEST_F(SkipDamagedTest, ReadsBehindADamagedHeader) {
  commit_three();
  change_byte(segment_name(1), 20);
  open(skipping);
  expect_healed({"one", "two", "three"});
}

TEST_F(SkipDamagedTest, ForgetsMessagesThatAreNoLongerThere) {
  commit_three();
  open();
  close();
  disk.erase(path(index_name(1)));
  change_byte(segment_name(1), places[1].position * 8 + 50);
  expect_refusal({"log/0000000001.seg: 1 of 3 references to messages cannot be found"});
  open(skipping);
  EXPECT_EQ(recovered.forgotten, (std::vector<ReferenceRun>{{1, 1, 1}}));
  expect_healed({"one", "three"});
}

TEST_F(SkipDamagedTest, GoesOnWithoutACheckpoint) {
  open();
  append("one");
  commit();
  roll();
  append("two");
  shards[0]->define("key", "value");
  commit();
  close();
  disk.erase(path(segment_name(1)));
  disk.erase(path(index_name(1)));
  for (const std::string& name : names_like("checkpoint")) change_byte(name, 45);
  open(skipping);
  EXPECT_EQ(recovered.state.definitions().size(), 1U);
  expect_healed({"two"});
}

}  // namespace
}  // namespace leveret::storage
