/// Many lives of one stream at random: what is published, lost with the process, retained, read
/// and read again has to fit together. Prints its seed.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "broker/core/recovered_messages.hpp"
#include "tests/unit/broker/core/stream_fixture.hpp"

namespace leveret::broker {
namespace {

/// A process with the stream, on a log that outlives it.
struct Process {
  Process(PatientLog& log, const QueueSettings& settings, WallTime now) : shards(1, &log) {
    paging = &shards.start_paging(0, &log);
    shards.set_wall_time(now);
    QueueDefinition definition;
    definition.name = "s";
    definition.settings = settings;
    definition.settings.type = QueueType::stream;
    definition.durable_number = 7;
    definition.ref = {shards[0].own(), shards[0].reserve_queue()};
    stream = definition.ref;
    queue = &shards[0].open_queue(std::make_shared<QueueDefinition>(definition));
  }
  Shards shards;
  Paging* paging = nullptr;
  Listener channel{shards[0]};
  QueueRef stream;
  Queue* queue = nullptr;
};

class StreamLives {
 public:
  explicit StreamLives(std::uint32_t seed) : random_(seed) {
    if (chance(2)) settings_.max_length_bytes = 1000 + pick(200'000);
    if (chance(2)) settings_.max_age_ms = 1000 + pick(100'000);
    settings_.stream_max_segment_size_bytes = 1 + pick(20'000);
    begin();
  }

  void act() {
    switch (pick(12)) {
      case 0: return read_anew();
      case 1: return stop_reading();
      case 2: return wait();
      case 3: return slow_down();
      case 4:
        if (chance(4)) die();
        return;
      case 5:
      case 6: return acknowledge();
      case 7: return compare_count();
      default: return publish();
    }
  }
  void finish() {
    catch_up();
    die();
    compare_count();
    readers_.clear();
    read_anew();
  }

 private:
  struct Reader {
    ConsumerId id;
    ConsumerKey key;
    std::uint64_t next;   ///< The offset that it has to get next, or a later one.
    std::uint32_t owed = 0;
  };

  std::uint64_t pick(std::uint64_t count) { return random_() % count; }
  bool chance(std::uint64_t of) { return pick(of) == 0; }
  ShardState& shard() { return process_->shards[0]; }

  void begin() {
    process_ = std::make_unique<Process>(log_, settings_, now_);
    RecoveredMessages::Queues queues{{7, process_->queue}};
    const RecoveredMessages::Exchanges exchanges;
    RecoveredMessages recovered(queues, exchanges, log_, Instant{1}, now_);
    for (std::size_t i = 0; i < log_.log.size(); ++i) {
      storage::LiveReference reference;
      reference.place = log_.log.place_of(i);
      if (lost_.contains(i) || log_.log.settled.contains(reference.place.reference(0))) continue;
      reference.queue = 7;
      reference.published_at_ms = log_.log.published_at_ms[i];
      ASSERT_TRUE(recovered.add(reference));
    }
    recovered.finish();
    process_->paging->pager.end_recovery();
    process_->shards.settle();
  }

  void publish() {
    const std::uint64_t count = 1 + pick(chance(10) ? 600 : 20);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string body = std::to_string(++last_number_);
      published_.push_back(body);
      body.resize(body.size() + pick(300), ' ');
      shard().send(ShardId{0},
                   PublishToQueue{process_->stream, Shards::message(body), {}, {}, {}});
    }
    settle();
  }
  void settle() {
    process_->shards.settle();
    take_deliveries();
  }
  /// All that was published is safe.
  void catch_up() {
    log_.patient = false;
    log_.let_go();
    settle();
  }
  void slow_down() {
    if (log_.patient) return catch_up();
    log_.patient = true;
    safe_count_ = published_.size();
    safe_records_ = log_.log.size();
  }
  void wait() {
    now_ = WallTime{static_cast<std::int64_t>(now_) + static_cast<std::int64_t>(pick(20'000))};
    process_->shards.set_wall_time(now_);
    process_->shards.advance(std::chrono::milliseconds{1000 + pick(60'000)});
    take_deliveries();
  }

  /// The process ends. What was not safe may be lost: here it is.
  void die() {
    if (log_.patient) {
      published_.resize(safe_count_);
      for (std::size_t i = safe_records_; i < log_.log.size(); ++i) lost_.insert(i);
    }
    readers_.clear();
    process_.reset();
    log_.patient = false;
    log_.let_go();
    begin();
  }

  void read_anew() {
    const std::uint64_t end = log_.patient ? safe_count_ : published_.size();
    StreamReading reading;
    Reader reader{{}, ConsumerKey{++last_key_}, 0, 0};
    if (chance(3)) {
      reading.start.from = StreamStart::Next{};
      reader.next = end;
    } else if (!chance(3)) {
      reader.next = pick(end + 10);
      reading.start.from = StreamOffset{reader.next};
    } else {
      reading.start.from = StreamStart::First{};
    }
    Consumer consumer;
    consumer.channel = process_->channel.ref();
    consumer.key = reader.key;
    consumer.credit_limit = 1 + static_cast<std::uint32_t>(pick(chance(2) ? 1000 : 5));
    consumer.reading = std::make_shared<const StreamReading>(std::move(reading));
    shard().send(ShardId{0}, AddConsumer{process_->stream, std::move(consumer)});
    reader.id = process_->channel.replies.back().consumer;
    readers_.push_back(reader);
    settle();
  }
  void stop_reading() {
    if (readers_.empty()) return;
    const auto place = readers_.begin() + static_cast<std::ptrdiff_t>(pick(readers_.size()));
    shard().send(ShardId{0}, RemoveConsumer{process_->stream, place->id, {}});
    readers_.erase(place);
  }
  void acknowledge() {
    for (Reader& reader : readers_) {
      for (; reader.owed > 0; --reader.owed) {
        shard().send(ShardId{0}, Settle{process_->stream, reader.id, Position{}, 0});
      }
    }
    settle();
  }

  void take_deliveries() {
    for (const Deliver& delivery : std::exchange(process_->channel.deliveries, {})) {
      const auto reader = std::ranges::find(readers_, delivery.consumer_key, &Reader::key);
      ASSERT_NE(reader, readers_.end());
      const auto offset = stream_offset_of(*delivery.entry.message);
      ASSERT_TRUE(offset.has_value());
      const auto number = static_cast<std::uint64_t>(*offset);
      // Something may be left out where retention was quicker, and nothing else.
      ASSERT_GE(number, reader->next);
      if (number > reader->next) {
        EXPECT_GE(number, seen_first_);
        seen_first_ = number;
      }
      ASSERT_LT(number, published_.size());
      const std::string_view body = protocol::text_of(delivery.entry.message->body());
      ASSERT_EQ(body.substr(0, body.find(' ')), published_[number]) << "offset " << number;
      reader->next = number + 1;
      ++reader->owed;
    }
  }
  void compare_count() {
    const std::uint64_t end = log_.patient ? safe_count_ : published_.size();
    const std::uint64_t count = process_->queue->counts().ready_count;
    ASSERT_LE(count, end);
    EXPECT_EQ(count > 0, end > 0) << "the newest segment stays";
    const bool keeps_all = !settings_.max_age_ms && !settings_.max_length_bytes;
    EXPECT_TRUE(!keeps_all || count == end);
    EXPECT_GE(end - count, first_before_) << "what is gone stays away";
    first_before_ = end - count;
  }

  std::mt19937 random_;
  QueueSettings settings_;
  PatientLog log_;
  std::unique_ptr<Process> process_;
  WallTime now_{1'000'000};
  std::vector<std::string> published_;  ///< By offset.
  std::set<std::size_t> lost_;          ///< Records of the log that were not safe.
  std::size_t safe_count_ = 0;
  std::size_t safe_records_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint32_t last_key_ = 0;
  std::uint64_t seen_first_ = 0;
  std::uint64_t first_before_ = 0;
  std::vector<Reader> readers_;
};

TEST(StreamLives, FitTogether) {
  const std::uint32_t first_seed = std::random_device{}();
  for (std::uint32_t i = 0; i < 20; ++i) {
    SCOPED_TRACE("seed " + std::to_string(first_seed + i));
    StreamLives lives(first_seed + i);
    for (int act = 0; act < 300 && !testing::Test::HasFatalFailure(); ++act) lives.act();
    lives.finish();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace leveret::broker
