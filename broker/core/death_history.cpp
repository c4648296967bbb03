#include "broker/core/death_history.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace leveret::broker {
namespace {

using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldType;
using protocol::FieldValue;

constexpr std::string_view history_header = "x-death";

std::string_view text_in(const FieldTable& table, std::string_view name) {
  const FieldValue* value = table.find(name);
  if (value == nullptr || value->type() != FieldType::long_string) return {};
  return *value->as_string();
}

bool is_of(const FieldValue& entry, std::string_view queue, std::string_view reason) {
  const FieldTable* table = entry.as_table();
  return table != nullptr && text_in(*table, "queue") == queue &&
         text_in(*table, "reason") == reason;
}

bool is_rejection(const FieldValue& entry) {
  const FieldTable* table = entry.as_table();
  return table == nullptr || text_in(*table, "reason") == reason_name(DeathReason::rejected);
}

FieldTable first_entry(const Death& death) {
  FieldTable entry;
  entry.append("count", FieldValue::int64(1));
  entry.append("reason", FieldValue::long_string(std::string(reason_name(death.reason))));
  entry.append("queue", FieldValue::long_string(std::string(death.queue)));
  const auto seconds = static_cast<std::int64_t>(death.time) / 1000;
  entry.append("time", FieldValue::timestamp(static_cast<std::uint64_t>(seconds)));
  entry.append("exchange", FieldValue::long_string(std::string(death.exchange)));
  FieldArray keys;
  for (const std::string_view key : death.routing_keys) {
    keys.push_back(FieldValue::long_string(std::string(key)));
  }
  entry.append("routing-keys", FieldValue::array(std::move(keys)));
  if (!death.expiration.empty()) {
    entry.append("original-expiration", FieldValue::long_string(std::string(death.expiration)));
  }
  return entry;
}

/// A client may have written the count: whatever it is, it only grows.
FieldTable counted_on(FieldTable entry) {
  const FieldValue* count = entry.find("count");
  const std::int64_t before = count == nullptr ? 0 : count->as_integer().value_or(0);
  const bool has_room = before < std::numeric_limits<std::int64_t>::max();
  entry.set("count", FieldValue::int64(has_room ? before + 1 : before));
  return entry;
}

/// RabbitMQ's order of what it adds to a history that is there, for clients that compare.
FieldTable sorted(const FieldTable& entry) {
  std::vector<FieldTable::Field> fields(entry.begin(), entry.end());
  std::ranges::stable_sort(fields, {}, &FieldTable::Field::first);
  FieldTable table;
  for (auto& [name, value] : fields) table.append(std::move(name), std::move(value));
  return table;
}

void set_death_headers(FieldTable& headers, std::string_view which, const Death& death) {
  const auto set = [&](std::string_view fact, std::string_view value) {
    headers.set("x-" + std::string(which) + "-death-" + std::string(fact),
                FieldValue::long_string(std::string(value)));
  };
  set("exchange", death.exchange);
  set("queue", death.queue);
  set("reason", reason_name(death.reason));
}

}  // namespace

std::string_view reason_name(DeathReason reason) {
  switch (reason) {
    case DeathReason::rejected: return "rejected";
    case DeathReason::expired: return "expired";
    case DeathReason::maxlen: return "maxlen";
    case DeathReason::delivery_limit: return "delivery_limit";
  }
  return {};
}

void record_death(FieldTable& headers, const Death& death) {
  const FieldValue* known = headers.find(history_header);
  const FieldArray* before = known == nullptr ? nullptr : known->as_array();
  const std::string_view reason = reason_name(death.reason);
  FieldArray history;
  if (before != nullptr) history = *before;
  const auto same = std::ranges::find_if(
      history, [&](const FieldValue& entry) { return is_of(entry, death.queue, reason); });
  FieldTable entry = same == history.end() ? first_entry(death) : counted_on(*same->as_table());
  if (same != history.end()) history.erase(same);
  if (before != nullptr) entry = sorted(entry);
  history.insert(history.begin(), FieldValue::table(std::move(entry)));
  headers.set(std::string(history_header), FieldValue::array(std::move(history)));
  if (headers.find("x-first-death-reason") == nullptr) set_death_headers(headers, "first", death);
  set_death_headers(headers, "last", death);
}

std::vector<std::string> queues_of_cycle(const FieldTable& headers) {
  std::vector<std::string> queues;
  const FieldValue* known = headers.find(history_header);
  const FieldArray* history = known == nullptr ? nullptr : known->as_array();
  if (history == nullptr) return queues;
  for (const FieldValue& entry : *history) {
    if (is_rejection(entry)) break;  // What lies before it has been looked at by somebody.
    const std::string_view queue = text_in(*entry.as_table(), "queue");
    if (std::ranges::find(queues, queue) == queues.end()) queues.emplace_back(queue);
  }
  return queues;
}

}  // namespace leveret::broker
