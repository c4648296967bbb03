#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <string>

#include "tests/unit/broker/core/paged_ready_list.hpp"

namespace leveret::broker {
namespace {

using protocol::text_of;

TEST_F(PagedReadyList, LeavesMemoryAndComesBackInOrder) {
  MessageMemory::flush();  // What other tests have left to be counted.
  const std::uint64_t before = MessageMemory::used_bytes();
  for (int i = 1; i <= 20; ++i) push(std::to_string(i));
  paging_.page_out();
  EXPECT_GE(paging_.pages.chunk_count(), 6U);
  EXPECT_LT(MessageMemory::used_bytes() - before, 3 * message("20")->memory_bytes());
  EXPECT_EQ(list_.size(), 20U);
  EXPECT_EQ(list_.body_bytes(), 31U);
  EXPECT_FALSE(list_.front_is_paged());
  EXPECT_EQ(pop_all(), "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20");
  EXPECT_TRUE(list_.empty());
  EXPECT_EQ(list_.body_bytes(), 0U);
  EXPECT_EQ(paging_.files.used_bytes(), 0U);
}

// Goal: nothing of a message gets lost on the way, be it in the log or not.
TEST_F(PagedReadyList, BringsBackTheWholeMessage) {
  push("first");
  push_logged("logged", Instant{70});
  push("transient", Instant{80});
  write_log();
  paging_.page_out();
  ASSERT_EQ(pop(), "first");
  ASSERT_TRUE(list_.front_is_paged());
  EXPECT_EQ(list_.front_expires_at(), Instant{70});
  ASSERT_TRUE(bring_front());
  const QueueEntry logged = list_.pop_front();
  EXPECT_EQ(logged.position, Position{2});
  EXPECT_EQ(logged.expires_at, Instant{70});
  EXPECT_EQ(logged.log_index, 2U);
  EXPECT_EQ(logged.message->exchange(), "exchange");
  EXPECT_EQ(logged.message->routing_key(), "key");
  EXPECT_EQ(text_of(logged.message->properties()), "properties");
  EXPECT_EQ(text_of(logged.message->body()), "logged");
  EXPECT_EQ(logged.message->log_place().reference(2), (storage::LogReference{1, 2}));
  ASSERT_TRUE(bring_front());
  const QueueEntry transient = list_.pop_front();
  EXPECT_EQ(transient.position, Position{3});
  EXPECT_EQ(transient.expires_at, Instant{80});
  EXPECT_EQ(transient.log_index, not_in_log);
  EXPECT_EQ(text_of(transient.message->properties()), "properties");
  EXPECT_EQ(text_of(transient.message->body()), "transient");
  EXPECT_FALSE(transient.message->log_place().is_logged());
}

// Goal: what the log has costs the page file 48 bytes, whatever its size.
TEST_F(PagedReadyList, RefersToWhatTheLogHas) {
  for (int i = 0; i < 9; ++i) push_logged(std::string(500, 'x'));
  write_log();
  paging_.page_out();
  EXPECT_EQ(list_.size(), 9U);
  EXPECT_LE(paging_.files.used_bytes(), 9 * (48U + 8U));
  EXPECT_GE(paging_.files.used_bytes(), 7 * 48U);
}

TEST_F(PagedReadyList, WaitsForTheLogToBeWritten) {
  for (int i = 1; i <= 9; ++i) push_logged(std::to_string(i));
  paging_.page_out();
  EXPECT_EQ(paging_.pages.chunk_count(), 0U);
  submit();
  paging_.page_out();
  EXPECT_EQ(paging_.pages.chunk_count(), 0U);
  log_.write_all();
  push_logged("10");
  paging_.page_out();
  EXPECT_GE(paging_.pages.chunk_count(), 2U);
  EXPECT_EQ(pop_all(), "1 2 3 4 5 6 7 8 9 10");
}

// Goal: a slow consumer of a paged queue does not hold a whole chunk in memory that others need.
TEST_F(PagedReadyList, ComesBackInPartsWhileMemoryIsPressing) {
  const MessageRef of_another_queue = message("0");
  for (int i = 1; i <= 9; ++i) {
    if (i % 2 == 0) push(std::to_string(i), Instant{i});
    else push_logged(std::to_string(i), Instant{i});
  }
  write_log();
  paging_.page_out();
  const std::uint64_t before = MessageMemory::used_bytes();
  for (int i = 1; i <= 9; ++i) {
    EXPECT_EQ(list_.front_expires_at(), Instant{i});
    EXPECT_EQ(list_.size(), 10U - static_cast<unsigned>(i));
    EXPECT_EQ(list_.body_bytes(), 10U - static_cast<unsigned>(i));
    EXPECT_EQ(pop(), std::to_string(i));
    MessageMemory::flush();
    EXPECT_LE(MessageMemory::used_bytes(), before);
  }
  EXPECT_TRUE(list_.empty());
}

TEST_F(PagedReadyList, DiscardsWhatIsLeftOfAChunk) {
  for (int i = 0; i < 7; ++i) push_logged(std::to_string(i));
  write_log();
  paging_.page_out();
  EXPECT_EQ(pop(), "0");
  EXPECT_EQ(pop(), "1");
  list_.discard_all(log_, of_);
  EXPECT_EQ(log_.settled.size(), 5U);
  EXPECT_FALSE(log_.settled.contains({1, 12}));
  EXPECT_EQ(paging_.files.used_bytes(), 0U);
}

TEST_F(PagedReadyList, PutsBackBeforeWhatIsPaged) {
  for (int i = 1; i <= 9; ++i) push(std::to_string(i));
  paging_.page_out();
  std::vector<QueueEntry> out;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(bring_front());
    out.push_back(list_.pop_front());
  }
  list_.put_back(std::move(out[4]));
  list_.put_back(std::move(out[1]));
  EXPECT_FALSE(list_.front_is_paged());
  EXPECT_EQ(list_.front().position, Position{2});
  EXPECT_EQ(pop_all(), "2 5 6 7 8 9");
}

TEST_F(PagedReadyList, StaysInMemoryWhileTheDiskIsFull) {
  paging_.files.disk_size_bytes = 0;
  for (int i = 1; i <= 9; ++i) push(std::to_string(i));
  paging_.page_out();
  paging_.page_out();
  ASSERT_EQ(paging_.reports.size(), 1U);
  EXPECT_THAT(paging_.reports[0], testing::HasSubstr("No space left"));
  EXPECT_EQ(paging_.pages.chunk_count(), 0U);
  paging_.files.disk_size_bytes = UINT64_MAX;
  paging_.page_out();
  EXPECT_EQ(paging_.pages.chunk_count(), 0U) << "it waits a while before it tries again";
  paging_.page_out(Instant{5000});
  EXPECT_GE(paging_.pages.chunk_count(), 2U);
  EXPECT_EQ(pop_all(), "1 2 3 4 5 6 7 8 9");
}

TEST_F(PagedReadyList, GoesOnWithoutAChunkThatIsDamaged) {
  push("0");
  for (int i = 1; i <= 4; ++i) push(std::to_string(i));
  paging_.page_out();
  paging_.files.damage_all();
  for (int i = 5; i <= 8; ++i) push(std::to_string(i));
  const std::string rest = pop_all();
  ASSERT_EQ(paging_.reports.size(), 1U);
  EXPECT_THAT(paging_.reports[0], testing::StartsWith("queue 'q' in vhost '/': "));
  EXPECT_THAT(paging_.reports[0], testing::HasSubstr(" could not be read back"));
  const std::uint64_t lost = paging_.pager.unreadable_count();
  EXPECT_GE(lost, 1U);
  EXPECT_EQ((rest.size() + 1) / 2, 9 - lost);
  EXPECT_TRUE(list_.empty());
  EXPECT_EQ(list_.size(), 0U);
  EXPECT_EQ(list_.body_bytes(), 0U);
  EXPECT_EQ(paging_.pages.chunk_count(), 0U);
}

// Goal: a message that the log cannot give back is left out, and the log hears that it is settled.
TEST_F(PagedReadyList, GoesOnWithoutAMessageThatIsDamagedInTheLog) {
  for (int i = 0; i < 9; ++i) push_logged(std::to_string(i));
  write_log();
  paging_.page_out();
  log_.damaged = {4, 5, 8};
  EXPECT_EQ(pop_all(), "0 1 2 3 6 7");
  EXPECT_EQ(log_.settled, (std::set<storage::LogReference>{{1, 42}, {1, 52}, {1, 82}}));
  EXPECT_EQ(paging_.pager.unreadable_count(), 3U);
  ASSERT_FALSE(paging_.reports.empty());
  EXPECT_THAT(paging_.reports[0], testing::HasSubstr("damaged in the log"));
}

TEST_F(PagedReadyList, SettlesWhatItDiscardsWithoutReadingIt) {
  for (int i = 0; i < 9; ++i) push_logged(std::to_string(i));
  write_log();
  paging_.page_out();
  for (std::uint32_t i = 0; i < 9; ++i) log_.damaged.insert(i);  // It must not matter.
  for (int i = 9; i < 12; ++i) push_logged(std::to_string(i));
  list_.discard_all(log_, of_);
  submit();
  EXPECT_EQ(log_.settled.size(), 12U);
  EXPECT_TRUE(list_.empty());
  EXPECT_EQ(list_.body_bytes(), 0U);
  EXPECT_EQ(paging_.pager.unreadable_count(), 0U);
  EXPECT_EQ(paging_.files.used_bytes(), 0U);
}

TEST_F(PagedReadyList, SaysWhichDiscardedMessagesWillComeAgain) {
  for (int i = 0; i < 9; ++i) push_logged(std::to_string(i));
  write_log();
  paging_.page_out();
  paging_.files.reading_fails = true;
  list_.discard_all(log_, of_);
  EXPECT_TRUE(list_.empty());
  EXPECT_GE(paging_.pager.unreadable_count(), 6U);
  EXPECT_EQ(log_.settled.size(), 9 - paging_.pager.unreadable_count());
  EXPECT_THAT(paging_.reports.at(0), testing::HasSubstr("comes again with the next start"));
}

TEST_F(PagedReadyList, TellsWhenAWholeChunkHasExpired) {
  push("0", Instant{1000});
  push("1", Instant{50});
  push("2", Instant{300});
  push("3", Instant{100});
  paging_.page_out();
  EXPECT_EQ(list_.front_expires_at(), Instant{1000});
  QueueEntry first = list_.pop_front();
  ASSERT_TRUE(list_.front_is_paged());
  EXPECT_EQ(list_.front_expires_at(), Instant{50});
  EXPECT_EQ(list_.front_chunk_expires_at(), Instant{300});
  list_.put_back(std::move(first));
  EXPECT_EQ(list_.front_expires_at(), Instant{1000});
  list_.pop_front();
  list_.discard_front_chunk(of_);
  EXPECT_TRUE(list_.empty());
}

// ---- recovery ------------------------------------------------------------------------------

class RecoveredReadyList : public PagedReadyList {
 protected:
  /// As if a former process had logged messages for this queue, the bodies their numbers.
  void recover(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto logged = message(std::to_string(i));
      log(logged);
      submit();
      RecoveredEntry entry{logged->log_place(), 2, static_cast<std::uint32_t>(logged->body_size())};
      entry.expires_at = Instant{1000 + i};
      entry.redelivered = i % 2 == 1;
      list_.recover(entry, Position{++last_position_}, paging_.pager);
    }
    log_.write_all();
    paging_.pager.end_recovery();
  }
};

