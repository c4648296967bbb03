#include "broker/core/stateful_exchange.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "broker/core/death_history.hpp"
#include "broker/core/message_delay.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/core/stateful_exchanges.hpp"

namespace leveret::broker {

using protocol::FieldTable;
using protocol::FieldValue;

namespace {

// So many of the messages that are due are read back from the log at once.
constexpr std::size_t due_at_once_max = 256;
// So many exchanges hand a message on within a turn.
constexpr std::size_t direct_passes_max = 8;
// What a message has by many ways comes within a turn or two.
constexpr std::size_t seen_routes_max = 4096;

Instant in(std::uint64_t duration_ms, Instant now) {
  return now + std::chrono::milliseconds(
                   static_cast<std::int64_t>(std::min<std::uint64_t>(duration_ms, INT64_MAX)));
}

WallTime in(std::uint64_t duration_ms, WallTime now) {
  const auto now_ms = static_cast<std::int64_t>(now);
  const auto room_ms = static_cast<std::uint64_t>(INT64_MAX - std::max<std::int64_t>(now_ms, 0));
  return WallTime{now_ms + static_cast<std::int64_t>(std::min(duration_ms, room_ms - 1))};
}

/// How long the window remembers a message: the message's header says, or else the exchange.
std::optional<std::uint64_t> time_seen_ms(const DeduplicationSettings& settings,
                                          const FieldTable& headers) {
  const FieldValue* own = headers.find("x-cache-ttl");
  const auto own_ms = own == nullptr ? std::nullopt : own->as_integer();
  if (own_ms) return static_cast<std::uint64_t>(std::max<std::int64_t>(*own_ms, 0));
  return settings.ttl_ms;
}

void erase_passed(std::vector<RouteTarget>& targets,
                  std::span<const StatefulExchangeId> passed) {
  std::erase_if(targets, [&](const RouteTarget& target) {
    return target.is_exchange() &&
           std::ranges::find(passed, StatefulExchangeId{target.queue.slot.index}) != passed.end();
  });
}

}  // namespace

StatefulExchange::StatefulExchange(ShardState& shard, StatefulExchanges& all,
                                   ExchangeDefinition definition)
    : shard_(shard), all_(all), definition_(std::move(definition)),
      settings_(**parse_stateful_settings(definition_.type, definition_.arguments)) {
  if (settings_.deduplication) window_.emplace(settings_.deduplication->size_max);
}

// ---- a message comes -----------------------------------------------------------------------

void StatefulExchange::take(ArrivedMessage&& arrived) {
  if (!arrived.passed.empty() && has_come_already(arrived)) {
    settle(arrived.publish.message->log_place(), arrived.publish.log_index);
    // What becomes of the message is known to the one that came first.
    return all_.hand_back(arrived.publish);
  }
  // A client can make a chain of any length of such exchanges: it is not followed by recursion.
  const bool is_far_down = arrived.passed.size() >= direct_passes_max;
  if (waiting_.empty() && replays_.empty() && !is_far_down) return handle(std::move(arrived));
  waiting_.push_back(std::move(arrived));
  all_.work_later(*this);
}

/// Whether the message has come by another way, as it does where exchanges lead to each other in
/// many: then there are far more ways than exchanges.
bool StatefulExchange::has_come_already(const ArrivedMessage& arrived) {
  if (!seen_routes_.insert(arrived.route).second) return true;
  seen_routes_in_order_.push_back(arrived.route);
  if (seen_routes_.size() > seen_routes_max) seen_routes_.erase(seen_routes_in_order_.pop_front());
  return false;
}

void StatefulExchange::handle(ArrivedMessage&& arrived) {
  const PublishToQueue& publish = arrived.publish;
  const RoutableMessage read(*publish.message);
  if (window_ && is_duplicate(read)) {
    ++duplicate_count_;
    settle(publish.message->log_place(), publish.log_index);
    return all_.accept(publish);
  }
  if (settings_.delays && hold_back(arrived, read)) return all_.accept(publish);
  route_on(arrived, read);
  if (remembers(read)) {
    mark_held(publish.message, publish.log_index);
    remember({publish.message, publish.log_index});
  } else {
    settle(publish.message->log_place(), publish.log_index);
  }
}

/// Whether such a message has been seen; otherwise it has now.
bool StatefulExchange::is_duplicate(const RoutableMessage& read) {
  const DeduplicationSettings& settings = *settings_.deduplication;
  const FieldValue* value = read.headers().find(settings.header);
  if (value == nullptr) return false;
  const std::string key = deduplication_key(*value);
  if (window_->contains(key, shard_.now())) return true;
  const auto seen_ms = time_seen_ms(settings, read.headers());
  SeenValue seen;
  std::optional<WallTime> expires_at;
  if (seen_ms) {
    seen.expires_at = in(*seen_ms, shard_.now());
    expires_at = in(*seen_ms, shard_.wall_time());
  }
  seen.record = make_seen_record(key, expires_at);
  if (definition_.durable_number != 0) {
    shard_.log_message(seen.record, std::span(&definition_.durable_number, 1), std::nullopt);
    seen.log_index = 0;
  }
  window_->add(std::move(seen), shard_.now(), [this](const SeenValue& forgotten) {
    settle(forgotten.record->log_place(), forgotten.log_index);
  });
  return false;
}

/// False when the message goes on at once.
bool StatefulExchange::hold_back(const ArrivedMessage& arrived, const RoutableMessage& read) {
  const WallTime published_at = arrived.published_at.value_or(shard_.wall_time());
  const std::uint64_t delay_ms = delay_of(read.headers(), published_at);
  if (delay_ms == 0) return false;
  mark_held(arrived.publish.message, arrived.publish.log_index);
  delayed_.add(due_after(delay_ms, published_at),
               {arrived.publish.message, {}, arrived.publish.log_index}, shard_.pager());
  arm_timer();
  return true;
}

Instant StatefulExchange::due_after(std::uint64_t delay_ms, WallTime published_at) const {
  const std::int64_t age_ms = static_cast<std::int64_t>(shard_.wall_time()) -
                              static_cast<std::int64_t>(published_at);
  // A calendar that was set back makes nothing wait longer than it was to.
  const auto waited_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(age_ms, 0));
  return in(delay_ms - std::min(waited_ms, delay_ms), shard_.now());
}

