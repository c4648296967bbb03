#include "storage/segment_reader.hpp"

#include <algorithm>
#include <random>

#include "tests/unit/storage/log_fixture.hpp"

namespace leveret::storage {
namespace {

class SegmentReaderTest : public LogFixture {
 protected:
  std::vector<std::string> read_all(const std::vector<LogPlace>& asked) {
    std::vector<std::string> got(asked.size(), "was not visited");
    std::size_t next = 0;
    reader->read(asked, [&](std::size_t index, std::span<const std::byte> bytes) {
      EXPECT_EQ(index, next++);
      got[index] = bytes.data() == nullptr ? "cannot be read" : std::string(read_text(bytes));
    });
    EXPECT_EQ(next, asked.size());
    return got;
  }
};

TEST_F(SegmentReaderTest, ReadsNothing) {
  open();
  EXPECT_TRUE(read_all({}).empty());
}

TEST_F(SegmentReaderTest, ReadsMessagesThatLieTogetherAtOnce) {
  open();
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    expected.push_back(std::to_string(i) + std::string(100, 'x'));
    append(expected.back());
  }
  commit();
  const std::vector<LogPlace> asked(places.begin(), places.end());
  (void)read_all({asked[0]});
  const std::uint64_t reads = disk.call_count(DiskCall::read);
  const std::uint64_t opens = disk.call_count(DiskCall::open);
  EXPECT_EQ(read_all(asked), expected);
  EXPECT_EQ(disk.call_count(DiskCall::read), reads + 1);
  EXPECT_EQ(disk.call_count(DiskCall::open), opens);
}

TEST_F(SegmentReaderTest, ReadsWhatIsAskedForInAnyOrder) {
  settings.segment_size_bytes = 20'000;
  open();
  std::vector<std::string> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(std::to_string(i) + std::string(i % 50 == 0 ? 30'000 : i * 3, 'x'));
    append(all.back());
    if (i % 7 == 0) commit();
  }
  commit();
  ASSERT_GT(places.back().segment, 5U);
  std::mt19937_64 random(4);
  for (int round = 0; round < 50; ++round) {
    std::vector<LogPlace> asked;
    std::vector<std::string> expected;
    for (std::uint64_t i = random() % 100; i > 0; --i) {
      const std::size_t at = random() % all.size();
      asked.push_back(places[at]);
      expected.push_back(all[at]);
    }
    EXPECT_EQ(read_all(asked), expected);
  }
  EXPECT_TRUE(warnings.empty());
}

TEST_F(SegmentReaderTest, ReadsAVeryLongMessage) {
  open();
  const std::string text(5 << 20, 'x');
  append("before");
  append(text);
  append("after");
  commit();
  EXPECT_EQ(read_all({places[0], places[1], places[2]}),
            (std::vector<std::string>{"before", text, "after"}));
}

// Goal: a damaged message is reported, with its place; never are other bytes handed out.
TEST_F(SegmentReaderTest, ReportsADamagedMessage) {
  open();
  for (const char* text : {"one", "two", "three"}) append(text);
  commit();
  const std::uint64_t position = places[1].position * 8;
  const auto right = disk.bytes(path(segment_name(1)));
  for (std::uint64_t at = position; at < position + places[1].size_bytes; ++at) {
    auto bytes = right;
    bytes[at] ^= std::byte{1};
    disk.put(path(segment_name(1)), bytes);
    files->replaced(1);
    warnings.clear();
    EXPECT_EQ(read_all({places[0], places[1], places[2]}),
              (std::vector<std::string>{"one", "cannot be read", "three"}));
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_EQ(warnings[0], "log/0000000001.seg: the message at byte " + std::to_string(position) +
                               " cannot be read: its record is damaged");
  }
}

TEST_F(SegmentReaderTest, ReportsAMessageBehindTheEnd) {
  open();
  append("one");
  append("two");
  commit();
  auto bytes = disk.bytes(path(segment_name(1)));
  bytes.resize(places[1].position * 8 + 10);
  disk.put(path(segment_name(1)), bytes);
  EXPECT_EQ(read_all({places[0], places[1]}), (std::vector<std::string>{"one", "cannot be read"}));
  bytes.resize(places[1].position * 8 - 30);
  disk.put(path(segment_name(1)), bytes);
  files->replaced(1);
  EXPECT_EQ(read_all({places[1]}), (std::vector<std::string>{"cannot be read"}));
  EXPECT_EQ(warnings.size(), 2U);
}

TEST_F(SegmentReaderTest, ReportsASegmentThatIsGone) {
  open();
  append("one");
  commit();
  disk.erase(path(segment_name(1)));
  EXPECT_EQ(read_all({places[0]}), (std::vector<std::string>{"cannot be read"}));
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("No such file"), std::string::npos);
}

TEST_F(SegmentReaderTest, TriesAgainWhenReadingFails) {
  open();
  append("one");
  commit();
  disk.fail({.call = DiskCall::read});
  EXPECT_EQ(read_all({places[0]}), (std::vector<std::string>{"one"}));
  disk.fail({.call = DiskCall::read, .for_ever = true});
  EXPECT_EQ(read_all({places[0]}), (std::vector<std::string>{"cannot be read"}));
  EXPECT_EQ(warnings.size(), 1U);
}

TEST_F(SegmentReaderTest, KnowsWhatIsWritten) {
  open();
  append("one");
  commit();
  append("two");
  shards[0]->submit();
  EXPECT_TRUE(reader->is_written(places[0]));
  EXPECT_FALSE(reader->is_written(places[1]));
  pass(settings.write_delay.count());
  step();
  pass(settings.write_delay.count());
  step();
  EXPECT_TRUE(reader->is_written(places[1]));
}

// Goal: as many segments as there may be, few files are open.
TEST_F(SegmentReaderTest, KeepsFewFilesOpen) {
  settings.segment_size_bytes = 1000;
  settings.spare_count = 0;
  open();
  for (int i = 0; i < 100; ++i) {
    append(std::string(300, 'x'));
    commit();
  }
  ASSERT_EQ(places.back().segment, 100U);
  for (int round = 0; round < 2; ++round) {
    for (const LogPlace& place : places) EXPECT_EQ(read(place).size(), 300U);
  }
  EXPECT_LE(disk.open_file_count(), 33U);
}

}  // namespace
}  // namespace leveret::storage
