// Data directories in real folders, with a second process where the lock is at stake.

#include "storage/data_dir.hpp"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/crc32c.hpp"
#include "storage/posix_file.hpp"

namespace leveret::storage {
namespace {

namespace fs = std::filesystem;

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string temporary_folder(const std::string& in) {
  std::string path = in + "leveret-data-" + std::string(6, 'X');
  EXPECT_NE(::mkdtemp(path.data()), nullptr);
  return path;
}

class DataDirTest : public testing::Test {
 protected:
  DataDirTest() {
    above_ = temporary_folder(testing::TempDir());
    path_ = above_ + "/data";
  }
  ~DataDirTest() override { fs::remove_all(above_); }

  /// What is said of opening it; empty: it can be opened. The test's folder is "/x" in it.
  std::string refusal(const Result<DataDir, std::string>& opened) const {
    if (opened) return "";
    std::string text = opened.error();
    for (std::size_t at = text.find(path_); at != std::string::npos; at = text.find(path_)) {
      text.replace(at, path_.size(), "/x");
    }
    return text;
  }
  std::string refusal_to_open() { return refusal(DataDir::open(files_, path_)); }
  std::string refusal_to_inspect() { return refusal(DataDir::inspect(files_, path_)); }

  /// A directory whose first boot is over. Nobody has it afterwards.
  NodeId set_up() {
    auto opened = DataDir::open(files_, path_);
    EXPECT_TRUE(opened) << opened.error();
    write(opened->log_folder() + "/0000000001.seg", "records");
    EXPECT_TRUE(opened->finish_first_boot());
    return opened->node_id();
  }

  /// An identity file of some format, correctly summed.
  void write_identity(std::uint32_t format, std::size_t padding_bytes) const {
    std::string text = "LEVERETD";
    const auto add = [&](std::uint32_t number) {
      for (int i = 0; i < 4; ++i) text += static_cast<char>(number >> (8 * i));
    };
    add(format);
    text += std::string(padding_bytes, 'x');
    add(crc32c(0, std::as_bytes(std::span(text))));
    write(path_ + "/identity", text);
  }

