#include "storage/posix_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>

namespace leveret::storage {
namespace {

class PosixFileTest : public ::testing::Test {
 protected:
  PosixFileTest() {
    folder = std::filesystem::temp_directory_path() /
             ("leveret-files-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
  }
  ~PosixFileTest() override { std::filesystem::remove_all(folder); }

  std::string path(const std::string& name) const { return folder + "/" + name; }
  std::unique_ptr<File> open(const std::string& name, OpenMode mode = OpenMode::replace) {
    auto file = files.open(path(name), mode);
    EXPECT_TRUE(file) << file.error().text();
    return std::move(*file);
  }
  static void write(File& file, std::uint64_t position, const std::string& text) {
    const auto written = file.write_at(position, std::as_bytes(std::span(text)));
    EXPECT_TRUE(written) << written.error().text();
  }
  std::string text(const std::string& name) {
    const auto bytes = read_file(files, path(name), 1 << 30);
    EXPECT_TRUE(bytes) << bytes.error().text();
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
  }

  PosixFileSystem files;
  std::string folder;
};

TEST_F(PosixFileTest, ReadsWhatWasWritten) {
  auto file = open("a");
  write(*file, 3, "text");
  EXPECT_EQ(text("a"), std::string(3, '\0') + "text");
  EXPECT_EQ(*file->size(), 7U);
  std::array<std::byte, 10> bytes{};
  EXPECT_EQ(*file->read_at(5, bytes), 2U);
  EXPECT_EQ(*file->read_at(7, bytes), 0U);
  EXPECT_EQ(*file->read_at(100, bytes), 0U);
  EXPECT_TRUE(file->sync_data());
}

TEST_F(PosixFileTest, OpensFilesAsItIsTold) {
  EXPECT_TRUE(files.open(path("a"), OpenMode::read).error().is_missing());
  EXPECT_TRUE(files.open(path("a"), OpenMode::write).error().is_missing());
  write(*open("a", OpenMode::create), 0, "text");
  EXPECT_EQ(files.open(path("a"), OpenMode::create).error().code, EEXIST);
  EXPECT_EQ(text("a"), "text");
  write(*open("a", OpenMode::write), 1, "E");
  EXPECT_EQ(text("a"), "tExt");
  const std::string no = "no";
  EXPECT_FALSE(open("a", OpenMode::read)->write_at(0, std::as_bytes(std::span(no))));
  open("a", OpenMode::replace);
  EXPECT_EQ(text("a"), "");
}

// Goal: more parts than the system takes at once.
TEST_F(PosixFileTest, WritesThousandsOfParts) {
  std::vector<std::string> parts;
  std::vector<iovec> pieces;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    parts.push_back(std::string(i % 40, static_cast<char>('a' + i % 26)));
    expected += parts.back();
  }
  for (std::string& part : parts) pieces.push_back({part.data(), part.size()});
  ASSERT_TRUE(open("a")->write_at(5, pieces));
  EXPECT_EQ(text("a"), std::string(5, '\0') + expected);
}

// Goal: what the system has taken of a write is not written twice, and what it has not is missed:
// at a limit it takes a part, and says only at the next call why.
TEST_F(PosixFileTest, SaysWhyItCouldWriteOnlyAPart) {
  ::rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  auto file = open("a");
  std::array<std::string, 3> parts{"0123456", "abcdefg", "ABCDEFG"};
  std::vector<iovec> pieces;
  for (std::string& part : parts) pieces.push_back({part.data(), part.size()});
  const ::rlimit small{10, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = file->write_at(0, pieces);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, EFBIG);
  EXPECT_EQ(text("a"), "0123456abc");
  // It stopped in the middle of the second part.
  ASSERT_TRUE(file->write_at(10, std::span(pieces).subspan(1)));
  EXPECT_EQ(text("a"), "0123456abcdefgABCDEFG");
}

TEST_F(PosixFileTest, ChangesTheSize) {
  auto file = open("a");
  write(*file, 0, "text");
  ASSERT_TRUE(file->allocate(6));
  EXPECT_EQ(text("a"), std::string("text\0\0", 6));
  ASSERT_TRUE(file->allocate(2));
  EXPECT_EQ(*file->size(), 6U);
  ASSERT_TRUE(file->truncate(1));
  EXPECT_EQ(text("a"), "t");
}

TEST_F(PosixFileTest, ListsFilesOnlyAndSorted) {
  for (const char* name : {"b", "a", ".hidden", "c"}) open(name);
  ASSERT_TRUE(files.make_folder(path("folder")));
  ASSERT_TRUE(files.make_folder(path("folder")));
  EXPECT_EQ(*files.list(folder), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(files.list(path("nothing")).error().is_missing());
}

TEST_F(PosixFileTest, RenamesAndRemoves) {
  write(*open("a"), 0, "text");
  open("b");
  ASSERT_TRUE(files.rename(path("a"), path("b")));
  EXPECT_EQ(text("b"), "text");
  EXPECT_TRUE(files.rename(path("a"), path("b")).error().is_missing());
  ASSERT_TRUE(files.remove(path("b")));
  EXPECT_TRUE(files.remove(path("b")).error().is_missing());
  EXPECT_TRUE(files.sync_folder(folder));
  EXPECT_FALSE(files.sync_folder(path("nothing")));
}

TEST_F(PosixFileTest, KnowsTheRoom) {
  EXPECT_GT(*files.free_bytes(folder), 0U);
  EXPECT_FALSE(files.free_bytes(path("nothing")));
}

TEST_F(PosixFileTest, ReplacesAFileAsAWhole) {
  const std::string text_before = "before";
  const std::string text_after = "after";
  ASSERT_TRUE(replace_file(files, folder, "a", std::as_bytes(std::span(text_before))));
  ASSERT_TRUE(replace_file(files, folder, "a", std::as_bytes(std::span(text_after))));
  EXPECT_EQ(text("a"), "after");
  EXPECT_EQ(*files.list(folder), (std::vector<std::string>{"a"}));
  EXPECT_EQ(read_file(files, path("a"), 4).error().code, EFBIG);
}

TEST_F(PosixFileTest, SaysWhatFailedWithWhichFile) {
  EXPECT_EQ(files.open(path("a"), OpenMode::read).error().text(),
            "open " + path("a") + ": No such file or directory");
  EXPECT_TRUE((IoError{"", ENOSPC}).is_disk_full());
  EXPECT_TRUE((IoError{"", EDQUOT}).is_disk_full());
  EXPECT_FALSE((IoError{"", EIO}).is_disk_full());
}

}  // namespace
}  // namespace leveret::storage
