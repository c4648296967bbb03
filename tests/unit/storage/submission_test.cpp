#include "storage/submission.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <random>

#include "storage/frame_scanner.hpp"
#include "tests/unit/storage/faulty_disk.hpp"

namespace leveret::storage {
namespace {

constexpr NodeId node{std::byte{5}};
constexpr std::uint32_t segment = 3;
constexpr std::uint64_t position = 4096;
// Parts longer than this are not copied.
constexpr std::size_t copied_max = 16 * 1024;

std::string text_of(std::span<const std::byte> bytes) { return std::string(read_text(bytes)); }

class SubmissionTest : public ::testing::Test {
 protected:
  LogPlace& add(std::vector<std::string> parts, std::vector<std::uint64_t> queues = {1}) {
    std::vector<std::span<const std::byte>> spans;
    for (std::string& part : parts) {
      texts.push_back(std::move(part));
      spans.push_back(std::as_bytes(std::span(texts.back())));
    }
    MessageRecord record;
    record.queues = queues;
    record.parts = spans;
    places.emplace_back();
    submission.add_message(record, places.back());
    return places.back();
  }

  /// Places and finishes the frame, writes it, and reads it back.
  Frame write(std::uint32_t first_ordinal = 0) {
    const std::uint64_t bound = submission.size_bound_bytes();
    const std::uint64_t size = submission.place_at(segment, position, first_ordinal);
    EXPECT_LE(size, bound);
    EXPECT_EQ(size % 8, 0U);
    submission.finish(segment_seed(node, segment), 512, 9);
    pieces.clear();
    submission.append_pieces(pieces);
    bytes.assign(position, std::byte{0});
    for (const iovec& piece : pieces) {
      const auto* begin = static_cast<const std::byte*>(piece.iov_base);
      bytes.insert(bytes.end(), begin, begin + piece.iov_len);
    }
    EXPECT_EQ(bytes.size(), position + size);
    disk.put("d/file", bytes);
    file = std::move(*disk.open("d/file", OpenMode::read));
    scanner.emplace(*file, bytes.size(), node, segment);
    scanner->seek(position);
    auto frame = scanner->next();
    EXPECT_TRUE(frame && *frame);
    return frame && *frame ? **frame : Frame{};
  }

