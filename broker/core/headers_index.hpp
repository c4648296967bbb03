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
#include <cstdint>
#include <vector>

#include "broker/core/binding_key.hpp"
#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// Checks the arguments of a binding to a headers exchange. Error: 406 precondition_failed for an
/// `x-match` that is none of the four, soft.
Result<void, protocol::AmqpError> check_headers_binding(const protocol::FieldTable& arguments);

class HeadersIndex {
 public:
  /// Adds a binding. False when the very same one exists. An `x-match` that means nothing counts
  /// as `all`.
  bool add(const BindingKey& binding);

  /// Removes a binding. False when there is none.
  bool remove(const BindingKey& binding);

  /// Appends where a message with these headers goes; null when it has none. May append a
  /// destination more than once. Takes time linear in the bindings.
  void match(const protocol::FieldTable* headers, std::vector<Destination>& out) const;

  std::size_t binding_count() const { return bindings_.size(); }

 private:
  /// One header that a binding asks for.
  struct Term {
    std::uint32_t field = 0;       ///< Place in the binding's arguments.
    std::uint32_t occurrence = 0;  ///< How many arguments before it have the same name.
  };
  struct Binding {
    BindingKey key;
    std::vector<Term> terms;
    bool any = false;
  };

  using Field = protocol::FieldTable::Field;

  const Field* find_header(const protocol::FieldTable& headers, const Field& asked,
                           std::uint32_t occurrence) const;
  bool matches(const Binding& binding, const protocol::FieldTable* headers) const;
  void sort_headers(const protocol::FieldTable* headers) const;

  std::vector<Binding> bindings_;
  mutable std::vector<const Field*> sorted_headers_;  ///< Scratch; empty when searched linearly.
};

}  // namespace leveret::broker
