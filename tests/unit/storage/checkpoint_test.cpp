#include "storage/checkpoint.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "storage/crc32c.hpp"

namespace leveret::storage {
namespace {

constexpr NodeId node{std::byte{5}};

Checkpoint random_checkpoint(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Checkpoint checkpoint;
  checkpoint.segment = static_cast<std::uint32_t>(random());
  checkpoint.epoch = static_cast<std::uint32_t>(random());
  for (std::uint64_t i = random() % 20; i > 0; --i) {
    checkpoint.state.definitions()[std::to_string(random() % 1000)] =
        std::string(random() % 300, 'v');
  }
  for (std::uint64_t i = random() % 20; i > 0; --i) {
    SegmentState& segment = checkpoint.state.segments()[static_cast<std::uint32_t>(random() % 99)];
    segment = {};
    segment.reference_count = static_cast<std::uint32_t>(1 + random() % 500);
    segment.end_position = random() % (1 << 26);
    segment.live_size_bytes = random() % (1 << 26);
    for (std::uint32_t n = 0; n + 1 < segment.reference_count; ++n) {
      if (random() % 2 == 0) segment.settled.set(n, 1);
      if (random() % 2 == 0) segment.delivered.set(n, 1);
      if (random() % 4 == 0 && !segment.settled.test(n)) {
        segment.return_counts[n] = static_cast<std::uint32_t>(1 + random() % 1000);
      }
    }
    segment.live_count = segment.reference_count - segment.settled.count(segment.reference_count);
  }
  return checkpoint;
}

TEST(Checkpoint, KeepsAllThatIsAlive) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    const Checkpoint checkpoint = random_checkpoint(seed);
    const auto decoded = decode_checkpoint(encode_checkpoint(checkpoint, node), node);
    ASSERT_TRUE(decoded) << decoded.error();
    EXPECT_EQ(decoded->segment, checkpoint.segment);
    EXPECT_EQ(decoded->epoch, checkpoint.epoch);
    EXPECT_EQ(decoded->state.definitions(), checkpoint.state.definitions());
    ASSERT_EQ(decoded->state.segments().size(), checkpoint.state.segments().size());
    for (const auto& [number, segment] : checkpoint.state.segments()) {
      const SegmentState& other = decoded->state.segments().at(number);
      EXPECT_EQ(other.reference_count, segment.reference_count);
      EXPECT_EQ(other.live_count, segment.live_count);
      EXPECT_EQ(other.end_position, segment.end_position);
      EXPECT_EQ(other.live_size_bytes, segment.live_size_bytes);
      EXPECT_EQ(other.return_counts, segment.return_counts);
      for (std::uint32_t n = 0; n < segment.reference_count; ++n) {
        EXPECT_EQ(other.settled.test(n), segment.settled.test(n));
        EXPECT_EQ(other.delivered.test(n), segment.delivered.test(n));
      }
    }
  }
}

TEST(Checkpoint, LeavesOutWhatIsDead) {
  Checkpoint checkpoint;
  checkpoint.state.segments()[1].reference_count = 5;
  checkpoint.state.segments()[1].settled.set(0, 5);
  const auto decoded = decode_checkpoint(encode_checkpoint(checkpoint, node), node);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->state.segments().empty());
}

TEST(Checkpoint, IsNotBelievedWhenAnyByteIsWrong) {
  const auto right = encode_checkpoint(random_checkpoint(1), node);
  for (std::size_t position = 0; position < right.size(); ++position) {
    auto bytes = right;
    bytes[position] ^= std::byte{0x10};
    EXPECT_FALSE(decode_checkpoint(bytes, node)) << position;
    EXPECT_FALSE(decode_checkpoint(std::span(right).first(position), node)) << position;
  }
}

TEST(Checkpoint, SaysWhatIsWrong) {
  const auto right = encode_checkpoint(random_checkpoint(1), node);
  const auto complaint = [](std::span<const std::byte> bytes, const NodeId& of = node) {
    const auto decoded = decode_checkpoint(bytes, of);
    return decoded ? std::string() : decoded.error();
  };
  EXPECT_EQ(complaint({}), "is too short");
  EXPECT_EQ(complaint(std::span(right).first(right.size() - 1)), "is damaged");
  EXPECT_EQ(complaint(right, NodeId{}), "has a damaged header, or belongs to another node");
}

