#include "broker/session/confirm_tracker.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>
#include <vector>

namespace leveret::broker {

void PrintTo(const ConfirmFrame& frame, std::ostream* out) {
  *out << (frame.verdict == Verdict::accepted ? "ack " : "nack ")
       << static_cast<std::uint64_t>(frame.seq) << (frame.multiple ? " multiple" : "");
}

namespace {

using Frames = std::vector<ConfirmFrame>;

Frames drain(ConfirmTracker& tracker) {
  Frames frames;
  tracker.drain(frames);
  return frames;
}

ConfirmFrame ack(std::uint64_t seq, bool multiple = false) {
  return {PublishSeq{seq}, Verdict::accepted, multiple};
}
ConfirmFrame nack(std::uint64_t seq) { return {PublishSeq{seq}, Verdict::rejected, false}; }

TEST(ConfirmTracker, CountsFromOne) {
  ConfirmTracker tracker;
  EXPECT_EQ(tracker.open(1), PublishSeq{1});
  EXPECT_EQ(tracker.open(1), PublishSeq{2});
  EXPECT_EQ(tracker.open_count(), 2U);
  EXPECT_EQ(drain(tracker), Frames{});
}

TEST(ConfirmTracker, AcceptsAtOnceWhatNobodyDecides) {
  ConfirmTracker tracker;
  tracker.open(0);
  EXPECT_EQ(drain(tracker), (Frames{ack(1)}));
  EXPECT_EQ(drain(tracker), Frames{});
  EXPECT_EQ(tracker.open_count(), 0U);
}

TEST(ConfirmTracker, WaitsForEveryVerdict) {
  ConfirmTracker tracker;
  const PublishSeq seq = tracker.open(3);
  tracker.settle(seq, Verdict::accepted);
  tracker.settle(seq, Verdict::accepted);
  EXPECT_EQ(drain(tracker), Frames{});
  tracker.settle(seq, Verdict::accepted);
  EXPECT_EQ(drain(tracker), (Frames{ack(1)}));
}

// Goal: no ack may leave while a lower publish is undecided, whatever the order of verdicts.
TEST(ConfirmTracker, HoldsLaterAcksBehindAnUndecidedPublish) {
  ConfirmTracker tracker;
  const PublishSeq slow = tracker.open(2);
  const PublishSeq fast = tracker.open(1);
  tracker.settle(fast, Verdict::accepted);
  tracker.settle(slow, Verdict::accepted);
  EXPECT_EQ(drain(tracker), Frames{});
  tracker.settle(slow, Verdict::accepted);
  EXPECT_EQ(drain(tracker), (Frames{ack(2, true)}));
}

TEST(ConfirmTracker, JoinsAcksAndNeverCoversANack) {
  ConfirmTracker tracker;
  for (int i = 0; i < 7; ++i) tracker.open(1);
  for (std::uint64_t seq : {1, 2, 4, 5, 6, 7}) tracker.settle(PublishSeq{seq}, Verdict::accepted);
  tracker.settle(PublishSeq{3}, Verdict::rejected);
  EXPECT_EQ(drain(tracker), (Frames{ack(2, true), nack(3), ack(7, true)}));
}

TEST(ConfirmTracker, RejectsWhatOneQueueRejects) {
  ConfirmTracker tracker;
  const PublishSeq seq = tracker.open(2);
  tracker.settle(seq, Verdict::rejected);
  EXPECT_EQ(drain(tracker), Frames{});  // The other queue has not decided.
  tracker.settle(seq, Verdict::accepted);
  EXPECT_EQ(drain(tracker), (Frames{nack(1)}));
}

TEST(ConfirmTrackerDeathTest, TakesNoMoreVerdictsThanItWaitsFor) {
  ConfirmTracker tracker;
  const PublishSeq seq = tracker.open(1);
  tracker.open(1);
  tracker.settle(seq, Verdict::accepted);
  EXPECT_DEATH(tracker.settle(seq, Verdict::accepted), "as many verdicts as it was opened for");
}

/// A client's view: it believes what it is told, and is told once of each publish.
class StrictClient {
 public:
  void hear(const ConfirmFrame& frame, const std::vector<std::pair<int, bool>>& truth) {
    const auto seq = static_cast<std::uint64_t>(frame.seq);
    ASSERT_GT(seq, heard_up_to_) << "told twice, or out of order";
    if (!frame.multiple) {
      ASSERT_EQ(seq, heard_up_to_ + 1) << "told across a publish";
    }
    for (std::uint64_t one = heard_up_to_ + 1; one <= seq; ++one) {
      const auto& [undecided, rejected] = truth[one - 1];
      ASSERT_EQ(undecided, 0) << "told of publish " << one << " before it was decided";
      ASSERT_EQ(frame.verdict == Verdict::rejected, rejected) << "told wrong of publish " << one;
    }
    heard_up_to_ = seq;
  }
  std::uint64_t heard_up_to() const { return heard_up_to_; }

 private:
  std::uint64_t heard_up_to_ = 0;
};

TEST(ConfirmTracker, TellsAClientTheTruthWhateverTheOrder) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  ConfirmTracker tracker;
  StrictClient client;
  std::vector<std::pair<int, bool>> truth;  // Verdicts missing, and whether one was a rejection.
  for (int round = 0; round < 20'000; ++round) {
    const auto what = random() % 10;
    if (what < 3) {
      const auto count = static_cast<int>(random() % 4);
      ASSERT_EQ(static_cast<std::uint64_t>(tracker.open(static_cast<std::uint32_t>(count))),
                truth.size() + 1);
      truth.emplace_back(count, false);
    } else if (what < 9 && !truth.empty()) {
      // Mostly the oldest ones, so that some get through.
      const std::size_t first = client.heard_up_to();
      if (first == truth.size()) continue;
      const std::size_t index = first + random() % std::min<std::size_t>(8, truth.size() - first);
      if (truth[index].first == 0) continue;
      const bool rejected = random() % 10 == 0;
      --truth[index].first;
      truth[index].second |= rejected;
      tracker.settle(PublishSeq{index + 1}, rejected ? Verdict::rejected : Verdict::accepted);
    } else {
      const Frames frames = drain(tracker);
      for (std::size_t i = 0; i < frames.size(); ++i) {
        client.hear(frames[i], truth);
        if (HasFatalFailure()) return;
        const bool could_be_joined = i > 0 && frames[i].verdict == Verdict::accepted &&
                                     frames[i - 1].verdict == Verdict::accepted;
        ASSERT_FALSE(could_be_joined) << "two frames where one would do";
      }
      const std::size_t heard = client.heard_up_to();
      ASSERT_TRUE(heard == truth.size() || truth[heard].first > 0) << "held back without need";
      ASSERT_EQ(tracker.open_count(), truth.size() - heard);
    }
  }
}

}  // namespace
}  // namespace leveret::broker
