#include "storage/shard_log.hpp"

namespace leveret::storage {

namespace {
// A turn that logs more than this is submitted in parts, for a frame must have an end.
constexpr std::uint64_t submission_size_max_bytes = 1ull << 30;
constexpr std::size_t free_max = 4;
}  // namespace

Submission& ShardLog::current() {
  if (current_ != nullptr) return *current_;
  // What has been written comes back.
  const std::uint64_t written = written_.load(std::memory_order_acquire);
  while (!submitted_ones_.empty() && submitted_ones_.front()->ticket <= written) {
    if (free_.size() < free_max) {
      submitted_ones_.front()->clear();
      free_.push_back(std::move(submitted_ones_.front()));
    }
    submitted_ones_.pop_front();
  }
  if (free_.empty()) {
    current_ = std::make_unique<Submission>();
  } else {
    current_ = std::move(free_.back());
    free_.pop_back();
  }
  return *current_;
}

void ShardLog::append_message(const MessageRecord& record, LogPlace& place) {
  if (current().size_bytes() > submission_size_max_bytes) submit();
  current().add_message(record, place);
}

void ShardLog::settle(const LogPlace& place, std::uint32_t index) {
  current().add_settled(place, index);
  if (current_->size_bound_bytes() > submission_size_max_bytes) submit();
}

void ShardLog::mark_delivered(const LogPlace& place, std::uint32_t index) {
  current().add_delivered(place, index);
}

void ShardLog::mark_returned(const LogPlace& place, std::uint32_t index, Returns returns) {
  current().add_returned(place, index, returns);
}

void ShardLog::define(std::string_view key, std::string_view value) {
  current().add_definition(RecordKind::define, key, value);
}

void ShardLog::undefine(std::string_view key) {
  current().add_definition(RecordKind::undefine, key, "");
}

void ShardLog::undefine_all(std::string_view key_prefix) {
  current().add_definition(RecordKind::undefine_all, key_prefix, "");
}

LogTicket ShardLog::awaited_ticket() {
  current().set_awaited();
  return ticket();
}

void ShardLog::submit() {
  if (current_ == nullptr || current_->empty()) return;
  current_->ticket = ++submitted_;
  Submission& submission = *current_;
  submitted_ones_.push_back(std::move(current_));
  log_.submit(*this, submission);
}

}  // namespace leveret::storage
