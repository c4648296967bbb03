#include "storage/salvage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "storage/segment_reader.hpp"
#include "tests/unit/storage/scratch_log.hpp"

namespace leveret::storage {
namespace {

class SalvageTest : public testing::Test {
 protected:
  SalvageTest() : aside_(log_.root() + "/aside") { std::filesystem::create_directory(aside_); }

  Verdict verdict() {
    const auto judged = verify(log_.files, log_.folder(), log_.node());
    EXPECT_TRUE(judged) << judged.error();
    return judged ? *judged : Verdict{};
  }

  /// Repairs, and sees that the log is then one that a start takes.
  Salvaged repair() {
    const Verdict before = verdict();
    EXPECT_FALSE(before.is_clean());
    auto salvaged = salvage(log_.files, log_.folder(), log_.node(), before, aside_);
    EXPECT_TRUE(salvaged) << salvaged.error();
    const Verdict after = verdict();
    for (const Damage& damage : after.damages) ADD_FAILURE() << damage.file << " " << damage.what;
    EXPECT_EQ(after.live_reference_count, before.live_reference_count);
    EXPECT_EQ(after.definitions, before.definitions);
    EXPECT_TRUE(after.lost.empty());
    if (!salvaged) return {};
    EXPECT_EQ(salvaged->live_reference_count, before.live_reference_count);
    return *salvaged;
  }

  /// What a start finds: how many live references each queue has, of which the bodies are right.
  std::map<std::uint64_t, std::vector<std::string>> contents() {
    std::map<std::uint64_t, std::vector<std::string>> found;
    auto recovered = recover(log_.files, log_.folder(), log_.node(), {});
    EXPECT_TRUE(recovered) << recovered.error();
    if (!recovered) return found;
    std::vector<LiveReference> references;
    const auto visited = for_each_live_reference(
        log_.files, log_.folder(), log_.node(), *recovered, {}, [&](const LiveReference& live) {
          references.push_back(live);
          return true;
        });
    EXPECT_TRUE(visited) << visited.error();
    for (const LiveReference& live : references) {
      const auto bytes = log_.bytes(segment_name(live.place.segment));
      const std::span<const std::byte> from(bytes);
      const auto record = read_record(from.subspan(ScratchLog::byte_of(live.place)),
                                      segment_seed(log_.node(), live.place.segment));
      EXPECT_TRUE(record);
      if (!record) continue;
      const auto message = read_message(record->payload);
      EXPECT_EQ(message->queue(live.index), live.queue);
      found[live.queue].emplace_back(read_text(message->bytes));
    }
    return found;
  }
  using Contents = std::map<std::uint64_t, std::vector<std::string>>;

  std::vector<std::byte> aside(const std::string& name) const {
    return log_.bytes("../aside/" + name);
  }

