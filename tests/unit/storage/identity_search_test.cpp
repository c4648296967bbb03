// Whose a folder is and who has it, asked from outside.

#include "storage/identity_search.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "storage/folder_lock.hpp"
#include "storage/lock_holder.hpp"
#include "tests/unit/storage/scratch_log.hpp"

namespace leveret::storage {
namespace {

class IdentitySearchTest : public testing::Test {
 protected:
  IdentitySearchTest() {
    log_.open();
    log_.append("one", {1});
    log_.commit();
    log_.crash();
  }
  void write_identity(const std::string& text) const {
    std::ofstream(log_.root() + "/identity", std::ios::binary) << text;
  }
  Result<FoundIdentity, std::string> find() { return find_identity(log_.files, log_.root()); }

  ScratchLog log_;
};

TEST_F(IdentitySearchTest, BelievesAFileThatIsRight) {
  const Identity identity{NodeId{std::byte{1}}, false};
  ASSERT_TRUE(restore_identity(log_.files, log_.root(), identity));
  const auto found = find();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->identity, identity);
  EXPECT_EQ(found->problem, "");
}

TEST_F(IdentitySearchTest, AsksTheSegmentsWhenItIsDamagedOrGone) {
  auto found = find();
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->identity, (Identity{log_.node(), true}));
  EXPECT_EQ(found->problem, "has no file identity");

  write_identity("nonsense");
  found = find();
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->identity.node_id, log_.node());
  EXPECT_EQ(found->problem, "has a file identity that is damaged, or not Leveret's");
}

TEST_F(IdentitySearchTest, DoesNotGuess) {
  log_.flip("0000000001.seg", 20);
  auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().find("is no data directory of Leveret's: it has no file identity"),
            std::string::npos);

  log_.flip("0000000001.seg", 20);
  SegmentHeader other;
  other.segment = 2;
  seal_header(other, segment_seed(other.node, 2));
  ASSERT_TRUE(replace_file(log_.files, log_.folder(), "0000000002.seg", bytes_of(other)));
  EXPECT_FALSE(find()) << "the segments are of two nodes";
}

TEST(LockHolderTest, TellsWhoHasAFolder) {
  std::string folder = testing::TempDir() + "leveret-lock-" + std::string(6, 'X');
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  EXPECT_FALSE(lock_holder(folder));
  {
    const auto lock = FolderLock::take(folder);
    ASSERT_TRUE(lock);
    EXPECT_EQ(lock_holder(folder), ::getpid());
  }
  EXPECT_FALSE(lock_holder(folder));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace leveret::storage