TEST_F(RecoveredReadyList, ReadsMessagesWhenTheyAreNext) {
  recover(10);
  MessageMemory::flush();
  EXPECT_EQ(list_.size(), 10U);
  EXPECT_EQ(list_.body_bytes(), 10U);
  EXPECT_EQ(list_.front_expires_at(), Instant{1000});
  EXPECT_TRUE(list_.front_is_paged());
  for (int i = 10; i < 13; ++i) push_logged(std::to_string(i));
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(bring_front());
    const QueueEntry entry = list_.pop_front();
    EXPECT_EQ(text_of(entry.message->body()), std::to_string(i));
    EXPECT_EQ(entry.redelivered, i % 2 == 1);
    EXPECT_EQ(entry.position, Position{i + 1});
    EXPECT_EQ(entry.log_index, 2U);
  }
  EXPECT_EQ(pop_all(), "10 11 12");
}

TEST_F(RecoveredReadyList, KeepsItsListInMemoryWhenTheDiskIsFull) {
  paging_.files.disk_size_bytes = 0;
  recover(10);
  EXPECT_EQ(paging_.reports.size(), 1U);
  EXPECT_EQ(list_.size(), 10U);
  EXPECT_EQ(pop(), "0");
  list_.discard_all(log_, of_);
  EXPECT_EQ(log_.settled.size(), 9U);
}

