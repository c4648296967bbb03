#include "storage/recovery.hpp"

#include <algorithm>
#include <cstring>

#include "tests/unit/storage/recovery_fixture.hpp"

namespace leveret::storage {
namespace {

TEST_F(RecoveryTest, TakesAnEmptyFolderForANewLog) {
  open();
  EXPECT_TRUE(found.empty());
  EXPECT_EQ(recovered.next_segment, 1U);
  EXPECT_EQ(recovered.epoch, 2U);
  EXPECT_TRUE(disk.names(folder).empty());
}

TEST_F(RecoveryTest, FindsMessagesInTheirOrderWithAllThatBelongsToThem) {
  open();
  const std::vector<std::uint64_t> queues{9, 1'000'000'000'000, 3};
  texts.push_back("body");
  const std::array parts{std::as_bytes(std::span(texts.back()))};
  MessageRecord record;
  record.queues = queues;
  record.published_at_ms = 123'456'789'012;
  record.expiration_ms = 60'000;
  record.body_size_bytes = 77;
  record.parts = parts;
  LogPlace place;
  shards[0]->append_message(record, place);
  shards[0]->settle(place, 1);
  shards[0]->mark_delivered(place, 2);
  commit();
  open();
  ASSERT_EQ(found.size(), 2U);
  for (const LiveReference& reference : found) {
    EXPECT_EQ(reference.published_at_ms, 123'456'789'012U);
    EXPECT_EQ(reference.expiration_ms, 60'000U);
    EXPECT_EQ(reference.body_size_bytes, 77U);
    EXPECT_EQ(reference.place.position, place.position);
    EXPECT_EQ(reference.place.size_bytes, place.size_bytes);
  }
  EXPECT_EQ(found[0].queue, 9U);
  EXPECT_EQ(found[0].index, 0U);
  EXPECT_FALSE(found[0].delivered);
  EXPECT_EQ(found[1].queue, 3U);
  EXPECT_EQ(found[1].index, 2U);
  EXPECT_TRUE(found[1].delivered);
}

TEST_F(RecoveryTest, BeginsASegmentAndAnEpochOfItsOwn) {
  commit_three();
  open();
  EXPECT_EQ(recovered.next_segment, 2U);
  append("four");
  commit();
  EXPECT_EQ(places.back().segment, 2U);
  const std::uint32_t epoch = recovered.epoch;
  open();
  EXPECT_EQ(recovered.epoch, epoch + 1);
}

TEST_F(RecoveryTest, TellsHowFarItIs) {
  commit_three_segments();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> steps;
  RecoveryOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    steps.push_back({done, total});
  };
  open(options);
  ASSERT_EQ(steps.size(), 6U);
  EXPECT_EQ(steps[2], (std::pair<std::uint64_t, std::uint64_t>{3 * 8192, 3 * 8192}));
  EXPECT_EQ(steps[5], (std::pair<std::uint64_t, std::uint64_t>{3, 3}));
}

TEST_F(RecoveryTest, AcceptsASegmentThatNothingWasWrittenTo) {
  open();
  append("one");
  commit();
  kill();
  const Files right = disk.copy_of_all();
  auto bytes = right.at(path(segment_name(1)));
  // The power went between the segment's name and its first frame.
  for (std::size_t i = first_frame_position; i < bytes.size(); ++i) bytes[i] = std::byte{0};
  disk.put(path(segment_name(1)), bytes);
  open();
  EXPECT_TRUE(found.empty());
  EXPECT_EQ(recovered.next_segment, 2U);
  append("two");
  commit();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"two"}));
}

// ---- what was found is promised ------------------------------------------------------------

// Goal: a seal that was written but not synced does not make the segment safe.
TEST_F(RecoveryTest, SyncsWhatTheLastLifeHasNot) {
  open();
  append("one");
  commit();
  append("two");
  log->request_checkpoint();
  shards[0]->submit();
  disk.fail({.call = DiskCall::sync, .nth = 1, .power_cut = true});
  pass(10);
  step();
  step();
  kill();
  disk.heal();  // Only the process died.
  open();
  ASSERT_EQ(found_texts(), (std::vector<std::string>{"one", "two"}));
  append("three");
  commit();
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one", "two", "three"}));
}

