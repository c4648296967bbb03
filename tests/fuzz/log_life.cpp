#include "tests/fuzz/log_life.hpp"

#include <array>
#include <utility>

namespace leveret::storage {

LogSettings small_log() {
  LogSettings settings;
  settings.segment_size_bytes = 4096;
  settings.compact_min_bytes = 1024;
  return settings;
}

LogLife::LogLife(FileSystem& disk, Recovered recovered, LogSettings settings)
    : settings_(settings), files_(disk, image_folder, image_node),
      log_(files_, Recovered(recovered), settings_, *this),
      keeper_(log_, files_, settings_, *this,
              Keeper::Start{recovered.newest_checkpoint, recovered.older_checkpoint}),
      shard_(std::make_unique<ShardLog>(log_, [] {})), reader_(log_, files_, *this) {}

const LogPlace& LogLife::append(std::string_view text, std::vector<std::uint64_t> queues) {
  texts_.emplace_back(text);
  places_.emplace_back();
  const std::array parts{std::as_bytes(std::span(texts_.back()))};
  MessageRecord record;
  record.queues = queues;
  record.parts = parts;
  record.published_at_ms = 1'700'000'000'000 + texts_.size();
  record.body_size_bytes = static_cast<std::uint32_t>(text.size());
  shard_->append_message(record, places_.back());
  return places_.back();
}

bool LogLife::commit() {
  const LogTicket ticket = shard_->awaited_ticket();
  shard_->submit();
  log_.step(now_);
  return shard_->committed() >= ticket;
}

void LogLife::write_unsynced() {
  shard_->submit();
  log_.step(now_);
  now_ = now_ + settings_.write_delay;
  log_.step(now_);
}

std::string LogLife::read(const LogPlace& place) {
  std::string text;
  reader_.read(std::span(&place, 1), [&](std::size_t, std::span<const std::byte> bytes) {
    text = read_text(bytes);
  });
  return text;
}

void LogLife::roll() {
  log_.request_checkpoint();
  log_.step(now_);
  log_.step(now_);
  keeper_.step(now_);
}

void LogLife::run_seconds(int seconds) {
  for (int i = 0; i < seconds; ++i) {
    now_ = now_ + std::chrono::milliseconds(1000);
    keeper_.step(now_);
    log_.step(now_);
    keeper_.step(now_);
  }
}

void LogLife::close() {
  log_.close(now_);
  keeper_.finish();
}

}  // namespace leveret::storage
