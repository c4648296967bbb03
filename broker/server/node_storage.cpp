#include "broker/server/node_storage.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "broker/server/logging.hpp"
#include "broker/server/service_manager.hpp"
#include "storage/page_file.hpp"

namespace leveret::server {

using std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds report_interval{1};
// While the disk is low its end is looked for this often.
constexpr std::chrono::milliseconds low_check_interval{250};
// An alarm that is on ends a little above the limit, so that it does not flutter.
constexpr double alarm_end_share = 1.02;
constexpr int exit_io_error = 74;
// What the log leaves free for checkpoints.
constexpr std::uint64_t checkpoint_reserve_bytes = 1 << 20;
// After an alarm every publisher may finish what it has begun.
constexpr std::uint64_t unfinished_bytes = 16 << 20;

/// What messages leave free: settlements have to be written before anything becomes garbage.
std::uint64_t reserve_bytes(const config::Storage& config) {
  return config.segment_size_bytes + 2 * checkpoint_reserve_bytes;
}

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes / 1'000'000) + " MB"; }

storage::LogSettings log_settings(const config::Storage& config) {
  storage::LogSettings settings;
  settings.segment_size_bytes = config.segment_size_bytes;
  settings.sync = config.sync == config::StorageSync::fdatasync;
  settings.compact_at_percent = config.compact_at_percent;
  settings.reserve_bytes = reserve_bytes(config);
  settings.checkpoint_reserve_bytes = checkpoint_reserve_bytes;
  return settings;
}

}  // namespace

Result<void, std::string> NodeStorage::open(const config::Config& config,
                                            std::function<void()> on_low) {
  on_low_ = std::move(on_low);
  free_limit_bytes_ = config.disk.free_limit_bytes;
  log_room_bytes_ = reserve_bytes(config.storage) +
                    std::max(2 * config.storage.segment_size_bytes, unfinished_bytes);
  auto opened = storage::DataDir::open(files_, config.node.data_dir);
  if (!opened) return tl::unexpected(opened.error());
  data_dir_.emplace(std::move(*opened));
  if (data_dir_->is_on_tmpfs()) {
    log_warning("the data directory " + data_dir_->path() +
                    " is in memory (tmpfs): nothing in it survives a restart of the machine",
                LogCategory::storage);
  }
  if (auto cleared = storage::PageFile::clear_folder(files_, data_dir_->pages_folder()); !cleared) {
    return tl::unexpected(cleared.error().text());
  }
  opened_at_ = reported_at_ = steady_clock::now();
  storage_ = std::make_unique<storage::Storage>(
      files_, data_dir_->log_folder(), data_dir_->node_id(), log_settings(config.storage), *this);
  storage::RecoveryOptions options;
  options.progress = [this](std::uint64_t done, std::uint64_t total) {
    report_progress(done, total);
  };
  if (auto recovered = storage_->open(options); !recovered) {
    return tl::unexpected(recovered.error() + ". Nothing has been changed. 'leveret recover " +
                          data_dir_->path() + "' tells more, and what can be done");
  }
  return {};
}

void NodeStorage::report_progress(std::uint64_t done_bytes, std::uint64_t total_bytes) {
  const auto now = steady_clock::now();
  if (now - reported_at_ < report_interval) return;
  reported_at_ = now;
  const std::uint64_t percent = total_bytes == 0 ? 100 : done_bytes * 100 / total_bytes;
  const std::string text = "reading the log: " + std::to_string(percent) + " %";
  log_info(text, LogCategory::storage);
  report_starting(text);
}

ShardStorage NodeStorage::make_shard_storage(std::uint16_t shard, std::function<void()> wake) {
  return {storage_->make_shard_log(std::move(wake)), storage_->make_reader(),
          std::make_unique<storage::PageFile>(files_, data_dir_->pages_folder(), shard)};
}

void NodeStorage::report_recovery(std::uint64_t queue_count, std::uint64_t message_count) {
  for (const std::string& note : storage_->recovered().notes) {
    log_warning(note, LogCategory::storage);
  }
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - opened_at_);
  log_info("data directory " + data_dir_->path() + " opened in " + std::to_string(took.count()) +
               " ms: " + std::to_string(queue_count) + " durable queues, " +
               std::to_string(message_count) + " messages",
           LogCategory::storage);
}

bool NodeStorage::check_disk(const config::Disk& limits, bool was_raised) {
  const auto now = steady_clock::now();
  const bool was_low = is_low_;
  const auto interval =
      was_low || was_raised ? low_check_interval : std::chrono::milliseconds(limits.check_interval);
  const bool is_full = storage_->disk_is_full();
  free_limit_bytes_ = limits.free_limit_bytes;
  if (now - checked_at_ < interval && is_full == is_low_ && was_raised == is_low_) return is_low_;
  checked_at_ = now;
  const auto room = room_bytes();
  if (room) free_bytes_ = *room;
  const double share = was_low || was_raised ? alarm_end_share : 1.0;
  const auto limit = std::max<std::uint64_t>(limits.free_limit_bytes, log_room_bytes_);
  is_low_ = is_full || (room && static_cast<double>(*room) < static_cast<double>(limit) * share);
  storage_->want_room(is_low_);
  if (is_low_ != was_low) {
    log_warning(is_low_ ? "disk alarm: publishers are blocked; " + megabytes(free_bytes_) +
                              " are free, and " + megabytes(limit) +
                              (limit > limits.free_limit_bytes ? " are what the log needs"
                                                               : " the limit (disk.free_limit)")
                        : "disk alarm is over: publishers go on",
                LogCategory::storage);
  }
  return is_low_;
}

void NodeStorage::on_failure(const storage::IoError& error) {
  // Whatever is confirmed after this might be lost: the kernel drops pages it could not write.
  std::signal(SIGALRM, [](int) { ::_exit(exit_io_error); });
  ::alarm(1);  // A log that nobody reads must not hold it.
  log_last_words("the disk has failed: " + error.text() +
                     "; stopping at once, nothing more is confirmed. What was confirmed is safe",
                 LogCategory::storage);
  ::_exit(exit_io_error);
}

void NodeStorage::on_disk_full(bool is_full) {
  log_warning(is_full ? "the disk is full: what was published is not confirmed before there is room"
                      : "there is room on the disk again",
              LogCategory::storage);
  if (is_full) on_low_();
}

std::optional<std::uint64_t> NodeStorage::room_bytes() {
  const auto free = files_.free_bytes(data_dir_->log_folder());
  if (!free) return std::nullopt;
  const std::uint64_t unplaced = storage_->unplaced_bytes();
  return *free > unplaced ? *free - unplaced : 0;
}

// At full speed the disk is full long before somebody looks at the clock; and what is in the way of
// the settlements that would make room is written before them.
void NodeStorage::on_growth() {
  const auto room = room_bytes();
  if (room && *room < std::max<std::uint64_t>(free_limit_bytes_, log_room_bytes_)) on_low_();
}

void NodeStorage::on_warning(const std::string& sentence) {
  log_warning(sentence, LogCategory::storage);
}

}  // namespace leveret::server
