// Recovery with checkpoints and indexes: which are believed, and what is done without them.

#include <cstring>

#include "tests/unit/storage/recovery_fixture.hpp"

namespace leveret::storage {
namespace {

class CheckpointChoiceTest : public RecoveryTest {
 protected:
  /// Checkpoints 2 and 3; segment 3 is not covered.
  CheckpointChoiceTest() {
    open();
    append("one");
    shards[0]->define("first", "1");
    commit();
    roll();
    append("two");
    settle(places[0]);
    shards[0]->define("second", "2");
    commit();
    roll();
    append("three");
    commit();
    run_seconds(1);
    kill();
    files_before = disk.copy_of_all();
  }
  void expect_all() {
    open();
    EXPECT_EQ(found_texts(), (std::vector<std::string>{"two", "three"}));
    EXPECT_EQ(recovered.state.definitions(),
              (StoreState::Definitions{{"first", "1"}, {"second", "2"}}));
  }
  Files files_before;
};

TEST_F(CheckpointChoiceTest, BeginsAtTheNewest) {
  expect_all();
  EXPECT_EQ(recovered.newest_checkpoint.segment, 3U);
  EXPECT_EQ(recovered.newest_checkpoint.live_segments, (std::vector<std::uint32_t>{2}));
  EXPECT_EQ(recovered.older_checkpoint.segment, 2U);
  EXPECT_EQ(recovered.older_checkpoint.live_segments, (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(recovered.scanned_record_count, 1U);
  EXPECT_TRUE(recovered.notes.empty());
}

TEST_F(CheckpointChoiceTest, FallsBackToTheOlder) {
  const auto bytes = files_before.at(path(checkpoint_name(3)));
  for (std::uint64_t position = 0; position < bytes.size(); ++position) {
    put_all(files_before);
    change_byte(checkpoint_name(3), position);
    expect_all();
    EXPECT_EQ(recovered.newest_checkpoint.segment, 2U);
    EXPECT_EQ(recovered.older_checkpoint.segment, 0U);
    ASSERT_EQ(recovered.notes.size(), 1U);
    EXPECT_NE(recovered.notes[0].find("log/checkpoint-0000000003"), std::string::npos);
  }
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{39}, bytes.size() - 1}) {
    put_all(files_before);
    cut_off(checkpoint_name(3), size);
    expect_all();
  }
}

TEST_F(CheckpointChoiceTest, ReadsTheWholeLogWhenNoneIsLeft) {
  change_byte(checkpoint_name(2), 50);
  change_byte(checkpoint_name(3), 50);
  expect_all();
  EXPECT_EQ(recovered.newest_checkpoint.segment, 0U);
  EXPECT_EQ(recovered.notes.size(), 2U);
}

TEST_F(CheckpointChoiceTest, RefusesWhenNoneIsLeftAndTheLogBeginsLater) {
  disk.erase(path(segment_name(1)));
  change_byte(checkpoint_name(2), 50);
  change_byte(checkpoint_name(3), 50);
  expect_refusal({"log/checkpoint-0000000002", "no longer goes back to its beginning"});
}

TEST_F(CheckpointChoiceTest, RefusesACheckpointThatIsAnotherThanItsNameSays) {
  put_all(files_before);
  disk.put(path(checkpoint_name(3)), files_before.at(path(checkpoint_name(2))));
  expect_all();
  ASSERT_EQ(recovered.notes.size(), 1U);
  EXPECT_NE(recovered.notes[0].find("another checkpoint than its name says"), std::string::npos);
}

TEST_F(CheckpointChoiceTest, SaysSoWhenACheckpointCannotBeRead) {
  disk.fail({.call = DiskCall::read, .path_part = "checkpoint-0000000003"});
  expect_all();
  EXPECT_EQ(recovered.newest_checkpoint.segment, 2U);
  ASSERT_EQ(recovered.notes.size(), 1U);
  EXPECT_NE(recovered.notes[0].find("Input/output error"), std::string::npos);
}

TEST_F(CheckpointChoiceTest, PutsACopyInTheDamagedOnesPlace) {
  const auto bytes = files_before.at(path(checkpoint_name(3)));
  disk.put(path(checkpoint_copy_name(3)), bytes);
  disk.erase(path(checkpoint_name(2)));
  open();
  EXPECT_EQ(recovered.newest_checkpoint.segment, 3U);
  EXPECT_EQ(recovered.older_checkpoint.segment, 3U);
  kill();
  change_byte(checkpoint_name(3), 50);
  expect_all();
  EXPECT_EQ(recovered.newest_checkpoint.segment, 3U);
  EXPECT_EQ(recovered.older_checkpoint.segment, 0U);
  EXPECT_EQ(disk.bytes(path(checkpoint_name(3))), bytes);
  EXPECT_FALSE(disk.has(path(checkpoint_copy_name(3))));
}

// Goal: a compacted segment has lost its settlements and definitions; without the checkpoints that
// have them it must not pass for all that there was.
TEST_F(RecoveryTest, DoesNotTakeACompactedSegmentForAWholeOne) {
  settings.segment_size_bytes = 64 * 1024;
  open();
  for (int i = 0; i < 20; ++i) append(std::string(500, 'x'));
  shards[0]->define("key", "value");
  commit();
  roll();
  for (int i = 0; i < 19; ++i) settle(places[i]);
  commit();
  roll();
  shards[0]->define("other", "value");
  commit();
  roll();
  keeper->step(now);
  const auto header = read_struct<SegmentHeader>(disk.bytes(path(segment_name(1))));
  ASSERT_EQ(header.generation, 1U);
  kill();
  const Files right = disk.copy_of_all();
  for (const std::string& name : names_like("checkpoint")) change_byte(name, 50);
  expect_refusal({"log/0000000001.seg was compacted"});
  put_all(right);
  for (const std::string& name : names_like("checkpoint")) disk.erase(path(name));
  expect_refusal({"log/0000000001.seg was compacted"});
}

// ---- indexes -------------------------------------------------------------------------------

TEST_F(RecoveryTest, MakesAnIndexAgainThatIsDamagedOrGone) {
  open();
  for (int i = 0; i < 10; ++i) append("text " + std::to_string(i));
  commit();
  close();
  const Files right = disk.copy_of_all();
  const auto index = right.at(path(index_name(1)));
  open();
  const auto expected = found_texts();
  ASSERT_EQ(expected.size(), 10U);
  for (std::uint64_t position = 0; position <= index.size(); ++position) {
    SCOPED_TRACE(position);
    put_all(right);
    if (position < index.size()) {
      change_byte(index_name(1), position);
    } else {
      disk.erase(path(index_name(1)));
    }
    open();
    EXPECT_EQ(found_texts(), expected);
    EXPECT_EQ(disk.bytes(path(index_name(1))), index);
  }
}

TEST_F(RecoveryTest, RemovesWhatNobodyNeeds) {
  settings.spare_count = 0;
  commit_three();
  disk.put(path("checkpoint-0000000009.new"), std::vector<std::byte>(10));
  disk.put(path("0000000009.seg.new"), std::vector<std::byte>(10));
  disk.put(path("spare-9.new"), std::vector<std::byte>(10));
  disk.put(path("spare-8"), std::vector<std::byte>(10));
  disk.put(path(index_name(9)), std::vector<std::byte>(10));
  disk.put(path("something of somebody else"), std::vector<std::byte>(10));
  open();
  EXPECT_EQ(recovered.spares, (std::vector<std::string>{"spare-8"}));
  EXPECT_EQ(disk.names(folder),
            (std::vector<std::string>{index_name(1), segment_name(1), "something of somebody else",
                                      "spare-8"}));
}

}  // namespace
}  // namespace leveret::storage
