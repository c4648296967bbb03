// A list that is paged out, and from whose middle messages expire.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/unit/broker/core/paged_ready_list.hpp"

namespace leveret::broker {
namespace {

using protocol::text_of;

class ExpiringReadyList : public PagedReadyList {};

TEST_F(ExpiringReadyList, TakesWhatIsDueFromTheMiddleOfAChunk) {
  for (const std::int64_t at : {9000, 9000, 9000, 9000, 500, 9000, 9000, 9000, 9000}) {
    push_logged(std::to_string(last_position_ + 1), Instant{at});
  }
  write_log();
  paging_.page_out();
  ASSERT_GE(paging_.pages.chunk_count(), 2U);
  EXPECT_EQ(list_.next_expires_at(), Instant{500});
  // It is not wanted: nothing is read of it, and the log knows.
  log_.damaged.insert(4);
  std::vector<QueueEntry> taken;
  while (list_.next_expires_at() <= Instant{500}) list_.take_due(Instant{500}, false, of_, taken);
  EXPECT_TRUE(taken.empty());
  EXPECT_EQ(list_.size(), 8U);
  EXPECT_EQ(list_.body_bytes(), 8U);
  EXPECT_EQ(log_.settled.size(), 1U);
  EXPECT_EQ(list_.next_expires_at(), Instant{9000});
  EXPECT_EQ(pop_all(), "1 2 3 4 6 7 8 9");
}

TEST_F(ExpiringReadyList, BringsWhatIsDueAndWanted) {
  for (const std::int64_t at : {9000, 9000, 9000, 9000, 700, 500, 600, 9000, 9000}) {
    if (at == 600) {
      push_logged(std::to_string(at), Instant{at});
    } else {
      push(std::to_string(at), Instant{at});
    }
  }
  write_log();
  paging_.page_out();
  std::vector<QueueEntry> taken;
  // Within a chunk in the order of the deadlines.
  while (list_.next_expires_at() <= Instant{1700}) list_.take_due(Instant{700}, true, of_, taken);
  std::multiset<std::string_view> bodies;
  for (const QueueEntry& entry : taken) bodies.insert(text_of(entry.message->body()));
  EXPECT_EQ(bodies, (std::multiset<std::string_view>{"500", "600", "700"}));
  EXPECT_EQ(list_.size(), 6U);
  EXPECT_EQ(pop_all(), "9000 9000 9000 9000 9000 9000");
}

// Goal: to look into a chunk costs a read, so that it is done once for a second.
TEST_F(ExpiringReadyList, LooksIntoAChunkOnceASecond) {
  for (const std::int64_t at : {9000, 9000, 9000, 9000, 9000, 500, 510}) {
    push(std::to_string(at), Instant{at});
  }
  paging_.page_out();
  std::vector<QueueEntry> taken;
  while (list_.next_expires_at() <= Instant{500}) list_.take_due(Instant{500}, true, of_, taken);
  EXPECT_EQ(taken.size(), 1U);
  const Instant next = list_.next_expires_at();
  EXPECT_LE(next, Instant{500} + ReadyList::paged_lateness);
  while (list_.next_expires_at() <= next) list_.take_due(next, true, of_, taken);
  EXPECT_EQ(taken.size(), 2U);
}

TEST_F(ExpiringReadyList, DropsAChunkThatCannotBeReadWhenItIsDue) {
  for (int i = 0; i < 9; ++i) push_logged(std::to_string(i), Instant{i == 5 ? 500 : 9000});
  write_log();
  paging_.page_out();
  paging_.files.damage_all();
  std::vector<QueueEntry> taken;
  while (list_.next_expires_at() <= Instant{500}) list_.take_due(Instant{500}, false, of_, taken);
  EXPECT_EQ(list_.size(), 9 - paging_.pager.unreadable_count());
  EXPECT_EQ(list_.body_bytes(), list_.size());
  EXPECT_THAT(paging_.reports.at(0), testing::HasSubstr("could not be read back"));
}

}  // namespace
}  // namespace leveret::broker
