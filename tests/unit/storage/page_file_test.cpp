#include "storage/page_file.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "storage/posix_file.hpp"
#include "tests/unit/storage/scratch_files.hpp"

namespace leveret::storage {
namespace {

using Bytes = std::vector<std::byte>;

Bytes filled(std::size_t size, unsigned value) { return Bytes(size, std::byte(value)); }

IoResult<PageAddress> write(PageFile& pages, const Bytes& bytes) {
  const std::array<std::span<const std::byte>, 1> parts{std::span(bytes)};
  return pages.write(parts);
}

/// What is read, or nothing when it cannot be.
std::optional<Bytes> read(const PageFile& pages, const PageAddress& address) {
  Bytes buffer;
  const auto bytes = pages.read(address, buffer);
  if (!bytes) return std::nullopt;
  return Bytes(bytes->begin(), bytes->end());
}

TEST(PageFile, GivesBackWhatItTook) {
  ScratchFiles files;
  PageFile pages(files, "pages", 3);
  Bytes whole = filled(5000, 1);
  whole[9] = std::byte{2};
  const auto bytes = std::span<const std::byte>(whole);
  const std::array<std::span<const std::byte>, 3> parts{bytes.first(10), {}, bytes.subspan(10)};
  const auto some = pages.write(parts);
  const auto none = write(pages, {});
  ASSERT_TRUE(some && none);
  EXPECT_EQ(read(pages, *some), whole);
  EXPECT_EQ(read(pages, *none), Bytes{});
  EXPECT_EQ(files.contents.begin()->first, "pages/3-1.page");
}

TEST(PageFile, MakesNoFileBeforeItIsNeededAndLeavesNoneBehind) {
  ScratchFiles files;
  {
    PageFile pages(files, "pages", 0, 1000);
    EXPECT_TRUE(files.contents.empty());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(write(pages, filled(600, 1)));
    EXPECT_EQ(files.contents.size(), 5U);
  }
  EXPECT_TRUE(files.contents.empty());
}

// Goal: what a former process left is gone, and nothing else is.
TEST(PageFile, ClearsItsFolder) {
  ScratchFiles files;
  for (const char* name : {"pages/0-1.page", "pages/7-12.page", "pages/note", "other/0-1.page"}) {
    ASSERT_TRUE(files.open(name, OpenMode::create));
  }
  ASSERT_TRUE(PageFile::clear_folder(files, "pages"));
  std::vector<std::string> left;
  for (const auto& [path, content] : files.contents) left.push_back(path);
  EXPECT_EQ(left, (std::vector<std::string>{"other/0-1.page", "pages/note"}));
}

TEST(PageFile, RemovesAFileWithItsLastChunkAndReusesTheLast) {
  ScratchFiles files;
  PageFile pages(files, "pages", 0, 1000);
  std::vector<PageAddress> addresses;
  for (unsigned i = 0; i < 6; ++i) addresses.push_back(*write(pages, filled(400, i)));
  EXPECT_EQ(files.contents.size(), 3U);
  pages.free(addresses[0]);
  EXPECT_EQ(files.contents.size(), 3U);
  EXPECT_GE(files.discarded_bytes, 400U);
  EXPECT_EQ(read(pages, addresses[1]), filled(400, 1));
  pages.free(addresses[1]);
  EXPECT_EQ(files.contents.size(), 2U);
  for (unsigned i = 2; i < 6; ++i) pages.free(addresses[i]);
  EXPECT_EQ(files.contents.size(), 1U);
  EXPECT_EQ(files.used_bytes(), 0U);
  EXPECT_EQ(pages.chunk_count(), 0U);

  const auto again = write(pages, filled(400, 9));
  EXPECT_EQ(files.contents.size(), 1U);
  EXPECT_EQ(read(pages, *again), filled(400, 9));
}

TEST(PageFile, GivesALargeChunkAFileOfItsOwn) {
  ScratchFiles files;
  PageFile pages(files, "pages", 0, 1000);
  const auto small = write(pages, filled(10, 1));
  const auto large = write(pages, filled(5000, 2));
  const auto last = write(pages, filled(10, 3));
  EXPECT_EQ(files.contents.size(), 3U);
  EXPECT_EQ(read(pages, *large), filled(5000, 2));
  pages.free(*large);
  EXPECT_EQ(files.contents.size(), 2U);
  EXPECT_EQ(read(pages, *small), filled(10, 1));
  EXPECT_EQ(read(pages, *last), filled(10, 3));
}

TEST(PageFile, NoticesDamage) {
  ScratchFiles files;
  PageFile pages(files, "pages", 0);
  const auto address = write(pages, filled(1000, 1));
  for (const std::size_t place : {0, 5, 8, 500, 1007}) {
    auto& byte = (*files.contents.begin()->second)[place];
    byte ^= std::byte{1};
    Bytes buffer;
    const auto bytes = pages.read(*address, buffer);
    ASSERT_FALSE(bytes) << place;
    EXPECT_EQ(bytes.error().code, EBADMSG);
    byte ^= std::byte{1};
  }
  EXPECT_EQ(read(pages, *address), filled(1000, 1));
  files.contents.begin()->second->resize(700);
  EXPECT_EQ(read(pages, *address), std::nullopt);
}

// Goal: a chunk of the same size and content in another place is not taken for this one.
TEST(PageFile, NoticesTheRightBytesInTheWrongPlace) {
  ScratchFiles files;
  PageFile pages(files, "pages", 0);
  const auto first = write(pages, filled(100, 1));
  const auto second = write(pages, filled(100, 1));
  auto& content = *files.contents.begin()->second;
  std::copy_n(content.begin(), second->position, content.begin() + second->position);
  EXPECT_EQ(read(pages, *first), filled(100, 1));
  EXPECT_EQ(read(pages, *second), std::nullopt);
}

TEST(PageFile, SaysThatItCannotReadAndCanLater) {
  ScratchFiles files;
  PageFile pages(files, "pages", 0);
  const auto address = write(pages, filled(100, 1));
  files.reading_fails = true;
  EXPECT_EQ(read(pages, *address), std::nullopt);
  files.reading_fails = false;
  EXPECT_EQ(read(pages, *address), filled(100, 1));
}

// Goal: a full disk is an ordinary answer: nothing is kept of the attempt, what was written before
// is still there, and when there is room it goes on.
TEST(PageFile, TakesNothingWhileTheDiskIsFull) {
  ScratchFiles files;
  PageFile pages(files, "pages", 0, 10'000);
  const auto first = write(pages, filled(3000, 1));
  files.disk_size_bytes = 5000;
  for (int i = 0; i < 3; ++i) {
    const auto refused = write(pages, filled(3000, 2));
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is_disk_full());
    EXPECT_EQ(files.used_bytes(), 3008U);
  }
  EXPECT_EQ(pages.chunk_count(), 1U);
  const auto small = write(pages, filled(1000, 3));
  ASSERT_TRUE(small);
  files.disk_size_bytes = UINT64_MAX;
  const auto second = write(pages, filled(3000, 2));
  ASSERT_TRUE(second);
  EXPECT_EQ(read(pages, *first), filled(3000, 1));
  EXPECT_EQ(read(pages, *small), filled(1000, 3));
  EXPECT_EQ(read(pages, *second), filled(3000, 2));
}

TEST(PageFileDeathTest, FreesAChunkOnce) {
  ScratchFiles files;
  PageFile pages(files, "pages", 0);
  const auto address = write(pages, filled(100, 1));
  pages.free(*address);
  EXPECT_DEATH(pages.free(*address), "a chunk is freed once");
}

// Goal: chunks of all sizes, freed in any order, are what they were; no file outlives its chunks.
TEST(PageFile, KeepsWhatIsNotFreedOnARealDisk) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::string folder = testing::TempDir() + "leveret-pages-" + std::string(6, 'X');
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  PosixFileSystem files;
  {
    struct Chunk {
      PageAddress address;
      std::size_t size;
      unsigned value;
    };
    std::vector<Chunk> chunks;
    PageFile pages(files, folder, 0, 64 * 1024);
    for (int round = 0; round < 3000; ++round) {
      const bool growing = (round / 300) % 2 == 0;
      if (random() % 10 < (growing ? 7U : 3U)) {
        const std::size_t size = random() % (random() % 20 == 0 ? 200'000 : 9000);
        const auto value = static_cast<unsigned>(random() % 256);
        const auto address = write(pages, filled(size, value));
        ASSERT_TRUE(address) << address.error().text();
        chunks.push_back({*address, size, value});
      } else if (!chunks.empty()) {
        std::swap(chunks[random() % chunks.size()], chunks.back());
        const Chunk chunk = chunks.back();
        chunks.pop_back();
        ASSERT_EQ(read(pages, chunk.address), filled(chunk.size, chunk.value));
        pages.free(chunk.address);
      }
      ASSERT_LE(pages.file_count(), chunks.size() + 1);
    }
    for (const Chunk& chunk : chunks) {
      ASSERT_EQ(read(pages, chunk.address), filled(chunk.size, chunk.value));
      pages.free(chunk.address);
    }
    EXPECT_EQ(pages.file_count(), 1U);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace leveret::storage