  PosixFileSystem files_;
  std::string above_;
  std::string path_;
};

// ---- the first time ------------------------------------------------------------------------

TEST_F(DataDirTest, IsMadeWithWhatBelongsIntoIt) {
  const auto opened = DataDir::open(files_, path_ + "//");
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ(opened->path(), path_);
  EXPECT_TRUE(opened->is_new());
  EXPECT_TRUE(fs::is_directory(opened->log_folder()));
  EXPECT_TRUE(fs::is_directory(opened->pages_folder()));
  EXPECT_EQ(read(path_ + "/lock"), std::to_string(::getpid()) + "\n");
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777 & ~0750u, 0u) << "others may not look into it";
}

TEST_F(DataDirTest, TakesAnEmptyFolderAndTheRootOfAFileSystem) {
  fs::create_directories(path_ + "/lost+found");
  EXPECT_EQ(refusal_to_open(), "");
}

TEST_F(DataDirTest, DoesNotMakeTheFolderAboveIt) {
  path_ = above_ + "/missing/data";
  EXPECT_EQ(refusal_to_open(),
            "data directory /x cannot be made: No such file or directory; the folder above it has "
            "to be there");
  EXPECT_FALSE(fs::exists(above_ + "/missing"));
}

TEST_F(DataDirTest, RefusesAFile) {
  write(path_, "text");
  EXPECT_EQ(refusal_to_open(), "/x is no folder; node.data_dir has to be one");
}

// Goal: a typing mistake must not fill somebody's home with segments, nor leave a trace in it.
TEST_F(DataDirTest, RefusesAFolderOfSomebodyElse) {
  for (const std::string name : {"notes.txt", ".profile", "0000000001.seg"}) {
    fs::create_directory(path_);
    write(path_ + "/" + name, "");
    EXPECT_EQ(refusal_to_open(), "/x holds files that are not Leveret's (" + name +
                                     "); give node.data_dir a folder of its own");
    EXPECT_FALSE(fs::exists(path_ + "/lock"));
    fs::remove_all(path_);
  }
}

// ---- again ---------------------------------------------------------------------------------

TEST_F(DataDirTest, KeepsItsNumberAndIsNewUntilTheFirstBootIsOver) {
  NodeId node_id{};
  {
    const auto first = DataDir::open(files_, path_);
    ASSERT_TRUE(first) << first.error();
    node_id = first->node_id();
    EXPECT_NE(node_id, NodeId{});
  }
  {
    // The first boot ended early, somewhere in the log.
    write(path_ + "/log/0000000001.seg", "half a record");
    auto second = DataDir::open(files_, path_);
    ASSERT_TRUE(second) << second.error();
    EXPECT_TRUE(second->is_new());
    EXPECT_EQ(second->node_id(), node_id);
    ASSERT_TRUE(second->finish_first_boot());
    EXPECT_FALSE(second->is_new());
  }
  const auto third = DataDir::open(files_, path_);
  ASSERT_TRUE(third) << third.error();
  EXPECT_FALSE(third->is_new());
  EXPECT_EQ(third->node_id(), node_id);
}

TEST_F(DataDirTest, GivesEachItsOwnNumber) {
  const NodeId first = set_up();
  fs::remove_all(path_);
  EXPECT_NE(set_up(), first);
}

// Goal: a first boot that a crash has ended anywhere is begun again.
TEST_F(DataDirTest, GoesOnWithAFirstBootThatLeftTraces) {
  fs::create_directories(path_ + "/log");
  fs::create_directories(path_ + "/pages");
  write(path_ + "/lock", "1\n");
  write(path_ + "/identity.new", "LEVER");
  const auto opened = DataDir::open(files_, path_);
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_TRUE(opened->is_new());
  EXPECT_FALSE(fs::exists(path_ + "/identity.new"));
}

TEST_F(DataDirTest, MayHoldOtherFilesOnceItIsLeverets) {
  set_up();
  write(path_ + "/notes.txt", "moved here from the old machine");
  fs::remove(path_ + "/pages");
  const auto opened = DataDir::open(files_, path_);
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_TRUE(fs::is_directory(opened->pages_folder()));
}

// ---- what must not be taken for new --------------------------------------------------------

TEST_F(DataDirTest, RefusesALogWithoutIdentity) {
  set_up();
  fs::remove(path_ + "/identity");
  EXPECT_EQ(refusal_to_open(),
            "data directory /x has a log but no file identity, without which the log cannot be "
            "read; put the file back");
}

TEST_F(DataDirTest, RefusesToBeginAnewWhenTheLogIsGone) {
  const std::string lost =
      "data directory /x has lost its log: the folder log is missing or empty; put it back, or "
      "empty the whole folder to begin anew";
  set_up();
  fs::remove(path_ + "/log/0000000001.seg");
  EXPECT_EQ(refusal_to_open(), lost);
  fs::remove(path_ + "/log");
  EXPECT_EQ(refusal_to_open(), lost);
}

TEST_F(DataDirTest, RefusesANewerFormatHoweverLongItIs) {
  set_up();
  for (const std::size_t padding_bytes : {0u, 20u, 1000u}) {
    write_identity(3, padding_bytes);
    EXPECT_EQ(refusal_to_open(),
              "data directory /x has format 3; this Leveret knows formats up to 2");
    EXPECT_EQ(refusal_to_inspect(), refusal_to_open());
  }
}

// Goal: a directory of an older format is opened, and from then on is one of the present format:
// an older Leveret must not pass over what it does not know. To look at it changes nothing.
TEST_F(DataDirTest, BringsAnOlderFormatUpToDate) {
  const NodeId node_id = set_up();
  const std::string present = read(path_ + "/identity");
  std::string older = present;
  older[8] = 1;
  older.resize(32);
  const std::uint32_t sum = crc32c(0, std::as_bytes(std::span(older)));
  for (int i = 0; i < 4; ++i) older += static_cast<char>(sum >> (8 * i));
  write(path_ + "/identity", older);
  EXPECT_EQ(DataDir::inspect(files_, path_)->node_id(), node_id);
  EXPECT_EQ(read(path_ + "/identity"), older);
  {
    const auto opened = DataDir::open(files_, path_);
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ(opened->node_id(), node_id);
    EXPECT_FALSE(opened->is_new());
  }
  EXPECT_EQ(read(path_ + "/identity"), present);
  write(path_ + "/identity", older);
  EXPECT_TRUE(DataDir::open_existing(files_, path_));
  EXPECT_EQ(read(path_ + "/identity"), present);
}

// Goal: each byte of the file counts, and damage is not taken for a newer format.
TEST_F(DataDirTest, RefusesADamagedIdentity) {
  const std::string damaged =
      "data directory /x has a file identity that is damaged, or not Leveret's";
  set_up();
  const std::string right = read(path_ + "/identity");
  ASSERT_EQ(right.size(), 36u);
  for (std::size_t at = 0; at < right.size(); ++at) {
    std::string wrong = right;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x10);
    write(path_ + "/identity", wrong);
    EXPECT_EQ(refusal_to_open(), damaged) << "byte " << at;
  }
  for (std::size_t size = 0; size < right.size(); ++size) {
    write(path_ + "/identity", right.substr(0, size));
    EXPECT_EQ(refusal_to_open(), damaged) << size << " bytes";
  }
  write_identity(0, 20);
  EXPECT_EQ(refusal_to_open(), damaged);
  write_identity(1, 21);
  EXPECT_EQ(refusal_to_open(), damaged);
  write(path_ + "/identity", right);
  EXPECT_EQ(refusal_to_open(), "");
}

