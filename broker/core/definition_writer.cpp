#include "broker/core/definition_writer.hpp"

#include <algorithm>
#include <utility>

#include "broker/core/predeclared_exchanges.hpp"
#include "protocol/base/assert.hpp"

namespace leveret::broker {

namespace {

bool is_durable(const ExchangeDefinition& exchange) { return exchange.durable; }
bool is_durable(const QueueDefinition& queue) { return queue.durable_number != 0; }

/// A binding as it stands in the topology: its ends and, as they came first, its arguments.
struct BindingInTopology {
  bool durable = false;
  const IncomingBinding* binding = nullptr;  ///< Null when it is not bound.
};

BindingInTopology find_binding(Topology& topology, const BindingDefinition& wanted) {
  Vhost* vhost = topology.find_vhost(wanted.vhost);
  LEVERET_ASSERT(vhost != nullptr, "a binding changes in a virtual host that exists");
  const ExchangeRecord* source = topology.find_exchange(*vhost, wanted.source);
  const QueueRecord* queue =
      wanted.to_queue ? topology.find_queue(*vhost, wanted.destination) : nullptr;
  const ExchangeRecord* exchange =
      wanted.to_queue ? nullptr : topology.find_exchange(*vhost, wanted.destination);
  LEVERET_ASSERT(source != nullptr && (queue != nullptr || exchange != nullptr),
                 "a binding changes while both its ends exist");
  BindingInTopology found;
  found.durable = is_durable(source->definition) &&
                  (queue != nullptr ? is_durable(*queue->definition)
                                    : is_durable(exchange->definition));
  const auto& incoming = queue != nullptr ? queue->incoming : exchange->incoming;
  const auto place =
      std::find(incoming.begin(), incoming.end(),
                IncomingBinding{source->slot, wanted.routing_key, wanted.arguments});
  if (place != incoming.end()) found.binding = &*place;
  return found;
}

}  // namespace

void DefinitionWriter::write(Topology& topology, const TopologyDelta& delta) {
  for (const TopologyChange& change : delta) {
    std::visit([&](const auto& one) { note(topology, one); }, change);
  }
}

void DefinitionWriter::define(const DurableDefinition& definition) {
  const EncodedDefinition encoded = encode_definition(definition);
  log_.define(encoded.key, encoded.value);
  has_written_ = true;
}

void DefinitionWriter::undefine(std::string_view key) {
  log_.undefine(key);
  has_written_ = true;
}

void DefinitionWriter::undefine_all(std::string_view key_prefix) {
  log_.undefine_all(key_prefix);
  has_written_ = true;
}

void DefinitionWriter::note_removed_number(std::uint64_t number) {
  if (number <= highest_removed_number_) return;
  highest_removed_number_ = number;
  define(QueueNumbersDefinition{number});
}

std::optional<storage::LogTicket> DefinitionWriter::take_ticket() {
  if (!std::exchange(has_written_, false)) return std::nullopt;
  return log_.awaited_ticket();
}

// ---- changes -------------------------------------------------------------------------------

void DefinitionWriter::note(Topology&, const VhostAdded& change) {
  define(VhostDefinition{change.name});
}

void DefinitionWriter::note(Topology& topology, const VhostRemoved& change) {
  undefine(vhost_key(change.name));
  for (const DefinitionKind kind :
       {DefinitionKind::exchange, DefinitionKind::queue, DefinitionKind::binding}) {
    undefine_all(vhost_prefix(kind, change.name));
  }
  std::uint64_t highest_number = 0;
  for (const QueueDefinitionRef& queue : topology.queues_of(*topology.find_vhost(change.name))) {
    highest_number = std::max(highest_number, queue->durable_number);
  }
  for (const auto& [name, slot] : topology.find_vhost(change.name)->exchanges) {
    highest_number = std::max(highest_number, topology.exchange_at(slot).definition.durable_number);
  }
  note_removed_number(highest_number);
}

void DefinitionWriter::note(Topology&, const ExchangeAdded& change) {
  const ExchangeDefinition& exchange = change.definition;
  if (is_durable(exchange) && !is_predeclared_exchange(exchange.name)) define(exchange);
}

void DefinitionWriter::note(Topology& topology, const ExchangeRemoved& change) {
  const ExchangeRecord* record =
      topology.find_exchange(*topology.find_vhost(change.vhost), change.name);
  LEVERET_ASSERT(record != nullptr, "only an exchange that is there is removed");
  if (!is_durable(record->definition)) return;
  undefine(exchange_key(change.vhost, change.name));
  note_removed_number(record->definition.durable_number);
  if (record->binding_count > 0) undefine_all(bindings_prefix(change.vhost, change.name));
  undefine_incoming(topology, record->incoming, {change.vhost, {}, false, change.name, {}, {}});
}

void DefinitionWriter::note(Topology&, const QueueAdded& change) {
  if (is_durable(*change.definition)) define(*change.definition);
}

void DefinitionWriter::note(Topology& topology, const QueueRemoved& change) {
  const QueueRecord* record = topology.find_queue(*topology.find_vhost(change.vhost), change.name);
  LEVERET_ASSERT(record != nullptr, "only a queue that is there is removed");
  if (!is_durable(*record->definition)) return;
  undefine(queue_key(change.vhost, change.name));
  undefine_incoming(topology, record->incoming, {change.vhost, {}, true, change.name, {}, {}});
  note_removed_number(record->definition->durable_number);
}

void DefinitionWriter::note(Topology& topology, const QueuePaused& change) {
  const QueueRecord* record = topology.find_queue(*topology.find_vhost(change.vhost), change.name);
  LEVERET_ASSERT(record != nullptr, "only a queue that is there is paused");
  if (!is_durable(*record->definition)) return;
  QueueDefinition definition = *record->definition;
  definition.paused = change.paused;
  define(std::move(definition));
}

void DefinitionWriter::note(Topology& topology, const BindingAdded& change) {
  if (find_binding(topology, change.binding).durable) define(change.binding);
}

void DefinitionWriter::note(Topology& topology, const BindingRemoved& change) {
  const BindingInTopology found = find_binding(topology, change.binding);
  LEVERET_ASSERT(found.binding != nullptr, "only a binding that is there is removed");
  if (!found.durable) return;
  // Whoever unbinds may say the same arguments in another order.
  BindingDefinition bound = change.binding;
  bound.arguments = found.binding->arguments;
  undefine(binding_key(bound));
}

void DefinitionWriter::undefine_incoming(Topology& topology,
                                         std::span<const IncomingBinding> incoming,
                                         BindingDefinition destination) {
  for (const IncomingBinding& binding : incoming) {
    const ExchangeDefinition& source = topology.exchange_at(binding.source).definition;
    if (!is_durable(source)) continue;
    destination.source = source.name;
    destination.routing_key = binding.routing_key;
    destination.arguments = binding.arguments;
    undefine(binding_key(destination));
  }
}

}  // namespace leveret::broker
