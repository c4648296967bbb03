#include "storage/verify.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "storage/checkpoint.hpp"
#include "storage/rewritten_segment.hpp"
#include "storage/segment_survey.hpp"
#include "tests/unit/storage/scratch_log.hpp"

namespace leveret::storage {
namespace {

constexpr std::string_view first_segment = "0000000001.seg";

class VerifyTest : public testing::Test {
 protected:
  Verdict verdict() {
    const auto judged = verify(log_.files, log_.folder(), log_.node());
    EXPECT_TRUE(judged) << judged.error();
    return judged ? *judged : Verdict{};
  }
  /// "file: what" of each damage.
  static std::vector<std::string> sentences(const Verdict& verdict) {
    std::vector<std::string> all;
    for (const Damage& damage : verdict.damages) {
      all.push_back(damage.file + (damage.file.empty() ? "" : ": ") + damage.what);
    }
    return all;
  }
  using Sentences = std::vector<std::string>;
  static std::map<std::uint64_t, std::uint64_t> lost_of(const Losses& losses) {
    std::map<std::uint64_t, std::uint64_t> counts;
    for (const auto& [queue, lost] : losses.by_queue) counts[queue] = lost.count;
    return counts;
  }
  using Counts = std::map<std::uint64_t, std::uint64_t>;

  /// Of the first segment, once rewritten.
  SegmentHeader compacted_header() const {
    SegmentHeader header;
    header.segment = 1;
    header.node = log_.node();
    header.generation = 1;
    return header;
  }

  using Range = std::pair<std::uint64_t, std::uint64_t>;
  /// All of a segment but what fills it up behind its header, records and seal.
  std::vector<Range> meaningful_bytes(std::uint32_t segment) {
    const auto file = log_.files.open(log_.path(segment_name(segment)), OpenMode::read);
    EXPECT_TRUE(file);
    std::vector<Range> ranges{{0, sizeof(SegmentHeader)}};
    std::uint64_t begin = first_frame_position;
    const auto visit = [&](const SurveyedRecord& record) {
      ranges.emplace_back(begin, record.position + record.view.header.size_bytes);
      begin = record.position + aligned(record.view.header.size_bytes);
    };
    const auto survey = survey_segment(**file, log_.bytes(segment_name(segment)).size(),
                                       log_.node(), segment, false, visit);
    EXPECT_TRUE(survey.is_sealed);
    ranges.emplace_back(begin, survey.end_position);
    return ranges;
  }
  /// Each of the bytes is changed in turn.
  void expect_noticed(const std::string& name, std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t at = begin; at < end; ++at) {
      log_.flip(name, at);
      const auto judged = verify(log_.files, log_.folder(), log_.node());
      EXPECT_FALSE(judged && judged->is_clean()) << name << " byte " << at;
      log_.flip(name, at);
    }
  }

  ScratchLog log_;
};

// Goal: a log in any state that it may be left in is not called damaged.
TEST_F(VerifyTest, FindsNothingWrongInARightLog) {
  EXPECT_TRUE(verdict().is_clean());
  log_.open();
  EXPECT_TRUE(verdict().is_clean());
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 100; ++i) log_.append(std::string(1000, 'x'), {1, 2});
    log_.log().define("round", std::to_string(round));
    log_.commit();
    EXPECT_EQ(sentences(verdict()), Sentences{});
    log_.checkpoint();
    EXPECT_EQ(sentences(verdict()), Sentences{});
  }
  log_.append("last", {3});
  log_.commit();
  log_.crash();
  Verdict found = verdict();
  EXPECT_EQ(sentences(found), Sentences{});
  EXPECT_EQ(found.checkpoints.size(), 2U);
  EXPECT_EQ(found.live_reference_count, 801U);
  EXPECT_EQ(found.definitions, (StoreState::Definitions{{"round", "3"}}));
  EXPECT_GT(found.record_count, 400U);
  EXPECT_GT(found.read_bytes, 400'000U);
  log_.open();
  log_.close();
  EXPECT_TRUE(verdict().is_clean());
}

TEST_F(VerifyTest, CountsWhatADamagedBodyCosts) {
  log_.open();
  log_.append("one", {1});
  const LogPlace& place = log_.append("twotwotwo", {2, 3});
  log_.append("three", {3});
  log_.commit();
  log_.append("four", {4});
  log_.commit();
  log_.crash();
  log_.flip(std::string(first_segment), ScratchLog::body_of(place, 2) + 3);

  const Verdict found = verdict();
  ASSERT_EQ(sentences(found), (Sentences{"0000000001.seg: is damaged"}));
  EXPECT_EQ(found.damages[0].position, ScratchLog::byte_of(place));
  EXPECT_EQ(found.damages[0].size_bytes, aligned(place.size_bytes));
  EXPECT_EQ(found.damages[0].record_count, 1U);
  EXPECT_EQ(lost_of(found.lost), (Counts{{2, 1}, {3, 1}}));
  EXPECT_EQ(found.lost.of_unknown_queues, 0U);
  EXPECT_EQ(found.lost.by_queue.at(2), (LostMessages{1, 9, 1'002, 1'002}));
  EXPECT_TRUE(found.segments.at(1).losses_are_likely);
  EXPECT_FALSE(found.others_may_be_lost);
  EXPECT_EQ(found.live_reference_count, 3U);
}