TEST_F(DataDirTest, DoesNotReadAnEndlessIdentity) {
  set_up();
  write(path_ + "/identity", std::string(5000, 'x'));
  EXPECT_EQ(refusal_to_open(),
            "data directory /x cannot be used: read /x/identity: File too large");
}

// ---- a disk that fails ---------------------------------------------------------------------

/// The system's files, whose n-th call fails.
class FailingFiles final : public FileSystem {
 public:
  explicit FailingFiles(int calls_until_failure) : left_(calls_until_failure) {}

  IoResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    if (fails()) return failure("open", path);
    return files_.open(path, mode);
  }
  IoResult<void> rename(const std::string& from, const std::string& to) override {
    if (fails()) return failure("rename", from);
    return files_.rename(from, to);
  }
  IoResult<void> remove(const std::string& path) override { return files_.remove(path); }
  IoResult<void> make_folder(const std::string& path) override {
    if (fails()) return failure("make folder", path);
    return files_.make_folder(path);
  }
  IoResult<std::vector<std::string>> list(const std::string& folder) override {
    return files_.list(folder);
  }
  IoResult<void> sync_folder(const std::string& folder) override {
    if (fails()) return failure("fsync", folder);
    return files_.sync_folder(folder);
  }
  IoResult<std::uint64_t> free_bytes(const std::string& folder) override {
    return files_.free_bytes(folder);
  }

 private:
  bool fails() { return --left_ == 0; }
  static tl::unexpected<IoError> failure(const std::string& call, const std::string& path) {
    return tl::unexpected(IoError{call + " " + path, ENOSPC});
  }

  PosixFileSystem files_;
  int left_;
};

// Goal: whatever call of a first boot fails, it is refused with a reason, and begun again later.
TEST_F(DataDirTest, SaysWhyItCannotBeMadeAndIsMadeLater) {
  int failures = 0;
  for (int call = 1;; ++call) {
    {
      FailingFiles failing(call);
      const auto opened = DataDir::open(failing, path_);
      if (opened) break;
      EXPECT_TRUE(opened.error().starts_with("data directory " + path_ + " cannot be ") &&
                  opened.error().ends_with(": No space left on device"))
          << opened.error();
    }
    ++failures;
    // When the folder itself could not be made safe, it is not there.
    EXPECT_EQ(fs::exists(path_), call > 2) << "call " << call;
    const auto again = DataDir::open(files_, path_);
    ASSERT_TRUE(again) << again.error();
    EXPECT_TRUE(again->is_new());
    fs::remove_all(path_);
  }
  EXPECT_EQ(failures, 7) << "folders, their entries, the identity";
}

TEST_F(DataDirTest, StaysNewWhenTheEndOfItsFirstBootCannotBeWritten) {
  {
    ASSERT_TRUE(DataDir::open(files_, path_));
  }
  for (int call = 1; call <= 2; ++call) {
    FailingFiles failing(3 + call);  // After reading the identity and making two folders.
    auto opened = DataDir::open(failing, path_);
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_FALSE(opened->finish_first_boot());
    EXPECT_TRUE(opened->is_new());
  }
  EXPECT_TRUE(DataDir::open(files_, path_)->is_new());
}

// ---- the lock ------------------------------------------------------------------------------

