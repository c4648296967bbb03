#include "broker/core/ready_list.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace leveret::broker {
namespace {

QueueEntry entry(std::uint64_t position, std::uint64_t body_size = 0) {
  const std::vector<std::byte> body(body_size);
  auto message = Message::create("", "q", {}, body_size);
  message->append_body(body);
  return {message, Position{position}, never, false};
}

std::vector<std::uint64_t> drain(ReadyList& list) {
  std::vector<std::uint64_t> positions;
  while (!list.empty()) positions.push_back(static_cast<std::uint64_t>(list.pop_front().position));
  return positions;
}

void discard_all(ReadyList& list) {
  storage::VolatileLog log;
  list.discard_all(log, QueueDefinition{});
}

using Positions = std::vector<std::uint64_t>;

TEST(ReadyList, IsAQueue) {
  ReadyList list;
  EXPECT_TRUE(list.empty());
  for (std::uint64_t i = 1; i <= 3; ++i) list.push_back(entry(i), nullptr);
  EXPECT_EQ(list.size(), 3U);
  EXPECT_EQ(list.front().position, Position{1});
  EXPECT_EQ(drain(list), (Positions{1, 2, 3}));
}

TEST(ReadyList, PutsBackToTheOriginalPosition) {
  ReadyList list;
  for (std::uint64_t i = 1; i <= 5; ++i) list.push_back(entry(i), nullptr);
  std::vector<QueueEntry> out;
  for (int i = 0; i < 4; ++i) out.push_back(list.pop_front());
  list.put_back(std::move(out[2]));
  list.put_back(std::move(out[0]));
  list.put_back(std::move(out[3]));
  EXPECT_EQ(list.size(), 4U);
  EXPECT_EQ(list.front().position, Position{1});
  EXPECT_EQ(drain(list), (Positions{1, 3, 4, 5}));
}

TEST(ReadyList, CountsBodies) {
  ReadyList list;
  list.push_back(entry(1, 10), nullptr);
  list.push_back(entry(2, 100), nullptr);
  EXPECT_EQ(list.body_bytes(), 110U);
  QueueEntry first = list.pop_front();
  EXPECT_EQ(list.body_bytes(), 100U);
  list.put_back(std::move(first));
  EXPECT_EQ(list.body_bytes(), 110U);
  discard_all(list);
  EXPECT_EQ(list.body_bytes(), 0U);
  EXPECT_TRUE(list.empty());
}

TEST(ReadyList, AgreesWithASortedMap) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  ReadyList list;
  std::map<std::uint64_t, std::uint64_t> expected;  // Position to body size.
  std::vector<QueueEntry> out;
  std::uint64_t last_position = 0;
  for (int round = 0; round < 20'000; ++round) {
    switch (random() % 6) {
      case 0: case 1: {
        const std::uint64_t size = random() % 50;
        list.push_back(entry(++last_position, size), nullptr);
        expected.emplace(last_position, size);
        break;
      }
      case 2: case 3:
        if (expected.empty()) break;
        ASSERT_EQ(list.front().position, Position{expected.begin()->first});
        out.push_back(list.pop_front());
        ASSERT_EQ(out.back().message->body_size(), expected.begin()->second);
        expected.erase(expected.begin());
        break;
      case 4: {
        if (out.empty()) break;
        std::swap(out[random() % out.size()], out.back());
        expected.emplace(static_cast<std::uint64_t>(out.back().position),
                         out.back().message->body_size());
        list.put_back(std::move(out.back()));
        out.pop_back();
        break;
      }
      case 5:
        if (random() % 500 == 0) {
          discard_all(list);
          expected.clear();
        }
        break;
    }
    std::uint64_t bytes = 0;
    if (round % 64 == 0) {
      for (const auto& [position, size] : expected) bytes += size;
      ASSERT_EQ(list.body_bytes(), bytes);
    }
    ASSERT_EQ(list.size(), expected.size());
    ASSERT_EQ(list.empty(), expected.empty());
  }
}

}  // namespace
}  // namespace leveret::broker
