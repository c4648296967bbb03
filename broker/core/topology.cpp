#include "broker/core/topology.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/assert.hpp"

namespace leveret::broker {

Topology::Topology() : users_(std::make_shared<const Users>()) {}

void Topology::apply(const TopologyDelta& delta) {
  for (const TopologyChange& one : delta) {
    std::visit([this](const auto& alternative) { change(alternative); }, one);
  }
  ++version_;
}

Vhost* Topology::find_vhost(std::string_view name) {
  for (const auto& vhost : vhosts_) {
    if (vhost->name == name) return vhost.get();
  }
  return nullptr;
}

ExchangeRecord* Topology::find_exchange(Vhost& vhost, std::string_view name) {
  const auto place = vhost.exchanges.find(name);
  return place == vhost.exchanges.end() ? nullptr : exchanges_[place->second].get();
}

QueueRecord* Topology::find_queue(Vhost& vhost, std::string_view name) {
  const auto place = vhost.queues.find(name);
  return place == vhost.queues.end() ? nullptr : &queues_[place->second];
}

std::vector<IncomingBinding>* Topology::incoming_of(Vhost& vhost, const BindingDefinition& binding,
                                                    Destination& destination) {
  if (binding.to_queue) {
    const auto place = vhost.queues.find(binding.destination);
    if (place == vhost.queues.end()) return nullptr;
    destination = {Destination::Kind::queue, place->second};
    return &queues_[place->second].incoming;
  }
  const auto place = vhost.exchanges.find(binding.destination);
  if (place == vhost.exchanges.end()) return nullptr;
  destination = {Destination::Kind::exchange, place->second};
  return &exchanges_[place->second]->incoming;
}

bool Topology::has_binding(const BindingDefinition& binding) {
  Vhost* vhost = find_vhost(binding.vhost);
  if (vhost == nullptr) return false;
  ExchangeRecord* source = find_exchange(*vhost, binding.source);
  Destination destination{};
  const auto* incoming = incoming_of(*vhost, binding, destination);
  if (source == nullptr || incoming == nullptr) return false;
  const IncomingBinding wanted{source->slot, binding.routing_key, binding.arguments};
  return std::find(incoming->begin(), incoming->end(), wanted) != incoming->end();
}

const QueueRecord* Topology::find_queue(QueueRef ref) const {
  const auto home = static_cast<std::size_t>(ref.shard);
  if (home >= queues_by_home_.size()) return nullptr;
  const std::vector<std::uint32_t>& places = queues_by_home_[home];
  if (ref.slot.index >= places.size()) return nullptr;
  const QueueRecord& record = queues_[places[ref.slot.index]];
  return record.definition != nullptr && record.definition->ref == ref ? &record : nullptr;
}

std::vector<QueueDefinitionRef> Topology::queues_of(const Vhost& vhost) const {
  std::vector<QueueDefinitionRef> queues;
  for (const auto& [name, slot] : vhost.queues) queues.push_back(queues_[slot].definition);
  return queues;
}

std::vector<const ExchangeDefinition*> Topology::exchanges_of(const Vhost& vhost) const {
  std::vector<const ExchangeDefinition*> exchanges;
  for (const auto& [name, slot] : vhost.exchanges) {
    exchanges.push_back(&exchanges_[slot]->definition);
  }
  return exchanges;
}

std::vector<const Vhost*> Topology::vhosts() const {
  std::vector<const Vhost*> vhosts;
  for (const auto& vhost : vhosts_) vhosts.push_back(vhost.get());
  return vhosts;
}

std::vector<BindingDefinition> Topology::bindings_from(const Vhost& vhost,
                                                       const ExchangeRecord& exchange) const {
  std::vector<BindingDefinition> bindings;
  const auto add = [&](std::span<const IncomingBinding> incoming, bool to_queue,
                       std::string_view destination) {
    for (const IncomingBinding& binding : incoming) {
      if (binding.source != exchange.slot) continue;
      bindings.push_back({vhost.name, exchange.definition.name, to_queue, std::string(destination),
                          binding.routing_key, binding.arguments});
    }
  };
  for (const auto& [name, slot] : vhost.queues) add(queues_[slot].incoming, true, name);
  for (const auto& [name, slot] : vhost.exchanges) add(exchanges_[slot]->incoming, false, name);
  return bindings;
}

void Topology::add_bindings_of(const Vhost& vhost,
                               std::vector<BindingDefinition>& bindings) const {
  const auto add = [&](std::span<const IncomingBinding> incoming, bool to_queue,
                       std::string_view destination) {
    for (const IncomingBinding& binding : incoming) {
      bindings.push_back({vhost.name, exchanges_[binding.source]->definition.name, to_queue,
                          std::string(destination), binding.routing_key, binding.arguments});
    }
  };
  for (const auto& [name, slot] : vhost.queues) add(queues_[slot].incoming, true, name);
  for (const auto& [name, slot] : vhost.exchanges) add(exchanges_[slot]->incoming, false, name);
}

// ---- changes -------------------------------------------------------------------------------

void Topology::change(const VhostAdded& added) {
  LEVERET_ASSERT(find_vhost(added.name) == nullptr, "a virtual host is added once");
  auto vhost = std::make_unique<Vhost>();
  vhost->name = added.name;
  vhosts_.push_back(std::move(vhost));
}

void Topology::change(const VhostDefaultQueueType& change) {
  Vhost* vhost = find_vhost(change.name);
  LEVERET_ASSERT(vhost != nullptr, "only a virtual host that is there is changed");
  vhost->default_queue_type = change.queue_type;
}

void Topology::change(const VhostTracing& change) {
  Vhost* vhost = find_vhost(change.name);
  LEVERET_ASSERT(vhost != nullptr, "only a virtual host that is there is traced");
  if (vhost->is_traced == change.is_traced) return;
  vhost->is_traced = change.is_traced;
  if (change.is_traced) {
    ++traced_vhost_count_;
  } else {
    --traced_vhost_count_;
  }
}

void Topology::change(const VhostRemoved& removed) {
  const auto place =
      std::find_if(vhosts_.begin(), vhosts_.end(),
                   [&](const auto& vhost) { return vhost->name == removed.name; });
  LEVERET_ASSERT(place != vhosts_.end(), "only a virtual host that is there is removed");
  if ((*place)->is_traced) --traced_vhost_count_;
  // No binding leads out of a virtual host, so both ends of each go.
  for (const auto& [name, slot] : (*place)->exchanges) {
    exchanges_[slot].reset();
    free_exchanges_.push_back(slot);
  }
  for (const auto& [name, slot] : (*place)->queues) {
    queues_[slot] = QueueRecord{};
    free_queues_.push_back(slot);
  }
  queue_count_ -= (*place)->queues.size();
  vhosts_.erase(place);
}

void Topology::change(const ExchangeAdded& added) {
  Vhost* vhost = find_vhost(added.definition.vhost);
  LEVERET_ASSERT(vhost != nullptr, "an exchange is added to a virtual host that exists");
  if (free_exchanges_.empty()) {
    free_exchanges_.push_back(static_cast<std::uint32_t>(exchanges_.size()));
    exchanges_.emplace_back();
  }
  const std::uint32_t slot = free_exchanges_.back();
  free_exchanges_.pop_back();
  BindingIndex index(added.definition.type, added.definition.arguments);
  auto record = std::make_unique<ExchangeRecord>(
      ExchangeRecord{added.definition, slot, std::move(index), 0, {}, 0});
  vhost->exchanges.emplace(record->definition.name, slot);
  exchanges_[slot] = std::move(record);
}

void Topology::change(const ExchangeRemoved& removed) {
  Vhost* vhost = find_vhost(removed.vhost);
  ExchangeRecord* record = find_exchange(*vhost, removed.name);
  LEVERET_ASSERT(record != nullptr, "only an exchange that is there is removed");
  const std::uint32_t slot = record->slot;
  forget_incoming(record->incoming, {Destination::Kind::exchange, slot});
  if (record->binding_count > 0) {
    const auto leads_from_here = [slot](const IncomingBinding& incoming) {
      return incoming.source == slot;
    };
    for (const auto& [name, queue_slot] : vhost->queues) {
      std::erase_if(queues_[queue_slot].incoming, leads_from_here);
    }
    for (const auto& [name, exchange_slot] : vhost->exchanges) {
      std::erase_if(exchanges_[exchange_slot]->incoming, leads_from_here);
    }
  }
  vhost->exchanges.erase(removed.name);
  exchanges_[slot].reset();
  free_exchanges_.push_back(slot);
}

void Topology::change(const QueueAdded& added) {
  Vhost* vhost = find_vhost(added.definition->vhost);
  LEVERET_ASSERT(vhost != nullptr, "a queue is added to a virtual host that exists");
  if (free_queues_.empty()) {
    free_queues_.push_back(static_cast<std::uint32_t>(queues_.size()));
    queues_.emplace_back();
  }
  const std::uint32_t slot = free_queues_.back();
  free_queues_.pop_back();
  queues_[slot].definition = added.definition;
  queues_[slot].paused = added.definition->paused;
  vhost->queues.emplace(added.definition->name, slot);
  ++queue_count_;
  const QueueRef ref = added.definition->ref;
  const auto home = static_cast<std::size_t>(ref.shard);
  if (queues_by_home_.size() <= home) queues_by_home_.resize(home + 1);
  std::vector<std::uint32_t>& places = queues_by_home_[home];
  if (places.size() <= ref.slot.index) places.resize(ref.slot.index + std::size_t{1});
  places[ref.slot.index] = slot;
}

void Topology::change(const QueueRemoved& removed) {
  Vhost* vhost = find_vhost(removed.vhost);
  const auto place = vhost->queues.find(removed.name);
  LEVERET_ASSERT(place != vhost->queues.end(), "only a queue that is there is removed");
  const std::uint32_t slot = place->second;
  vhost->queues.erase(place);
  forget_incoming(queues_[slot].incoming, {Destination::Kind::queue, slot});
  queues_[slot] = QueueRecord{};
  free_queues_.push_back(slot);
  --queue_count_;
}

void Topology::change(const QueuePaused& change) {
  QueueRecord* record = find_queue(*find_vhost(change.vhost), change.name);
  LEVERET_ASSERT(record != nullptr, "only a queue that is there is paused");
  record->paused = change.paused;
}

void Topology::change(const BindingAdded& added) {
  const BindingDefinition& binding = added.binding;
  Vhost* vhost = find_vhost(binding.vhost);
  ExchangeRecord* source = find_exchange(*vhost, binding.source);
  Destination destination{};
  auto* incoming = incoming_of(*vhost, binding, destination);
  LEVERET_ASSERT(source != nullptr && incoming != nullptr, "both ends of a binding exist");
  source->index.add({destination, binding.routing_key, binding.arguments}, binding.destination);
  ++source->binding_count;
  incoming->push_back({source->slot, binding.routing_key, binding.arguments});
}

void Topology::change(const BindingRemoved& removed) {
  const BindingDefinition& binding = removed.binding;
  Vhost* vhost = find_vhost(binding.vhost);
  ExchangeRecord* source = find_exchange(*vhost, binding.source);
  Destination destination{};
  auto* incoming = incoming_of(*vhost, binding, destination);
  LEVERET_ASSERT(source != nullptr && incoming != nullptr, "both ends of a binding exist");
  const auto place =
      std::find(incoming->begin(), incoming->end(),
                IncomingBinding{source->slot, binding.routing_key, binding.arguments});
  LEVERET_ASSERT(place != incoming->end(), "only a binding that is there is removed");
  incoming->erase(place);
  source->index.remove({destination, binding.routing_key, binding.arguments});
  --source->binding_count;
}

void Topology::change(const UsersReplaced& replaced) { users_ = replaced.users; }

void Topology::change(const ExchangeRedefined& redefined) {
  ExchangeRecord* record = find_exchange(*find_vhost(redefined.vhost), redefined.name);
  LEVERET_ASSERT(record != nullptr, "only an exchange that is there is defined anew");
  record->definition.alternate_exchange = redefined.alternate_exchange;
  record->definition.policies = redefined.policies;
}

void Topology::change(const QueueRedefined& redefined) {
  const QueueDefinition& definition = *redefined.definition;
  Vhost* vhost = find_vhost(definition.vhost);
  const auto place = vhost->queues.find(definition.name);
  LEVERET_ASSERT(place != vhost->queues.end(), "only a queue that is there is defined anew");
  const std::uint32_t slot = place->second;
  QueueRecord& record = queues_[slot];
  LEVERET_ASSERT(record.definition->ref == definition.ref, "it is the same queue");
  has_late_dead_lettering_ |= definition.settings.dead_letter_exchange.has_value() &&
                              !record.definition->settings.dead_letter_exchange.has_value();
  // The key is a part of the old definition.
  vhost->queues.erase(place);
  record.definition = redefined.definition;
  vhost->queues.emplace(definition.name, slot);
}

void Topology::forget_incoming(std::vector<IncomingBinding>& incoming, Destination destination) {
  for (IncomingBinding& binding : incoming) {
    ExchangeRecord& source = *exchanges_[binding.source];
    source.index.remove(
        {destination, std::move(binding.routing_key), std::move(binding.arguments)});
    --source.binding_count;
  }
  incoming.clear();
}

// ---- questions of shard 0 ------------------------------------------------------------------

// ---- routing -------------------------------------------------------------------------------

const protocol::FieldTable* LazyProperties::headers() {
  if (!std::exchange(decoded_, true) && properties_.headers) {
    if (auto decoded = properties_.headers->decode()) headers_ = std::move(*decoded);
  }
  return headers_ ? &*headers_ : nullptr;
}

bool Topology::route_on(Vhost& vhost, ExchangeRecord& exchange,
                        std::span<const std::string_view> routing_keys, LazyProperties& properties,
                        std::vector<RouteTarget>& targets) {
  bool keys_decide = true;
  ++route_number_;
  pending_exchanges_.clear();
  exchange.visited_in_route = route_number_;
  pending_exchanges_.push_back(&exchange);
  while (!pending_exchanges_.empty()) {
    ExchangeRecord& current = *pending_exchanges_.back();
    pending_exchanges_.pop_back();
    keys_decide &= current.index.keys_decide();
    visit_destinations(vhost, current, routing_keys, properties, targets);
  }
  return keys_decide;
}

void Topology::visit_destinations(Vhost& vhost, ExchangeRecord& exchange,
                                  std::span<const std::string_view> routing_keys,
                                  LazyProperties& properties,
                                  std::vector<RouteTarget>& targets) {
  matched_.clear();
  if (exchange.index.chooses_one()) {
    exchange.index.choose(routing_keys.front(), properties.encoded(), matched_);
    routing_keys = {};
  }
  for (const std::string_view key : routing_keys) {
    if (exchange.definition.name.empty()) {
      // The default exchange has no bindings: a key is a queue's name.
      const auto place = vhost.queues.find(key);
      if (place != vhost.queues.end()) {
        matched_.push_back({Destination::Kind::queue, place->second});
      }
    } else {
      exchange.index.match(key, exchange.index.needs_headers() ? properties.headers() : nullptr,
                           matched_);
    }
  }
  const auto& alternate = exchange.definition.alternate_exchange;
  // RabbitMQ finds no bindings of the default exchange, so as an alternate it takes nothing.
  if (matched_.empty() && alternate && !alternate->empty()) {
    const auto place = vhost.exchanges.find(*alternate);
    if (place != vhost.exchanges.end()) {
      matched_.push_back({Destination::Kind::exchange, place->second});
    }
  }
  for (const Destination destination : matched_) {
    if (destination.kind == Destination::Kind::queue) {
      QueueRecord& queue = queues_[destination.slot];
      if (std::exchange(queue.visited_in_route, route_number_) == route_number_) continue;
      targets.push_back(RouteTarget::of(*queue.definition));
    } else {
      ExchangeRecord& next = *exchanges_[destination.slot];
      if (std::exchange(next.visited_in_route, route_number_) == route_number_) continue;
      if (next.definition.keeps_something()) {
        targets.push_back(RouteTarget::of(next.definition));
      } else {
        pending_exchanges_.push_back(&next);
      }
    }
  }
}

}  // namespace leveret::broker
