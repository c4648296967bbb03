#include "broker/core/predeclared_exchanges.hpp"

#include <algorithm>
#include <array>

namespace leveret::broker {

namespace {

struct Predeclared {
  std::string_view name;
  ExchangeType type;
  bool internal = false;
};

constexpr std::array predeclared_exchanges{
    Predeclared{"", ExchangeType::direct},
    Predeclared{"amq.direct", ExchangeType::direct},
    Predeclared{"amq.fanout", ExchangeType::fanout},
    Predeclared{"amq.headers", ExchangeType::headers},
    Predeclared{"amq.match", ExchangeType::headers},
    Predeclared{"amq.topic", ExchangeType::topic},
    Predeclared{"amq.rabbitmq.trace", ExchangeType::topic, true},
};

}  // namespace

void add_vhost(const std::string& name, TopologyDelta& delta) {
  delta.push_back(VhostAdded{name});
  for (const Predeclared& exchange : predeclared_exchanges) {
    delta.push_back(ExchangeAdded{ExchangeDefinition{
        name, std::string(exchange.name), exchange.type, true, false, exchange.internal, {}, {}}});
  }
}

bool is_predeclared_exchange(std::string_view name) {
  return std::ranges::any_of(predeclared_exchanges,
                             [&](const Predeclared& one) { return one.name == name; });
}

}  // namespace leveret::broker
