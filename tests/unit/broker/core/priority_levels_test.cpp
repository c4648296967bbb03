#include "broker/core/priority_levels.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "protocol/bytes.hpp"
#include "tests/unit/broker/core/paging.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

QueueEntry entry(std::uint64_t position, std::optional<std::uint8_t> priority,
                 Instant expires_at = never) {
  return {Shards::message(std::to_string(position), priority), Position{position}, expires_at,
          false};
}

void push(PriorityLevels& levels, QueueEntry added, MessagePager* pager = nullptr) {
  const std::uint8_t priority = levels.priority_of(*added.message);
  levels.push_back(std::move(added), priority, pager);
}

std::uint64_t pop(PriorityLevels& levels) {
  return static_cast<std::uint64_t>(levels.pop_front().position);
}

std::vector<std::uint64_t> drain(PriorityLevels& levels) {
  std::vector<std::uint64_t> positions;
  while (!levels.empty()) positions.push_back(pop(levels));
  return positions;
}

using Positions = std::vector<std::uint64_t>;

TEST(PriorityLevels, GiveTheHighestPriorityFirst) {
  PriorityLevels levels(5);
  EXPECT_TRUE(levels.empty());
  push(levels, entry(1, std::nullopt));
  push(levels, entry(2, 3));
  push(levels, entry(3, 5));
  push(levels, entry(4, 3));
  push(levels, entry(5, 0));
  push(levels, entry(6, 200));
  EXPECT_EQ(levels.size(), 6U);
  EXPECT_EQ(levels.body_bytes(), 6U);
  EXPECT_EQ(drain(levels), (Positions{3, 6, 2, 4, 1, 5})) << "200 is 5";
  EXPECT_EQ(levels.size(), 0U);
}

TEST(PriorityLevels, AreOneListWithoutPriorities) {
  PriorityLevels levels(0);
  for (std::uint64_t i = 1; i <= 3; ++i) push(levels, entry(i, static_cast<std::uint8_t>(i)));
  EXPECT_EQ(drain(levels), (Positions{1, 2, 3}));
  static_assert(sizeof(PriorityLevels) == sizeof(ReadyList) + sizeof(void*));
}

TEST(PriorityLevels, TakeMessagesBackToTheirPlaces) {
  PriorityLevels levels(255);
  push(levels, entry(1, 255));
  push(levels, entry(2, 1));
  push(levels, entry(3, 255));
  push(levels, entry(4, 1));
  std::vector<QueueEntry> out;
  for (int i = 0; i < 3; ++i) out.push_back(levels.pop_front());
  EXPECT_EQ(levels.front().position, Position{4});
  levels.put_back(std::move(out[2]));
  EXPECT_EQ(levels.front().position, Position{2});
  levels.put_back(std::move(out[0]));
  EXPECT_EQ(levels.front().position, Position{1});
  levels.put_back(std::move(out[1]));
  EXPECT_EQ(drain(levels), (Positions{1, 3, 2, 4}));
}

TEST(PriorityLevels, TellWhenTheFirstExpires) {
  PriorityLevels levels(2);
  push(levels, entry(1, 0, Instant{10}));
  EXPECT_EQ(levels.front_expires_at(), Instant{10});
  push(levels, entry(2, 1));
  EXPECT_EQ(levels.front_expires_at(), never);
  EXPECT_EQ(levels.next_expires_at(), Instant{10});
  levels.pop_front();
  EXPECT_EQ(levels.front_expires_at(), Instant{10});
}

// Goal: of all lists the soonest goes first, and what is left of them is served as before.
TEST(PriorityLevels, TakeWhatIsDueFromAnyList) {
  PriorityLevels levels(3);
  push(levels, entry(1, 0, Instant{10}));
  push(levels, entry(2, 2, Instant{30}));
  push(levels, entry(3, 1, Instant{20}));
  push(levels, entry(4, 1));
  std::vector<QueueEntry> taken;
  while (levels.next_expires_at() <= Instant{30}) {
    levels.take_due(Instant{30}, true, QueueDefinition{}, taken);
  }
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[0].position, Position{1});
  EXPECT_EQ(taken[1].position, Position{3});
  EXPECT_EQ(taken[2].position, Position{2});
  EXPECT_EQ(levels.next_expires_at(), never);
  EXPECT_EQ(drain(levels), (Positions{4}));
}

TEST(PriorityLevels, ForgetAllPriorities) {
  PriorityLevels levels(2);
  for (std::uint64_t i = 1; i <= 6; ++i) push(levels, entry(i, static_cast<std::uint8_t>(i % 3)));
  storage::VolatileLog log;
  levels.discard_all(log, QueueDefinition{});
  EXPECT_TRUE(levels.empty());
  EXPECT_EQ(levels.size(), 0U);
  push(levels, entry(7, 0));
  EXPECT_EQ(drain(levels), (Positions{7}));
}

// Goal: in each state the same as a sorted list of all, whatever has left memory.
TEST(PriorityLevels, AgreeWithASortedList) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  storage::VolatileLog log;
  Paging paging(log);
  const QueueDefinition of;
  PriorityLevels levels(7);
  std::map<std::pair<int, std::uint64_t>, std::uint64_t> sorted;  // -> bytes of the body
  std::vector<QueueEntry> out;
  std::uint64_t last_position = 0;
  const auto key_of = [&](const QueueEntry& one) {
    return std::pair(-levels.priority_of(*one.message), static_cast<std::uint64_t>(one.position));
  };
  const auto note_added = [&](const QueueEntry& one) {
    sorted.emplace(key_of(one), one.message->body_size());
  };
  for (int round = 0; round < 20'000; ++round) {
    const auto what = random() % 100;
    if (what < 45) {
      QueueEntry added = entry(++last_position, static_cast<std::uint8_t>(random() % 9));
      note_added(added);
      push(levels, std::move(added), &paging.pager);
    } else if (what < 80) {
      while (levels.front_is_paged()) levels.load_front(of);
      ASSERT_EQ(levels.empty(), sorted.empty());
      if (levels.empty()) continue;
      ASSERT_EQ(key_of(levels.front()), sorted.begin()->first) << "round " << round;
      sorted.erase(sorted.begin());
      out.push_back(levels.pop_front());
    } else if (what < 95 && !out.empty()) {
      std::swap(out[random() % out.size()], out.back());
      note_added(out.back());
      levels.put_back(std::move(out.back()));
      out.pop_back();
    } else if (what < 99) {
      paging.page_out();
    } else if (random() % 20 == 0) {
      levels.discard_all(log, of);
      sorted.clear();
    }
    std::uint64_t bytes = 0;
    for (const auto& [key, body_size] : sorted) bytes += body_size;
    ASSERT_EQ(levels.size(), sorted.size());
    ASSERT_EQ(levels.body_bytes(), bytes);
  }
}

}  // namespace
}  // namespace leveret::broker
