#include "broker/core/dead_letters.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "broker/core/sender_selected.hpp"
#include "broker/core/shard_state.hpp"
#include "protocol/basic_properties.hpp"
#include "protocol/wire_writer.hpp"

namespace leveret::broker {

using protocol::BasicProperties;
using protocol::FieldTable;

namespace {

constexpr std::uint64_t share_of_a_turn_bytes = 64 * 1024;
constexpr std::uint64_t cost_of_a_letter_bytes = 1024;
constexpr std::uint8_t persistent_delivery_mode = 2;

FieldTable headers_of(const BasicProperties& properties) {
  if (!properties.headers) return {};
  // Those of a published message have been checked; what a log has kept, too.
  auto decoded = properties.headers->decode();
  return decoded ? std::move(*decoded) : FieldTable{};
}

/// The message as it goes on: to another exchange, perhaps by another key, with its history.
boost::intrusive_ptr<Message> rewritten(const Message& message, std::string_view exchange,
                                        std::string_view routing_key, BasicProperties properties,
                                        const FieldTable& headers,
                                        std::span<const std::byte> blind_keys) {
  std::vector<std::byte> table(4 + headers.encoded_size());
  protocol::WireWriter table_writer(table);
  headers.encode(table_writer);
  properties.headers = protocol::TableView{std::span(table).subspan(4)};
  properties.expiration.reset();
  std::vector<std::byte> encoded(properties.encoded_size());
  protocol::WireWriter writer(encoded);
  properties.encode(writer);
  auto made =
      Message::create(exchange, routing_key, encoded, message.body_size(), blind_keys);
  made->append_body(message.body());
  return made;
}

}  // namespace

void DeadLetters::publish() {
  std::uint64_t spent_bytes = 0;
  while (!waiting_.empty() && spent_bytes < share_of_a_turn_bytes) {
    DeadLetter letter = waiting_.pop_front();
    spent_bytes += letter.entry.message->body_size() + cost_of_a_letter_bytes;
    const bool is_promised = letter.queue->settings.keeps_dead_letters();
    if (!(is_promised ? promised_.add(std::move(letter)) : publish(letter))) break;
  }
}

/// False when a shard that it went to is behind.
bool DeadLetters::publish(const DeadLetter& letter) {
  targets_.clear();
  const Routed routed = route(letter, targets_);
  const bool has_room =
      targets_.empty() ||
      shard_.publish({routed.message, targets_, routed.persistent, std::nullopt, {}, {}});
  shard_.settle_in_log(letter.entry);
  return has_room;
}

DeadLetters::Routed DeadLetters::route(const DeadLetter& letter,
                                       std::vector<RouteTarget>& targets) {
  const QueueDefinition& queue = *letter.queue;
  const Message& message = *letter.entry.message;
  Vhost* vhost = shard_.topology().find_vhost(queue.vhost);
  const std::string& exchange_name = *queue.settings.dead_letter_exchange;
  ExchangeRecord* exchange =
      vhost == nullptr ? nullptr : shard_.topology().find_exchange(*vhost, exchange_name);
  if (exchange == nullptr) return {};
  BasicProperties properties;
  if (!properties.read(message.properties())) return {};

  FieldTable headers = headers_of(properties);
  std::vector<std::string> selected;  // CC; the headers are about to change.
  {
    std::vector<std::string_view> keys;
    if (append_sender_selected_keys(headers, keys)) selected.assign(keys.begin(), keys.end());
  }
  Death death{letter.reason, queue.name, message.exchange(), {message.routing_key()}, {}, {}};
  death.routing_keys.insert(death.routing_keys.end(), selected.begin(), selected.end());
  death.expiration = properties.expiration.value_or(std::string_view{});
  death.time = shard_.wall_time();
  record_death(headers, death);

  std::vector<std::string_view> keys{message.routing_key()};
  std::span<const std::byte> blind_keys;
  if (const auto& key = queue.settings.dead_letter_routing_key) {
    keys.front() = *key;
    headers.erase("CC");
  } else {
    blind_keys = message.blind_keys();
    const auto blind = read_blind_keys(blind_keys);
    keys.insert(keys.end(), selected.begin(), selected.end());
    keys.insert(keys.end(), blind.begin(), blind.end());
  }
  const MessageRef made =
      rewritten(message, exchange_name, keys.front(), properties, headers, blind_keys);
  BasicProperties made_properties;
  if (!made_properties.read(made->properties())) return {};
  LazyProperties lazy_properties(made_properties);
  shard_.topology().route(*vhost, *exchange, keys, lazy_properties, targets);
  drop_cycles(*vhost, headers, targets);
  return {made, properties.delivery_mode == persistent_delivery_mode};
}

void DeadLetters::drop_cycles(Vhost& vhost, const FieldTable& headers,
                              std::vector<RouteTarget>& targets) {
  if (targets.empty()) return;
  for (const std::string& name : queues_of_cycle(headers)) {
    const QueueRecord* known = shard_.topology().find_queue(vhost, name);
    if (known == nullptr) continue;
    std::erase_if(targets, [&](const RouteTarget& target) {
      return target.queue == known->definition->ref;
    });
  }
}

}  // namespace leveret::broker