// Goal: after a failed sync the system shows pages that it will never write; what is recovered from
// them has to get to the disk.
TEST_F(RecoveryTest, WritesAgainWhatAFailedSyncLeft) {
  open();
  append("one");
  commit();
  append("two");
  disk.fail({.call = DiskCall::sync});
  commit();
  EXPECT_TRUE(log->failed());
  open();
  ASSERT_EQ(found_texts(), (std::vector<std::string>{"one", "two"}));
  append("three");
  commit();
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(RecoveryTest, WritesAgainWhatAFailedStartLeft) {
  open();
  append("one");
  commit();
  append("two");
  write_unsynced();
  kill();
  disk.fail({.call = DiskCall::sync});
  expect_refusal({"fdatasync log/0000000001.seg", "Input/output error"});
  disk.heal();
  open();
  ASSERT_EQ(found_texts(), (std::vector<std::string>{"one", "two"}));
  append("three");
  commit();
  cut_power_losing_all();
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one", "two", "three"}));
}

// ---- damage in what was safe ---------------------------------------------------------------

TEST_F(RecoveryTest, RefusesDamageInWhatWasSafe) {
  commit_three();
  const Files right = disk.copy_of_all();
  const std::uint64_t first = places[0].position * 8 - sizeof(FrameHeader);
  const std::uint64_t end = places[2].position * 8 + places[2].size_bytes;
  const auto bytes = right.at(path(segment_name(1)));
  for (std::uint64_t position = first; position < end; ++position) {
    SCOPED_TRACE(position);
    put_all(right);
    change_byte(segment_name(1), position);
    if (try_open()) {
      // Only padding may be anything.
      EXPECT_EQ(bytes[position], std::byte{0});
      EXPECT_EQ(found_texts(), (std::vector<std::string>{"one", "two", "three"}));
    } else {
      EXPECT_NE(refusal.find("log/0000000001.seg: damaged at byte"), std::string::npos) << refusal;
      EXPECT_NE(refusal.find("safe on the disk"), std::string::npos) << refusal;
    }
    if (HasFailure()) return;
  }
}

TEST_F(RecoveryTest, SaysWhereTheDamageIsAndWhatFollows) {
  commit_three();
  const std::uint64_t second = places[1].position * 8 - sizeof(FrameHeader);
  const std::uint64_t third = places[2].position * 8 - sizeof(FrameHeader);
  change_byte(segment_name(1), second);
  expect_refusal({"log/0000000001.seg: damaged at byte " + std::to_string(second) + " ",
                  "2 right frames with 1 records follow from byte " + std::to_string(third)});
}

TEST_F(RecoveryTest, RefusesDamageInASegmentThatIsNotTheLast) {
  commit_three_segments();
  const Files right = disk.copy_of_all();
  for (const std::uint64_t position : {first_frame_position, places[0].position * 8ul + 2000}) {
    put_all(right);
    change_byte(segment_name(1), position);
    expect_refusal({"log/0000000001.seg: damaged at byte 512 in a part that was safe on the disk"});
  }
  put_all(right);
  auto bytes = disk.bytes(path(segment_name(2)));
  std::fill(bytes.begin() + first_frame_position, bytes.end(), std::byte{0});
  disk.put(path(segment_name(2)), bytes);
  expect_refusal({"log/0000000002.seg: damaged at byte 512", "nothing right follows in this file"});
}

TEST_F(RecoveryTest, RefusesADamagedHeader) {
  commit_three();
  const Files right = disk.copy_of_all();
  for (std::uint64_t position = 0; position < sizeof(SegmentHeader); ++position) {
    put_all(right);
    change_byte(segment_name(1), position);
    expect_refusal({"log/0000000001.seg: the header is damaged"});
  }
}

TEST_F(RecoveryTest, RefusesAFileThatIsCutOff) {
  commit_three();
  const Files right = disk.copy_of_all();
  const std::uint64_t end = places[2].position * 8 + aligned(places[2].size_bytes);
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{63}, std::uint64_t{100},
                                   std::uint64_t{600}, end - 1, end, std::uint64_t{8191}}) {
    SCOPED_TRACE(size);
    put_all(right);
    cut_off(segment_name(1), size);
    expect_refusal({"log/0000000001.seg"});
  }
}

TEST_F(RecoveryTest, RefusesALogWithAMissingSegment) {
  commit_three_segments();
  const Files right = disk.copy_of_all();
  disk.erase(path(segment_name(2)));
  expect_refusal({"log/0000000002.seg is missing, and later parts of the log are there"});
  put_all(right);
  disk.erase(path(segment_name(1)));
  expect_refusal({"log/0000000001.seg is missing"});
}

TEST_F(RecoveryTest, RefusesALogWithAMissingSegmentThatACheckpointNeeds) {
  open();
  append("one");
  append("two");
  commit();
  close();
  disk.erase(path(segment_name(1)));
  expect_refusal({"log/0000000001.seg is missing; it held 2 references to messages"});
}

TEST_F(RecoveryTest, RefusesFilesOfAnotherNode) {
  commit_three();
  const NodeId other{std::byte{99}};
  const auto outcome = recover(disk, folder, other, {});
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().find("another node"), std::string::npos);
}

TEST_F(RecoveryTest, RefusesALaterFormat) {
  commit_three();
  auto bytes = disk.bytes(path(segment_name(1)));
  auto header = read_struct<SegmentHeader>(bytes);
  header.format = format_version + 1;
  seal_header(header, segment_seed(node, 1));
  std::memcpy(bytes.data(), &header, sizeof(header));
  disk.put(path(segment_name(1)), bytes);
  expect_refusal({"log/0000000001.seg", "later format"});
}

TEST_F(RecoveryTest, RefusesWhatCannotBeRead) {
  commit_three_segments();
  const Files right = disk.copy_of_all();
  for (std::uint64_t n = 1;; ++n) {
    put_all(right);
    disk.fail({.call = DiskCall::read, .nth = n});
    RecoveryOptions options;
    options.read_only = true;
    const auto outcome = recover(disk, folder, node, options);
    if (!disk.has_failed()) break;
    ASSERT_FALSE(outcome) << n;
    EXPECT_NE(outcome.error().find("read log/"), std::string::npos) << outcome.error();
  }
}

}  // namespace
}  // namespace leveret::storage