/// Bytes with right check sums.
std::vector<std::byte> sealed(std::vector<std::byte> bytes,
                              std::uint32_t format = format_version) {
  const auto body = std::span<const std::byte>(bytes).subspan(40);
  const std::uint32_t body_checksum = crc32c(0, body);
  const std::uint64_t body_size = body.size();
  std::memcpy(bytes.data() + 8, &format, 4);
  std::memcpy(bytes.data() + 20, &body_checksum, 4);
  std::memcpy(bytes.data() + 24, &body_size, 8);
  const std::uint32_t checksum = crc32c(crc32c(0, node), std::span(bytes).first(36));
  std::memcpy(bytes.data() + 36, &checksum, 4);
  return bytes;
}

/// One of format 1, which knew nothing of returns.
std::vector<std::byte> old_checkpoint(std::vector<std::byte> bytes) {
  bytes.pop_back();  // The number of returns in the last segment: 0.
  return sealed(std::move(bytes), 1);
}

// Goal: what an older Leveret has written is read; nothing of it had come back that was counted.
TEST(Checkpoint, IsReadInTheFormerFormat) {
  Checkpoint checkpoint;
  SegmentState& segment = checkpoint.state.segments()[3];
  segment.reference_count = segment.live_count = 2;
  segment.delivered.set(1, 1);
  const auto bytes = old_checkpoint(encode_checkpoint(checkpoint, node));
  const auto decoded = decode_checkpoint(bytes, node);
  ASSERT_TRUE(decoded) << decoded.error();
  EXPECT_EQ(decoded->state.segments().at(3).live_count, 2U);
  EXPECT_TRUE(decoded->state.segments().at(3).delivered.test(1));
  EXPECT_TRUE(decoded->state.segments().at(3).return_counts.empty());
}

// Goal: counts of references that are settled or not there are not taken.
TEST(Checkpoint, RefusesReturnsOfNothing) {
  for (const std::uint32_t ordinal : {0U, 2U, 3U}) {
    Checkpoint checkpoint;
    SegmentState& segment = checkpoint.state.segments()[3];
    segment.reference_count = 2;
    segment.live_count = 1;
    segment.settled.set(0, 1);
    segment.return_counts[ordinal] = 5;
    EXPECT_FALSE(decode_checkpoint(encode_checkpoint(checkpoint, node), node)) << ordinal;
  }
}

TEST(Checkpoint, RefusesLaterFormats) {
  const auto decoded =
      decode_checkpoint(sealed(encode_checkpoint(random_checkpoint(1), node), format_version + 1),
                        node);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error(), "has format 3; this Leveret knows formats up to 2");
}

// Goal: numbers that do not go together would later be divided by, or counted below zero.
TEST(Checkpoint, IsNotBelievedWhenItsNumbersDoNotGoTogether) {
  Checkpoint checkpoint;
  SegmentState& segment = checkpoint.state.segments()[1];
  segment.reference_count = 10;
  segment.live_count = 9;
  segment.settled.set(3, 1);
  ASSERT_TRUE(decode_checkpoint(encode_checkpoint(checkpoint, node), node));
  segment.live_count = 8;
  EXPECT_FALSE(decode_checkpoint(encode_checkpoint(checkpoint, node), node));
  segment.live_count = 10;
  EXPECT_FALSE(decode_checkpoint(encode_checkpoint(checkpoint, node), node));
  segment.reference_count = segment.live_count = reference_count_max + 1;
  segment.settled = {};
  EXPECT_FALSE(decode_checkpoint(encode_checkpoint(checkpoint, node), node));
}

// Goal: whatever bytes have right check sums, decoding them comes to an end.
TEST(Checkpoint, DecodesAnything) {
  std::mt19937_64 random(11);
  const auto right = encode_checkpoint(random_checkpoint(2), node);
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = right;
    for (std::uint64_t i = 1 + random() % 5; i > 0; --i) {
      bytes[40 + random() % (bytes.size() - 40)] = static_cast<std::byte>(random());
    }
    if (random() % 3 == 0) bytes.resize(40 + random() % (bytes.size() - 40));
    (void)decode_checkpoint(sealed(std::move(bytes)), node);
  }
}

}  // namespace
}  // namespace leveret::storage
