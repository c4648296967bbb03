#include "storage/storage.hpp"

#include <chrono>
#include <utility>

namespace leveret::storage {

namespace {
Instant read_clock() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return Instant{std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}
}  // namespace

Storage::Storage(FileSystem& files, std::string folder, const NodeId& node, LogSettings settings,
                 LogEvents& events)
    : files_(files), segment_files_(files, std::move(folder), node), settings_(settings),
      events_(events) {}

Storage::~Storage() { stop(); }

Result<void, std::string> Storage::open(const RecoveryOptions& options) {
  recovery_options_ = options;
  auto recovered = recover(files_, segment_files_.folder(), segment_files_.node(), options);
  if (!recovered) return tl::unexpected(recovered.error());
  recovered_ = std::move(*recovered);
  Recovered for_log = recovered_;
  for_log.state = {};  // It follows at start(), with what has been forgotten by then.
  log_ = std::make_unique<DurableLog>(segment_files_, std::move(for_log), settings_, events_);
  return {};
}

Result<void, std::string> Storage::for_each_live_reference(
    const std::function<bool(const LiveReference&)>& visit) {
  return storage::for_each_live_reference(files_, segment_files_.folder(), segment_files_.node(),
                                          recovered_, recovery_options_, visit);
}

void Storage::start() {
  Keeper::Start start{recovered_.newest_checkpoint, recovered_.older_checkpoint};
  log_->take_recovered(std::move(recovered_));
  keeper_ = std::make_unique<Keeper>(*log_, segment_files_, settings_, events_, std::move(start));
  disk_thread_ = std::thread([this] { run_disk_thread(); });
  keeper_thread_ = std::thread([this] { run_keeper_thread(); });
}

void Storage::stop() {
  if (!disk_thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    keeper_stopped_ = true;
  }
  stopped_changed_.notify_all();
  keeper_thread_.join();
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  log_->wake();
  disk_thread_.join();
  keeper_->finish();
}

std::unique_ptr<ShardLog> Storage::make_shard_log(std::function<void()> wake) {
  return std::make_unique<ShardLog>(*log_, std::move(wake));
}

std::unique_ptr<SegmentReader> Storage::make_reader() {
  return std::make_unique<SegmentReader>(*log_, segment_files_, events_);
}

void Storage::run_disk_thread() {
  const auto stopped = [this] {
    const std::lock_guard lock(mutex_);
    return stopped_;
  };
  while (!stopped()) {
    const Instant deadline = log_->step(read_clock());
    if (stopped()) break;
    log_->wait(read_clock(), deadline);
  }
  log_->close(read_clock());
}

void Storage::run_keeper_thread() {
  std::unique_lock lock(mutex_);
  while (!keeper_stopped_) {
    lock.unlock();
    const Instant now = read_clock();
    const Instant deadline = keeper_->step(now);
    lock.lock();
    const auto pause = deadline == never ? std::chrono::milliseconds(1000) : deadline - now;
    stopped_changed_.wait_for(lock, pause, [this] { return keeper_stopped_; });
  }
}

}  // namespace leveret::storage
