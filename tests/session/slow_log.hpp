/// A log that keeps nothing, on a disk that may be slow.
///
/// Thread: the test's.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/log.hpp"

namespace leveret::broker {

class SlowLog final : public storage::LogWriter {
 public:
  /// While it is slow, nothing becomes safe.
  void set_slow(bool slow) {
    slow_ = slow;
    if (!slow) committed_ = log_.committed();
  }

  void append_message(const storage::MessageRecord& record, storage::LogPlace& place) override {
    log_.append_message(record, place);
  }
  void settle(const storage::LogPlace& place, std::uint32_t index) override {
    log_.settle(place, index);
    ++settled_count_;
  }
  /// How many references have been settled.
  std::uint64_t settled_count() const { return settled_count_; }
  void mark_delivered(const storage::LogPlace& place, std::uint32_t index) override {
    log_.mark_delivered(place, index);
  }
  void mark_returned(const storage::LogPlace& place, std::uint32_t index,
                     storage::Returns returns) override {
    log_.mark_returned(place, index, returns);
  }
  void define(std::string_view key, std::string_view value) override { log_.define(key, value); }
  void undefine(std::string_view key) override { log_.undefine(key); }
  void undefine_all(std::string_view key_prefix) override { log_.undefine_all(key_prefix); }
  storage::LogTicket awaited_ticket() override { return log_.awaited_ticket(); }
  storage::LogTicket ticket() const override { return log_.ticket(); }
  void submit() override {
    log_.submit();
    if (!slow_) committed_ = log_.committed();
  }
  storage::LogTicket committed() const override { return committed_; }
  storage::LogTicket written() const override { return log_.written(); }

 private:
  storage::VolatileLog log_;
  storage::LogTicket committed_{};
  bool slow_ = false;
  std::uint64_t settled_count_ = 0;
};

}  // namespace leveret::broker
