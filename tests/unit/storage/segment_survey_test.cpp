#include "storage/segment_survey.hpp"

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "storage/submission.hpp"

namespace leveret::storage {
namespace {

/// A file in memory. Some of its pages cannot be read.
class MemoryFile final : public File {
 public:
  IoResult<std::size_t> read_at(std::uint64_t position, std::span<std::byte> out) const override {
    const std::uint64_t end = std::min<std::uint64_t>(position + out.size(), bytes.size());
    for (const std::uint64_t page : bad_pages) {
      if (position < (page + 1) * 4096 && end > page * 4096) {
        return tl::unexpected(IoError{"read memory", EIO});
      }
    }
    if (position >= end) return std::size_t{0};
    std::memcpy(out.data(), bytes.data() + position, end - position);
    return end - position;
  }
  using File::write_at;
  IoResult<void> write_at(std::uint64_t position, std::span<iovec> parts) override {
    for (const iovec& part : parts) {
      bytes.resize(std::max<std::size_t>(bytes.size(), position + part.iov_len));
      if (part.iov_len > 0) std::memcpy(bytes.data() + position, part.iov_base, part.iov_len);
      position += part.iov_len;
    }
    return {};
  }
  IoResult<void> sync_data() override { return {}; }
  IoResult<std::uint64_t> size() const override { return bytes.size(); }
  IoResult<void> truncate(std::uint64_t size_bytes) override {
    bytes.resize(size_bytes);
    return {};
  }
  IoResult<void> allocate(std::uint64_t size_bytes) override { return truncate(size_bytes); }

  std::vector<std::byte> bytes;
  std::vector<std::uint64_t> bad_pages;
};

constexpr std::uint32_t number = 3;
const NodeId node{std::byte{7}};
constexpr std::uint64_t file_size_bytes = 64 * 1024;

class SegmentSurveyTest : public testing::Test {
 protected:
  SegmentSurveyTest() {
    file_.bytes.resize(file_size_bytes);
    SegmentHeader header;
    header.segment = number;
    header.node = node;
    header.epoch = 4;
    header.file_size_bytes = file_size_bytes;
    write_header(header, segment_seed(node, number));
  }

  void write_header(SegmentHeader header, std::uint32_t seed) {
    seal_header(header, seed);
    std::memcpy(file_.bytes.data(), &header, sizeof(header));
  }

  /// Puts a frame at the end. What was before counts as synced.
  std::uint64_t add_frame(Submission& submission, std::uint64_t durable_upto) {
    const std::uint64_t begin = end_;
    (void)submission.place_at(number, begin, ordinal_);
    ordinal_ += submission.reference_count();
    submission.finish(segment_seed(node, number), durable_upto, 5);
    std::vector<iovec> pieces;
    submission.append_pieces(pieces);
    EXPECT_TRUE(file_.write_at(begin, pieces));
    end_ = begin + submission.size_bytes();
    return begin;
  }
  std::uint64_t add_frame(Submission& submission) { return add_frame(submission, end_); }

  /// Adds a message of 100 bytes for some queues.
  void add_message(Submission& submission, std::vector<std::uint64_t> queues) {
    const std::vector<std::byte> body(100, std::byte{'x'});
    const std::array<std::span<const std::byte>, 1> parts{body};
    MessageRecord record;
    record.queues = queues;
    record.parts = parts;
    record.body_size_bytes = 100;
    submission.add_message(record, place_);
  }
  std::uint64_t add_message_frame(std::vector<std::uint64_t> queues) {
    Submission submission;
    add_message(submission, std::move(queues));
    return add_frame(submission);
  }

  void seal() {
    FrameHeader frame;
    frame.size_bytes = sizeof(frame);
    frame.position = static_cast<std::uint32_t>(end_ / 8);
    frame.flags = FrameHeader::seal_flag;
    frame.segment = number;
    seal_header(frame, segment_seed(node, number));
    std::memcpy(file_.bytes.data() + end_, &frame, sizeof(frame));
    end_ += sizeof(frame);
  }