/// Another process, which holds a data directory until the end of this object's life.
class Holder {
 public:
  explicit Holder(const std::string& path) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    process_ = ::fork();
    if (process_ == 0) {
      PosixFileSystem files;
      const auto opened = DataDir::open(files, path);
      const char answer = opened ? 'y' : 'n';
      if (::write(ends[1], &answer, 1) == 1) ::pause();
      ::_exit(0);
    }
    EXPECT_GT(process_, 0);
    ::close(ends[1]);
    char answer = 0;
    has_it_ = ::read(ends[0], &answer, 1) == 1 && answer == 'y';
    ::close(ends[0]);
  }
  ~Holder() { kill(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  bool has_it() const { return has_it_; }
  pid_t process() const { return process_; }

 private:
  pid_t process_ = 0;
  bool has_it_ = false;
};

TEST_F(DataDirTest, IsRefusedToASecondProcessAndFreeWhenTheFirstDies) {
  Holder holder(path_);
  ASSERT_TRUE(holder.has_it());
  const std::string in_use = "data directory /x is in use by another Leveret (process " +
                             std::to_string(holder.process()) + ")";
  EXPECT_EQ(refusal_to_open(), in_use);
  EXPECT_EQ(refusal(DataDir::open_existing(files_, path_)), in_use);
  holder.kill();
  EXPECT_EQ(refusal_to_open(), "");
}

TEST_F(DataDirTest, IsHeldForItsLifeAndNoLonger) {
  {
    auto opened = DataDir::open(files_, path_);
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_FALSE(Holder(path_).has_it());
    const DataDir moved = std::move(*opened);
    EXPECT_FALSE(Holder(path_).has_it());
    EXPECT_EQ(refusal_to_open(), "data directory /x is in use by another Leveret (process " +
                                     std::to_string(::getpid()) + ")");
  }
  EXPECT_TRUE(Holder(path_).has_it());
}

TEST_F(DataDirTest, IsRefusedWithoutTheNumberWhenThatCannotBeRead) {
  Holder holder(path_);
  ASSERT_TRUE(holder.has_it());
  for (const char* text : {"", "12x4\n"}) {
    write(path_ + "/lock", text);
    EXPECT_EQ(refusal_to_open(), "data directory /x is in use by another Leveret");
  }
}

// ---- looking, repairing --------------------------------------------------------------------

TEST_F(DataDirTest, CanBeLookedAtWhileItIsInUse) {
  const NodeId node_id = set_up();
  Holder holder(path_);
  ASSERT_TRUE(holder.has_it());
  const auto looked_at = DataDir::inspect(files_, path_);
  ASSERT_TRUE(looked_at) << looked_at.error();
  EXPECT_EQ(looked_at->node_id(), node_id);
  EXPECT_FALSE(looked_at->is_new());
}

TEST_F(DataDirTest, IsLeftAsItIsByLookingAtIt) {
  const std::string none = "/x is no data directory of Leveret's: it has no file identity";
  EXPECT_EQ(refusal_to_inspect(), none);
  EXPECT_FALSE(fs::exists(path_));
  fs::create_directory(path_);
  EXPECT_EQ(refusal_to_inspect(), none);
  EXPECT_TRUE(fs::is_empty(path_));

  set_up();
  fs::remove(path_ + "/lock");
  fs::remove(path_ + "/pages");
  EXPECT_EQ(refusal_to_inspect(), "");
  EXPECT_FALSE(fs::exists(path_ + "/lock"));
  EXPECT_FALSE(fs::exists(path_ + "/pages"));
}

TEST_F(DataDirTest, IsRepairedOnlyWhereItIs) {
  const std::string none = "/x is no data directory of Leveret's: it has no file identity";
  EXPECT_EQ(refusal(DataDir::open_existing(files_, path_)), none);
  fs::create_directory(path_);
  EXPECT_EQ(refusal(DataDir::open_existing(files_, path_)), none);
  EXPECT_TRUE(fs::is_empty(path_));
  set_up();
  fs::remove_all(path_ + "/log");  // What there is to repair is not decided here.
  EXPECT_EQ(refusal(DataDir::open_existing(files_, path_)), "");
}

// Goal: the warning comes where a restart of the machine takes all, and only there.
TEST_F(DataDirTest, KnowsFileSystemsThatAreMemory) {
  const auto is_tmpfs = [](const std::string& folder) {
    struct statfs status {};
    return ::statfs(folder.c_str(), &status) == 0 && status.f_type == TMPFS_MAGIC;
  };
  const auto opened = DataDir::open(files_, path_);
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ(opened->is_on_tmpfs(), is_tmpfs(above_));

  if (!is_tmpfs("/dev/shm")) GTEST_SKIP() << "no /dev/shm in memory here";
  const std::string folder = temporary_folder("/dev/shm/");
  {
    const auto in_memory = DataDir::open(files_, folder);
    ASSERT_TRUE(in_memory) << in_memory.error();
    EXPECT_TRUE(in_memory->is_on_tmpfs());
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace leveret::storage