// Goal: what was acknowledged before the damage is no loss.
TEST_F(VerifyTest, CallsNothingLostThatWasSettled) {
  log_.open();
  const LogPlace& first = log_.append("one", {1});
  log_.append("two", {2});
  log_.commit();
  log_.log().settle(first, 0);
  log_.append("three", {3});
  log_.commit();
  log_.append("four", {4});
  log_.commit();
  log_.crash();
  log_.flip(std::string(first_segment), ScratchLog::body_of(first, 1));
  const Verdict found = verdict();
  EXPECT_EQ(sentences(found), (Sentences{"0000000001.seg: is damaged"}));
  EXPECT_TRUE(found.lost.empty());
  EXPECT_EQ(found.live_reference_count, 3U);
}

TEST_F(VerifyTest, KnowsTheQueuesOfASealedSegmentFromItsIndex) {
  log_.open();
  for (std::uint64_t queue = 1; queue <= 20; ++queue) log_.append("body", {queue});
  log_.commit();
  log_.checkpoint();
  // All of the frame, header included, is gone.
  for (std::uint64_t at = 512; at < 900; at += 7) log_.flip(std::string(first_segment), at);
  const Verdict found = verdict();
  ASSERT_EQ(sentences(found), (Sentences{"0000000001.seg: is damaged"}));
  EXPECT_FALSE(found.damages[0].record_count);
  EXPECT_FALSE(found.segments.at(1).losses_are_likely);
  EXPECT_GE(found.lost.by_queue.size(), 5U);
  EXPECT_EQ(found.lost.of_unknown_queues, 0U);
  EXPECT_EQ(found.lost.count() + found.live_reference_count, 20U);
  // The checkpoint says what else the segment held.
  EXPECT_FALSE(found.others_may_be_lost);
}

TEST_F(VerifyTest, SaysThatOtherThingsMayBeLost) {
  log_.open();
  log_.log().define("a queue", "its arguments");
  log_.commit();
  log_.append("one", {1});
  log_.commit();
  log_.crash();
  log_.flip(std::string(first_segment), 512 + sizeof(FrameHeader) + 20);
  const Verdict found = verdict();
  ASSERT_EQ(found.damages.size(), 1U);
  EXPECT_EQ(found.damages[0].record_count, 1U);
  EXPECT_TRUE(found.others_may_be_lost);
  EXPECT_TRUE(found.lost.empty());
  EXPECT_TRUE(found.definitions.empty());
}

