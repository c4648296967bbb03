#include "tests/sim/sim_log.hpp"

#include <utility>

namespace leveret::broker {

namespace {
const std::string folder = "log";
constexpr storage::NodeId node{std::byte{1}, std::byte{2}, std::byte{3}};
}  // namespace

SimLog::SimLog(storage::FaultyDisk& disk, std::uint16_t shard_count,
               storage::LogSettings settings, std::function<void(const std::string&)> complain)
    : disk_(disk), settings_(settings), complain_(std::move(complain)),
      files_(disk, folder, node) {
  (void)disk.make_folder(folder);  // It may be there.
  auto recovered = storage::recover(disk_, folder, node, {});
  if (recovered) {
    recovered_ = std::move(*recovered);
  } else {
    complain_("recovery refuses: " + recovered.error());
  }
  storage::Recovered for_log = recovered_;
  for_log.state = {};  // It follows at the start, with what has been forgotten by then.
  log_ = std::make_unique<storage::DurableLog>(files_, std::move(for_log), settings_, *this);
  for (std::uint16_t shard = 0; shard < shard_count; ++shard) {
    writers_.push_back(std::make_unique<storage::ShardLog>(*log_, [] {}));
    readers_.push_back(std::make_unique<storage::SegmentReader>(*log_, files_, *this));
  }
}

SimLog::~SimLog() = default;

void SimLog::for_each_live_reference(
    const std::function<bool(const storage::LiveReference&)>& visit) {
  auto visited = storage::for_each_live_reference(disk_, folder, node, recovered_, {}, visit);
  if (!visited) complain_("messages are missing: " + visited.error());
}

void SimLog::start() {
  storage::Keeper::Start start{recovered_.newest_checkpoint, recovered_.older_checkpoint};
  log_->take_recovered(std::move(recovered_));
  keeper_ =
      std::make_unique<storage::Keeper>(*log_, files_, settings_, *this, std::move(start));
}

void SimLog::close(Instant now) {
  log_->close(now);
  keeper_->finish();
}

void SimLog::on_failure(const storage::IoError& error) {
  has_failed_ = true;
  if (!disk_.has_failed()) complain_("the log failed on a healthy disk: " + error.text());
}

void SimLog::on_disk_full(bool) { complain_("the disk is full although it has no end"); }

void SimLog::on_warning(const std::string& sentence) {
  if (!disk_.has_failed()) complain_("a warning on a healthy disk: " + sentence);
}

}  // namespace leveret::broker
