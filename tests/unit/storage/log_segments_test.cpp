// Where one segment ends and the next begins: tests of the second half of DurableLog.

#include "storage/durable_log.hpp"
#include "tests/unit/storage/log_fixture.hpp"

namespace leveret::storage {
namespace {

class LogSegmentsTest : public LogFixture {};

TEST_F(LogSegmentsTest, BeginsASegmentWhenOneIsFull) {
  settings.segment_size_bytes = 4096;
  open();
  std::vector<std::string> expected;
  for (int i = 0; i < 40; ++i) {
    expected.push_back(std::to_string(i) + std::string(300, 'x'));
    append(expected.back());
    commit();
  }
  EXPECT_EQ(places.front().segment, 1U);
  EXPECT_EQ(places.back().segment, 5U);
  for (const LogPlace& place : places) {
    EXPECT_LE(place.position * 8 + place.size_bytes, 4096 - sizeof(FrameHeader));
  }
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), expected);
}

// Goal: a frame that fits exactly leaves room for the seal, and one that is too long by a byte
// goes into the next segment.
TEST_F(LogSegmentsTest, FillsASegmentToTheLastByte) {
  settings.segment_size_bytes = 4096;
  for (const int more : {0, 1}) {
    SCOPED_TRACE(more);
    for (const std::string& name : disk.names(folder)) disk.erase(path(name));
    open();
    append("first");
    commit();
    const LogPlace first = places.back();
    const std::uint64_t end = first.position * 8 + aligned(first.size_bytes);
    const std::uint64_t overhead = sizeof(FrameHeader) + sizeof(RecordHeader) +
                                   sizeof(MessageHeader) + 8;
    append(std::string(4096 - sizeof(FrameHeader) - end - overhead + more, 'x'));
    commit();
    EXPECT_EQ(places.back().segment, more == 0 ? 1U : 2U);
    append("after");
    commit();
    EXPECT_EQ(places.back().segment, more == 0 ? 2U : 3U);
    cut_power_losing_all();
    open();
    EXPECT_EQ(found.size(), 3U);
    EXPECT_EQ(disk.bytes(path(segment_name(1))).size(), 4096U);
  }
}

TEST_F(LogSegmentsTest, GivesALongFrameASegmentOfItsOwn) {
  settings.segment_size_bytes = 4096;
  open();
  const std::string long_text(100'000, 'y');
  append("before");
  commit();
  append(long_text);
  commit();
  append("after");
  commit();
  EXPECT_EQ(places[0].segment, 1U);
  EXPECT_EQ(places[1].segment, 2U);
  EXPECT_EQ(places[2].segment, 3U);
  EXPECT_EQ(read(places[1]), long_text);
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"before", long_text, "after"}));
}

// Goal: a segment is begun when all of the one before it is safe, also where nothing else is
// synced.
TEST_F(LogSegmentsTest, SyncsASegmentBeforeTheNextOne) {
  settings.segment_size_bytes = 4096;
  settings.sync = false;
  open();
  for (int i = 0; i < 20; ++i) {
    append(std::string(500, static_cast<char>('a' + i)));
    commit();
  }
  const std::uint32_t last = places.back().segment;
  ASSERT_GT(last, 2U);
  cut_power_losing_all();
  open();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.back().place.segment, last - 1);
}

TEST_F(LogSegmentsTest, PutsSparesToUse) {
  open();
  keeper->step(now);
  EXPECT_EQ(names_like("spare"), (std::vector<std::string>{"spare-1", "spare-2"}));
  append("one");
  commit();
  EXPECT_EQ(names_like("spare"), (std::vector<std::string>{"spare-1"}));
}

// Goal: spares of a life with other settings are not taken for full segments.
TEST_F(LogSegmentsTest, TakesNoSpareOfAnotherSize) {
  open();
  keeper->step(now);
  for (const std::uint64_t size : {std::uint64_t{128 * 1024}, std::uint64_t{8 * 1024}}) {
    settings.segment_size_bytes = size;
    open();
    append("one");
    commit();
    const std::string name = path(segment_name(places.back().segment));
    EXPECT_EQ(disk.bytes(name).size(), size);
    cut_power_losing_all();
    open();
  }
}

TEST_F(LogSegmentsTest, EndsASegmentForACheckpoint) {
  open();
  append("one");
  commit();
  log->request_checkpoint();
  step();
  append("two");
  commit();
  EXPECT_EQ(places.back().segment, 2U);
  const auto checkpoint = log->take_checkpoint();
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->segment, 2U);
  EXPECT_EQ(checkpoint->state.segments().at(1).live_count, 1U);
  EXPECT_FALSE(log->take_checkpoint());
}

TEST_F(LogSegmentsTest, MakesNoCheckpointOfNothing) {
  open();
  log->request_checkpoint();
  step();
  EXPECT_FALSE(log->take_checkpoint());
  EXPECT_TRUE(disk.names(folder).empty());
}

// Goal: what a start had to read is in a checkpoint soon, before anything is published.
TEST_F(LogSegmentsTest, MakesACheckpointOfWhatWasRecovered) {
  open();
  append("one");
  commit();
  kill();
  open();
  step();
  const auto checkpoint = log->take_checkpoint();
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->segment, 2U);
}

TEST_F(LogSegmentsTest, SealsAtTheEnd) {
  open();
  append("awaited by nobody");
  const LogTicket ticket = shards[0]->ticket();
  shards[0]->submit();
  log->close(now);
  EXPECT_TRUE(is_committed(ticket));
  keeper->finish();
  cut_power_losing_all();
  open();
  EXPECT_EQ(found.size(), 1U);
  EXPECT_EQ(recovered.scanned_frame_count, 0U);
  EXPECT_EQ(recovered.newest_checkpoint.segment, 2U);
}

}  // namespace
}  // namespace leveret::storage