// ---- whatever happens ----------------------------------------------------------------------

// Goal: a list that is paged out at any time is the same to its queue as one that is not.
TEST_F(PagedReadyList, AgreesWithASortedMap) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  struct Expected {
    std::string body;
    Instant expires_at;
    bool logged;
  };
  std::map<std::uint64_t, Expected> expected;
  std::vector<QueueEntry> out;
  std::uint64_t logged_count = 0;
  std::uint64_t chunks_max = 0;
  std::int64_t now = 0;
  const auto take_due = [&](Instant limit, bool are_wanted) {
    std::vector<QueueEntry> taken;
    while (list_.next_expires_at() <= limit) list_.take_due(limit, are_wanted, of_, taken);
    for (const QueueEntry& entry : taken) {
      const auto place = expected.find(static_cast<std::uint64_t>(entry.position));
      ASSERT_NE(place, expected.end());
      ASSERT_EQ(text_of(entry.message->body()), place->second.body);
      ASSERT_LE(place->second.expires_at, limit);
      if (entry.log_index != not_in_log) log_.settle(entry.message->log_place(), entry.log_index);
    }
    submit();
  };
  bool growing = true;
  for (int round = 0; round < 30'000; ++round) {
    if (random() % 300 == 0) growing = !growing;
    switch (random() % 10) {
      case 0: case 1: case 2: case 3: {
        if (!growing && random() % 2 == 0) break;
        const std::string body = std::to_string(round) + std::string(random() % 300, '.');
        const auto lives_for = static_cast<std::int64_t>(random() % 4) * 5000;
        const Instant expires_at = random() % 2 == 0 ? never : Instant{now + lives_for};
        const bool logged = random() % 2 == 0;
        if (logged) {
          push_logged(body, expires_at);
          ++logged_count;
        } else {
          push(body, expires_at);
        }
        expected[last_position_] = {body, expires_at, logged};
        break;
      }
      case 4: case 5: case 6: {
        if (growing && random() % 2 == 0) break;
        ASSERT_EQ(list_.empty(), expected.empty());
        if (expected.empty()) break;
        ASSERT_EQ(list_.front_expires_at(), expected.begin()->second.expires_at);
        ASSERT_TRUE(bring_front());
        QueueEntry entry = list_.pop_front();
        ASSERT_EQ(entry.position, Position{expected.begin()->first});
        ASSERT_EQ(text_of(entry.message->body()), expected.begin()->second.body);
        ASSERT_EQ(entry.log_index != not_in_log, expected.begin()->second.logged);
        expected.erase(expected.begin());
        if (random() % 2 == 0) {
          out.push_back(std::move(entry));
        } else if (entry.log_index != not_in_log) {
          log_.settle(entry.message->log_place(), entry.log_index);
          submit();  // Before its place goes.
        }
        break;
      }
      case 7: {
        if (out.empty()) break;
        std::swap(out[random() % out.size()], out.back());
        const QueueEntry& entry = out.back();
        expected[static_cast<std::uint64_t>(entry.position)] = {
            std::string(text_of(entry.message->body())), entry.expires_at,
            entry.log_index != not_in_log};
        list_.put_back(std::move(out.back()));
        out.pop_back();
        break;
      }
      case 8:
        submit();
        if (random() % 4 == 0) log_.write_all();
        paging_.pager.set_budget(0);
        paging_.files.disk_size_bytes = random() % 8 == 0 ? 0 : UINT64_MAX;
        paging_.page_out(Instant{1 + round * 2000});
        // It comes back by whole chunks, or by parts of them.
        paging_.pager.set_budget(random() % 2 == 0 ? 0 : UINT64_MAX);
        chunks_max = std::max(chunks_max, paging_.pages.chunk_count());
        break;
      case 9:
        if (random() % 40 == 0) {
          // By a second later all that is due has been found, wherever it was.
          submit();
          now += 5000;
          take_due(Instant{now}, random() % 2 == 0);
          take_due(Instant{now} + ReadyList::paged_lateness, random() % 2 == 0);
          std::erase_if(expected, [&](const auto& one) {
            return one.second.expires_at <= Instant{now};
          });
          ASSERT_EQ(list_.size(), expected.size());
        }
        if (random() % 1000 != 0) break;
        submit();
        list_.discard_all(log_, of_);
        expected.clear();
        break;
    }
    ASSERT_EQ(list_.size(), expected.size());
    if (round % 64 == 0) {
      std::uint64_t bytes = 0;
      for (const auto& [position, one] : expected) bytes += one.body.size();
      ASSERT_EQ(list_.body_bytes(), bytes);
    }
  }
  submit();
  list_.discard_all(log_, of_);
  for (const QueueEntry& entry : out) {
    if (entry.log_index != not_in_log) log_.settle(entry.message->log_place(), entry.log_index);
  }
  EXPECT_GE(chunks_max, 20U) << "it was to be paged out most of the time";
  EXPECT_EQ(log_.settled.size(), logged_count);
  EXPECT_EQ(paging_.pager.unreadable_count(), 0U);
  EXPECT_EQ(paging_.pages.chunk_count(), 0U);
}

}  // namespace
}  // namespace leveret::broker
