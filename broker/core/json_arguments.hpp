/// Arguments as JSON writes them, in definitions files and parameters.
///
/// Thread: pure functions, any.
/// Spec:   RabbitMQ's rabbit_misc:to_amqp_table: integers are 64 bits wide, null is void.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "protocol/base/result.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

/// Error: a sentence, for a number that no field has room for.
Result<protocol::FieldTable, std::string> table_of_json(const boost::json::object& object);

}  // namespace leveret::broker