TEST_F(VerifyTest, MissesSegments) {
  log_.open();
  for (int i = 0; i < 5; ++i) {
    log_.append(std::string(40'000, 'x'), {static_cast<std::uint64_t>(i)});
    log_.commit();
  }
  log_.crash();
  log_.remove("0000000002.seg");
  log_.remove("0000000003.seg");
  Verdict found = verdict();
  EXPECT_EQ(sentences(found),
            (Sentences{"0000000002.seg: and all up to 0000000003.seg are missing"}));
  EXPECT_TRUE(found.others_may_be_lost);
  EXPECT_TRUE(found.lost.empty()) << "nothing tells what was in them";
  EXPECT_EQ(found.live_reference_count, 3U);
}

TEST_F(VerifyTest, CountsWhatWasInASegmentThatIsMissing) {
  log_.open();
  log_.append("one", {1});
  log_.append("two", {2});
  log_.commit();
  log_.checkpoint();
  log_.append("three", {3});
  log_.commit();
  log_.crash();
  log_.remove(std::string(first_segment));
  Verdict found = verdict();
  EXPECT_EQ(sentences(found), (Sentences{"0000000001.seg: is missing"}));
  EXPECT_EQ(lost_of(found.lost), (Counts{{1, 1}, {2, 1}}));
  EXPECT_FALSE(found.others_may_be_lost);

  log_.remove("0000000001.idx");
  found = verdict();
  EXPECT_EQ(found.lost.of_unknown_queues, 2U);
  EXPECT_EQ(found.lost.count(), 2U);
}

TEST_F(VerifyTest, TellsADamagedIndexFromAnUnfinishedOne) {
  log_.open();
  for (int i = 0; i < 50; ++i) log_.append("body", {1});
  log_.commit();
  log_.checkpoint();
  log_.flip("0000000001.idx", 60);
  Verdict found = verdict();
  EXPECT_EQ(sentences(found), (Sentences{"0000000001.idx: is damaged"}));
  EXPECT_TRUE(found.lost.empty());
  EXPECT_TRUE(found.segments.at(1).index_is_damaged);

  log_.flip("0000000001.idx", 60);
  EXPECT_TRUE(verdict().is_clean());
  log_.cut("0000000001.idx", 100);
  found = verdict();
  EXPECT_TRUE(found.is_clean());
  ASSERT_EQ(found.notes.size(), 1U);
  EXPECT_NE(found.notes[0].find("0000000001.idx is not finished"), std::string::npos);
  log_.cut("0000000001.idx", 0);
  EXPECT_TRUE(verdict().is_clean());
}

// Goal: a broker that stopped between rewriting a segment and its index has left no damage.
TEST_F(VerifyTest, LeavesTheIndexOfAFormerFileAlone) {
  log_.open();
  log_.append("body", {1});
  log_.commit();
  log_.checkpoint();
  const auto records = log_.bytes(std::string(first_segment));
  const std::string unfinished = log_.path("0000000001.seg.new");
  {
    auto file = log_.files.open(unfinished, OpenMode::replace);
    ASSERT_TRUE(file);
    RewrittenSegment rewritten(**file, compacted_header());
    const auto bytes = std::span<const std::byte>(records).subspan(512 + sizeof(FrameHeader));
    const auto record = read_record(bytes, segment_seed(log_.node(), 1));
    ASSERT_TRUE(record);
    ASSERT_TRUE(rewritten.add(*record, bytes.first(record->header.size_bytes)));
    ASSERT_TRUE(rewritten.finish());
  }
  ASSERT_TRUE(log_.files.rename(unfinished, log_.path(std::string(first_segment))));
  const Verdict found = verdict();
  EXPECT_EQ(sentences(found), Sentences{});
  ASSERT_EQ(found.notes.size(), 1U);
  EXPECT_NE(found.notes[0].find("0000000001.idx is that of a former file"), std::string::npos);
}

// Goal: an index that is whole and yet tells of other messages is found out.
TEST_F(VerifyTest, ComparesAnIndexWithItsSegment) {
  log_.open();
  log_.append("body", {1});
  log_.commit();
  log_.checkpoint();
  const SegmentIndex empty;
  const auto segment = log_.bytes(std::string(first_segment));
  const auto bytes = empty.file_bytes(read_struct<SegmentHeader>(segment));
  ASSERT_TRUE(replace_file(log_.files, log_.folder(), "0000000001.idx", bytes));
  EXPECT_EQ(sentences(verdict()),
            (Sentences{"0000000001.idx: says something else than its segment"}));
}

TEST_F(VerifyTest, GoesOnFromTheOlderCheckpoint) {
  log_.open();
  log_.log().define("key", "value");
  log_.append("one", {1});
  log_.commit();
  log_.checkpoint();
  log_.append("two", {2});
  log_.commit();
  log_.checkpoint();
  log_.flip("checkpoint-0000000003", 45);
  const Verdict found = verdict();
  EXPECT_EQ(sentences(found), (Sentences{"checkpoint-0000000003: is damaged"}));
  EXPECT_TRUE(found.lost.empty());
  EXPECT_FALSE(found.others_may_be_lost);
  EXPECT_EQ(found.live_reference_count, 2U);
  EXPECT_EQ(found.definitions.size(), 1U);
}

TEST_F(VerifyTest, BelievesTheCopyOfACheckpoint) {
  log_.open();
  log_.log().define("key", "value");
  log_.append("one", {1});
  log_.commit();
  log_.checkpoint();
  log_.remove("0000000001.idx");
  ASSERT_TRUE(replace_file(log_.files, log_.folder(), checkpoint_copy_name(2),
                           log_.bytes("checkpoint-0000000002")));
  Verdict found = verdict();
  EXPECT_TRUE(found.is_clean());
  EXPECT_EQ(found.checkpoints, (Sentences{"checkpoint-0000000002", "checkpoint-0000000002.copy"}));
  log_.flip("checkpoint-0000000002", 45);
  found = verdict();
  EXPECT_EQ(sentences(found), (Sentences{"checkpoint-0000000002: is damaged"}));
  EXPECT_EQ(found.definitions.size(), 1U);
  EXPECT_EQ(found.live_reference_count, 1U);
  log_.flip("checkpoint-0000000002.copy", 45);
  EXPECT_EQ(sentences(verdict()), (Sentences{"checkpoint-0000000002: is damaged",
                                             "checkpoint-0000000002.copy: is damaged"}));
}

TEST_F(VerifyTest, MissesACheckpointUnderItsOwnName) {
  log_.open();
  log_.append("one", {1});
  log_.commit();
  log_.checkpoint();
  ASSERT_TRUE(log_.files.rename(log_.path("checkpoint-0000000002"),
                                log_.path("checkpoint-0000000001")));
  EXPECT_EQ(sentences(verdict()),
            (Sentences{"checkpoint-0000000001: is another checkpoint than its name says"}));
}

// Goal: two checkpoints that are whole and do not go together are found out.
TEST_F(VerifyTest, ComparesCheckpoints) {
  log_.open();
  log_.log().define("key", "value");
  log_.append("one", {1});
  log_.commit();
  log_.checkpoint();
  log_.append("two", {2});
  log_.commit();
  log_.checkpoint();
  EXPECT_TRUE(verdict().is_clean());
  auto checkpoint = decode_checkpoint(log_.bytes("checkpoint-0000000003"), log_.node());
  ASSERT_TRUE(checkpoint);
  checkpoint->state.definitions().clear();
  ASSERT_TRUE(replace_file(log_.files, log_.folder(), "checkpoint-0000000003",
                           encode_checkpoint(*checkpoint, log_.node())));
  EXPECT_EQ(sentences(verdict()),
            (Sentences{"checkpoint-0000000003: says something else than checkpoint-0000000002 and "
                       "the log behind it"}));
}

TEST_F(VerifyTest, MissesMessagesThatACheckpointKnows) {
  log_.open();
  log_.append("one", {1});
  log_.commit();
  log_.checkpoint();
  auto checkpoint = decode_checkpoint(log_.bytes("checkpoint-0000000002"), log_.node());
  ASSERT_TRUE(checkpoint);
  SegmentState& state = checkpoint->state.segments()[1];
  state.reference_count += 2;
  state.live_count += 2;
  ASSERT_TRUE(replace_file(log_.files, log_.folder(), "checkpoint-0000000002",
                           encode_checkpoint(*checkpoint, log_.node())));
  const Verdict found = verdict();
  EXPECT_EQ(sentences(found),
            (Sentences{"0000000001.seg: lacks 2 references that should be in it"}));
  EXPECT_EQ(found.lost.of_unknown_queues, 2U);
  EXPECT_EQ(found.live_reference_count, 1U);
}

TEST_F(VerifyTest, WantsTheBeginningOfTheLogOrACheckpoint) {
  log_.open();
  log_.log().define("key", "value");
  log_.append("one", {1});
  log_.commit();
  log_.checkpoint();
  log_.crash();
  log_.remove("checkpoint-0000000002");
  EXPECT_TRUE(verdict().is_clean()) << "the log tells all";

  // Who rewrites a segment leaves it to checkpoints what else it held.
  const std::string name(first_segment);
  {
    auto file = log_.files.open(log_.path(name), OpenMode::replace);
    ASSERT_TRUE(file);
    RewrittenSegment rewritten(**file, compacted_header());
    ASSERT_TRUE(rewritten.finish());
  }
  log_.remove("0000000001.idx");
  Verdict found = verdict();
  EXPECT_EQ(sentences(found), (Sentences{"0000000001.seg: has been rewritten, and no checkpoint "
                                         "tells what it held before"}));
  EXPECT_TRUE(found.others_may_be_lost);
}

TEST_F(VerifyTest, LeavesATornEndAlone) {
  log_.open();
  log_.append("one", {1});
  log_.commit();
  const LogPlace& second = log_.append("two", {2});
  log_.commit();
  log_.crash();
  log_.flip(std::string(first_segment), ScratchLog::byte_of(second) + 4);
  const Verdict found = verdict();
  EXPECT_EQ(sentences(found), Sentences{});
  ASSERT_EQ(found.notes.size(), 1U);
  EXPECT_NE(found.notes[0].find("is not known to have been safe and is left out (1 records)"),
            std::string::npos);
  EXPECT_EQ(found.live_reference_count, 1U);
}

// Goal: whatever byte of a log that was closed is changed, it is noticed.
TEST_F(VerifyTest, NoticesEveryChangedByte) {
  log_.open();
  log_.log().define("key", "value");
  for (std::uint64_t queue = 1; queue < 6; ++queue) log_.append("body", {queue});
  log_.commit();
  log_.checkpoint();
  log_.append("other", {1});
  log_.commit();
  log_.close();
  ASSERT_EQ(sentences(verdict()), Sentences{});
  for (const std::uint32_t segment : {1U, 2U}) {
    for (const auto& [begin, end] : meaningful_bytes(segment)) {
      expect_noticed(segment_name(segment), begin, end);
    }
    expect_noticed(index_name(segment), 0, log_.bytes(index_name(segment)).size());
  }
  for (const std::uint32_t segment : {2U, 3U}) {
    const std::string name = checkpoint_name(segment);
    expect_noticed(name, 0, log_.bytes(name).size());
  }
  EXPECT_TRUE(verdict().is_clean());
}

}  // namespace
}  // namespace leveret::storage
