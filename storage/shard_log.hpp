/// One shard's way to the log on the disk.
///
/// Owner: the shard. Thread: the shard's; note_written() and note_committed() the disk thread's.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "storage/durable_log.hpp"

namespace leveret::storage {

class ShardLog final : public LogWriter {
 public:
  /// `wake` is called, on the disk thread, when something that was awaited is committed.
  ShardLog(DurableLog& log, std::function<void()> wake) : log_(log), wake_(std::move(wake)) {}

  void append_message(const MessageRecord& record, LogPlace& place) override;
  void settle(const LogPlace& place, std::uint32_t index) override;
  void mark_delivered(const LogPlace& place, std::uint32_t index) override;
  void mark_returned(const LogPlace& place, std::uint32_t index, Returns returns) override;
  void define(std::string_view key, std::string_view value) override;
  void undefine(std::string_view key) override;
  void undefine_all(std::string_view key_prefix) override;
  LogTicket awaited_ticket() override;
  LogTicket ticket() const override { return LogTicket{submitted_ + 1}; }
  void submit() override;
  LogTicket committed() const override {
    return LogTicket{committed_.load(std::memory_order_acquire)};
  }
  LogTicket written() const override {
    return LogTicket{written_.load(std::memory_order_acquire)};
  }

  // ---- the disk thread ----
  void note_written(std::uint64_t ticket) { written_.store(ticket, std::memory_order_release); }
  void note_committed(std::uint64_t ticket) {
    committed_.store(ticket, std::memory_order_release);
  }
  void wake() { wake_(); }

 private:
  Submission& current();

  DurableLog& log_;
  std::function<void()> wake_;
  std::unique_ptr<Submission> current_;
  std::deque<std::unique_ptr<Submission>> submitted_ones_;
  std::vector<std::unique_ptr<Submission>> free_;
  std::uint64_t submitted_ = 0;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> committed_{0};
};

}  // namespace leveret::storage
