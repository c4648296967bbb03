#include "broker/admin/exchange_types.hpp"

#include <boost/json/value.hpp>

#include "broker/core/control_port.hpp"

namespace leveret::admin {

namespace json = boost::json;

json::array exchange_types_json() {
  json::array types;
  for (std::uint8_t type = 0; type < broker::exchange_type_count; ++type) {
    const auto name = exchange_type_name(static_cast<broker::ExchangeType>(type));
    types.push_back({{"name", name}, {"description", ""}, {"enabled", true}});
  }
  return types;
}

}  // namespace leveret::admin
