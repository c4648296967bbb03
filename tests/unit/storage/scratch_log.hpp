/// A log in a folder of its own, written without threads, closed or dropped at will, and damaged.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "storage/durable_log.hpp"
#include "storage/keeper.hpp"
#include "storage/posix_file.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_files.hpp"
#include "storage/shard_log.hpp"

namespace leveret::storage {

class ScratchLog final : public LogEvents {
 public:
  ScratchLog() {
    std::string name = testing::TempDir() + "leveret-scratch-" + std::string(6, 'X');
    root_ = ::mkdtemp(name.data());
    folder_ = root_ + "/log";
    std::filesystem::create_directory(folder_);
    node_[0] = std::byte{42};
    settings.segment_size_bytes = 64 * 1024;
    settings.checkpoint_bytes = 1ull << 40;  // Only when it is asked for.
    settings.spare_count = 1;
    settings.compact_at_percent = 100;
    settings.compact_at_rest_percent = 100;
  }
  ~ScratchLog() {
    crash();
    std::filesystem::remove_all(root_);
  }

  /// As a start does it.
  void open() {
    auto recovered = recover(files, folder_, node_, {});
    ASSERT_TRUE(recovered) << recovered.error();
    Keeper::Start start{recovered->newest_checkpoint, recovered->older_checkpoint};
    segment_files_ = std::make_unique<SegmentFiles>(files, folder_, node_);
    durable_ =
        std::make_unique<DurableLog>(*segment_files_, std::move(*recovered), settings, *this);
    keeper_ = std::make_unique<Keeper>(*durable_, *segment_files_, settings, *this,
                                       std::move(start));
    log_ = std::make_unique<ShardLog>(*durable_, [] {});
  }

  /// Everything is written, the last segment sealed, a checkpoint made.
  void close() {
    durable_->close(now_);
    keeper_->finish();
    crash();
  }

  /// The process is gone. What was written stays.
  void crash() {
    log_.reset();
    keeper_.reset();
    durable_.reset();
    segment_files_.reset();
  }

  ShardLog& log() { return *log_; }

  LogPlace& append(const std::string& text, std::vector<std::uint64_t> queues) {
    texts_.push_back(text);
    const std::array parts{std::as_bytes(std::span(texts_.back()))};
    MessageRecord record;
    record.queues = queues;
    record.published_at_ms = 1'000 + texts_.size();
    record.parts = parts;
    record.body_size_bytes = static_cast<std::uint32_t>(text.size());
    log_->append_message(record, places_.emplace_back());
    return places_.back();
  }

  /// Ends the turn and waits until it is safe.
  void commit() {
    (void)log_->awaited_ticket();
    submit();
    EXPECT_EQ(log_->committed(), log_->written());
  }
  /// Ends the turn. It is written soon.
  void submit() {
    log_->submit();
    step(1'000);
  }
  /// Time goes by.
  void step(std::int64_t ms) {
    now_ = now_ + std::chrono::milliseconds(ms);
    durable_->step(now_);
  }
  /// The present segment ends; its index is written, and a checkpoint.
  void checkpoint() {
    durable_->request_checkpoint();
    step(1);
    keeper_->step(now_);
  }

  const std::string& folder() const { return folder_; }
  const std::string& root() const { return root_; }
  const NodeId& node() const { return node_; }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  // ---- damage ----

  void flip(const std::string& name, std::uint64_t position) const {
    std::fstream file(path(name), std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(file) << name;
    file.seekg(static_cast<std::streamoff>(position));
    const char byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(position));
    file.put(static_cast<char>(byte ^ 0x10));
    ASSERT_TRUE(file.good()) << name;
  }
  void cut(const std::string& name, std::uint64_t size_bytes) const {
    std::filesystem::resize_file(path(name), size_bytes);
  }
  void remove(const std::string& name) const {
    ASSERT_TRUE(std::filesystem::remove(path(name))) << name;
  }
  /// Where a message's own bytes begin, behind its headers.
  static std::uint64_t body_of(const LogPlace& place, std::size_t queue_count) {
    return std::uint64_t{place.position} * LogPlace::position_unit_bytes + sizeof(RecordHeader) +
           sizeof(MessageHeader) + queue_count * 8;
  }
  static std::uint64_t byte_of(const LogPlace& place) {
    return std::uint64_t{place.position} * LogPlace::position_unit_bytes;
  }

  std::vector<std::byte> bytes(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto all = std::as_bytes(std::span(text));
    return {all.begin(), all.end()};
  }

  PosixFileSystem files;
  LogSettings settings;

 private:
  void on_failure(const IoError& error) override { ADD_FAILURE() << error.text(); }
  void on_disk_full(bool) override {}
  void on_warning(const std::string& sentence) override { ADD_FAILURE() << sentence; }

  std::string root_, folder_;
  NodeId node_{};
  Instant now_{1};
  std::unique_ptr<SegmentFiles> segment_files_;
  std::unique_ptr<DurableLog> durable_;
  std::unique_ptr<Keeper> keeper_;
  std::unique_ptr<ShardLog> log_;
  std::deque<LogPlace> places_;
  std::deque<std::string> texts_;
};

}  // namespace leveret::storage