  Submission submission;
  std::deque<std::string> texts;
  std::deque<LogPlace> places;
  std::vector<iovec> pieces;
  std::vector<std::byte> bytes;
  FaultyDisk disk;
  std::unique_ptr<File> file;
  std::optional<FrameScanner> scanner;
};

TEST_F(SubmissionTest, IsEmptyAtFirst) {
  EXPECT_TRUE(submission.empty());
  submission.add_settled(LogPlace{}, 0);  // It is not in the log.
  EXPECT_TRUE(submission.empty());
  submission.set_awaited();
  EXPECT_FALSE(submission.empty());
  submission.clear();
  EXPECT_TRUE(submission.empty());
  EXPECT_FALSE(submission.awaited());
}

TEST_F(SubmissionTest, IsAFrameAlsoWithoutRecords) {
  submission.set_awaited();
  const Frame frame = write();
  EXPECT_TRUE(frame.records.empty());
  EXPECT_EQ(frame.header.size_bytes, sizeof(FrameHeader));
  EXPECT_EQ(frame.header.epoch, 9U);
  EXPECT_EQ(frame.durable_upto(), 512U);
}

TEST_F(SubmissionTest, GivesMessagesTheirPlaces) {
  add({"one"}, {1, 2, 3});
  add({"two"}, {});
  add({"three"}, {4});
  for (const LogPlace& place : places) EXPECT_EQ(place.segment, LogPlace::pending);
  EXPECT_EQ(submission.reference_count(), 4U);
  const Frame frame = write(100);
  const std::array ordinals{100U, 103U, 103U};
  ASSERT_EQ(frame.records.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(places[i].segment, segment);
    EXPECT_EQ(places[i].first_ordinal, ordinals[i]);
    const auto record = read_record(std::span(bytes).subspan(places[i].position * 8ul),
                                    segment_seed(node, segment));
    ASSERT_TRUE(record);
    EXPECT_EQ(record->header.size_bytes, places[i].size_bytes);
    EXPECT_EQ(record->header.first_ordinal, ordinals[i]);
    EXPECT_EQ(text_of(read_message(record->payload)->bytes), texts[i]);
  }
}

// Goal: what is settled in the turn in which it was published is settled by its right number.
TEST_F(SubmissionTest, SettlesWhatHasNoPlaceYet) {
  const LogPlace& first = add({"one"}, {1, 2});
  submission.add_settled(first, 1);
  const LogPlace& second = add({"two"}, {1});
  submission.add_delivered(second, 0);
  submission.add_settled(second, 0);
  submission.add_settled(LogPlace{2, 50, 0, 0}, 3);
  const Frame frame = write(10);
  ASSERT_EQ(frame.records.size(), 4U);
  EXPECT_EQ(frame.records[2].header.kind, RecordKind::delivered);
  EXPECT_EQ(read_runs(frame.records[2].payload), (std::vector<ReferenceRun>{{segment, 12, 1}}));
  EXPECT_EQ(frame.records[3].header.kind, RecordKind::settled);
  EXPECT_EQ(read_runs(frame.records[3].payload),
            (std::vector<ReferenceRun>{{2, 53, 1}, {segment, 11, 2}}));
}

// Goal: what comes back is told after what was delivered and before what is settled, each in its
// order and by its right number.
TEST_F(SubmissionTest, TellsOfReturnsInTheirOrder) {
  const LogPlace& first = add({"one"}, {1, 2});
  submission.add_delivered(first, 1);
  submission.add_returned(first, 1, {1, false});
  submission.add_returned(LogPlace{2, 50, 0, 0}, 3, {7, false});
  submission.add_returned(first, 1, {1, true});
  submission.add_settled(LogPlace{2, 50, 0, 0}, 3);
  EXPECT_FALSE(submission.empty());
  const std::uint64_t bound_bytes = submission.size_bound_bytes();
  const Frame frame = write(10);
  EXPECT_LE(submission.size_bytes(), bound_bytes);
  ASSERT_EQ(frame.records.size(), 4U);
  EXPECT_EQ(frame.records[1].header.kind, RecordKind::delivered);
  EXPECT_EQ(frame.records[2].header.kind, RecordKind::returned);
  const auto returns = read_returns(frame.records[2].payload);
  ASSERT_EQ(returns.size(), 3U);
  EXPECT_EQ(returns[0].segment, segment);
  EXPECT_EQ(returns[0].ordinal, 11U);
  EXPECT_EQ(returns[0].returns(), (Returns{1, false}));
  EXPECT_EQ(returns[1].segment, 2U);
  EXPECT_EQ(returns[1].ordinal, 53U);
  EXPECT_EQ(returns[1].returns(), (Returns{7, false}));
  EXPECT_EQ(returns[2].ordinal, 11U);
  EXPECT_EQ(returns[2].returns(), (Returns{1, true}));
  EXPECT_EQ(frame.records[3].header.kind, RecordKind::settled);
}

// Goal: long parts are written from where they lie, wherever in a message and a frame they are.
TEST_F(SubmissionTest, WritesLongPartsFromWhereTheyLie) {
  const std::vector<std::size_t> sizes{0, 1, 7, copied_max, copied_max + 1, copied_max + 5,
                                       100'000};
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    submission.clear();
    texts.clear();
    places.clear();
    std::vector<std::string> expected;
    std::size_t long_parts = 0;
    for (std::uint64_t i = 1 + random() % 4; i > 0; --i) {
      std::vector<std::string> parts;
      for (std::uint64_t n = random() % 4; n > 0; --n) {
        parts.emplace_back(sizes[random() % sizes.size()], static_cast<char>('a' + random() % 26));
        if (parts.back().size() > copied_max) ++long_parts;
      }
      expected.emplace_back();
      for (const std::string& part : parts) expected.back() += part;
      add(parts, std::vector<std::uint64_t>(random() % 3, 7));
      if (random() % 2 == 0) submission.add_definition(RecordKind::define, "key", "value");
    }
    submission.add_settled(places[0], 0);
    const Frame frame = write();
    EXPECT_LE(pieces.size(), 2 * long_parts + 1);
    std::size_t next = 0;
    for (const RecordView& record : frame.records) {
      if (record.header.kind != RecordKind::message) continue;
      ASSERT_LT(next, expected.size());
      EXPECT_EQ(places[next].first_ordinal, record.header.first_ordinal);
      EXPECT_EQ(text_of(read_message(record.payload)->bytes), expected[next++]);
    }
    EXPECT_EQ(next, expected.size());
    std::size_t seen = 0;
    submission.for_each_record([&](const RecordView& record, std::uint64_t at) {
      ASSERT_LT(seen, frame.records.size());
      EXPECT_EQ(record.header.checksum, frame.records[seen].header.checksum);
      if (record.header.kind == RecordKind::message) {
        const auto message = read_message(record.payload);
        ASSERT_TRUE(message);
        EXPECT_TRUE(std::ranges::equal(message->queues,
                                       read_message(frame.records[seen].payload)->queues));
      } else {
        EXPECT_TRUE(std::ranges::equal(record.payload, frame.records[seen].payload));
      }
      EXPECT_TRUE(read_record(std::span(bytes).subspan(at), segment_seed(node, segment)));
      ++seen;
    });
    EXPECT_EQ(seen, frame.records.size());
  }
}

// Goal: a write that found no room is repeated later, with another idea of what is durable.
TEST_F(SubmissionTest, CanBeFinishedAgain) {
  add({"one", std::string(20'000, 'x')});
  write();
  const auto before = bytes;
  submission.finish(segment_seed(node, segment), 512, 9);
  pieces.clear();
  submission.append_pieces(pieces);
  std::vector<std::byte> again(position);
  for (const iovec& piece : pieces) {
    const auto* begin = static_cast<const std::byte*>(piece.iov_base);
    again.insert(again.end(), begin, begin + piece.iov_len);
  }
  EXPECT_EQ(again, before);
}

TEST_F(SubmissionTest, IsUsedAgain) {
  add({std::string(3 << 20, 'x')});
  add({std::string(1000, 'y')});
  submission.add_settled(places[0], 0);
  write();
  submission.clear();
  texts.clear();
  places.clear();
  add({"next"});
  const Frame frame = write();
  ASSERT_EQ(frame.records.size(), 1U);
  EXPECT_EQ(text_of(read_message(frame.records[0].payload)->bytes), "next");
}

}  // namespace
}  // namespace leveret::storage
