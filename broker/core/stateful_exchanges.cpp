#include "broker/core/stateful_exchanges.hpp"

#include <algorithm>
#include <utility>

#include "broker/core/shard_state.hpp"

namespace leveret::broker {

namespace {
constexpr std::uint64_t share_of_a_turn_bytes = 4 * 1024 * 1024;

/// A dead letter: nobody waits for what becomes of it.
bool is_dead_letter(const PublishToQueue& publish) {
  return publish.publisher.slot.generation == 0;
}
}  // namespace

StatefulExchanges::StatefulExchanges(ShardState& shard)
    : shard_(shard), slot_(shard.add_endpoint(*this)) {}

StatefulExchanges::~StatefulExchanges() = default;

ChannelRef StatefulExchanges::ref() const { return shard_.endpoint_ref(slot_); }

// ---- which there are -----------------------------------------------------------------------

StatefulExchange& StatefulExchanges::open(const ExchangeDefinition& definition) {
  auto exchange = std::make_unique<StatefulExchange>(shard_, *this, definition);
  StatefulExchange& opened = *exchange;
  exchanges_.emplace(definition.state_id, std::move(exchange));
  by_name_.insert_or_assign(Name{definition.vhost, definition.name}, definition.state_id);
  return opened;
}

StatefulExchange* StatefulExchanges::find(StatefulExchangeId id) {
  const auto found = exchanges_.find(id);
  return found == exchanges_.end() ? nullptr : found->second.get();
}

StatefulExchange* StatefulExchanges::find(std::string_view vhost, std::string_view name) {
  const auto found = by_name_.find(Name{vhost, name});
  return found == by_name_.end() ? nullptr : find(found->second);
}

void StatefulExchanges::close(StatefulExchangeId id) {
  const auto found = exchanges_.find(id);
  const std::unique_ptr<StatefulExchange> closing = std::move(found->second);
  exchanges_.erase(found);
  by_name_.erase(Name{closing->definition().vhost, closing->definition().name});
  closing->end();
}

void StatefulExchanges::on_delta(const TopologyDelta& delta) {
  for (const TopologyChange& change : delta) {
    if (const auto* added = std::get_if<ExchangeAdded>(&change)) {
      const ExchangeDefinition& definition = added->definition;
      if (definition.keeps_something() && definition.home == shard_.own()) open(definition);
    } else if (const auto* removed = std::get_if<ExchangeRemoved>(&change)) {
      const StatefulExchange* exchange = find(removed->vhost, removed->name);
      if (exchange != nullptr) close(exchange->definition().state_id);
    } else if (const auto* bound = std::get_if<BindingAdded>(&change)) {
      StatefulExchange* exchange = find(bound->binding.vhost, bound->binding.source);
      if (exchange != nullptr) exchange->replay_to(bound->binding);
    } else if (const auto* vhost = std::get_if<VhostRemoved>(&change)) {
      std::vector<StatefulExchangeId> closing;
      for (const auto& [id, exchange] : exchanges_) {
        if (exchange->definition().vhost == vhost->name) closing.push_back(id);
      }
      for (const StatefulExchangeId id : closing) close(id);
    }
  }
}

// ---- messages ------------------------------------------------------------------------------

void StatefulExchanges::take(PublishToExchange&& passed_on) {
  PublishToQueue& publish = passed_on.publish;
  if (StatefulExchange* exchange = find(StatefulExchangeId{publish.queue.slot.index})) {
    return exchange->take({std::move(publish), std::move(passed_on.passed), passed_on.route,
                           std::nullopt});
  }
  // Deleted meanwhile, as may happen to a queue.
  if (publish.log_index != not_in_log) {
    shard_.log().settle(publish.message->log_place(), publish.log_index);
  }
  hand_back(publish);
}

void StatefulExchanges::work_later(StatefulExchange& exchange) {
  if (!std::exchange(exchange.is_busy_, true)) busy_.push_back(exchange.definition().state_id);
}

bool StatefulExchanges::work() {
  TurnShare share(share_of_a_turn_bytes);
  working_.swap(busy_);
  for (const StatefulExchangeId id : working_) {
    StatefulExchange* exchange = find(id);
    if (exchange == nullptr) continue;
    exchange->is_busy_ = false;
    // Who had nothing of this turn is the first in the next.
    if (share.is_spent() || !exchange->work(share)) work_later(*exchange);
  }
  working_.clear();
  return busy_.empty();
}

StatefulExchanges::Sent StatefulExchanges::send_on(const Onward& onward) {
  durable_numbers_.clear();
  const bool persistent = onward.read.persistent();
  for (const RouteTarget& target : onward.targets) {
    if (target.is_logged(persistent)) durable_numbers_.push_back(target.durable_number);
  }
  const bool keeper_is_logged = persistent && onward.keeper_number != 0;
  if (keeper_is_logged) durable_numbers_.push_back(onward.keeper_number);
  const bool is_logged = !durable_numbers_.empty();

  PublishToQueue publish;
  publish.message = is_logged && !onward.is_fresh ? copy_of(*onward.message) : onward.message;
  publish.expiration_ms = onward.read.expiration_ms();
  publish.publisher = ref();
  if (const PublishToQueue* asking = onward.publish) {
    if (is_dead_letter(*asking)) publish.publisher = {};
    publish.immediate = asking->immediate;
    publish.mandatory = asking->mandatory && std::ranges::all_of(
                                                 onward.targets, &RouteTarget::is_exchange);
    // What its publisher has logged for this exchange is safe already: it would go on again.
    const bool awaits_log =
        is_logged && asking->seq != PublishSeq{} && asking->log_index == not_in_log;
    const std::size_t verdict_count = onward.targets.size() + (awaits_log ? 1 : 0);
    if (onward.targets.empty() && (publish.mandatory || publish.immediate)) {
      hand_back(*asking);
    } else if (verdict_count == 0) {
      accept(*asking);
    } else if (asking->seq != PublishSeq{} || publish.mandatory) {
      publish.seq = join({asking->publisher, asking->seq,
                          publish.mandatory ? asking->message : MessageRef{}},
                         verdict_count);
    }
    if (awaits_log && publish.seq != PublishSeq{}) shard_.await_log(slot_, publish.seq);
  }
  Sent sent{publish.message};
  if (is_logged) shard_.log_message(publish.message, durable_numbers_, publish.expiration_ms);
  const StatefulRouteId route =
      onward.route == StatefulRouteId{} ? next_route() : onward.route;
  std::uint32_t next_index = 0;
  for (const RouteTarget& target : onward.targets) {
    PublishToQueue one = publish;
    one.queue = target.queue;
    if (target.is_logged(persistent)) one.log_index = next_index++;
    send_to(target, std::move(one), onward, route);
    if (shard_.congested(target.queue.shard)) sent.has_room = false;
  }
  if (keeper_is_logged) sent.keeper_index = next_index;
  return sent;
}

void StatefulExchanges::send_to(const RouteTarget& target, PublishToQueue&& publish,
                                const Onward& onward, StatefulRouteId route) {
  if (target.is_exchange()) {
    shard_.send(target.queue.shard, PublishToExchange{std::move(publish), onward.passed, route});
  } else {
    shard_.send(target.queue.shard, std::move(publish));
  }
}

StatefulRouteId StatefulExchanges::next_route() {
  constexpr int shard_shift = 48;
  const auto own = static_cast<std::uint64_t>(shard_.own()) << shard_shift;
  return StatefulRouteId{own | ++last_route_};
}

// ---- verdicts ------------------------------------------------------------------------------

void StatefulExchanges::accept(const PublishToQueue& publish) {
  if (publish.seq == PublishSeq{}) return;
  shard_.send(publish.publisher.shard,
              PublishVerdict{publish.publisher, publish.seq, Verdict::accepted});
}

void StatefulExchanges::hand_back(const PublishToQueue& publish) {
  if (publish.immediate) {
    shard_.send(publish.publisher.shard,
                PublishVerdict{publish.publisher, publish.seq, Verdict::undelivered});
    return;
  }
  if (!publish.mandatory) return accept(publish);
  shard_.send(publish.publisher.shard,
              ReplyVerdict{publish.publisher, publish.seq, publish.message});
}

PublishSeq StatefulExchanges::join(Asked asked, std::size_t count) {
  const PublishSeq seq{++last_seq_};
  joined_.emplace(seq, Joined{std::move(asked), count});
  return seq;
}

void StatefulExchanges::receive(const PublishVerdict& message) {
  note(message.seq, message.verdict);
}

void StatefulExchanges::receive(ReplyVerdict&& message) { note(message.seq, std::nullopt); }

void StatefulExchanges::on_committed(PublishSeq seq) { note(seq, std::nullopt); }

/// `verdict`: of a queue or an exchange that has got the message; none from the log, and from an
/// exchange that had nowhere to send it.
void StatefulExchanges::note(PublishSeq seq, std::optional<Verdict> verdict) {
  const auto found = joined_.find(seq);
  LEVERET_ASSERT(found != joined_.end(), "a verdict is given to whom it was promised");
  Joined& joined = found->second;
  joined.routed |= verdict.has_value();
  joined.rejected |= verdict == Verdict::rejected;
  joined.undelivered |= verdict == Verdict::undelivered;
  joined.accepted |= verdict == Verdict::accepted;
  if (--joined.missing_count > 0) return;
  const Joined whole = std::move(joined);
  joined_.erase(found);
  const Asked& asked = whole.asked;
  if (asked.returned != nullptr && !whole.routed) {
    shard_.send(asked.publisher.shard, ReplyVerdict{asked.publisher, asked.seq, asked.returned});
  } else if (asked.seq != PublishSeq{}) {
    // What was to be delivered at once has been when one of the queues has done so.
    const Verdict joint = whole.rejected                          ? Verdict::rejected
                          : whole.undelivered && !whole.accepted ? Verdict::undelivered
                                                                  : Verdict::accepted;
    shard_.send(asked.publisher.shard, PublishVerdict{asked.publisher, asked.seq, joint});
  }
}

}  // namespace leveret::broker
