#include "tests/unit/storage/faulty_disk.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace leveret::storage {
namespace {

class FaultyDiskTest : public ::testing::Test {
 protected:
  FaultyDiskTest() { (void)disk.make_folder("d"); }

  std::unique_ptr<File> open(const std::string& name, OpenMode mode = OpenMode::replace) {
    auto file = disk.open("d/" + name, mode);
    EXPECT_TRUE(file) << file.error().text();
    return std::move(*file);
  }
  static void write(File& file, std::uint64_t position, const std::string& text) {
    const auto written = file.write_at(position, std::as_bytes(std::span(text)));
    EXPECT_TRUE(written) << written.error().text();
  }
  std::string text(const std::string& name) const {
    const auto bytes = disk.bytes("d/" + name);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  FaultyDisk disk;
  FaultyDisk::Random random{1};
};

TEST_F(FaultyDiskTest, KeepsWhatWasSyncedUnderItsName) {
  auto file = open("a");
  write(*file, 0, "safe");
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(disk.sync_folder("d"));
  write(*file, 4, " lost");
  EXPECT_EQ(text("a"), "safe lost");
  disk.crash_losing_all();
  EXPECT_EQ(text("a"), "safe");
}

TEST_F(FaultyDiskTest, LosesNamesThatWereNotSynced) {
  open("kept");
  ASSERT_TRUE(disk.sync_folder("d"));
  auto file = open("lost");
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(disk.rename("d/kept", "d/renamed"));
  disk.crash_losing_all();
  EXPECT_EQ(disk.names("d"), (std::vector<std::string>{"kept"}));
}

TEST_F(FaultyDiskTest, MovesFilesBetweenFolders) {
  (void)disk.make_folder("other");
  write(*open("moved"), 0, "text");
  ASSERT_TRUE(disk.rename("d/moved", "other/arrived"));
  EXPECT_TRUE(disk.names("d").empty());
  EXPECT_EQ(disk.names("other"), (std::vector<std::string>{"arrived"}));
  EXPECT_EQ(disk.bytes("other/arrived").size(), 4U);
  ASSERT_TRUE(disk.sync_folder("other"));
  ASSERT_TRUE(disk.sync_folder("d"));
  disk.crash_losing_all();
  EXPECT_TRUE(disk.has("other/arrived"));
  EXPECT_FALSE(disk.has("d/moved"));
}

// Goal: of two sectors that were written at once any subset survives, of one sector what it held
// at one moment.
TEST_F(FaultyDiskTest, TearsWritesBetweenSectors) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    auto file = open("a");
    write(*file, 0, std::string(1024, '0'));
    ASSERT_TRUE(file->sync_data());
    ASSERT_TRUE(disk.sync_folder("d"));
    write(*file, 510, "1111");
    write(*file, 510, "2222");
    disk.crash(random);
    seen.insert(text("a").substr(510, 4));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"0000", "0011", "0022", "1100", "1111", "1122", "2200",
                                         "2211", "2222"}));
}

TEST_F(FaultyDiskTest, LosesSizesApartFromData) {
  std::set<std::size_t> sizes;
  for (int i = 0; i < 200; ++i) {
    auto file = open("a");
    write(*file, 0, std::string(100, '0'));
    ASSERT_TRUE(file->sync_data());
    ASSERT_TRUE(disk.sync_folder("d"));
    write(*file, 50, std::string(10, '1'));
    ASSERT_TRUE(file->truncate(60));
    disk.crash(random);
    sizes.insert(text("a").size());
    if (text("a").size() == 60 && text("a")[50] == '0') sizes.insert(0);
  }
  EXPECT_EQ(sizes, (std::set<std::size_t>{0, 60, 100}));
}

// Goal: what happens to one file happens in its order: a file never has two names.
TEST_F(FaultyDiskTest, RenamesInTheirOrder) {
  std::set<std::vector<std::string>> seen;
  for (int i = 0; i < 200; ++i) {
    for (const std::string& name : disk.names("d")) disk.erase("d/" + name);
    open("a");
    ASSERT_TRUE(disk.sync_folder("d"));
    ASSERT_TRUE(disk.rename("d/a", "d/b"));
    ASSERT_TRUE(disk.rename("d/b", "d/c"));
    open("other");
    disk.crash(random);
    seen.insert(disk.names("d"));
  }
  EXPECT_EQ(seen, (std::set<std::vector<std::string>>{
                      {"a"}, {"b"}, {"c"}, {"a", "other"}, {"b", "other"}, {"c", "other"}}));
}

TEST_F(FaultyDiskTest, FailsTheNthCallOfAKindOnce) {
  auto file = open("a");
  disk.fail({.call = DiskCall::write, .nth = 2, .code = ENOSPC});
  write(*file, 0, "one");
  ASSERT_TRUE(file->sync_data());
  const std::string two = "two.";
  const auto failed = file->write_at(3, std::as_bytes(std::span(two)));
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().is_disk_full());
  EXPECT_TRUE(disk.has_failed());
  EXPECT_EQ(text("a"), "onetw");  // Half of it was done.
  write(*file, 3, "two");
  EXPECT_EQ(text("a"), "onetwo");
}

// Goal: as with Linux, what a failed sync should have saved looks well and is lost.
TEST_F(FaultyDiskTest, ForgetsWhatAFailedSyncDidNotSave) {
  auto file = open("a");
  ASSERT_TRUE(disk.sync_folder("d"));
  write(*file, 0, "one");
  disk.fail({.call = DiskCall::sync});
  EXPECT_FALSE(file->sync_data());
  EXPECT_TRUE(file->sync_data());
  EXPECT_EQ(text("a"), "one");
  disk.crash_losing_nothing();
  EXPECT_EQ(text("a"), "one");
  auto again = open("b");
  ASSERT_TRUE(disk.sync_folder("d"));
  write(*again, 0, "one");
  disk.fail({.call = DiskCall::sync});
  EXPECT_FALSE(again->sync_data());
  write(*again, 3, "two");
  EXPECT_TRUE(again->sync_data());
  disk.crash_losing_all();
  EXPECT_EQ(text("b"), std::string(3, '\0') + "two");
}

TEST_F(FaultyDiskTest, CutsThePowerAtACall) {
  auto file = open("a");
  ASSERT_TRUE(disk.sync_folder("d"));
  write(*file, 0, "one");
  disk.fail({.nth = 1, .power_cut = true});
  EXPECT_FALSE(file->sync_data());
  EXPECT_FALSE(file->sync_data());
  EXPECT_FALSE(disk.list("d"));
  disk.crash_losing_all();
  EXPECT_TRUE(disk.list("d"));
  EXPECT_EQ(text("a"), "");
}

TEST_F(FaultyDiskTest, HasRoomForSoMuch) {
  disk.limit_bytes(10);
  auto file = open("a");
  write(*file, 0, "12345");
  ASSERT_TRUE(file->allocate(8));
  const std::string more = "123456";
  const auto full = file->write_at(8, std::as_bytes(std::span(more)));
  ASSERT_FALSE(full);
  EXPECT_TRUE(full.error().is_disk_full());
  EXPECT_EQ(disk.used_bytes(), 10U);
  // A file without a name takes its room until nobody has it open.
  ASSERT_TRUE(disk.remove("d/a"));
  EXPECT_EQ(disk.used_bytes(), 10U);
  file.reset();
  EXPECT_EQ(disk.used_bytes(), 0U);
}

}  // namespace
}  // namespace leveret::storage
