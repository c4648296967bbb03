#include "broker/links/federation_headers.hpp"

#include <algorithm>
#include <utility>

#include "broker/core/federation_index.hpp"

namespace leveret::links {

using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldValue;

namespace {

const char* const received_from_header = "x-received-from";
const char* const bound_from_argument = "x-bound-from";

const FieldArray* array_of(const FieldTable& table, std::string_view name) {
  const FieldValue* value = table.find(name);
  return value == nullptr ? nullptr : value->as_array();
}

bool says(const FieldTable& table, std::string_view name, const std::string& text) {
  const FieldValue* value = table.find(name);
  return value != nullptr && value->as_string() == text;
}

bool has_been_at(const FieldArray& places, const FederationPlace& place) {
  return std::ranges::any_of(places, [&](const FieldValue& value) {
    const FieldTable* table = value.as_table();
    return table != nullptr && says(*table, "cluster-name", place.cluster_name) &&
           says(*table, "vhost", place.vhost);
  });
}

bool is_same_source(const FieldTable& one, const FieldTable& other) {
  return std::ranges::all_of(
      std::initializer_list<std::string_view>{"uri", "virtual_host", "queue"},
      [&](std::string_view name) {
        const FieldValue* left = one.find(name);
        const FieldValue* right = other.find(name);
        return left == nullptr || right == nullptr ? left == right : *left == *right;
      });
}

/// Takes a queue's own entry out of the header, and says how often the message was here before.
std::int64_t take_visit_count(FieldTable& headers, const FieldArray& places,
                              const FieldTable& own) {
  FieldArray others;
  std::int64_t count = 0;
  for (const FieldValue& value : places) {
    const FieldTable* table = value.as_table();
    if (table == nullptr || !is_same_source(*table, own)) {
      others.push_back(value);
      continue;
    }
    const FieldValue* visits = table->find("visit-count");
    if (visits != nullptr) count = visits->as_integer().value_or(0);
  }
  headers.set(received_from_header, FieldValue::array(std::move(others)));
  return count;
}

}  // namespace

bool may_forward(const FieldTable& headers, std::uint32_t max_hops, const FederationPlace& here) {
  return broker::may_be_forwarded(&headers, max_hops, here.cluster_name, here.vhost);
}

void add_received_from_exchange(MessageHeaders& message, const ReceivedFrom& from) {
  FieldTable entry;
  entry.set("uri", FieldValue::long_string(from.uri));
  entry.set("exchange", FieldValue::long_string(from.name));
  entry.set("redelivered", FieldValue::boolean(from.redelivered));
  if (!from.upstream.cluster_name.empty()) {
    entry.set("cluster-name", FieldValue::long_string(from.upstream.cluster_name));
  }
  entry.set("vhost", FieldValue::long_string(from.upstream.vhost));
  message.prepend_table(received_from_header, std::move(entry));
}

void add_received_from_queue(MessageHeaders& message, const ReceivedFrom& from,
                             const std::string& exchange, const std::string& routing_key) {
  FieldTable entry;
  entry.set("uri", FieldValue::long_string(from.uri));
  entry.set("queue", FieldValue::long_string(from.name));
  FieldTable& headers = message.headers();
  std::int64_t visit_count = 0;
  if (const FieldArray* places = array_of(headers, received_from_header)) {
    visit_count = take_visit_count(headers, FieldArray(*places), entry);
  } else {
    // Later on, they would be the default exchange and the name of a queue.
    headers.set("x-original-exchange", FieldValue::long_string(exchange));
    headers.set("x-original-routing-key", FieldValue::long_string(routing_key));
  }
  if (const FieldValue* copies = headers.find("CC")) {
    // It goes to one queue here, and not to those that it was copied to there.
    FieldValue kept = *copies;
    headers.erase("CC");
    headers.set("x-original-cc", std::move(kept));
  }
  entry.set("redelivered", FieldValue::boolean(from.redelivered));
  entry.set("visit-count", FieldValue::int64(visit_count + 1));
  message.prepend_table(received_from_header, std::move(entry));
}

std::optional<FieldTable> bound_from(const FieldTable& arguments, std::uint32_t max_hops,
                                     const FederationPlace& here, const std::string& downstream,
                                     const FederationPlace& upstream) {
  std::int64_t hops = max_hops;
  FieldArray entries;
  if (const FieldArray* earlier = array_of(arguments, bound_from_argument)) {
    if (earlier->empty() || has_been_at(*earlier, upstream)) return std::nullopt;
    const FieldTable* last = earlier->front().as_table();
    const FieldValue* left = last == nullptr ? nullptr : last->find("hops");
    const std::int64_t hops_left = left == nullptr ? 0 : left->as_integer().value_or(0);
    hops = std::min(hops, hops_left - 1);
    entries = *earlier;
  }
  if (hops <= 0) return std::nullopt;
  FieldTable entry;
  entry.set("cluster-name", FieldValue::long_string(here.cluster_name));
  entry.set("vhost", FieldValue::long_string(here.vhost));
  entry.set("exchange", FieldValue::long_string(downstream));
  entry.set("hops",
            FieldValue::int16(static_cast<std::int16_t>(std::min<std::int64_t>(hops, INT16_MAX))));
  entries.insert(entries.begin(), FieldValue::table(std::move(entry)));
  FieldTable result = arguments;
  result.set(bound_from_argument, FieldValue::array(std::move(entries)));
  return result;
}

bool is_bound_from(const FieldTable& arguments) {
  return array_of(arguments, bound_from_argument) != nullptr;
}

}  // namespace leveret::links