/// False when a shard that it went to is behind.
bool StatefulExchange::route_on(const ArrivedMessage& arrived, const RoutableMessage& read) {
  Vhost* vhost = shard_.topology().find_vhost(definition_.vhost);
  ExchangeRecord* record = shard_.topology().find_exchange(*vhost, definition_.name);
  LEVERET_ASSERT(record != nullptr, "what an exchange keeps goes with it");
  std::vector<RouteTarget> targets;
  LazyProperties properties(read.properties());
  shard_.topology().route_on(*vhost, *record, read.routing_keys(), properties, targets);
  StatefulExchanges::Onward onward{arrived.publish.message, read, targets, &arrived.publish,
                                   arrived.passed, arrived.route};
  onward.passed.push_back(definition_.state_id);
  erase_passed(targets, onward.passed);
  if (arrived.publish.publisher.slot.generation == 0) {
    // A dead letter does not come back to where it has died by itself.
    for (const std::string& name : queues_of_cycle(read.headers())) {
      const QueueRecord* queue = shard_.topology().find_queue(*vhost, name);
      if (queue == nullptr) continue;
      std::erase_if(targets, [&](const RouteTarget& target) {
        return target.queue == queue->definition->ref;
      });
    }
  }
  onward.targets = targets;
  return all_.send_on(onward).has_room;
}

// ---- messages of the past ------------------------------------------------------------------

bool StatefulExchange::remembers(const RoutableMessage& read) const {
  if (!settings_.history_length) return false;
  const FieldValue* no_store = read.headers().find("x-recent-history-no-store");
  return no_store == nullptr || !no_store->as_bool().value_or(false);
}

void StatefulExchange::remember(Remembered one) {
  history_.push_back(std::move(one));
  while (history_.size() > *settings_.history_length) {
    settle(history_.front().message->log_place(), history_.front().log_index);
    history_.pop_front();
  }
}

