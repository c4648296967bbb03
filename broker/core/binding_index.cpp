#include "broker/core/binding_index.hpp"

namespace leveret::broker {
namespace {

using AnyIndex = std::variant<DirectIndex, FanoutIndex, TopicIndex, HeadersIndex>;

AnyIndex make_index(ExchangeType type) {
  switch (type) {
    case ExchangeType::direct: return DirectIndex{};
    case ExchangeType::fanout: return FanoutIndex{};
    case ExchangeType::topic: return TopicIndex{};
    case ExchangeType::headers: return HeadersIndex{};
  }
  return DirectIndex{};
}

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

BindingIndex::BindingIndex(ExchangeType type) : index_(make_index(type)) {}

ExchangeType BindingIndex::type() const {
  return std::visit(Overloaded{[](const DirectIndex&) { return ExchangeType::direct; },
                               [](const FanoutIndex&) { return ExchangeType::fanout; },
                               [](const TopicIndex&) { return ExchangeType::topic; },
                               [](const HeadersIndex&) { return ExchangeType::headers; }},
                    index_);
}

bool BindingIndex::add(const BindingKey& binding) {
  return std::visit([&](auto& index) { return index.add(binding); }, index_);
}

bool BindingIndex::remove(const BindingKey& binding) {
  return std::visit([&](auto& index) { return index.remove(binding); }, index_);
}

void BindingIndex::match(std::string_view routing_key, const protocol::FieldTable* headers,
                         std::vector<Destination>& out) const {
  std::visit(Overloaded{[&](const DirectIndex& index) { index.match(routing_key, out); },
                        [&](const FanoutIndex& index) { index.match(out); },
                        [&](const TopicIndex& index) { index.match(routing_key, out); },
                        [&](const HeadersIndex& index) { index.match(headers, out); }},
             index_);
}

std::size_t BindingIndex::binding_count() const {
  return std::visit([](const auto& index) { return index.binding_count(); }, index_);
}

Result<void, protocol::AmqpError> check_binding(ExchangeType type,
                                                const protocol::FieldTable& arguments) {
  if (type == ExchangeType::headers) return check_headers_binding(arguments);
  return {};
}

}  // namespace leveret::broker
