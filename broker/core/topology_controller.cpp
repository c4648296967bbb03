#include "broker/core/topology_controller.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "broker/core/exchange_arguments.hpp"
#include "broker/core/queue_arguments.hpp"
#include "broker/core/resource_name.hpp"
#include "broker/core/shard_state.hpp"
#include "broker/core/stable_hash.hpp"
#include "broker/core/stateful_settings.hpp"

namespace leveret::broker {

using protocol::AmqpError;

TopologyController::TopologyController(ShardState& shard, std::uint16_t shard_count)
    : shard_(shard), shard_count_(shard_count), writer_(shard.log()) {}

namespace {

/// Whether a request that changes nothing says something about durable things nevertheless: they
/// are there already, or gone. The log may not have that yet.
bool repeats_what_may_be_durable(const TopologyOperation& operation) {
  if (const auto* declare = std::get_if<DeclareExchange>(&operation)) {
    return declare->definition.durable;
  }
  // Repeated declarations of queues go on at the queue's home.
  return std::holds_alternative<AwaitDefinitions>(operation) ||
         std::holds_alternative<DeleteExchange>(operation) ||
         std::holds_alternative<Bind>(operation) || std::holds_alternative<Unbind>(operation) ||
         std::holds_alternative<ChangeDefinition>(operation);
}

/// The delta as events tell it: bindings that go along with a queue or an exchange come before it.
/// Requires: it is not applied yet.
TopologyDelta with_lost_bindings(Topology& topology, const TopologyDelta& delta) {
  TopologyDelta told;
  std::set<std::string> gone_queues, gone_exchanges;
  const auto tell = [&](BindingDefinition binding) {
    const auto& destinations = binding.to_queue ? gone_queues : gone_exchanges;
    if (gone_exchanges.contains(binding.source) || destinations.contains(binding.destination)) {
      return;
    }
    told.push_back(BindingRemoved{std::move(binding)});
  };
  for (const TopologyChange& change : delta) {
    if (const auto* queue = std::get_if<QueueRemoved>(&change)) {
      Vhost& vhost = *topology.find_vhost(queue->vhost);
      for (const IncomingBinding& binding : topology.find_queue(vhost, queue->name)->incoming) {
        tell({queue->vhost, topology.exchange_at(binding.source).definition.name, true,
              queue->name, binding.routing_key, binding.arguments});
      }
      gone_queues.insert(queue->name);
    } else if (const auto* exchange = std::get_if<ExchangeRemoved>(&change)) {
      std::vector<BindingDefinition> bindings;
      topology.add_bindings_of(*topology.find_vhost(exchange->vhost), bindings);
      for (BindingDefinition& binding : bindings) {
        const bool leads_there = !binding.to_queue && binding.destination == exchange->name;
        if (leads_there || binding.source == exchange->name) tell(std::move(binding));
      }
      gone_exchanges.insert(exchange->name);
    }
    told.push_back(change);
  }
  return told;
}

bool is_reached(const std::optional<std::uint64_t>& limit, std::uint64_t count) {
  return limit && count >= *limit;
}

}  // namespace

void TopologyController::on(TopologyRequest&& request) {
  TopologyDelta delta;
  Answer answer;
  answer.requester = request.requester;
  if (const auto* declare = std::get_if<DeclareQueue>(&request.operation)) {
    answer.reserved = declare->definition->ref;
  } else if (const auto* forget = std::get_if<ForgetQueue>(&request.operation)) {
    answer.from_queue = true;
    answer.counts = forget->counts;
  }
  answer.outcome =
      std::visit([&](const auto& operation) { return decide(operation, delta); },
                 request.operation);
  // Before it is applied, so that what goes can still be looked up. And before other shards hear of
  // it: what they log about a queue comes after the queue.
  writer_.write(shard_.topology(), delta);
  Ticket ticket = writer_.take_ticket();
  if (ticket) {
    last_ticket_ = ticket;
  } else if (delta.empty() && answer.outcome && !is_committed() &&
             repeats_what_may_be_durable(request.operation)) {
    ticket = last_ticket_;
  }
  const bool tells = shard_.events().is_on() && answer.outcome;
  const TopologyDelta told =
      tells ? with_lost_bindings(shard_.topology(), delta) : TopologyDelta{};
  if (delta.empty() && !ticket) {
    send(std::move(answer));
  } else {
    publish(std::move(delta), ticket, std::move(answer));
  }
  if (!tells) return;
  shard_.events().publish(told, request.user);
  if (const auto* change = std::get_if<ChangeDefinition>(&request.operation)) {
    tell_event(change->change, request.user);
  }
}

void TopologyController::publish(TopologyDelta&& delta, const Ticket& ticket, Answer&& answer) {
  const std::uint64_t number = ++delta_number_;
  const auto others = static_cast<std::uint16_t>(delta.empty() ? 0 : shard_count_ - 1);
  unapplied_.push_back({number, others, ticket, std::move(answer)});
  if (!delta.empty()) {
    const bool is_logged = ticket.has_value();
    if (is_logged) last_logged_delta_ = number;
    const auto shared = std::make_shared<const TopologyDelta>(std::move(delta));
    for (std::uint16_t shard = 1; shard < shard_count_; ++shard) {
      shard_.send(ShardId{shard}, ApplyDelta{number, shared, is_logged});
    }
    shard_.send(shard_.own(), ApplyDelta{number, shared, is_logged});
    for (TopologyObserver* observer : observers_) observer->on_delta(*shared);
  }
  release_applied();
}

void TopologyController::on(const DeltaApplied& applied) {
  LEVERET_ASSERT(!unapplied_.empty() && applied.number >= unapplied_.front().number,
                 "a shard reports a delta that was sent to it");
  auto& entry = unapplied_[applied.number - unapplied_.front().number];
  --entry.missing_count;
  release_applied();
}

void TopologyController::release_applied() {
  // Every shard applies deltas in order, so the oldest unapplied one is complete first.
  while (!unapplied_.empty() && unapplied_.front().missing_count == 0) {
    Unapplied entry = std::move(unapplied_.front());
    unapplied_.pop_front();
    if (entry.ticket) {
      uncommitted_.push_back({*entry.ticket, std::move(entry.answer)});
    } else {
      // It does not wait for the log, whatever was asked before it.
      send(std::move(entry.answer));
    }
  }
}

bool TopologyController::is_committed() const {
  return !last_ticket_ || *last_ticket_ <= shard_.log().committed();
}

bool TopologyController::has_committed_answers() const {
  return !uncommitted_.empty() && uncommitted_.front().ticket <= shard_.log().committed();
}

void TopologyController::release_committed() {
  while (has_committed_answers()) {
    Answer answer = std::move(uncommitted_.front().answer);
    uncommitted_.pop_front();
    send(std::move(answer));
  }
  if (told_committed_delta_ == last_logged_delta_ || !is_committed()) return;
  told_committed_delta_ = last_logged_delta_;
  for (std::uint16_t shard = 1; shard < shard_count_; ++shard) {
    shard_.send(ShardId{shard}, DeltaCommitted{told_committed_delta_});
  }
}

void TopologyController::send(Answer&& answer) {
  if (answer.requester.slot.generation == 0) return;
  const ShardId shard = answer.requester.shard;
  if (answer.from_queue) {
    shard_.send(shard, QueueReply{answer.requester, QueueRef{}, ConsumerId{}, answer.counts});
  } else {
    shard_.send(shard, TopologyReply{answer.requester, answer.reserved, std::move(answer.outcome)});
  }
}

// ---- decisions -----------------------------------------------------------------------------

TopologyController::Outcome TopologyController::decide(const DeclareQueue& request,
                                                       TopologyDelta& delta) {
  const QueueDefinition& definition = *request.definition;
  Topology& topology = shard_.topology();
  Vhost* vhost = topology.find_vhost(definition.vhost);
  if (vhost == nullptr) {
    return tl::unexpected(AmqpError::not_found("no vhost '" + definition.vhost + "'"));
  }
  // Whoever was first has the name; the declaring channel compares the two.
  if (const QueueRecord* existing = topology.find_queue(*vhost, definition.name)) {
    return existing->definition->ref;
  }
  if (limits_.queues != 0 && topology.queue_count() >= limits_.queues) {
    return tl::unexpected(AmqpError::precondition_failed(
        "cannot declare queue '" + definition.name + "': queue limit in cluster (" +
        std::to_string(limits_.queues) + ") is reached"));
  }
  const auto of_vhost = vhost_limits_.find(definition.vhost);
  if (of_vhost != vhost_limits_.end() &&
      is_reached(of_vhost->second.queues_max, vhost->queues.size())) {
    return tl::unexpected(AmqpError::precondition_failed(
        "cannot declare queue '" + definition.name + "': queue limit in vhost '" +
        definition.vhost + "' (" + std::to_string(*of_vhost->second.queues_max) +
        ") is reached"));
  }
  delta.push_back(QueueAdded{request.definition});
  apply_policies(definition, delta);
  return definition.ref;
}

TopologyController::Outcome TopologyController::decide(const ForgetQueue& request,
                                                       TopologyDelta& delta) {
  const QueueDefinition& definition = *request.definition;
  Topology& topology = shard_.topology();
  Vhost* vhost = topology.find_vhost(definition.vhost);
  const QueueRecord* record =
      vhost == nullptr ? nullptr : topology.find_queue(*vhost, definition.name);
  // A queue whose declaration lost against another one of the same name was never known.
  if (record == nullptr || record->definition->ref != definition.ref) return QueueRef{};
  const std::vector<IncomingBinding> incoming = record->incoming;
  delta.push_back(QueueRemoved{definition.vhost, definition.name});
  remove_exchanges_ending_with(incoming, nullptr, delta);
  return QueueRef{};
}

TopologyController::Outcome TopologyController::decide(const DeclareExchange& request,
                                                       TopologyDelta& delta) {
  const ExchangeDefinition& definition = request.definition;
  Topology& topology = shard_.topology();
  Vhost* vhost = topology.find_vhost(definition.vhost);
  if (vhost == nullptr) {
    return tl::unexpected(AmqpError::not_found("no vhost '" + definition.vhost + "'"));
  }
  if (const ExchangeRecord* existing = topology.find_exchange(*vhost, definition.name)) {
    auto same = check_exchange_equivalence(existing->definition, definition);
    if (!same) return tl::unexpected(std::move(same.error()));
    return QueueRef{};
  }
  delta.push_back(ExchangeAdded{definition});
  ExchangeDefinition& added = std::get<ExchangeAdded>(delta.back()).definition;
  place(added);
  if (added.durable && added.keeps_something()) {
    added.durable_number = shard_.new_durable_number();
  }
  apply_policies(definition, delta);
  return QueueRef{};
}

void TopologyController::place(ExchangeDefinition& exchange) {
  const auto settings = parse_stateful_settings(exchange.type, exchange.arguments);
  if (!settings || *settings == nullptr) return;
  exchange.state_id = StatefulExchangeId{++last_state_id_};
  // By the names, so that load is spread whoever declares them.
  const std::uint64_t hash = stable_hash(exchange.vhost) ^ mix_bits(stable_hash(exchange.name));
  exchange.home = ShardId{static_cast<std::uint16_t>(hash % shard_count_)};
}

TopologyController::Outcome TopologyController::decide(const DeleteExchange& request,
                                                       TopologyDelta& delta) {
  Topology& topology = shard_.topology();
  Vhost* vhost = topology.find_vhost(request.vhost);
  ExchangeRecord* exchange =
      vhost == nullptr ? nullptr : topology.find_exchange(*vhost, request.name);
  if (exchange == nullptr) return QueueRef{};  // Deleting what is not there succeeds.
  if (request.if_unused && exchange->binding_count > 0) {
    return tl::unexpected(AmqpError::precondition_failed(
        exchange_resource(request.name, request.vhost) + " in use"));
  }
  remove_exchange(*exchange, delta);
  return QueueRef{};
}

void TopologyController::remove_exchange(ExchangeRecord& exchange, TopologyDelta& delta) {
  delta.push_back(ExchangeRemoved{exchange.definition.vhost, exchange.definition.name});
  remove_exchanges_ending_with(exchange.incoming, &exchange, delta);
}

void TopologyController::remove_exchanges_ending_with(std::span<const IncomingBinding> incoming,
                                                      const ExchangeRecord* removed,
                                                      TopologyDelta& delta) {
  // A client can make a chain of any length of them, so this goes on by a list, not by recursion.
  boost::unordered_flat_map<std::uint32_t, std::uint64_t> lost_counts;
  std::vector<const ExchangeRecord*> ending;
  const auto lose = [&](std::span<const IncomingBinding> lost) {
    for (const IncomingBinding& binding : lost) {
      const ExchangeRecord& source = shard_.topology().exchange_at(binding.source);
      if (!source.definition.auto_delete || &source == removed) continue;
      if (++lost_counts[binding.source] == source.binding_count) ending.push_back(&source);
    }
  };
  lose(incoming);
  for (std::size_t next = 0; next < ending.size(); ++next) {
    const ExchangeDefinition& definition = ending[next]->definition;
    delta.push_back(ExchangeRemoved{definition.vhost, definition.name});
    lose(ending[next]->incoming);
  }
}

Result<void, AmqpError> TopologyController::check_ends(const BindingDefinition& binding,
                                                       Vhost*& vhost) {
  Topology& topology = shard_.topology();
  vhost = topology.find_vhost(binding.vhost);
  if (vhost == nullptr || topology.find_exchange(*vhost, binding.source) == nullptr) {
    return tl::unexpected(
        AmqpError::not_found("no " + exchange_resource(binding.source, binding.vhost)));
  }
  if (binding.to_queue && topology.find_queue(*vhost, binding.destination) == nullptr) {
    return tl::unexpected(
        AmqpError::not_found("no " + queue_resource(binding.destination, binding.vhost)));
  }
  if (!binding.to_queue && topology.find_exchange(*vhost, binding.destination) == nullptr) {
    return tl::unexpected(
        AmqpError::not_found("no " + exchange_resource(binding.destination, binding.vhost)));
  }
  return {};
}

TopologyController::Outcome TopologyController::decide(const Bind& request, TopologyDelta& delta) {
  Vhost* vhost = nullptr;
  auto checked = check_ends(request.binding, vhost);
  if (!checked) return tl::unexpected(std::move(checked.error()));
  // The channel has checked that, too, but perhaps for an exchange that has made way for another.
  const ExchangeRecord* source = shard_.topology().find_exchange(*vhost, request.binding.source);
  auto accepted = check_binding(source->index.type(), request.binding);
  if (accepted && request.binding.to_queue) {
    const QueueRecord* queue = shard_.topology().find_queue(*vhost, request.binding.destination);
    accepted = check_destination_type(source->index.type(), queue->definition->settings.type);
  }
  if (!accepted) return tl::unexpected(std::move(accepted.error()));
  if (!shard_.topology().has_binding(request.binding)) {
    delta.push_back(BindingAdded{request.binding});
  }
  return QueueRef{};
}

TopologyController::Outcome TopologyController::decide(const Unbind& request,
                                                       TopologyDelta& delta) {
  const BindingDefinition& binding = request.binding;
  Topology& topology = shard_.topology();
  if (!topology.has_binding(binding)) return QueueRef{};  // Unbinding what is not bound succeeds.
  Vhost* vhost = topology.find_vhost(binding.vhost);
  ExchangeRecord* source = topology.find_exchange(*vhost, binding.source);
  delta.push_back(BindingRemoved{binding});
  if (source->definition.auto_delete && source->binding_count == 1) {
    // The delta's changes are applied in order, so the exchange goes without its last binding.
    remove_exchange(*source, delta);
  }
  return QueueRef{};
}

// ---- who may come in -----------------------------------------------------------------------

namespace {

template <class Counts>
std::uint64_t count_of(const Counts& counts, const std::string& name) {
  const auto place = counts.find(name);
  return place == counts.end() ? 0 : place->second;
}

template <class Counts>
void subtract(Counts& counts, const std::string& name, std::uint64_t count) {
  const auto place = counts.find(name);
  LEVERET_ASSERT(place != counts.end() && place->second >= count,
                 "only what was admitted is released");
  place->second -= count;
  if (place->second == 0) counts.erase(place);
}

/// 0 is no limit where the configuration says it.
std::optional<std::uint64_t> configured_limit(std::uint64_t limit) {
  return limit == 0 ? std::nullopt : std::optional(limit);
}

}  // namespace

TopologyController::Outcome TopologyController::decide(const AdmitConnection& request,
                                                       TopologyDelta&) {
  const auto refuse = [](std::string text) {
    return tl::unexpected(AmqpError::not_allowed(std::move(text)));
  };
  const auto limit_text = [](std::uint64_t limit) {
    return "connection limit (" + std::to_string(limit) + ") is reached";
  };
  if (is_reached(configured_limit(limits_.connections), connection_count_)) {
    return refuse("connection refused: node " + limit_text(limits_.connections));
  }
  const auto of_vhost = vhost_limits_.find(request.vhost);
  if (of_vhost != vhost_limits_.end() &&
      is_reached(of_vhost->second.connections_max,
                 count_of(connections_of_vhost_, request.vhost))) {
    return refuse("access to vhost '" + request.vhost + "' refused for user '" + request.user +
                  "': " + limit_text(*of_vhost->second.connections_max));
  }
  const std::uint64_t count_of_user = count_of(connections_of_user_, request.user);
  const UserLimits& own = shard_.topology().users().limits_of(request.user);
  for (const auto& limit :
       {configured_limit(limits_.connections_per_user), own.connections_max}) {
    if (!is_reached(limit, count_of_user)) continue;
    return refuse("connection refused for user '" + request.user + "': user " +
                  limit_text(*limit));
  }
  ++connection_count_;
  ++connections_of_user_[request.user];
  ++connections_of_vhost_[request.vhost];
  return QueueRef{};
}

TopologyController::Outcome TopologyController::decide(const ReleaseConnection& request,
                                                       TopologyDelta&) {
  --connection_count_;
  subtract(connections_of_user_, request.user, 1);
  subtract(connections_of_vhost_, request.vhost, 1);
  return QueueRef{};
}

TopologyController::Outcome TopologyController::decide(const AdmitChannel& request,
                                                       TopologyDelta&) {
  const auto& limit = shard_.topology().users().limits_of(request.user).channels_max;
  if (request.is_checked && is_reached(limit, count_of(channels_of_user_, request.user))) {
    return tl::unexpected(AmqpError::not_allowed(
        "number of channels opened for user '" + request.user +
        "' has reached the maximum allowed user limit of (" + std::to_string(*limit) + ")"));
  }
  ++channels_of_user_[request.user];
  return QueueRef{};
}

TopologyController::Outcome TopologyController::decide(const ReleaseChannels& request,
                                                       TopologyDelta&) {
  subtract(channels_of_user_, request.user, request.count);
  return QueueRef{};
}

}  // namespace leveret::broker
