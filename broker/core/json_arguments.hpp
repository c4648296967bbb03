/// Arguments as JSON writes them, in definitions files, parameters and the HTTP API.
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

/// The other way. What JSON has no word for becomes what RabbitMQ makes of it: a timestamp its
/// number of seconds, bytes a text (each byte that is no UTF-8 as U+FFFD), a decimal a number.
boost::json::object json_of_table(const protocol::FieldTable& table);

}  // namespace leveret::broker
