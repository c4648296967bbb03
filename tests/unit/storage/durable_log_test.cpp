#include "storage/durable_log.hpp"

#include "tests/unit/storage/log_fixture.hpp"

namespace leveret::storage {
namespace {

class DurableLogTest : public LogFixture {};

// Goal: what an earlier life has written is readable before this one writes anything.
TEST_F(DurableLogTest, ReadsWhatWasRecoveredAtOnce) {
  open();
  append("one");
  commit();
  kill();
  open();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(log->is_written(found[0].place));
  EXPECT_FALSE(log->is_written({recovered.next_segment, 0, 64, 0}));
}

// ---- when it is written, and when it is safe -----------------------------------------------

TEST_F(DurableLogTest, CommitsWhatIsAwaitedInOneStep) {
  open();
  append("one");
  const LogTicket ticket = shards[0]->awaited_ticket();
  EXPECT_FALSE(is_committed(ticket));
  shards[0]->submit();
  EXPECT_FALSE(is_committed(ticket));
  step();
  EXPECT_TRUE(is_committed(ticket));
  EXPECT_EQ(wakes[0], 1);
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one"}));
}

// Goal: many frames that wait cost one write and one sync.
TEST_F(DurableLogTest, WritesAndSyncsAllThatWaitsAtOnce) {
  shard_count = 2;
  open();
  append("first");
  commit();
  for (int i = 0; i < 10; ++i) {
    append("more", {1}, i % 2);
    (void)shards[i % 2]->awaited_ticket();
    shards[i % 2]->submit();
  }
  const std::uint64_t writes = disk.call_count(DiskCall::write);
  const std::uint64_t syncs = disk.call_count(DiskCall::sync);
  step();
  EXPECT_EQ(disk.call_count(DiskCall::write), writes + 1);
  EXPECT_EQ(disk.call_count(DiskCall::sync), syncs + 1);
  EXPECT_EQ(shards[0]->committed(), LogTicket{6});
  EXPECT_EQ(shards[1]->committed(), LogTicket{5});
  EXPECT_EQ(wakes, (std::vector<int>{2, 1}));
}

TEST_F(DurableLogTest, TakesItsTimeWithWhatNobodyAwaits) {
  open();
  append("first");
  commit();
  const LogTicket ticket = shards[0]->ticket();
  append("idle");
  shards[0]->submit();
  EXPECT_EQ(step(), now + settings.write_delay);
  EXPECT_LT(shards[0]->written(), ticket);
  pass(settings.write_delay.count());
  EXPECT_EQ(step(), now + settings.sync_delay);
  EXPECT_EQ(shards[0]->written(), ticket);
  EXPECT_LT(shards[0]->committed(), ticket);
  pass(settings.sync_delay.count() - 1);
  step();
  EXPECT_LT(shards[0]->committed(), ticket);
  pass(1);
  step();
  EXPECT_EQ(shards[0]->committed(), ticket);
  EXPECT_EQ(wakes[0], 1);  // Only for the first.
}

TEST_F(DurableLogTest, WritesMuchAtOnceAlthoughNobodyAwaits) {
  settings.segment_size_bytes = 8 << 20;
  open();
  append(std::string((1 << 20) + 1, 'x'));
  const LogTicket ticket = shards[0]->ticket();
  shards[0]->submit();
  step();
  EXPECT_EQ(shards[0]->written(), ticket);
}

// Goal: what rides along before what is awaited is safe with it.
TEST_F(DurableLogTest, CommitsWhatWasSubmittedBefore) {
  shard_count = 2;
  open();
  append("idle", {1}, 0);
  const LogTicket idle = shards[0]->ticket();
  shards[0]->submit();
  append("awaited", {1}, 1);
  commit(1);
  EXPECT_TRUE(is_committed(idle, 0));
  EXPECT_EQ(wakes, (std::vector<int>{0, 1}));
}

TEST_F(DurableLogTest, CommitsWithoutSyncWhereThatIsWanted) {
  settings.sync = false;
  open();
  append("one");
  commit();
  const std::uint64_t syncs = disk.call_count(DiskCall::sync);
  append("two");
  EXPECT_TRUE(is_committed(commit()));
  EXPECT_EQ(disk.call_count(DiskCall::sync), syncs);
  kill();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one", "two"}));
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one", "two"}));
}

TEST_F(DurableLogTest, GivesTheBytesBackWhenTheyAreWritten) {
  open();
  append("first");
  const LogTicket ticket = shards[0]->ticket();
  commit();
  ASSERT_GE(shards[0]->written(), ticket);
  texts.back() = "-----";
  kill();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"first"}));
}

// ---- the end that is safe is said to be ----------------------------------------------------

TEST_F(DurableLogTest, AttestsItsEndWhenNothingFollows) {
  open();
  append("one");
  commit();
  append("two");
  commit();
  const LogPlace two = places.back();
  const std::uint64_t writes = disk.call_count(DiskCall::write);
  const Instant attests_at = step();
  EXPECT_EQ(attests_at, now + settings.sync_delay);
  now = attests_at;
  EXPECT_EQ(step(), never);
  EXPECT_EQ(disk.call_count(DiskCall::write), writes + 1);
  kill();
  // One bit of the last message: without the attestation it would pass for torn.
  auto bytes = disk.bytes(path(segment_name(1)));
  bytes[two.position * 8 + 20] ^= std::byte{1};
  disk.put(path(segment_name(1)), bytes);
  EXPECT_FALSE(try_open());
  EXPECT_NE(refusal.find("log/0000000001.seg: damaged at byte"), std::string::npos) << refusal;
}

TEST_F(DurableLogTest, AttestsOnlyOnce) {
  open();
  append("one");
  commit();
  run_seconds(1);
  const std::uint64_t writes = disk.call_count(DiskCall::write);
  for (int i = 0; i < 5; ++i) {
    pass(settings.sync_delay.count());
    EXPECT_EQ(step(), never);
  }
  EXPECT_EQ(disk.call_count(DiskCall::write), writes);
}

// Goal: a disk that is full when the end is attested is no reason to die.
TEST_F(DurableLogTest, AttestsLaterWhenThereIsNoRoom) {
  open();
  append("one");
  commit();
  pass(settings.sync_delay.count());
  disk.fail({.call = DiskCall::write, .code = ENOSPC});
  EXPECT_NE(step(), never);
  EXPECT_EQ(disk_full, (std::vector<bool>{true}));
  append("two");
  EXPECT_TRUE(is_committed(commit()));
  EXPECT_EQ(disk_full, (std::vector<bool>{true, false}));
  kill();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(failures.empty());
}

}  // namespace
}  // namespace leveret::storage