  void flip(std::uint64_t position) { file_.bytes[position] ^= std::byte{0x10}; }

  SegmentSurvey survey(bool is_last) {
    seen_.clear();
    return survey_segment(file_, file_.bytes.size(), node, number, is_last,
                          [&](const SurveyedRecord& record) { seen_.push_back(record); });
  }

  static std::vector<std::uint64_t> queues_in(const SegmentIndex& index) {
    std::vector<std::uint64_t> queues;
    index.for_each([&](const IndexEntry& entry) {
      queues.insert(queues.end(), entry.queues.begin(), entry.queues.end());
    });
    return queues;
  }

  MemoryFile file_;
  std::uint64_t end_ = first_frame_position;
  std::uint32_t ordinal_ = 0;
  LogPlace place_;
  std::vector<SurveyedRecord> seen_;  ///< Their views are gone.
};

using Queues = std::vector<std::uint64_t>;

// Goal: everything of a right segment is counted, and nothing is said to be damaged.
TEST_F(SegmentSurveyTest, CountsWhatIsInASegment) {
  Submission submission;
  add_message(submission, {1, 2});
  submission.add_settled(place_, 0);
  submission.add_definition(RecordKind::define, "key", "value");
  submission.add_definition(RecordKind::undefine, "key", "");
  add_frame(submission);
  add_message_frame({3});
  seal();
  const SegmentSurvey found = survey(false);
  EXPECT_EQ(found.header_problem, "");
  EXPECT_FALSE(found.is_damaged());
  EXPECT_FALSE(found.torn_end);
  EXPECT_TRUE(found.is_sealed);
  EXPECT_EQ(found.frame_count, 3U);
  EXPECT_EQ(found.record_counts, (std::array<std::uint64_t, 8>{0, 2, 1, 0, 1, 1, 0, 0}));
  EXPECT_EQ(found.record_count(), 5U);
  EXPECT_EQ(found.reference_count, 3U);
  EXPECT_EQ(found.epoch, 5U);
  EXPECT_EQ(found.end_position, end_);
  EXPECT_EQ(queues_in(found.index), (Queues{1, 2, 3}));
  EXPECT_EQ(seen_.size(), 5U);
}

// Goal: one damaged body costs one message, and the message still says whose it was.
TEST_F(SegmentSurveyTest, FindsTheRightRecordsOfADamagedFrame) {
  Submission submission;
  add_message(submission, {1});
  add_message(submission, {2, 3});
  add_message(submission, {4});
  submission.add_settled(place_, 0);
  const std::uint64_t begin = add_frame(submission);
  add_message_frame({5});
  seal();
  const std::uint64_t first = begin + sizeof(FrameHeader);
  const std::uint64_t second = first + aligned(16 + 24 + 8 + 100);
  flip(second + 16 + 24 + 16 + 50);

  const SegmentSurvey found = survey(false);
  ASSERT_EQ(found.damaged.size(), 1U);
  EXPECT_EQ(found.damaged[0].begin, second);
  EXPECT_EQ(found.damaged[0].end, second + aligned(16 + 24 + 16 + 100));
  EXPECT_EQ(found.damaged[0].record_count, 1U);
  EXPECT_EQ(found.damaged[0].likely_message_count, 1U);
  EXPECT_FALSE(found.damaged[0].may_hold_others());
  EXPECT_EQ(queues_in(found.index), (Queues{1, 4, 5}));
  EXPECT_EQ(queues_in(found.claimed), (Queues{1, 2, 3, 4, 5}));
  EXPECT_TRUE(found.is_sealed);
  // What it settles is not believed: the message that it was settled for may be the lost one.
  EXPECT_EQ(found.doubtful_settled_count, 1U);
  ASSERT_EQ(seen_.size(), 4U);
  EXPECT_TRUE(seen_[0].is_trusted());
  EXPECT_FALSE(seen_[2].is_trusted());
}

TEST_F(SegmentSurveyTest, LosesNoRecordWithTheHeaderOfAFrame) {
  const std::uint64_t begin = add_message_frame({1});
  add_message_frame({2});
  seal();
  flip(begin + 4);
  const SegmentSurvey found = survey(false);
  ASSERT_EQ(found.damaged.size(), 1U);
  EXPECT_EQ(found.damaged[0].begin, begin);
  EXPECT_EQ(found.damaged[0].end, begin + sizeof(FrameHeader));
  EXPECT_EQ(found.damaged[0].record_count, 0U);
  EXPECT_EQ(queues_in(found.index), (Queues{1, 2}));
  EXPECT_TRUE(found.is_sealed);
}

TEST_F(SegmentSurveyTest, FindsWhatFollowsADamagedStretch) {
  add_message_frame({1});
  const std::uint64_t begin = add_message_frame({2});
  const std::uint64_t middle = add_message_frame({3});
  add_message_frame({4});
  seal();
  for (std::uint64_t at = begin; at < middle + 20; ++at) file_.bytes[at] = std::byte{0xAA};
  const SegmentSurvey found = survey(false);
  ASSERT_EQ(found.damaged.size(), 1U);
  EXPECT_EQ(found.damaged[0].begin, begin);
  EXPECT_EQ(found.damaged[0].end, middle + sizeof(FrameHeader));
  EXPECT_FALSE(found.damaged[0].record_count);
  EXPECT_TRUE(found.damaged[0].may_hold_others());
  EXPECT_EQ(queues_in(found.index), (Queues{1, 3, 4}));
}

// Goal: a tail that nobody was promised is no damage; one that was, is.
TEST_F(SegmentSurveyTest, TellsATornEndFromDamage) {
  const std::uint64_t safe_upto = add_message_frame({1});
  Submission second, third;
  add_message(second, {2});
  add_message(third, {3});
  const std::uint64_t begin = add_frame(second, safe_upto);
  add_frame(third, safe_upto);
  flip(begin + 100);
  SegmentSurvey found = survey(true);
  EXPECT_FALSE(found.is_damaged());
  EXPECT_FALSE(found.is_sealed);
  EXPECT_EQ(found.end_position, begin);
  ASSERT_TRUE(found.torn_end);
  EXPECT_EQ(found.torn_end->position, begin);
  EXPECT_EQ(found.torn_end->frame_count, 2U);
  EXPECT_EQ(found.torn_end->record_count, 2U);
  EXPECT_EQ(queues_in(found.index), (Queues{1}));

  // A later frame says that the damaged one was safe.
  Submission fourth;
  add_message(fourth, {4});
  add_frame(fourth, begin + 8);
  found = survey(true);
  ASSERT_EQ(found.damaged.size(), 1U);
  EXPECT_FALSE(found.torn_end);
  EXPECT_EQ(queues_in(found.index), (Queues{1, 3, 4}));

  // So does a later segment.
  end_ -= sizeof(FrameHeader) + aligned(16 + 24 + 8 + 100);
  std::fill(file_.bytes.begin() + static_cast<std::ptrdiff_t>(end_), file_.bytes.end(),
            std::byte{0});
  EXPECT_FALSE(survey(true).is_damaged());
  EXPECT_TRUE(survey(false).is_damaged());
}

TEST_F(SegmentSurveyTest, KnowsAFileThatIsCutOff) {
  add_message_frame({1});
  const std::uint64_t begin = add_message_frame({2});
  file_.bytes.resize(begin + 100);
  SegmentSurvey found = survey(true);
  ASSERT_EQ(found.damaged.size(), 1U);
  EXPECT_GT(found.damaged[0].end, file_.bytes.size());
  EXPECT_EQ(found.damaged[0].record_count, 1U);
  EXPECT_EQ(queues_in(found.index), (Queues{1}));

  file_.bytes.resize(begin);
  found = survey(true);
  ASSERT_EQ(found.damaged.size(), 1U);
  EXPECT_EQ(found.damaged[0].begin, begin);
  EXPECT_EQ(found.damaged[0].end, begin);
}

TEST_F(SegmentSurveyTest, MissesTheSealOfASegmentThatHasASuccessor) {
  add_message_frame({1});
  EXPECT_FALSE(survey(true).is_damaged());
  const SegmentSurvey found = survey(false);
  ASSERT_EQ(found.damaged.size(), 1U);
  EXPECT_EQ(found.damaged[0].begin, end_);
  EXPECT_EQ(queues_in(found.index), (Queues{1}));
}

TEST_F(SegmentSurveyTest, SaysWhatIsWrongWithAHeader) {
  add_message_frame({1});
  seal();
  flip(60);
  SegmentSurvey found = survey(false);
  EXPECT_EQ(found.header_problem, "has a damaged header");
  EXPECT_TRUE(found.is_damaged());
  EXPECT_EQ(queues_in(found.index), (Queues{1}));

  SegmentHeader header;
  header.segment = number;
  header.node = NodeId{};
  write_header(header, segment_seed(header.node, number));
  EXPECT_EQ(survey(false).header_problem, "belongs to another node");

  header.node = node;
  header.segment = 9;
  write_header(header, segment_seed(node, 9));
  EXPECT_EQ(survey(false).header_problem, "is 0000000009.seg under another name");

  header.segment = number;
  header.format = format_version + 1;
  write_header(header, segment_seed(node, number));
  found = survey(false);
  EXPECT_EQ(found.header_problem, "has format 3; this Leveret knows formats up to 2");
  EXPECT_TRUE(found.is_of_later_format);

  file_.bytes.resize(10);
  EXPECT_EQ(survey(false).header_problem, "is shorter than the header of a segment");
}

// Goal: bytes that the disk does not give cost the records that lie on them, and no others.
TEST_F(SegmentSurveyTest, ReadsAroundWhatTheDiskDoesNotGive) {
  std::vector<std::uint64_t> begins;
  for (std::uint64_t queue = 0; queue < 100; ++queue) begins.push_back(add_message_frame({queue}));
  seal();
  file_.bad_pages = {2};
  const SegmentSurvey found = survey(false);
  EXPECT_EQ(found.unreadable_bytes, 4096U);
  EXPECT_EQ(found.damaged.size(), 1U);
  const std::uint64_t frame_size = begins[1] - begins[0];
  Queues expected;
  for (std::uint64_t queue = 0; queue < 100; ++queue) {
    // A record is whole when all of it lies beside the page, whatever became of its frame's header.
    const std::uint64_t record = begins[queue] + sizeof(FrameHeader);
    const std::uint64_t end = begins[queue] + frame_size;
    if (end <= 2 * 4096 || record >= 3 * 4096) expected.push_back(queue);
  }
  EXPECT_EQ(queues_in(found.index), expected);
  EXPECT_TRUE(found.is_sealed);
}

// Goal: bytes that look like long records, over and over, do not make a search endless.
TEST_F(SegmentSurveyTest, SearchesNoLongerThanItIsWorth) {
  file_.bytes.assign(16 << 20, std::byte{0});
  SegmentHeader header;
  header.segment = number;
  header.node = node;
  write_header(header, segment_seed(node, number));
  for (std::uint64_t at = first_frame_position; at + 64 < file_.bytes.size(); at += 16) {
    RecordHeader record;
    record.kind = RecordKind::message;
    record.size_bytes = static_cast<std::uint32_t>(file_.bytes.size() - at - 16);
    std::memcpy(file_.bytes.data() + at, &record, sizeof(record));
  }
  const SegmentSurvey found = survey(false);
  EXPECT_EQ(found.record_count(), 0U);
  EXPECT_TRUE(found.is_damaged());
}

}  // namespace
}  // namespace leveret::storage
