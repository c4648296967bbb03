#include "storage/segment_index.hpp"

#include <gtest/gtest.h>

#include <random>

namespace leveret::storage {
namespace {

constexpr NodeId node{std::byte{5}};

SegmentHeader header_of(std::uint32_t segment, std::uint32_t generation = 0) {
  SegmentHeader header;
  header.segment = segment;
  header.generation = generation;
  header.node = node;
  seal_header(header, segment_seed(node, segment));
  return header;
}

void add(SegmentIndex& index, const IndexEntry& entry) {
  MessageView message;
  message.header = {entry.published_at_ms, entry.expiration_ms, entry.body_size_bytes,
                    static_cast<std::uint32_t>(entry.queues.size())};
  message.queues = std::as_bytes(std::span(entry.queues));
  index.add(entry.first_ordinal, entry.position, entry.size_bytes, message);
}

bool operator==(const IndexEntry& a, const IndexEntry& b) {
  return a.first_ordinal == b.first_ordinal && a.position == b.position &&
         a.size_bytes == b.size_bytes && a.body_size_bytes == b.body_size_bytes &&
         a.published_at_ms == b.published_at_ms && a.expiration_ms == b.expiration_ms &&
         a.queues == b.queues;
}

void expect_entries(const SegmentIndex& index, const std::vector<IndexEntry>& expected) {
  EXPECT_EQ(index.message_count(), expected.size());
  std::size_t count = 0;
  index.for_each([&](const IndexEntry& entry) {
    ASSERT_LT(count, expected.size());
    EXPECT_TRUE(entry == expected[count++]);
  });
  EXPECT_EQ(count, expected.size());
}

std::vector<IndexEntry> random_entries(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<IndexEntry> entries(random() % 50);
  std::uint32_t ordinal = 0;
  std::uint32_t position = 64;
  for (IndexEntry& entry : entries) {
    ordinal += static_cast<std::uint32_t>(random() % 3);
    position += static_cast<std::uint32_t>(random() % 100'000);
    entry.first_ordinal = ordinal;
    entry.position = position;
    entry.size_bytes = static_cast<std::uint32_t>(random());
    entry.body_size_bytes = static_cast<std::uint32_t>(random());
    entry.published_at_ms = random() >> random() % 64;
    entry.expiration_ms = random() % 2 == 0 ? no_expiration : random() >> random() % 64;
    entry.queues.resize(random() % 4);
    for (std::uint64_t& queue : entry.queues) queue = random() >> random() % 64;
    ordinal += static_cast<std::uint32_t>(entry.queues.size());
  }
  return entries;
}

TEST(SegmentIndex, KeepsAllOfEveryMessage) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    const auto entries = random_entries(seed);
    SegmentIndex index;
    for (const IndexEntry& entry : entries) add(index, entry);
    expect_entries(index, entries);
    const auto parsed = SegmentIndex::parse(index.file_bytes(header_of(3)), header_of(3));
    ASSERT_TRUE(parsed);
    expect_entries(*parsed, entries);
  }
}

// Goal: a reference is not told of twice, whatever records say of themselves.
TEST(SegmentIndex, LeavesOutWhatDoesNotCountUp) {
  const IndexEntry first{4, 64, 100, 50, 1, 2, {7, 8}};
  const IndexEntry next{6, 80, 100, 50, 1, 2, {7}};
  SegmentIndex index;
  add(index, first);
  add(index, {5, 72, 100, 50, 1, 2, {9}});
  add(index, {0, 72, 100, 50, 1, 2, {9}});
  add(index, {reference_count_max, 72, 100, 50, 1, 2, {9}});
  add(index, {UINT32_MAX, 72, 100, 50, 1, 2, {9}});
  add(index, next);
  expect_entries(index, {first, next});
}

TEST(SegmentIndex, IsSmall) {
  SegmentIndex index;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    add(index, {i, i * 140, 1100, 1024, 1'700'000'000'000u + i, no_expiration, {12345}});
  }
  EXPECT_LT(index.file_bytes(header_of(1)).size(), 15'000U);
}

TEST(SegmentIndex, BelievesNoOtherBytes) {
  SegmentIndex index;
  add(index, {0, 64, 100, 50, 1, 2, {7, 8}});
  const auto right = index.file_bytes(header_of(3));
  ASSERT_TRUE(SegmentIndex::parse(right, header_of(3)));
  for (std::size_t position = 0; position < right.size(); ++position) {
    auto bytes = right;
    bytes[position] ^= std::byte{1};
    EXPECT_FALSE(SegmentIndex::parse(bytes, header_of(3))) << position;
    EXPECT_FALSE(SegmentIndex::parse(std::span(right).first(position), header_of(3))) << position;
  }
  auto longer = right;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(SegmentIndex::parse(longer, header_of(3)));
}

// Goal: the index of a file that was compacted since, or of another segment, is not believed.
TEST(SegmentIndex, BelongsToOneFile) {
  const auto bytes = SegmentIndex().file_bytes(header_of(3, 1));
  EXPECT_TRUE(SegmentIndex::parse(bytes, header_of(3, 1)));
  EXPECT_FALSE(SegmentIndex::parse(bytes, header_of(3, 0)));
  EXPECT_FALSE(SegmentIndex::parse(bytes, header_of(3, 2)));
  EXPECT_FALSE(SegmentIndex::parse(bytes, header_of(4, 1)));
  SegmentHeader longer = header_of(3, 1);
  longer.file_size_bytes = 1;
  seal_header(longer, segment_seed(node, 3));
  EXPECT_FALSE(SegmentIndex::parse(bytes, longer));
}

}  // namespace
}  // namespace leveret::storage
