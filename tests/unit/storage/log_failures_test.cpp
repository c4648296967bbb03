// A log whose disk fails, or is full.

#include "storage/durable_log.hpp"
#include "tests/unit/storage/log_fixture.hpp"

namespace leveret::storage {
namespace {

class LogFailuresTest : public LogFixture {};

// ---- failures ------------------------------------------------------------------------------

class LogFailure : public LogFailuresTest,
                          public ::testing::WithParamInterface<DiskCall> {};

// Goal: after a write or a sync has failed nothing is ever confirmed again.
TEST_P(LogFailure, ConfirmsNothingAnyMore) {
  open();
  append("one");
  commit();
  disk.fail({.call = GetParam()});
  append("two");
  EXPECT_FALSE(is_committed(commit()));
  EXPECT_TRUE(log->failed());
  ASSERT_EQ(failures.size(), 1U);
  append("three");
  EXPECT_FALSE(is_committed(commit()));
  pass(10'000);
  EXPECT_EQ(step(), never);
  EXPECT_FALSE(is_committed(shards[0]->awaited_ticket()));
  log->close(now);
  EXPECT_FALSE(is_committed(LogTicket{2}));
  EXPECT_EQ(failures.size(), 1U);
  EXPECT_EQ(wakes[0], 1);
}

INSTANTIATE_TEST_SUITE_P(Calls, LogFailure,
                         ::testing::Values(DiskCall::write, DiskCall::sync));

// Goal: a thread that waits for work after a failure sleeps.
TEST_F(LogFailuresTest, HasNothingToDoAfterAFailure) {
  open();
  disk.fail({.call = DiskCall::open});
  append("one");
  commit();
  ASSERT_TRUE(log->failed());
  append("two");
  (void)shards[0]->awaited_ticket();
  shards[0]->submit();
  EXPECT_EQ(step(), never);
  // It comes back at the deadline, or the test hangs: nothing is urgent any more.
  log->wait(now, now + std::chrono::milliseconds(1));
}

TEST_F(LogFailuresTest, TakesAFullDiskThatASyncFindsForAFailure) {
  open();
  append("one");
  commit();
  disk.fail({.call = DiskCall::sync, .code = ENOSPC});
  append("two");
  EXPECT_FALSE(is_committed(commit()));
  EXPECT_TRUE(log->failed());
}

TEST_F(LogFailuresTest, TakesAFolderThatCannotBeSyncedForAFailure) {
  open();
  disk.fail({.call = DiskCall::sync_folder, .code = ENOSPC});
  append("one");
  EXPECT_FALSE(is_committed(commit()));
  EXPECT_TRUE(log->failed());
}

// ---- no room -------------------------------------------------------------------------------

TEST_F(LogFailuresTest, WaitsForRoomAndGoesOn) {
  settings.segment_size_bytes = 4096;
  open();
  append("first");
  commit();
  disk.limit_bytes(disk.used_bytes());
  std::vector<LogTicket> tickets;
  for (int i = 0; i < 10; ++i) {
    append(std::string(1000, static_cast<char>('a' + i)));
    tickets.push_back(commit());
  }
  EXPECT_TRUE(log->out_of_space());
  EXPECT_EQ(disk_full, (std::vector<bool>{true}));
  EXPECT_TRUE(is_committed(tickets[2]));  // What still fitted is safe.
  EXPECT_FALSE(is_committed(tickets[3]));
  EXPECT_NE(step(), never);
  EXPECT_EQ(disk_full, (std::vector<bool>{true}));

  disk.limit_bytes(FaultyDisk::no_limit);
  step();
  EXPECT_FALSE(log->out_of_space());
  EXPECT_EQ(disk_full, (std::vector<bool>{true, false}));
  EXPECT_TRUE(is_committed(tickets.back()));
  cut_power_losing_all();
  open();
  EXPECT_EQ(found.size(), 11U);
  EXPECT_TRUE(failures.empty());
}

// Goal: a write that found the disk full half-way is done again as a whole.
TEST_F(LogFailuresTest, WritesAgainWhatWasWrittenInPart) {
  open();
  append("first");
  commit();
  disk.fail({.call = DiskCall::write, .code = ENOSPC});
  append(std::string(2000, 'x'));
  const LogTicket ticket = commit();
  EXPECT_FALSE(is_committed(ticket));
  append(std::string(3000, 'y'));
  EXPECT_TRUE(is_committed(commit()));
  cut_power_losing_all();
  open();
  EXPECT_EQ(found.size(), 3U);
}

// Goal: when there is no room for a seal, it is tried again although nothing more is published.
TEST_F(LogFailuresTest, SealsLaterWhenThereIsNoRoom) {
  open();
  append("one");
  commit();
  log->request_checkpoint();
  disk.fail({.call = DiskCall::write, .code = ENOSPC});
  EXPECT_EQ(step(), now + std::chrono::milliseconds(200));
  EXPECT_EQ(disk_full, (std::vector<bool>{true}));
  pass(200);
  step();
  EXPECT_EQ(disk_full, (std::vector<bool>{true, false}));
  EXPECT_TRUE(log->take_checkpoint());
  append("two");
  EXPECT_TRUE(is_committed(commit()));
}

// Goal: a spare whose name could not be changed for want of room is not lost.
TEST_F(LogFailuresTest, KeepsTheSpareThatCouldNotBeNamed) {
  open();
  keeper->step(now);
  disk.fail({.call = DiskCall::rename, .code = ENOSPC});
  append("one");
  const LogTicket ticket = commit();
  EXPECT_FALSE(is_committed(ticket));
  EXPECT_EQ(log->spare_count(), 2U);
  step();
  EXPECT_TRUE(is_committed(ticket));
  EXPECT_EQ(log->spare_count(), 1U);
  EXPECT_EQ(names_like("spare").size(), 1U);
}

TEST_F(LogFailuresTest, SavesWhatItCanWhenItEndsWithoutRoom) {
  settings.segment_size_bytes = 4096;
  open();
  append("first");
  commit();
  disk.limit_bytes(disk.used_bytes());
  const LogTicket idle = shards[0]->ticket();
  append("idle");
  shards[0]->submit();
  append(std::string(5000, 'x'));
  shards[0]->submit();
  log->close(now);
  EXPECT_TRUE(is_committed(idle));
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"first", "idle"}));
}

}  // namespace
}  // namespace leveret::storage
