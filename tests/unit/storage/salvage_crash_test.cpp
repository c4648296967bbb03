// Repairs, and what is left of them when the power goes.

#include "storage/salvage.hpp"

#include "storage/verify.hpp"
#include "tests/unit/storage/recovery_fixture.hpp"

namespace leveret::storage {
namespace {

class SalvageCrashTest : public RecoveryTest {
 protected:
  void repair_and_lose_power() {
    const auto before = verify(disk, folder, node);
    ASSERT_TRUE(before) << before.error();
    EXPECT_FALSE(before->is_clean());
    (void)disk.make_folder("aside");
    const auto salvaged = salvage(disk, folder, node, *before, "aside");
    ASSERT_TRUE(salvaged) << salvaged.error();
    disk.crash_losing_all();
    const auto after = verify(disk, folder, node);
    ASSERT_TRUE(after) << after.error();
    for (const Damage& damage : after->damages) ADD_FAILURE() << damage.file << " " << damage.what;
    open();
  }
};

// Goal: an index that is not safe yet when the power goes leaves none that tells of the torn end.
TEST_F(SalvageCrashTest, MakesNoIndexOfATornEnd) {
  settings.sync = false;  // Nothing says what was safe.
  open();
  for (const char* text : {"one", "two", "three"}) {
    append(text);
    commit();
  }
  kill();
  change_byte(segment_name(1), places[1].position * 8);
  disk.put(path(index_name(1)), std::vector<std::byte>(100, std::byte{1}));
  repair_and_lose_power();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one"}));
}

TEST_F(SalvageCrashTest, IsSafeWhenItIsDone) {
  commit_three();
  change_byte(segment_name(1), places[1].position * 8);
  repair_and_lose_power();
  EXPECT_EQ(found_texts(), (std::vector<std::string>{"one", "three"}));
}

}  // namespace
}  // namespace leveret::storage