void StatefulExchange::replay_to(const BindingDefinition& binding) {
  if (history_.empty()) return;
  Replay replay{binding, {}};
  for (const Remembered& one : history_) replay.messages.push_back(one.message);
  // As RabbitMQ does it: an exchange gets the newest first.
  if (!binding.to_queue) std::ranges::reverse(replay.messages);
  replays_.push_back(std::move(replay));
  // As a rule this is all of it: who binds finds the messages when he has heard bind-ok.
  for (int budget = 1024; budget > 0 && !replays_.empty(); --budget) {
    if (!replay_next()) break;
  }
  if (!replays_.empty()) all_.work_later(*this);
}

/// The next message of the oldest replay. False when a shard that it went to is behind.
bool StatefulExchange::replay_next() {
  Replay& replay = replays_.front();
  const MessageRef message = std::move(replay.messages.front());
  replay.messages.pop_front();
  const BindingDefinition binding = replay.binding;
  if (replay.messages.empty()) replays_.pop_front();

  const RoutableMessage read(*message);
  std::vector<RouteTarget> targets;
  Topology& topology = shard_.topology();
  Vhost* vhost = topology.find_vhost(binding.vhost);
  if (binding.to_queue) {
    const QueueRecord* queue = topology.find_queue(*vhost, binding.destination);
    if (queue == nullptr) return true;  // Gone meanwhile.
    targets.push_back(RouteTarget::of(*queue->definition));
  } else {
    ExchangeRecord* exchange = topology.find_exchange(*vhost, binding.destination);
    if (exchange == nullptr) return true;
    LazyProperties properties(read.properties());
    topology.route(*vhost, *exchange, read.routing_keys(), properties, targets);
  }
  const std::vector<StatefulExchangeId> passed{definition_.state_id};
  erase_passed(targets, passed);
  return all_.send_on({message, read, targets, nullptr, passed}).has_room;
}

// ---- messages to come ----------------------------------------------------------------------

void StatefulExchange::arm_timer() { shard_.timers().arm(*this, delayed_.next_due()); }

void StatefulExchange::on_timer(Instant) { all_.work_later(*this); }

/// Publishes some of what is due. False when a shard that it went to is behind.
bool StatefulExchange::publish_due(TurnShare& share) {
  std::vector<DelayedMessage> due;
  std::vector<storage::LogPlace> places;
  while (due.size() < due_at_once_max && delayed_.next_due() <= shard_.now()) {
    due.push_back(delayed_.pop_front());
    if (due.back().message == nullptr) places.push_back(due.back().place);
  }
  std::vector<MessageRef> read;
  if (!places.empty()) {
    read = shard_.pager()->read_back(places,
                                     exchange_resource(definition_.name, definition_.vhost));
  }
  auto next_read = read.begin();
  bool has_room = true;
  for (DelayedMessage& delayed : due) {
    if (delayed.message == nullptr) delayed.message = std::move(*next_read++);
    if (delayed.message == nullptr) {
      settle(delayed.place, delayed.log_index);  // Nobody can ever have a damaged message.
      continue;
    }
    share.spend(*delayed.message);
    has_room &= publish_delayed(delayed);
  }
  return has_room;
}

bool StatefulExchange::publish_delayed(const DelayedMessage& delayed) {
  const RoutableMessage before(*delayed.message);
  const MessageRef message = after_delay(delayed.message, before);
  const RoutableMessage read(*message);
  Vhost* vhost = shard_.topology().find_vhost(definition_.vhost);
  ExchangeRecord* record = shard_.topology().find_exchange(*vhost, definition_.name);
  std::vector<RouteTarget> targets;
  LazyProperties properties(read.properties());
  shard_.topology().route_on(*vhost, *record, read.routing_keys(), properties, targets);
  const std::vector<StatefulExchangeId> passed{definition_.state_id};
  erase_passed(targets, passed);
  const bool is_remembered = remembers(read);
  const auto sent = all_.send_on({message, read, targets, nullptr, passed, {},
                                  is_remembered ? definition_.durable_number : 0,
                                  message != delayed.message});
  if (is_remembered) {
    mark_held(sent.message, sent.keeper_index);
    remember({sent.message, sent.keeper_index});
  }
  settle(delayed.log_place(), delayed.log_index);
  return sent.has_room;
}

