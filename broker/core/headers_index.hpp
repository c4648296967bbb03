/// Routing index of a headers exchange: bindings ask for headers instead of a routing key.
///
/// A binding's arguments are what it asks for, `x-match` says how: `all` (the default) or `any` of
/// them must be there with that value; both leave out arguments whose names begin with `x-`, which
/// `all-with-x` and `any-with-x` do not. A void argument asks only that the header is there. A
/// binding that asks for nothing matches every message with `all`, none with `any`.
///
/// Owner:  one BindingIndex.   Thread: that exchange's shard; takes no lock. Matching uses scratch
///         memory of the index, so even two matches must not run at once.
/// Spec:   AMQP 0-9-1 section 3.1.3.4, with the rules of RabbitMQ 3.10 and later.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "broker/core/binding_key.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// Checks the arguments of a binding to a headers exchange. Error: 406 precondition_failed for an
/// `x-match` that is none of the four, soft.
Result<void, protocol::AmqpError> check_headers_binding(const protocol::FieldTable& arguments);

/// A binding is looked up by one header that it asks for, the one that the fewest others ask for,
/// and one with `any` by all of them. What a match costs is therefore the message's headers, and
/// the bindings that ask for one of them.
class HeadersIndex {
 public:
  HeadersIndex();
  ~HeadersIndex();
  HeadersIndex(HeadersIndex&&) noexcept;
  HeadersIndex& operator=(HeadersIndex&&) noexcept;

  /// Adds a binding. False when the very same one exists. An `x-match` that means nothing counts
  /// as `all`.
  bool add(const BindingKey& binding);

  /// Removes a binding. False when there is none.
  bool remove(const BindingKey& binding);

  /// Appends where a message with these headers goes; null when it has none. May append a
  /// destination more than once, but only once for each of its bindings.
  void match(const protocol::FieldTable* headers, std::vector<Destination>& out) const;

  std::size_t binding_count() const;

 private:
  struct Bindings;
  std::unique_ptr<Bindings> bindings_;  ///< Absent while there is none.
};

}  // namespace leveret::broker
