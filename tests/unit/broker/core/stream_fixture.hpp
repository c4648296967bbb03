/// A stream to be tested, on a shard with a log that can be read back.
///
/// Thread: the test's.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/queue.hpp"
#include "broker/core/stream_message.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {

/// Keeps back what is safe.
class PatientLog final : public storage::LogWriter, public storage::LogReader {
 public:
  ReadableLog log;
  bool patient = false;

  void let_go() { committed_ = log.committed(); }

  void append_message(const storage::MessageRecord& record, storage::LogPlace& place) override {
    log.append_message(record, place);
  }
  void settle(const storage::LogPlace& place, std::uint32_t index) override {
    log.settle(place, index);
  }
  void mark_delivered(const storage::LogPlace&, std::uint32_t) override {
    ADD_FAILURE() << "a stream's messages are not marked";
  }
  void mark_returned(const storage::LogPlace&, std::uint32_t, storage::Returns) override {
    ADD_FAILURE() << "a stream's messages do not come back";
  }
  void define(std::string_view, std::string_view) override {}
  void undefine(std::string_view) override {}
  void undefine_all(std::string_view) override {}
  storage::LogTicket awaited_ticket() override { return log.awaited_ticket(); }
  storage::LogTicket ticket() const override { return log.ticket(); }
  void submit() override {
    log.submit();
    log.write_all();
    if (!patient) let_go();
  }
  storage::LogTicket committed() const override { return committed_; }
  storage::LogTicket written() const override { return log.written(); }
  bool is_written(const storage::LogPlace& place) const override {
    return log.is_written(place);
  }
  void read(std::span<const storage::LogPlace> places, const Visit& visit) override {
    read_count += places.size();
    log.read(places, visit);
  }

  std::size_t read_count = 0;

 private:
  storage::LogTicket committed_{};
};

/// One stream "s", and channels that read it. The parameter says whether it has a page file, and
/// then all that can leave memory does.
class StreamTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) shards_.start_paging(0, &log_);
  }
  void open(QueueSettings settings = {}) {
    stream_ = shards_.declare(0, "s", definition_of(std::move(settings)));
  }
  static QueueDefinition definition_of(QueueSettings settings) {
    QueueDefinition definition;
    definition.settings = std::move(settings);
    definition.settings.type = QueueType::stream;
    definition.durable = true;
    definition.durable_number = 7;
    return definition;
  }
  /// Shard 0 has decided so.
  void change(TopologyChange change) {
    auto delta = std::make_shared<TopologyDelta>();
    delta->push_back(std::move(change));
    shard().dispatch(ApplyDelta{1, std::move(delta), false});
    shards_.settle();
  }
  void redefine(QueueSettings settings) {
    QueueDefinition definition = definition_of(std::move(settings));
    definition.name = "s";
    definition.vhost = "/";
    definition.ref = stream_;
    change(QueueRedefined{std::make_shared<const QueueDefinition>(std::move(definition))});
  }
  void publish(std::string_view body, Listener* publisher = nullptr, std::uint64_t seq = 0) {
    shard().send(ShardId{0}, PublishToQueue{stream_, Shards::message(body), std::nullopt,
                                            publisher ? publisher->ref() : ChannelRef{},
                                            PublishSeq{seq}});
  }
  /// Messages whose bodies are the numbers from `first` to `last`.
  void publish_numbers(int first, int last) {
    for (int i = first; i <= last; ++i) publish(std::to_string(i));
    shards_.settle();
  }
  ConsumerId consume(Listener& channel, StreamReading reading, std::uint32_t credit_limit = 1000) {
    Consumer consumer;
    consumer.channel = channel.ref();
    consumer.key = ConsumerKey{++last_key_};
    consumer.credit_limit = credit_limit;
    consumer.reading = std::make_shared<const StreamReading>(std::move(reading));
    shard().send(ShardId{0}, AddConsumer{stream_, std::move(consumer)});
    return channel.replies.back().consumer;
  }
  ConsumerId consume(StreamReading reading, std::uint32_t credit_limit = 1000) {
    return consume(channel_, std::move(reading), credit_limit);
  }
  static StreamReading from(decltype(StreamStart::from) start) { return {{start}, {}, false}; }
  void ack(ConsumerId consumer, int count = 1) {
    for (int i = 0; i < count; ++i) {
      shard().send(ShardId{0}, Settle{stream_, consumer, Position{}, 0});
    }
  }
  std::string delivered() {
    shards_.settle();
    return channel_.take_bodies();
  }
  QueueCounts counts() {
    shard().send(ShardId{0}, InspectQueue{stream_, channel_.ref()});
    shards_.settle();
    return *channel_.replies.back().outcome;
  }
  void remove() {
    shard().send(ShardId{0}, DeleteQueue{stream_, channel_.ref()});
    shards_.settle();
  }
  ShardState& shard() { return shards_[0]; }

  PatientLog log_;
  Shards shards_{1, &log_};
  Listener channel_{shards_[0]};
  QueueRef stream_;
  std::uint32_t last_key_ = 0;
};

}  // namespace leveret::broker
