#include "broker/session/delivery_ledger.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace leveret::broker {
namespace {

Unsettled delivery(std::uint64_t tag) {
  Unsettled unsettled;
  unsettled.delivery_tag = tag;
  unsettled.entry.message = Message::create("", "q", {}, 0);
  unsettled.entry.position = Position{tag * 10};
  return unsettled;
}

/// A ledger with tags 1 to `count`.
DeliveryLedger filled(std::uint64_t count) {
  DeliveryLedger ledger;
  for (std::uint64_t i = 0; i < count; ++i) ledger.add(delivery(ledger.next_tag()));
  return ledger;
}

std::vector<std::uint64_t> take_up_to(DeliveryLedger& ledger, std::uint64_t tag) {
  std::vector<std::uint64_t> tags;
  ledger.take_up_to(tag, [&](Unsettled&& taken) { tags.push_back(taken.delivery_tag); });
  return tags;
}

using Tags = std::vector<std::uint64_t>;

TEST(DeliveryLedger, CountsTagsFromOne) {
  DeliveryLedger ledger;
  EXPECT_EQ(ledger.next_tag(), 1U);
  EXPECT_EQ(ledger.next_tag(), 2U);
  EXPECT_EQ(ledger.size(), 0U);
  EXPECT_FALSE(ledger.contains(1));
}

TEST(DeliveryLedger, FindsOnlyWhatIsUnsettled) {
  DeliveryLedger ledger = filled(3);
  EXPECT_FALSE(ledger.contains(0));
  EXPECT_TRUE(ledger.contains(2));
  EXPECT_FALSE(ledger.contains(4));
  EXPECT_FALSE(ledger.contains(UINT64_MAX));
  const Unsettled taken = ledger.take(2);
  EXPECT_EQ(taken.delivery_tag, 2U);
  EXPECT_EQ(taken.entry.position, Position{20});
  ASSERT_NE(taken.entry.message, nullptr);
  EXPECT_FALSE(ledger.contains(2));
  EXPECT_EQ(ledger.size(), 2U);
}

// Goal: deliveries without acknowledgement use tags up, so tags have holes from the start.
TEST(DeliveryLedger, FindsTagsBehindOnesThatWereNeverAdded) {
  DeliveryLedger ledger;
  for (int i = 0; i < 10; ++i) {
    ledger.next_tag();
    ledger.add(delivery(ledger.next_tag()));
  }
  for (std::uint64_t tag = 1; tag <= 21; ++tag) {
    EXPECT_EQ(ledger.contains(tag), tag % 2 == 0 && tag <= 20) << tag;
  }
}

TEST(DeliveryLedger, TakesAllUpToATagOldestFirst) {
  DeliveryLedger ledger = filled(5);
  ledger.take(2);
  EXPECT_EQ(take_up_to(ledger, 3), (Tags{1, 3}));
  EXPECT_EQ(take_up_to(ledger, 3), Tags{});
  EXPECT_EQ(take_up_to(ledger, UINT64_MAX), (Tags{4, 5}));
  EXPECT_EQ(ledger.size(), 0U);
}

// Goal: a restored delivery is found again, whether its hole is still there or not.
TEST(DeliveryLedger, RestoresToWhereItWas) {
  DeliveryLedger ledger = filled(4);
  Unsettled second = ledger.take(2);
  Unsettled fourth = ledger.take(4);
  Unsettled first = ledger.take(1);
  ledger.restore(std::move(first));
  ledger.restore(std::move(fourth));
  ledger.restore(std::move(second));
  for (std::uint64_t tag = 1; tag <= 4; ++tag) EXPECT_TRUE(ledger.contains(tag)) << tag;
  EXPECT_EQ(take_up_to(ledger, UINT64_MAX), (Tags{1, 2, 3, 4}));
}

// Goal: one message held forever does not make the ledger keep the trace of all later ones.
TEST(DeliveryLedger, FindsWhatIsLeftAmongManySettled) {
  DeliveryLedger ledger = filled(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t tag = ledger.next_tag();
    ledger.add(delivery(tag));
    if (tag % 1000 != 0) ledger.take(tag);
  }
  EXPECT_EQ(ledger.size(), 101U);
  EXPECT_TRUE(ledger.contains(1));
  EXPECT_TRUE(ledger.contains(57'000));
  EXPECT_FALSE(ledger.contains(57'001));
}

TEST(DeliveryLedger, AgreesWithAMap) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  DeliveryLedger ledger;
  std::map<std::uint64_t, Position> expected;
  std::vector<Unsettled> held;  // By a transaction.
  std::uint64_t last_tag = 0;
  const auto any_tag = [&] { return random() % (last_tag + 2); };
  for (int round = 0; round < 20'000; ++round) {
    switch (random() % 8) {
      case 0:
        last_tag = ledger.next_tag();
        break;
      case 1: case 2: case 3: {
        last_tag = ledger.next_tag();
        ledger.add(delivery(last_tag));
        expected.emplace(last_tag, Position{last_tag * 10});
        break;
      }
      case 4: case 5: {
        const std::uint64_t tag = any_tag();
        ASSERT_EQ(ledger.contains(tag), expected.count(tag) > 0);
        if (expected.erase(tag) == 0) break;
        Unsettled taken = ledger.take(tag);
        ASSERT_EQ(taken.entry.position, Position{tag * 10});
        if (random() % 3 == 0) held.push_back(std::move(taken));
        break;
      }
      case 6: {
        if (random() % 10 != 0) break;
        const auto end = expected.upper_bound(any_tag());
        Tags tags;
        for (auto it = expected.begin(); it != end; ++it) tags.push_back(it->first);
        ASSERT_EQ(take_up_to(ledger, end == expected.begin() ? 0 : std::prev(end)->first), tags);
        expected.erase(expected.begin(), end);
        break;
      }
      case 7:
        for (Unsettled& one : held) {
          expected.emplace(one.delivery_tag, one.entry.position);
          ledger.restore(std::move(one));
        }
        held.clear();
        break;
    }
    ASSERT_EQ(ledger.size(), expected.size()) << "round " << round;
    if (round % 100 != 0) continue;
    for (std::uint64_t tag = 0; tag <= last_tag + 1; ++tag) {
      ASSERT_EQ(ledger.contains(tag), expected.count(tag) > 0) << "tag " << tag;
    }
  }
}

}  // namespace
}  // namespace leveret::broker
