/// The identity of a binding of one exchange: where it leads, its routing key and its arguments.
///
/// Owner:  whoever declares or removes a binding.   Thread: plain value.
/// Spec:   queue.bind (50,20), queue.unbind (50,50), exchange.bind (40,30), exchange.unbind
///         (40,40).
#pragma once

#include <string>

#include "broker/core/destination.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// Two bindings of an exchange are the same one when all three parts are equal.
struct BindingKey {
  Destination destination;
  std::string routing_key;
  protocol::FieldTable arguments;

  bool operator==(const BindingKey& other) const;
};

/// Whether two argument tables identify the same binding: equal fields, types included, in any
/// order. Only the outermost table is compared in any order; this is RabbitMQ's rule.
bool same_binding_arguments(const protocol::FieldTable& left, const protocol::FieldTable& right);

}  // namespace leveret::broker
