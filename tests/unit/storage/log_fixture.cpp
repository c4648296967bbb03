#include "tests/unit/storage/log_fixture.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace leveret::storage {

LogFixture::LogFixture() {
  settings.segment_size_bytes = 64 * 1024;
  settings.compact_min_bytes = 1024;
  (void)disk.make_folder(folder);
}

LogFixture::~LogFixture() { kill(); }

bool LogFixture::try_open(const RecoveryOptions& options) {
  kill();
  found.clear();
  auto outcome = recover(disk, folder, node, options);
  if (!outcome) {
    refusal = outcome.error();
    return false;
  }
  const auto visited = for_each_live_reference(
      disk, folder, node, *outcome, options, [&](const LiveReference& reference) {
        if (std::ranges::find(unknown_queues, reference.queue) != unknown_queues.end()) {
          return false;
        }
        found.push_back(reference);
        return true;
      });
  if (!visited) {
    refusal = visited.error();
    return false;
  }
  recovered = *outcome;
  files = std::make_unique<SegmentFiles>(disk, folder, node);
  Keeper::Start start{recovered.newest_checkpoint, recovered.older_checkpoint};
  log = std::make_unique<DurableLog>(*files, std::move(*outcome), settings, *this);
  keeper = std::make_unique<Keeper>(*log, *files, settings, *this, std::move(start));
  reader = std::make_unique<SegmentReader>(*log, *files, *this);
  wakes.assign(shard_count, 0);
  for (std::size_t shard = 0; shard < shard_count; ++shard) {
    shards.push_back(std::make_unique<ShardLog>(*log, [this, shard] { ++wakes[shard]; }));
  }
  return true;
}

void LogFixture::open(const RecoveryOptions& options) {
  ASSERT_TRUE(try_open(options)) << refusal;
}

void LogFixture::close() {
  log->close(now);
  keeper->finish();
  kill();
}

void LogFixture::kill() {
  reader.reset();
  shards.clear();
  keeper.reset();
  log.reset();
  files.reset();
}

void LogFixture::cut_power_losing_all() {
  kill();
  disk.crash_losing_all();
}

void LogFixture::cut_power_losing_nothing() {
  kill();
  disk.crash_losing_nothing();
}

LogPlace& LogFixture::append(std::string_view text, std::vector<std::uint64_t> queues,
                             std::size_t shard) {
  texts.emplace_back(text);
  places.emplace_back();
  const std::array parts{std::as_bytes(std::span(texts.back()))};
  MessageRecord record;
  record.queues = queues;
  record.parts = parts;
  record.published_at_ms = 1'700'000'000'000 + texts.size();
  record.body_size_bytes = static_cast<std::uint32_t>(text.size());
  shards[shard]->append_message(record, places.back());
  return places.back();
}

void LogFixture::settle(const LogPlace& place, std::uint32_t index, std::size_t shard) {
  shards[shard]->settle(place, index);
}

LogTicket LogFixture::commit(std::size_t shard) {
  const LogTicket ticket = shards[shard]->awaited_ticket();
  shards[shard]->submit();
  step();
  return ticket;
}

LogTicket LogFixture::write_unsynced(std::size_t shard) {
  const LogTicket ticket = shards[shard]->ticket();
  shards[shard]->submit();
  step();
  pass(settings.write_delay.count());
  step();
  return ticket;
}

bool LogFixture::is_committed(LogTicket ticket, std::size_t shard) const {
  return shards[shard]->committed() >= ticket;
}

std::string LogFixture::read(const LogPlace& place) {
  std::string text = "nothing was visited";
  reader->read(std::span(&place, 1), [&](std::size_t, std::span<const std::byte> bytes) {
    text = read_text(bytes);
  });
  return text;
}

void LogFixture::roll() {
  log->request_checkpoint();
  step();
  step();
  keeper->step(now);
}

void LogFixture::run_seconds(int seconds) {
  for (int i = 0; i < seconds; ++i) {
    pass(1000);
    keeper->step(now);
    step();
    keeper->step(now);
  }
}

std::vector<std::string> LogFixture::found_texts() {
  std::vector<std::string> all;
  for (const LiveReference& reference : found) all.push_back(read(reference.place));
  return all;
}

std::vector<std::string> LogFixture::names_like(const std::string& part) const {
  std::vector<std::string> names = disk.names(folder);
  std::erase_if(names,
                [&](const std::string& name) { return name.find(part) == std::string::npos; });
  return names;
}

}  // namespace leveret::storage
