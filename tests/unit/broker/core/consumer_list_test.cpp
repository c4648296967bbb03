#include "broker/core/consumer_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace leveret::broker {
namespace {

ConsumerId add(ConsumerList& list, std::int32_t priority = 0, std::uint32_t credit_limit = 0) {
  Consumer consumer;
  consumer.priority = priority;
  consumer.credit_limit = credit_limit;
  return list.add(std::move(consumer)).id;
}

/// Serves `count` messages, as a queue does, and says to whom.
std::string serve(ConsumerList& list, int count) {
  std::string served;
  for (int i = 0; i < count; ++i) {
    Consumer* consumer = list.next();
    if (consumer == nullptr) return served + "-";
    served += std::to_string(static_cast<std::uint32_t>(consumer->id));
    if (!consumer->no_ack) ++consumer->unacked_count;
    list.requeue(*consumer);
  }
  return served;
}

void settle(ConsumerList& list, ConsumerId id) {
  Consumer* consumer = list.find(id);
  --consumer->unacked_count;
  list.refresh(*consumer);
}

TEST(ConsumerList, ServesInTurn) {
  ConsumerList list;
  EXPECT_EQ(list.next(), nullptr);
  add(list);
  add(list);
  add(list);
  EXPECT_EQ(list.size(), 3U);
  EXPECT_EQ(serve(list, 7), "1231231");
}

TEST(ConsumerList, ServesHigherPrioritiesWhileTheyCanTakeMore) {
  ConsumerList list;
  add(list, -1);
  add(list, 5, 2);
  add(list, 5, 1);
  add(list, 0, 1);
  EXPECT_EQ(serve(list, 6), "232411");
  settle(list, ConsumerId{2});
  EXPECT_EQ(serve(list, 2), "21");
}

TEST(ConsumerList, PassesOverWhoHasNoCredit) {
  ConsumerList list;
  const ConsumerId first = add(list, 0, 1);
  const ConsumerId second = add(list, 0, 2);
  EXPECT_EQ(serve(list, 4), "122-");
  settle(list, second);
  settle(list, first);
  EXPECT_EQ(serve(list, 3), "21-");  // In the order in which they could take messages again.
}

TEST(ConsumerList, PassesOverWhoIsBlocked) {
  ConsumerList list;
  const ConsumerId first = add(list);
  add(list);
  Consumer* consumer = list.find(first);
  consumer->blocked = true;
  list.refresh(*consumer);
  EXPECT_EQ(serve(list, 2), "22");
  consumer->blocked = false;
  list.refresh(*consumer);
  EXPECT_EQ(serve(list, 2), "21");
}

// Goal: an ack of one who could take messages anyway does not cost it its turn.
TEST(ConsumerList, KeepsTheTurnOfWhoSettles) {
  ConsumerList list;
  const ConsumerId first = add(list, 0, 10);
  add(list, 0, 10);
  EXPECT_EQ(serve(list, 2), "12");
  settle(list, first);
  EXPECT_EQ(serve(list, 2), "12");
}

TEST(ConsumerList, NeedsNoCreditWithoutAcks) {
  ConsumerList list;
  Consumer consumer;
  consumer.no_ack = true;
  consumer.credit_limit = 1;
  list.add(std::move(consumer));
  EXPECT_EQ(serve(list, 3), "111");
}

TEST(ConsumerList, KnowsAnExclusiveConsumer) {
  ConsumerList list;
  Consumer consumer;
  consumer.exclusive = true;
  const ConsumerId id = list.add(std::move(consumer)).id;
  EXPECT_TRUE(list.has_exclusive());
  EXPECT_TRUE(list.remove(id));
  EXPECT_FALSE(list.has_exclusive());
  add(list);
  EXPECT_FALSE(list.has_exclusive());
}

TEST(ConsumerList, ForgetsWhoLeaves) {
  ConsumerList list;
  const ConsumerId first = add(list);
  const ConsumerId second = add(list);
  EXPECT_TRUE(list.remove(first));
  EXPECT_FALSE(list.remove(first));
  EXPECT_EQ(list.find(first), nullptr);
  EXPECT_NE(list.find(second), nullptr);
  EXPECT_EQ(serve(list, 2), "22");
  EXPECT_EQ(static_cast<std::uint32_t>(add(list)), 3U);  // Numbers are not used again.
}

TEST(ConsumerList, ServesASingleActiveConsumerUntilItGoes) {
  ConsumerList list(true);
  const ConsumerId first = add(list);
  const ConsumerId second = add(list);
  add(list);
  EXPECT_EQ(serve(list, 3), "111");
  EXPECT_TRUE(list.remove(second));
  EXPECT_EQ(serve(list, 1), "1");
  EXPECT_TRUE(list.remove(first));
  EXPECT_EQ(serve(list, 2), "33");
  EXPECT_TRUE(list.remove(ConsumerId{3}));
  EXPECT_EQ(list.next(), nullptr);
  add(list);
  EXPECT_EQ(serve(list, 1), "4");
}

// Goal: messages stay in order; nobody else gets any while the active one cannot take more.
TEST(ConsumerList, WaitsForASingleActiveConsumer) {
  ConsumerList list(true);
  const ConsumerId first = add(list, 0, 2);
  const ConsumerId second = add(list);
  EXPECT_EQ(serve(list, 3), "11-");
  list.refresh(*list.find(second));
  EXPECT_EQ(list.next(), nullptr);
  settle(list, first);
  EXPECT_EQ(serve(list, 2), "1-");
  EXPECT_TRUE(list.remove(first));
  EXPECT_EQ(serve(list, 1), "2");
}

TEST(ConsumerList, FollowsASingleActiveConsumerByPriority) {
  ConsumerList list(true);
  const ConsumerId first = add(list, -1);
  add(list, 0);
  add(list, 7);
  add(list, 7);
  EXPECT_EQ(serve(list, 1), "1") << "a higher priority does not end a turn";
  EXPECT_TRUE(list.remove(first));
  EXPECT_EQ(serve(list, 2), "33");
  EXPECT_TRUE(list.remove(ConsumerId{3}));
  EXPECT_EQ(serve(list, 1), "4");
  EXPECT_TRUE(list.remove(ConsumerId{4}));
  EXPECT_EQ(serve(list, 1), "2");
}

// Goal: the same choices as the plainest way to make them: a list of waiting consumers per
// priority, served from the front, each going to the end when it was served or comes back.
TEST(ConsumerList, AgreesWithAListForEachPriority) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  ConsumerList list;
  std::map<std::int32_t, std::list<ConsumerId>, std::greater<>> waiting;
  std::vector<ConsumerId> all;
  const auto stand_aside = [&](ConsumerId id) {
    for (auto& [priority, ids] : waiting) ids.remove(id);
  };
  const auto is_waiting = [&](ConsumerId id) {
    for (auto& [priority, ids] : waiting) {
      if (std::find(ids.begin(), ids.end(), id) != ids.end()) return true;
    }
    return false;
  };
  const auto note_change = [&](Consumer& consumer) {
    list.refresh(consumer);
    if (!consumer.can_take()) {
      stand_aside(consumer.id);
    } else if (!is_waiting(consumer.id)) {
      waiting[consumer.priority].push_back(consumer.id);
    }
  };
  for (int round = 0; round < 20'000; ++round) {
    const auto what = random() % 20;
    if (what == 0 && all.size() < 30) {
      const auto priority = static_cast<std::int32_t>(random() % 3);
      all.push_back(add(list, priority, static_cast<std::uint32_t>(random() % 4)));
      waiting[priority].push_back(all.back());
    } else if (what == 1 && !all.empty()) {
      const std::size_t index = random() % all.size();
      ASSERT_TRUE(list.remove(all[index]));
      stand_aside(all[index]);
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(index));
    } else if (what < 6 && !all.empty()) {
      Consumer& consumer = *list.find(all[random() % all.size()]);
      consumer.blocked = !consumer.blocked;
      note_change(consumer);
    } else if (what < 10 && !all.empty()) {
      Consumer& consumer = *list.find(all[random() % all.size()]);
      if (consumer.unacked_count == 0) continue;
      --consumer.unacked_count;
      note_change(consumer);
    } else {
      Consumer* next = list.next();
      ConsumerId expected{};
      for (auto& [priority, ids] : waiting) {
        if (ids.empty()) continue;
        expected = ids.front();
        break;
      }
      ASSERT_EQ(next == nullptr ? ConsumerId{} : next->id, expected) << "round " << round;
      if (next == nullptr) continue;
      ++next->unacked_count;
      list.requeue(*next);
      stand_aside(next->id);
      if (next->can_take()) waiting[next->priority].push_back(next->id);
    }
    ASSERT_EQ(list.size(), all.size());
  }
}

}  // namespace
}  // namespace leveret::broker
