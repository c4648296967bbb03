#include "broker/core/binding_index.hpp"

#include <string>
#include <utility>

#include "broker/core/queue_type_arguments.hpp"
#include "broker/core/stateful_settings.hpp"
#include "protocol/base/assert.hpp"

namespace leveret::broker {

using protocol::AmqpError;

namespace {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

BindingIndex::AnyIndex BindingIndex::make_index(ExchangeType type,
                                                const protocol::FieldTable& arguments) {
  switch (type) {
    case ExchangeType::direct: return DirectIndex{};
    case ExchangeType::fanout: return FanoutIndex{};
    case ExchangeType::topic: return TopicIndex{};
    case ExchangeType::headers: return HeadersIndex{};
    case ExchangeType::consistent_hash: {
      auto source = parse_hash_source({}, arguments);
      LEVERET_ASSERT(source.has_value(), "the arguments of an exchange were checked");
      return ConsistentHashIndex(std::move(*source));
    }
    case ExchangeType::random:
    case ExchangeType::local_random: return OneOfAllIndex(OneOfAllIndex::Choice::at_random);
    case ExchangeType::modulus_hash: return OneOfAllIndex(OneOfAllIndex::Choice::by_key);
    case ExchangeType::federation_upstream: return FederationIndex(arguments);
    case ExchangeType::recent_history:
    case ExchangeType::delayed_message:
    case ExchangeType::message_deduplication: break;  // They route as other types do.
  }
  return DirectIndex{};
}

BindingIndex::BindingIndex(ExchangeType type, const protocol::FieldTable& arguments)
    : type_(routing_type(type, arguments)), index_(make_index(type_, arguments)) {
  if (const auto* hashing = std::get_if<ConsistentHashIndex>(&index_)) {
    keys_decide_ = hashing->source().kind == HashSource::Kind::routing_key;
  } else {
    keys_decide_ = type_ != ExchangeType::headers && type_ != ExchangeType::random &&
                   type_ != ExchangeType::local_random &&
                   type_ != ExchangeType::federation_upstream;
  }
}

bool BindingIndex::add(const BindingKey& binding, std::string_view destination_name) {
  const auto add_to = [&](auto& index) {
    if constexpr (requires { index.add(binding, destination_name); }) {
      return index.add(binding, destination_name);
    } else {
      return index.add(binding);
    }
  };
  return std::visit(add_to, index_);
}

bool BindingIndex::remove(const BindingKey& binding) {
  return std::visit([&](auto& index) { return index.remove(binding); }, index_);
}

void BindingIndex::match(std::string_view routing_key, const protocol::FieldTable* headers,
                         std::vector<Destination>& out) const {
  std::visit(Overloaded{[&](const DirectIndex& index) { index.match(routing_key, out); },
                        [&](const FanoutIndex& index) { index.match(out); },
                        [&](const TopicIndex& index) { index.match(routing_key, out); },
                        [&](const HeadersIndex& index) { index.match(headers, out); },
                        [&](const FederationIndex& index) { index.match(headers, out); },
                        [](const auto&) { LEVERET_ASSERT(false, "choose() is asked for one"); }},
             index_);
}

void BindingIndex::choose(std::string_view routing_key,
                          const protocol::BasicProperties& properties,
                          std::vector<Destination>& out) const {
  if (const auto* hashing = std::get_if<ConsistentHashIndex>(&index_)) {
    hashing->match(routing_key, properties, out);
  } else {
    std::get<OneOfAllIndex>(index_).match(routing_key, out);
  }
}

std::size_t BindingIndex::binding_count() const {
  return std::visit([](const auto& index) { return index.binding_count(); }, index_);
}

Result<void, AmqpError> check_binding(ExchangeType type, const BindingDefinition& binding) {
  if (type == ExchangeType::headers) return check_headers_binding(binding.arguments);
  if (type == ExchangeType::consistent_hash) {
    const auto weight = parse_hash_weight(binding.routing_key);
    if (!weight) return tl::unexpected(weight.error());
  }
  if (type == ExchangeType::local_random) {
    if (!binding.routing_key.empty()) {
      return tl::unexpected(AmqpError::precondition_failed(
          "Non empty binding '" + binding.routing_key + "' key not permitted"));
    }
    if (!binding.to_queue) {
      return tl::unexpected(AmqpError::precondition_failed("Destination not found"));
    }
  }
  return {};
}

Result<void, AmqpError> check_destination_type(ExchangeType type, QueueType queue) {
  if (type != ExchangeType::local_random || queue == QueueType::classic) return {};
  return tl::unexpected(AmqpError::precondition_failed(
      "Queue type " + std::string(type_module(queue)) + " not valid for this exchange type"));
}

}  // namespace leveret::broker
