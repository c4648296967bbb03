// Recovery where the end of the log is torn: what was not synced when the power went.

#include <algorithm>

#include "tests/unit/storage/recovery_fixture.hpp"

namespace leveret::storage {
namespace {

class TornEndTest : public RecoveryTest {
 protected:
  /// A committed message, and one that is written but not synced.
  TornEndTest() {
    open();
    append("committed");
    commit();
    append(std::string(900, 'u'));
    append("unsynced", {1, 2});
    settle(places[0]);
    shards[0]->define("key", "value");
    write_unsynced();
    begin = places[1].position * 8 - sizeof(FrameHeader);
    kill();
    files_before = disk.copy_of_all();
    const auto& bytes = files_before.at(path(segment_name(1)));
    end = bytes.size();
    while (bytes[end - 1] == std::byte{0}) --end;
  }
  /// The committed message is there, and nothing of the frame behind it, or all of it.
  void expect_all_or_nothing(bool may_be_there) {
    open();
    const std::vector<std::string> nothing{"committed"};
    const std::vector<std::string> all{std::string(900, 'u'), "unsynced", "unsynced"};
    const bool is_there = found_texts() == all && recovered.state.definitions().size() == 1;
    const bool is_not = found_texts() == nothing && recovered.state.definitions().empty();
    EXPECT_TRUE(is_not || (may_be_there && is_there));
    // The next life is not confused by what was left out.
    append("next life");
    commit();
    cut_power_losing_all();
    open();
    EXPECT_EQ(found_texts().back(), "next life");
  }

  std::uint64_t begin = 0, end = 0;  ///< Of the frame that was not synced.
  Files files_before;
};

TEST_F(TornEndTest, LeavesOutAFrameOfWhichAnyByteIsWrong) {
  for (std::uint64_t position = begin; position < end; ++position) {
    SCOPED_TRACE(position);
    put_all(files_before);
    change_byte(segment_name(1), position);
    // Padding holds nothing.
    expect_all_or_nothing(files_before.at(path(segment_name(1)))[position] == std::byte{0});
    if (HasFailure()) return;
  }
}

TEST_F(TornEndTest, LeavesOutAFrameOfWhichAnyPartIsMissing) {
  for (std::uint64_t position = begin; position < end; ++position) {
    SCOPED_TRACE(position);
    put_all(files_before);
    auto bytes = disk.bytes(path(segment_name(1)));
    if (position % 2 == 0) {
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(position), bytes.end(), std::byte{0});
    } else {
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                bytes.begin() + static_cast<std::ptrdiff_t>(position), std::byte{0xA5});
    }
    disk.put(path(segment_name(1)), bytes);
    expect_all_or_nothing(false);
    if (HasFailure()) return;
  }
}

TEST_F(TornEndTest, LeavesOutWhatFollowsAMissingFrame) {
  put_all(files_before);
  open();
  kill();
  put_all({});
  open();
  append("committed");
  commit();
  append("lost");
  write_unsynced();
  append("follows");
  write_unsynced();
  const std::uint64_t lost = places[places.size() - 2].position * 8;
  kill();
  change_byte(segment_name(1), lost);
  open();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"committed"}));
  ASSERT_EQ(recovered.notes.size(), 1U);
  EXPECT_NE(recovered.notes[0].find("was not safe yet (1 records)"), std::string::npos)
      << recovered.notes[0];
}

// Goal: that the last frame is torn does not make damage before it pass for a torn end, too.
TEST_F(TornEndTest, RefusesDamageBeforeATornFrame) {
  put_all(files_before);
  change_byte(segment_name(1), end - 1);
  change_byte(segment_name(1), places[0].position * 8);
  EXPECT_FALSE(try_open());
  EXPECT_NE(refusal.find("damaged at byte 512 in a part that was safe on the disk; nothing right "
                         "follows in this file"),
            std::string::npos)
      << refusal;
}

TEST_F(TornEndTest, EndsTheSegmentWhereItIsTorn) {
  put_all(files_before);
  change_byte(segment_name(1), begin);
  open();
  EXPECT_EQ(disk.bytes(path(segment_name(1))).size(), begin + sizeof(FrameHeader));
  EXPECT_EQ(recovered.state.segments().at(1).end_position, begin + sizeof(FrameHeader));
}

TEST_F(TornEndTest, ChangesNothingWhenItOnlyReads) {
  put_all(files_before);
  disk.put(path("0000000002.seg.new"), std::vector<std::byte>(10));
  disk.put(path(index_name(77)), std::vector<std::byte>(10));
  change_byte(segment_name(1), begin);
  const Files before = disk.copy_of_all();
  const std::uint64_t writes = disk.call_count(DiskCall::write);
  RecoveryOptions options;
  options.read_only = true;
  open(options);
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"committed"}));
  EXPECT_EQ(disk.copy_of_all(), before);
  EXPECT_EQ(disk.call_count(DiskCall::write), writes);
}

// Goal: a start that ends early, time and again, still comes to the same.
TEST_F(TornEndTest, SurvivesAPowerCutAtEveryCallOfAStart) {
  FaultyDisk::Random random(7);
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    put_all(files_before);
    if (n % 2 == 0) change_byte(segment_name(1), begin);
    disk.fail({.nth = n, .power_cut = true});
    (void)try_open();
    const bool has_failed = disk.has_failed();
    kill();
    disk.crash(random);
    expect_all_or_nothing(n % 2 != 0);
    if (!has_failed) break;
    ASSERT_LT(n, 200U);
  }
}

}  // namespace
}  // namespace leveret::storage
