// What a random client does.

#include <algorithm>
#include <ranges>

#include "protocol/bytes.hpp"
#include "tests/session/methods.hpp"
#include "tests/sim/sim_client.hpp"

namespace leveret::broker {

namespace {
constexpr std::uint16_t channels_max = 4;
}

void SimClient::act() {
  if (gone_ || !ready_) return;
  if (world_.one_in(40)) reading_ = !reading_;
  if (world_.one_in(400)) return drop();
  // Only what the broker must have understood is said, and nothing in ignorance of what it said.
  if (!reading_ || !session_->wants_input() || !session_->outbox().empty()) return;
  if (channels_.size() < channels_max && world_.one_in(10)) return open_channel();
  if (channels_.empty()) return;
  auto place = channels_.begin();
  std::advance(place, static_cast<std::ptrdiff_t>(world_.random(channels_.size())));
  current_ = place->first;
  if (!place->second.waits && !place->second.closing) act_on(place->second);
}

void SimClient::act_on(Channel& channel) {
  switch (world_.random(40)) {
    case 0: return close_channel(channel);
    case 1: case 2: return start_consuming(channel);
    case 3: return stop_consuming(channel);
    case 4: case 5: return set_prefetch(channel);
    case 6: case 7: case 8: return get(channel);
    case 9: return change_queue(channel);
    case 10: return change_mode(channel);
    case 11: case 12: return end_transaction(channel);
    case 13: return recover_all(channel);
    default: return world_.one_in(2) ? publish(channel) : settle_one(channel);
  }
}

void SimClient::open_channel() {
  current_ = 1;
  while (channels_.contains(current_)) ++current_;
  ask(channels_[current_], channel_open());
}

// ---- publishing ----------------------------------------------------------------------------

void SimClient::publish(Channel& own) {
  if (world_.one_in(4)) {
    send(own, "all", {"k0", "k1"});
    return;
  }
  const SimQueue& queue = sim_queues[world_.random(std::size(sim_queues))];
  // Who does not confirm does not hear what has become of it.
  if (queue.max_length && !own.confirming) return;
  if (queue.is_deduplicated && own.transactional) return;
  send(own, queue.exchange, {queue.name});
}

/// Publishes a message that goes to these queues, or to the one whose name is the key.
MessageNumber SimClient::send(Channel& own, const std::string& exchange,
                              const std::vector<std::string>& queues) {
  const MessageNumber number = world_.next_message();
  const SimQueue& first = sim_queue(queues[0]);
  const bool is_persistent = first.is_deduplicated || world_.one_in(2);
  const auto delay_ms = static_cast<std::int32_t>(world_.random(60));
  const std::uint64_t key = world_.random(4);
  const auto priority = static_cast<std::uint8_t>(world_.random(4));
  for (const std::string& queue : queues) {
    Copy copy;
    if (own.transactional) copy.state = Copy::State::held_back;
    copy.is_persistent = is_persistent;
    copy.publisher = number_ << 16 | current_;
    copy.published_at = world_.now();
    if (sim_queue(queue).delays()) {
      copy.not_before = copy.published_at + std::chrono::milliseconds(delay_ms);
    }
    copy.key = key;
    const std::int32_t max_priority = sim_queue(queue).max_priority.value_or(0);
    copy.priority = static_cast<std::uint8_t>(std::min<std::int32_t>(priority, max_priority));
    world_.model().publish(queue, number, copy);
    if (own.transactional) own.tx_publishes.emplace_back(queue, number);
  }
  if (own.confirming) own.unconfirmed[++own.last_seq] = number;
  Properties properties;
  if (is_persistent) properties.delivery_mode = 2;
  if (priority > 0) properties.priority = priority;
  if (first.delays()) properties.headers = table({{"x-delay", FieldValue::int32(delay_ms)}});
  if (first.is_deduplicated) {
    properties.headers = table({{"x-deduplication-header",
                                 FieldValue::long_string("key " + std::to_string(key))}});
  }
  std::string body = std::to_string(number);
  // Some are so long that they are sent by reference, and take much of the log.
  constexpr std::uint64_t body_max_bytes = 6000;
  if (world_.one_in(8)) body.resize(body.size() + world_.random(body_max_bytes), ' ');
  say(broker::publish(exchange, queues[0], body, properties,
                      world_.one_in(2) ? mandatory : no_flags),
      current_);
  return number;
}

void SimClient::change_mode(Channel& own) {
  if (own.confirming || own.transactional || own.last_seq > 0) return;
  if (world_.one_in(3)) {
    own.transactional = true;
    return ask(own, tx_select());
  }
  own.confirming = true;
  ask(own, confirm_select());
}

void SimClient::end_transaction(Channel& own) {
  if (!own.transactional) return;
  const auto publishes = std::exchange(own.tx_publishes, {});
  const auto settled = std::exchange(own.tx_settled, {});
  const bool commits = world_.one_in(2);
  Model& model = world_.model();
  std::vector<Model::Key> acknowledged;
  for (const auto& [queue, number] : publishes) {
    if (commits) {
      model.find(queue, number)->state = Copy::State::queued;
    } else {
      model.withdraw(queue, number);
    }
  }
  for (const Settled& one : settled) {
    own.held[one.delivery_tag] = one.held;
    if (commits) settle(own, one.delivery_tag, one.outcome);
    if (one.outcome == Outcome::acknowledged && !sim_queue(one.held.queue).is_stream()) {
      acknowledged.emplace_back(one.held.queue, one.held.message);
    }
  }
  own.commit = commits ? model.begin_commit(publishes, acknowledged) : 0;
  ask(own, commits ? tx_commit() : tx_rollback());
}

// ---- consuming -----------------------------------------------------------------------------

const SimQueue& SimClient::any_queue(const Channel& own) {
  const auto kept_count = std::ranges::distance(kept_queues());
  return sim_queues[world_.random(may_fail(own) ? std::size(sim_queues)
                                                : static_cast<std::uint64_t>(kept_count))];
}

// An error would give back what the client has, before it knows.
bool SimClient::may_fail(const Channel& own) const {
  const auto acknowledges = [](const auto& consumer) { return !consumer.second.no_ack; };
  return own.held.empty() && own.tx_settled.empty() &&
         std::none_of(own.consumers.begin(), own.consumers.end(), acknowledges);
}

void SimClient::start_consuming(Channel& own) {
  if (own.consumers.size() >= 4) return;
  const SimQueue& queue = any_queue(own);
  // RabbitMQ closes the connection of who asks for it.
  if (queue.type != QueueType::classic && own.global_prefetch != 0) return;
  if (queue.is_stream()) return start_reading(own, queue);
  own.wanted_queue = queue.name;
  own.wanted_no_ack = world_.one_in(3);
  own.wanted_tag = world_.next_tag();
  // Who is the next active one does not depend on priorities here.
  const auto priority = static_cast<std::int32_t>(
      queue.has_single_active_consumer ? 0 : world_.random(2));
  ask(own, consume(own.wanted_queue, own.wanted_tag, own.wanted_no_ack ? no_ack : no_flags,
                   table({{"x-priority", FieldValue::int32(priority)}})));
}

void SimClient::start_reading(Channel& own, const SimQueue& stream) {
  if (own.prefetch == 0) return;
  own.wanted_queue = stream.name;
  own.wanted_no_ack = false;
  own.wanted_tag = world_.next_tag();
  own.wanted_start = static_cast<Start>(world_.random(4));
  own.wanted_offset = world_.random(world_.model().stream().known_count() + 3);
  const auto offset = [&] {
    switch (own.wanted_start) {
      case Start::first: return FieldValue::long_string("first");
      case Start::last: return FieldValue::long_string("last");
      case Start::next: return FieldValue::long_string("next");
      case Start::offset: break;
    }
    return FieldValue::int64(static_cast<std::int64_t>(own.wanted_offset));
  };
  ask(own, consume(stream.name, own.wanted_tag, no_flags,
                   table({{"x-stream-offset", offset()}})));
}

void SimClient::stop_consuming(Channel& own) {
  if (own.consumers.empty()) return;
  ask(own, cancel(own.consumers.begin()->first));
}

void SimClient::set_prefetch(Channel& own) {
  const auto count = static_cast<std::uint16_t>(world_.random(4));
  const bool reads = std::ranges::any_of(own.consumers, [](const auto& consumer) {
    return consumer.second.start.has_value();
  });
  const bool for_all = !reads && world_.one_in(3);
  (for_all ? own.global_prefetch : own.prefetch) = count;
  ask(own, qos(count, for_all ? global : no_flags));
}

void SimClient::get(Channel& own) {
  const SimQueue& queue = any_queue(own);
  if (queue.is_stream()) return;  // RabbitMQ closes the connection of who asks.
  own.wanted_queue = queue.name;
  own.wanted_no_ack = world_.one_in(2);
  ask(own, broker::get(own.wanted_queue, own.wanted_no_ack ? no_ack : no_flags));
}

void SimClient::settle(Channel& own, std::uint64_t tag, Outcome outcome) {
  const auto place = own.held.find(tag);
  const Held held = place->second;
  own.held.erase(place);
  const auto consumer = own.consumers.find(held.tag);
  if (consumer != own.consumers.end()) --consumer->second.held_count;
  if (sim_queue(held.queue).is_stream()) return;  // The message stays.
  switch (outcome) {
    case Outcome::acknowledged:
      world_.model().find(held.queue, held.message)->state = Copy::State::done;
      break;
    case Outcome::requeued: world_.model().give_back(held.queue, held.message); break;
    case Outcome::rejected: world_.model().bury(held.queue, held.message); break;
  }
}

void SimClient::settle_one(Channel& own) {
  if (own.held.empty()) return;
  auto place = own.held.begin();
  std::advance(place, static_cast<std::ptrdiff_t>(world_.random(own.held.size())));
  const std::uint64_t tag = place->first;
  const bool several = world_.one_in(4);
  const bool accepts = !world_.one_in(3);
  const bool requeues = !accepts && world_.one_in(2);
  const Outcome outcome = accepts    ? Outcome::acknowledged
                          : requeues ? Outcome::requeued
                                     : Outcome::rejected;
  const Flags flags = several ? multiple : no_flags;
  for (auto next = own.held.begin(); next != own.held.end() && next->first <= tag;) {
    const auto [held_tag, held] = *next++;
    if (!several && held_tag != tag) continue;
    if (own.transactional) {
      own.tx_settled.push_back({held_tag, held, outcome});
      own.held.erase(held_tag);
    } else {
      settle(own, held_tag, outcome);
    }
  }
  say(accepts ? ack(tag, flags) : nack(tag, requeues ? flags | requeue : flags), current_);
}

void SimClient::recover_all(Channel& own) {
  while (!own.held.empty()) settle(own, own.held.begin()->first, Outcome::requeued);
  ask(own, broker::recover(requeue));
}

// ---- queues and the end --------------------------------------------------------------------

void SimClient::change_queue(Channel& own) {
  if (!may_fail(own)) return;
  const std::string queue = world_.one_in(2) ? "d0" : "d1";
  switch (world_.random(5)) {
    case 0: return ask(own, queue_purge(queue));
    case 1: return ask(own, queue_delete(queue));
    case 2: return declare(sim_queue("a0"));
    case 3: return declare(sim_queue("x0"));
    default: return declare(sim_queue(queue));
  }
}

void SimClient::give_up(Channel& own) {
  const auto give_back = [&](const Held& held) {
    if (!sim_queue(held.queue).is_stream()) {
      world_.model().give_back(held.queue, held.message);
    }
  };
  for (const auto& [tag, held] : std::exchange(own.held, {})) give_back(held);
  for (const Settled& one : std::exchange(own.tx_settled, {})) give_back(one.held);
  for (const auto& [tag, number] : own.unconfirmed) world_.model().doubt(number);
  for (const auto& [queue, number] : std::exchange(own.tx_publishes, {})) {
    world_.model().withdraw(queue, number);
  }
}

void SimClient::close_channel(Channel& own) {
  give_up(own);
  own.closing = true;
  say(channel_close(), current_);
}

}  // namespace leveret::broker
