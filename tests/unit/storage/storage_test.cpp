#include "storage/storage.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "storage/posix_file.hpp"

namespace leveret::storage {
namespace {

class Events final : public LogEvents {
 public:
  void on_failure(const IoError& error) override { ADD_FAILURE() << error.text(); }
  void on_disk_full(bool) override {}
  void on_warning(const std::string& sentence) override { ADD_FAILURE() << sentence; }
};

/// A log in a folder of its own, which can be opened again and again.
class StorageTest : public ::testing::Test {
 protected:
  StorageTest() {
    folder_ = std::filesystem::temp_directory_path() /
              ("leveret-storage-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    settings_.segment_size_bytes = 1 << 20;
    open();
  }
  ~StorageTest() override {
    close();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    storage_ = std::make_unique<Storage>(files_, folder_, NodeId{}, settings_, events_);
    const auto opened = storage_->open({});
    ASSERT_TRUE(opened) << opened.error();
    found_.clear();
    const auto visited = storage_->for_each_live_reference([&](const LiveReference& reference) {
      found_.push_back(reference);
      return true;
    });
    ASSERT_TRUE(visited) << visited.error();
    EXPECT_TRUE(storage_->recovered().notes.empty());
    definitions_ = storage_->recovered().state.definitions();
    storage_->start();
    log_ = storage_->make_shard_log([this] {
      const std::lock_guard lock(mutex_);
      woken_.notify_all();
    });
    reader_ = storage_->make_reader();
  }
  void close() {
    reader_.reset();
    storage_->stop();
    log_.reset();
    storage_.reset();
  }

  void commit() {
    const LogTicket ticket = log_->awaited_ticket();
    log_->submit();
    std::unique_lock lock(mutex_);
    woken_.wait(lock, [&] { return log_->committed() >= ticket; });
  }

  LogPlace& append(std::string_view text, std::vector<std::uint64_t> queues) {
    texts_.emplace_back(text);
    const std::array parts{std::as_bytes(std::span(texts_.back()))};
    places_.emplace_back();
    MessageRecord record;
    record.queues = queues;
    record.parts = parts;
    record.body_size_bytes = static_cast<std::uint32_t>(text.size());
    log_->append_message(record, places_.back());
    return places_.back();
  }

  std::string read(const LogPlace& place) {
    std::string text;
    reader_->read(std::span(&place, 1), [&](std::size_t, std::span<const std::byte> bytes) {
      text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    return text;
  }

  PosixFileSystem files_;
  Events events_;
  LogSettings settings_;
  std::string folder_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<ShardLog> log_;
  std::unique_ptr<SegmentReader> reader_;
  std::vector<LiveReference> found_;
  StoreState::Definitions definitions_;
  std::deque<LogPlace> places_;
  std::deque<std::string> texts_;
  std::mutex mutex_;
  std::condition_variable woken_;
};

TEST_F(StorageTest, BringsBackWhatWasCommitted) {
  EXPECT_TRUE(found_.empty());
  const LogPlace& first = append("one", {7, 8});
  append("two", {8});
  log_->settle(first, 0);
  log_->mark_delivered(places_[1], 0);
  log_->define("key", "value");
  log_->define("other", "value");
  log_->undefine("other");
  commit();
  EXPECT_EQ(read(first), "one");
  close();
  open();
  ASSERT_EQ(found_.size(), 2U);
  EXPECT_EQ(found_[0].queue, 8U);
  EXPECT_EQ(found_[0].index, 1U);
  EXPECT_FALSE(found_[0].delivered);
  EXPECT_EQ(read(found_[0].place), "one");
  EXPECT_TRUE(found_[1].delivered);
  EXPECT_EQ(read(found_[1].place), "two");
  EXPECT_EQ(definitions_, (StoreState::Definitions{{"key", "value"}}));
}

TEST_F(StorageTest, GoesOnFromSegmentToSegment) {
  const std::string long_text(3 << 20, 'x');  // Longer than a segment.
  for (int i = 0; i < 100; ++i) append(std::string(50'000, static_cast<char>('a' + i % 26)), {1});
  append(long_text, {1});
  append("after", {1});
  commit();
  for (int round = 0; round < 3; ++round) {
    close();
    open();
    ASSERT_EQ(found_.size(), 102U);
    EXPECT_EQ(read(found_[99].place), std::string(50'000, 'a' + 99 % 26));
    EXPECT_EQ(read(found_[100].place), long_text);
    EXPECT_EQ(read(found_[101].place), "after");
  }
}

}  // namespace
}  // namespace leveret::storage