// ---- work that was put off -----------------------------------------------------------------

bool StatefulExchange::has_work() const {
  return !replays_.empty() || !waiting_.empty() || delayed_.next_due() <= shard_.now();
}

bool StatefulExchange::work(TurnShare& share) {
  bool has_room = true;
  while (has_room && !share.is_spent() && has_work()) {
    if (!replays_.empty()) {
      share.spend(*replays_.front().messages.front());
      has_room = replay_next();
    } else if (!waiting_.empty()) {
      share.spend(*waiting_.front().publish.message);
      handle(waiting_.pop_front());
    } else {
      has_room = publish_due(share);
    }
  }
  arm_timer();
  return !has_work();
}

// ---- start and end -------------------------------------------------------------------------

void StatefulExchange::recover(const storage::LiveReference& reference,
                               const MessageRef& message) {
  if (message == nullptr) return settle(reference.place, reference.index);  // It was damaged.
  const WallTime wall_time = shard_.wall_time();
  const auto published_at = WallTime{static_cast<std::int64_t>(reference.published_at_ms)};
  if (is_seen_record(*message)) {
    SeenValue seen{message, never, reference.index};
    const auto expires_at = expiry_of_seen_record(*message);
    const std::int64_t left_ms = expires_at ? static_cast<std::int64_t>(*expires_at) -
                                                  static_cast<std::int64_t>(wall_time)
                                            : 1;
    if (!window_ || left_ms <= 0) return settle(reference.place, reference.index);
    if (expires_at) seen.expires_at = shard_.now() + std::chrono::milliseconds(left_ms);
    return window_->add(std::move(seen), shard_.now(), [this](const SeenValue& forgotten) {
      settle(forgotten.record->log_place(), forgotten.log_index);
    });
  }
  const RoutableMessage read(*message);
  const std::uint64_t delay_ms =
      settings_.delays ? delay_of(read.headers(), published_at) : std::uint64_t{0};
  if (reference.delivered && delay_ms == 0 && settings_.history_length) {
    return remember({message, reference.index});
  }
  if (reference.delivered && delay_ms > 0) {
    // It waits. Memory keeps only the place: it may be one of very many.
    delayed_.add(due_after(delay_ms, published_at), {nullptr, reference.place, reference.index},
                 shard_.pager());
    return arm_timer();
  }
  // It came to the log, and nobody has looked at it yet.
  ArrivedMessage arrived{{}, {}, {}, published_at};
  arrived.publish.message = message;
  arrived.publish.log_index = reference.index;
  arrived.publish.publisher = all_.ref();
  waiting_.push_back(std::move(arrived));
  all_.work_later(*this);
}

void StatefulExchange::end() {
  cancel();
  for (const Remembered& one : history_) settle(one.message->log_place(), one.log_index);
  history_.clear();
  while (!delayed_.empty()) {
    const DelayedMessage delayed = delayed_.pop_front();
    settle(delayed.log_place(), delayed.log_index);
  }
  if (window_) {
    window_->for_each([this](const SeenValue& seen) {
      settle(seen.record->log_place(), seen.log_index);
    });
  }
  replays_.clear();
  while (!waiting_.empty()) {
    const PublishToQueue publish = waiting_.pop_front().publish;
    settle(publish.message->log_place(), publish.log_index);
    all_.hand_back(publish);
  }
}

void StatefulExchange::settle(const storage::LogPlace& place, std::uint32_t log_index) {
  if (log_index != not_in_log) shard_.log().settle(place, log_index);
}

void StatefulExchange::mark_held(const MessageRef& message, std::uint32_t log_index) {
  if (log_index != not_in_log) shard_.log().mark_delivered(message->log_place(), log_index);
}

}  // namespace leveret::broker
