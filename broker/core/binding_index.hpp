/// The routing index of one exchange of any type.
///
/// Owner:  one exchange.   Thread: that exchange's shard; takes no lock.
#pragma once

#include <cstddef>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/core/binding_key.hpp"
#include "broker/core/direct_index.hpp"
#include "broker/core/exchange_type.hpp"
#include "broker/core/fanout_index.hpp"
#include "broker/core/headers_index.hpp"
#include "broker/core/topic_index.hpp"

namespace leveret::broker {

class BindingIndex {
 public:
  explicit BindingIndex(ExchangeType type);

  ExchangeType type() const;

  /// Adds a binding. False when the very same one exists.
  bool add(const BindingKey& binding);

  /// Removes a binding. False when there is none.
  bool remove(const BindingKey& binding);

  /// Appends where a message goes; may append a destination more than once. `headers` is null when
  /// the message has none; only looked at when needs_headers(). Does not allocate once `out` and
  /// the index's scratch have grown to their size.
  void match(std::string_view routing_key, const protocol::FieldTable* headers,
             std::vector<Destination>& out) const;

  /// Whether the message's headers decide; then its routing keys do not.
  bool needs_headers() const { return std::holds_alternative<HeadersIndex>(index_); }

  std::size_t binding_count() const;
  bool empty() const { return binding_count() == 0; }

 private:
  std::variant<DirectIndex, FanoutIndex, TopicIndex, HeadersIndex> index_;
};

/// Checks what a new binding says, by the type of its exchange. Error: 406 precondition_failed for
/// a headers exchange's bad `x-match`, soft.
Result<void, protocol::AmqpError> check_binding(ExchangeType type,
                                                const protocol::FieldTable& arguments);

}  // namespace leveret::broker