  ScratchLog log_;
  const std::string aside_;
};

TEST_F(SalvageTest, KeepsWhatLiesAroundADamagedMessage) {
  log_.open();
  log_.log().define("key", "value");
  log_.append("one", {1});
  const LogPlace& damaged = log_.append("two", {1, 2});
  log_.append("three", {2});
  log_.commit();
  log_.append("four", {1});
  log_.commit();
  log_.crash();
  log_.flip("0000000001.seg", ScratchLog::body_of(damaged, 2));
  const auto original = log_.bytes("0000000001.seg");

  const Salvaged salvaged = repair();
  EXPECT_EQ(salvaged.copied, (std::vector<std::string>{"0000000001.seg"}));
  EXPECT_EQ(aside("0000000001.seg"), original);
  EXPECT_EQ(salvaged.checkpoint, "checkpoint-0000000002");
  EXPECT_EQ(contents(), (Contents{{1, {"one", "four"}}, {2, {"three"}}}));

  // The log goes on: numbers of lost references are not given again.
  log_.open();
  log_.append("five", {2});
  log_.commit();
  log_.close();
  EXPECT_TRUE(verdict().is_clean());
  EXPECT_EQ(contents(), (Contents{{1, {"one", "four"}}, {2, {"three", "five"}}}));
}

// Goal: a message that was moved on by a turn of which a part is damaged stays where it was.
TEST_F(SalvageTest, DoesNotBelieveWhatADamagedTurnSettles) {
  log_.open();
  const LogPlace& moved = log_.append("moved", {1});
  log_.commit();
  const LogPlace& copy = log_.append("moved", {9});
  log_.log().settle(moved, 0);
  log_.commit();
  log_.append("later", {3});
  log_.commit();
  log_.crash();
  log_.flip("0000000001.seg", ScratchLog::body_of(copy, 1));
  EXPECT_EQ(verdict().doubtful_settled_count, 1U);
  repair();
  EXPECT_EQ(contents(), (Contents{{1, {"moved"}}, {3, {"later"}}}));
}

// Goal: what only checkpoints know is not lost as long as there is a copy.
TEST_F(SalvageTest, TakesTheCopyOfADamagedCheckpoint) {
  log_.open();
  log_.log().define("key", "value");
  log_.commit();
  log_.checkpoint();
  log_.append("message", {1});
  log_.commit();
  log_.crash();
  log_.remove(segment_name(1));
  log_.remove(index_name(1));
  std::filesystem::copy_file(log_.path(checkpoint_name(2)), log_.path(checkpoint_copy_name(2)));
  EXPECT_TRUE(verdict().is_clean());
  log_.flip(checkpoint_name(2), 42);
  const Verdict before = verdict();
  EXPECT_EQ(before.damages.size(), 1U);
  EXPECT_FALSE(before.others_may_be_lost);
  EXPECT_EQ(before.definitions.size(), 1U);
  const Salvaged salvaged = repair();
  EXPECT_EQ(salvaged.moved,
            (std::vector<std::string>{checkpoint_name(2), checkpoint_copy_name(2)}));
  EXPECT_EQ(contents(), (Contents{{1, {"message"}}}));
}

TEST_F(SalvageTest, RepairsASegmentThatACheckpointCovers) {
  log_.open();
  log_.append("one", {1});
  const LogPlace& damaged = log_.append("two", {1});
  const LogPlace& settled = log_.append("three", {1});
  log_.commit();
  log_.checkpoint();
  log_.log().settle(settled, 0);
  log_.append("four", {1});
  log_.commit();
  log_.checkpoint();
  log_.crash();
  log_.flip("0000000001.seg", ScratchLog::body_of(damaged, 1));
  const Salvaged salvaged = repair();
  EXPECT_EQ(contents(), (Contents{{1, {"one", "four"}}}));
  // The newest is replaced by one that does not know of the lost message, the older one is of no
  // use any more. Both are kept.
  EXPECT_EQ(salvaged.copied,
            (std::vector<std::string>{"0000000001.seg", "checkpoint-0000000003"}));
  EXPECT_EQ(salvaged.moved,
            (std::vector<std::string>{"0000000001.idx", "checkpoint-0000000002"}));
  EXPECT_FALSE(aside("checkpoint-0000000002").empty());
}

TEST_F(SalvageTest, GoesOnWithoutAMissingSegment) {
  log_.open();
  for (std::uint64_t queue = 1; queue <= 4; ++queue) {
    log_.append(std::string(40'000, static_cast<char>('a' + queue)), {queue});
    log_.commit();
  }
  log_.crash();
  log_.remove("0000000002.seg");
  const Salvaged salvaged = repair();
  ASSERT_EQ(salvaged.notes.size(), 1U);
  EXPECT_NE(salvaged.notes[0].find("0000000002.seg is missing"), std::string::npos);
  const Contents found = contents();
  EXPECT_EQ(found.size(), 3U);
  EXPECT_FALSE(found.contains(2));
}

TEST_F(SalvageTest, KeepsTheIndexOfAMissingSegment) {
  log_.open();
  log_.append("one", {1});
  log_.commit();
  log_.checkpoint();
  log_.append("two", {2});
  log_.commit();
  log_.crash();
  log_.remove("0000000001.seg");
  const Salvaged salvaged = repair();
  EXPECT_EQ(salvaged.moved, (std::vector<std::string>{"0000000001.idx", "checkpoint-0000000002"}));
  EXPECT_EQ(contents(), (Contents{{2, {"two"}}}));
}

TEST_F(SalvageTest, GoesOnWithoutACheckpoint) {
  log_.open();
  log_.log().define("gone", "with the checkpoint");
  log_.log().settle(log_.append("settled", {1}), 0);
  log_.commit();
  log_.append("one", {1});
  log_.commit();
  log_.checkpoint();
  log_.log().define("key", "value");
  log_.append("two", {2});
  log_.commit();
  log_.checkpoint();
  log_.crash();
  log_.remove("0000000001.seg");
  log_.remove("0000000001.idx");
  log_.flip("checkpoint-0000000002", 50);
  log_.flip("checkpoint-0000000003", 50);
  const Salvaged salvaged = repair();
  EXPECT_EQ(salvaged.moved, (std::vector<std::string>{"checkpoint-0000000003",
                                                      "checkpoint-0000000002"}));
  EXPECT_EQ(contents(), (Contents{{2, {"two"}}}));
  EXPECT_EQ(verdict().definitions, (StoreState::Definitions{{"key", "value"}}));
}

TEST_F(SalvageTest, LeavesNoCopyOfAnOldCheckpoint) {
  log_.open();
  log_.append("one", {1});
  const LogPlace& damaged = log_.append("two", {1});
  log_.commit();
  log_.checkpoint();
  log_.crash();
  ASSERT_TRUE(replace_file(log_.files, log_.folder(), checkpoint_copy_name(2),
                           log_.bytes("checkpoint-0000000002")));
  log_.flip("0000000001.seg", ScratchLog::body_of(damaged, 1));
  repair();
  EXPECT_FALSE(aside("checkpoint-0000000002.copy").empty());
  log_.flip("checkpoint-0000000002", 45);
  EXPECT_TRUE(verdict().checkpoints.empty());
}

TEST_F(SalvageTest, KeepsADamagedCheckpointWhoseCopyTakesItsPlace) {
  log_.open();
  log_.append("one", {1});
  log_.commit();
  log_.checkpoint();
  log_.crash();
  ASSERT_TRUE(replace_file(log_.files, log_.folder(), checkpoint_copy_name(2),
                           log_.bytes("checkpoint-0000000002")));
  const auto right = log_.bytes("checkpoint-0000000002");
  log_.flip("checkpoint-0000000002", 45);
  const auto damaged = log_.bytes("checkpoint-0000000002");
  repair();
  EXPECT_EQ(aside("checkpoint-0000000002"), damaged);
  EXPECT_EQ(aside("checkpoint-0000000002.copy"), right);
  EXPECT_EQ(contents(), (Contents{{1, {"one"}}}));
}

TEST_F(SalvageTest, MakesAnIndexAgain) {
  log_.open();
  log_.append("one", {1});
  log_.commit();
  log_.checkpoint();
  log_.crash();
  const auto right = log_.bytes("0000000001.idx");
  log_.flip("0000000001.idx", 50);
  const Salvaged salvaged = repair();
  EXPECT_EQ(salvaged.moved, (std::vector<std::string>{"0000000001.idx"}));
  EXPECT_EQ(log_.bytes("0000000001.idx"), right);
  EXPECT_EQ(contents(), (Contents{{1, {"one"}}}));
}

TEST_F(SalvageTest, PutsASegmentAsideThatIsNone) {
  log_.open();
  log_.append(std::string(40'000, 'a'), {1});
  log_.commit();
  log_.append(std::string(40'000, 'b'), {2});
  log_.commit();
  log_.crash();
  const std::string nonsense(5'000, 'n');
  ASSERT_TRUE(replace_file(log_.files, log_.folder(), "0000000001.seg",
                           std::as_bytes(std::span(nonsense))));
  repair();
  EXPECT_EQ(aside("0000000001.seg").size(), 5'000U);
  EXPECT_EQ(contents(), (Contents{{2, {std::string(40'000, 'b')}}}));
}

/// A log with a story, and any damage to its files.
class RandomDamage : public testing::TestWithParam<int> {
 protected:
  RandomDamage() : random_(static_cast<std::uint64_t>(GetParam())) {}

  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  void write_story() {
    std::vector<const LogPlace*> live;
    log_.open();
    for (int turn = 0; turn < 60; ++turn) {
      for (std::uint64_t i = below(8); i > 0; --i) {
        live.push_back(&log_.append(std::string(below(4'000), 'x'), {1 + below(3), 7}));
      }
      while (!live.empty() && below(2) == 0) {
        const std::size_t which = below(live.size());
        log_.log().settle(*live[which], 0);
        if (below(2) == 0) log_.log().settle(*live[which], 1);
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(which));
      }
      if (below(4) == 0) log_.log().define(std::to_string(below(10)), std::to_string(turn));
      if (below(9) == 0) log_.log().undefine(std::to_string(below(10)));
      below(2) == 0 ? log_.commit() : log_.submit();
      if (below(15) == 0) log_.checkpoint();
    }
    below(2) == 0 ? log_.close() : log_.crash();
  }

  void damage_something() {
    const auto names = log_.files.list(log_.folder());
    ASSERT_TRUE(names);
    const std::string name = (*names)[below(names->size())];
    const std::uint64_t size = std::filesystem::file_size(log_.path(name));
    switch (size == 0 ? 3 : below(5)) {
      case 0: return log_.flip(name, below(size));
      case 1:
        for (std::uint64_t i = below(50); i > 0; --i) log_.flip(name, below(size));
        return;
      case 2: return log_.cut(name, below(size));
      case 3: return log_.remove(name);
      case 4: {
        const std::uint64_t begin = below(size);
        const std::uint64_t end = std::min(size, begin + 1 + below(10'000));
        for (std::uint64_t at = begin; at < end; ++at) log_.flip(name, at);
        return;
      }
    }
  }

  ScratchLog log_;
  std::mt19937_64 random_;
};

// Goal: whatever happened to the files, what is left can be used; and where recovery refuses,
// verification has said so before.
TEST_P(RandomDamage, LeavesALogThatAStartTakes) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  write_story();
  const std::string aside = log_.root() + "/aside";
  std::filesystem::create_directory(aside);
  for (std::uint64_t i = 1 + below(3); i > 0; --i) damage_something();
  const auto before = verify(log_.files, log_.folder(), log_.node());
  ASSERT_TRUE(before) << before.error();
  RecoveryOptions reading;
  reading.read_only = true;
  const bool starts = recover(log_.files, log_.folder(), log_.node(), reading).has_value();
  if (before->is_clean()) {
    EXPECT_TRUE(starts);
    return;
  }
  const auto salvaged = salvage(log_.files, log_.folder(), log_.node(), *before, aside);
  ASSERT_TRUE(salvaged) << salvaged.error();
  const auto after = verify(log_.files, log_.folder(), log_.node());
  ASSERT_TRUE(after) << after.error();
  for (const Damage& damage : after->damages) ADD_FAILURE() << damage.file << " " << damage.what;
  EXPECT_EQ(after->live_reference_count, before->live_reference_count);
  EXPECT_EQ(after->definitions, before->definitions);
  log_.open();
  log_.append("after", {1});
  log_.commit();
  log_.close();
  const auto later = verify(log_.files, log_.folder(), log_.node());
  ASSERT_TRUE(later) << later.error();
  for (const Damage& damage : later->damages) ADD_FAILURE() << damage.file << " " << damage.what;
  EXPECT_EQ(later->live_reference_count, before->live_reference_count + 1);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomDamage, testing::Range(1, 41));

}  // namespace
}  // namespace leveret::storage
