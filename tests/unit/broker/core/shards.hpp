/// Shards of a core without sessions: what they say to each other is handed over in order, and
/// what they say to endpoints is written down.
///
/// Thread: the test's.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/shard_state.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/bytes.hpp"
#include "protocol/wire_writer.hpp"
#include "tests/unit/broker/core/paging.hpp"

namespace leveret::broker {

/// A channel or connection that only listens.
class Listener final : public Endpoint {
 public:
  explicit Listener(ShardState& shard) : shard_(shard), slot_(shard.add_endpoint(*this)) {}
  ~Listener() { leave(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  EndpointRef ref() const { return shard_.endpoint_ref(slot_); }
  ShardState& shard() { return shard_; }
  Slot slot() const { return slot_; }
  /// Goes away; what is sent to it afterwards reaches nobody.
  void leave() {
    if (!gone_) shard_.remove_endpoint(slot_);
    gone_ = true;
  }

  using Endpoint::receive;
  void receive(Deliver&& message) override { deliveries.push_back(std::move(message)); }
  void receive(const PublishVerdict& message) override {
    verdicts.push_back(static_cast<std::uint64_t>(message.seq));
    if (message.verdict == Verdict::rejected) rejected.push_back(verdicts.back());
  }
  void receive(QueueReply&& message) override { replies.push_back(std::move(message)); }
  void receive(GetReply&& message) override { gets.push_back(std::move(message)); }
  void receive(const ConsumerCancelled& message) override {
    cancelled.push_back(message.consumer_key);
  }
  void receive(ReplyVerdict&& message) override { reply_verdicts.push_back(std::move(message)); }
  void receive(TopologyReply&& message) override { decisions.push_back(std::move(message)); }
  void receive(const ResourceAlarm& message) override {
    alarms.push_back(message.active());
  }
  void on_committed(PublishSeq seq) override {
    committed.push_back(static_cast<std::uint64_t>(seq));
  }
  void on_end_of_turn() override { ++turns_ended; }
  void on_inbox_drained() override { ++inboxes_drained; }
  bool on_direct_reply(const ReplyToken& wanted, const MessageRef& message) override {
    if (wanted != token) return false;
    direct_replies.push_back(message);
    return true;
  }
  bool has_reply_consumer(const ReplyToken& wanted) const override { return wanted == token; }

  /// Bodies of what was delivered since the last call, a star where redelivered.
  std::string take_bodies() {
    std::string text;
    for (const Deliver& delivery : std::exchange(deliveries, {})) {
      text += (text.empty() ? "" : " ");
      text += protocol::text_of(delivery.entry.message->body());
      if (delivery.entry.redelivered) text += '*';
    }
    return text;
  }

  std::vector<Deliver> deliveries;
  std::vector<std::uint64_t> verdicts, rejected, committed;
  std::vector<QueueReply> replies;
  std::vector<GetReply> gets;
  std::vector<ConsumerKey> cancelled;
  std::vector<ReplyVerdict> reply_verdicts;
  std::vector<TopologyReply> decisions;
  std::vector<bool> alarms;
  std::vector<MessageRef> direct_replies;
  ReplyToken token;
  int turns_ended = 0;
  int inboxes_drained = 0;

 private:
  ShardState& shard_;
  Slot slot_;
  bool gone_ = false;
};

class Shards {
 public:
  explicit Shards(std::uint16_t count) : Shards(count, nullptr) {}
  /// All shards use this log; null: one that keeps nothing.
  Shards(std::uint16_t count, storage::LogWriter* log) {
    for (std::uint16_t i = 0; i < count; ++i) {
      shards_.push_back(std::make_unique<One>(*this, ShardId{i}, count, log));
    }
    ask({}, ReplaceUsers{std::make_shared<const Users>(), {"/"}});
  }
  /// Shards that know nothing yet, not even a vhost; shard 0 has the given log.
  Shards(std::uint16_t count, storage::LogWriter& log_of_shard_0) {
    for (std::uint16_t i = 0; i < count; ++i) {
      shards_.push_back(
          std::make_unique<One>(*this, ShardId{i}, count, i == 0 ? &log_of_shard_0 : nullptr));
    }
  }

  ShardState& operator[](std::size_t number) { return shards_[number]->state; }
  std::size_t size() const { return shards_.size(); }
  std::vector<ShardState*> states() {
    std::vector<ShardState*> states;
    for (const auto& shard : shards_) states.push_back(&shard->state);
    return states;
  }

  /// From now on a shard's queues are paged out at the end of each turn. `reader`: of the log.
  Paging& start_paging(std::size_t number, storage::LogReader* reader = nullptr) {
    One& shard = *shards_[number];
    shard.paging = std::make_unique<Paging>(shard.state.log(), reader);
    shard.state.set_pager(shard.paging->pager);
    return *shard.paging;
  }

  /// One turn of a shard: hands over what lies in its mailbox. False when there is nothing to do.
  bool turn(std::size_t number) {
    One& shard = *shards_[number];
    const bool has_mail = !shard.inbox.empty();
    shard.state.begin_turn(now_, wall_time_);
    shard.state.advance_timers();
    for (std::size_t left = shard.inbox.size(); left > 0; --left) {
      ShardMessage message = std::move(shard.inbox.front());
      shard.inbox.pop_front();
      shard.state.dispatch(std::move(message));
    }
    bool finished = shard.state.end_turn();
    if (shard.state.page_out()) finished = false;
    return has_mail || (!finished && !shard.held_up);
  }
  /// Turns until nothing is left.
  void settle() {
    for (bool active = true; active;) {
      active = false;
      for (std::size_t i = 0; i < shards_.size(); ++i) active |= turn(i);
      for (const auto& shard : shards_) active |= !shard->inbox.empty();
    }
  }
  void advance(std::chrono::milliseconds duration) {
    now_ = now_ + duration;
    settle();
  }
  /// What the calendar says from now on.
  void set_wall_time(WallTime time) {
    wall_time_ = time;
    for (auto& shard : shards_) shard->state.begin_turn(now_, wall_time_);
  }
  /// Mail that has not been handed over.
  std::size_t mail_for(std::size_t number) const { return shards_[number]->inbox.size(); }
  void set_congested(std::size_t number, bool congested) {
    shards_[number]->is_congested = congested;
    for (auto& shard : shards_) shard->held_up = congested;
  }

  /// Asks shard 0, on behalf of `requester`.
  void ask(EndpointRef requester, TopologyOperation operation) {
    shards_[0]->state.send(ShardId{0}, TopologyRequest{requester, std::move(operation)});
    settle();
  }

  /// A queue that is homed on a shard, in "/" if nothing else is said.
  QueueRef declare(std::size_t home, const std::string& name, QueueDefinition definition = {}) {
    ShardState& shard = shards_[home]->state;
    definition.name = name;
    if (definition.vhost.empty()) definition.vhost = "/";
    definition.ref = {shard.own(), shard.reserve_queue()};
    const auto shared = std::make_shared<const QueueDefinition>(definition);
    shard.open_queue(shared);
    ask({}, DeclareQueue{shared});
    return definition.ref;
  }

  static MessageRef message(std::string_view body,
                            std::optional<std::uint8_t> priority = std::nullopt) {
    protocol::BasicProperties properties;
    properties.priority = priority;
    std::array<std::byte, 3> encoded{};
    protocol::WireWriter writer(encoded);
    properties.encode(writer);
    auto message = Message::create(
        "", "q", std::span(encoded).first(properties.encoded_size()), body.size());
    message->append_body(protocol::bytes_of(body));
    return message;
  }
  static MessageRef message_with(std::string_view body, const protocol::FieldTable& headers) {
    std::vector<std::byte> table(4 + headers.encoded_size());
    protocol::WireWriter table_writer(table);
    headers.encode(table_writer);
    protocol::BasicProperties properties;
    properties.headers = protocol::TableView{std::span(table).subspan(4)};
    std::vector<std::byte> encoded(properties.encoded_size());
    protocol::WireWriter writer(encoded);
    properties.encode(writer);
    auto message = Message::create("", "q", encoded, body.size());
    message->append_body(protocol::bytes_of(body));
    return message;
  }

 private:
  struct One final : ShardPort {
    One(Shards& all, ShardId own, std::uint16_t count, storage::LogWriter* other_log)
        : all_shards(all), state(own, count, *this, other_log == nullptr ? log : *other_log) {
      state.begin_turn(all.now_);
    }
    void post(ShardId to, ShardMessage&& message) override {
      all_shards.shards_[static_cast<std::size_t>(to)]->inbox.push_back(std::move(message));
    }
    bool congested(ShardId shard) override {
      return all_shards.shards_[static_cast<std::size_t>(shard)]->is_congested;
    }

    Shards& all_shards;
    storage::VolatileLog log;
    std::unique_ptr<Paging> paging;
    ShardState state;
    std::deque<ShardMessage> inbox;
    bool is_congested = false;
    bool held_up = false;
  };

  Instant now_{1000};
  WallTime wall_time_{};
  std::vector<std::unique_ptr<One>> shards_;
};

}  // namespace leveret::broker
