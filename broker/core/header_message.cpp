#include "broker/core/header_message.hpp"

#include <algorithm>
#include <vector>

#include "broker/core/shard_state.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::broker {

namespace {
constexpr std::size_t key_max_bytes = 255;
constexpr std::uint8_t persistent_delivery_mode = 2;
}  // namespace

void publish_headers(ShardState& shard, Vhost& vhost, const HeaderMessage& wanted) {
  ExchangeRecord* exchange = shard.topology().find_exchange(vhost, wanted.exchange);
  if (exchange == nullptr || exchange->binding_count == 0) return;

  std::vector<std::byte> table(wanted.headers.encoded_size() + sizeof(std::uint32_t));
  protocol::WireWriter table_writer(table);
  wanted.headers.encode(table_writer);
  protocol::BasicProperties properties = wanted.properties;
  properties.headers = protocol::TableView{std::span(table).subspan(sizeof(std::uint32_t))};
  std::vector<std::byte> encoded(properties.encoded_size());
  protocol::WireWriter writer(encoded);
  properties.encode(writer);

  const std::string_view key =
      wanted.routing_key.substr(0, std::min(wanted.routing_key.size(), key_max_bytes));
  const auto message =
      Message::create(wanted.exchange, key, encoded, wanted.body.size());
  message->append_body(wanted.body);
  LazyProperties lazy_properties(properties);
  std::vector<RouteTarget> targets;
  const std::string_view keys[] = {key};
  shard.topology().route(vhost, *exchange, keys, lazy_properties, targets);
  const bool persistent = properties.delivery_mode == persistent_delivery_mode;
  shard.publish({message, targets, persistent, std::nullopt, {}, {}});
}

}  // namespace leveret::broker
