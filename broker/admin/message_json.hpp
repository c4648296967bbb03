/// Messages as the API writes and reads them.
///
/// Thread: pure functions, any.
/// Spec:   RabbitMQ's HTTP API: /queues/V/Q/get and /exchanges/V/X/publish.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "broker/admin/amqp_client.hpp"

namespace leveret::admin {

/// A message that basic.get has given. A payload that is no text, or any if `auto_encoding` is not
/// wanted, is in base64. `truncate_bytes`: only so much of it is shown.
boost::json::object got_message_json(const AmqpAnswer& message, bool auto_encoding,
                                     std::optional<std::uint64_t> truncate_bytes);

/// Reads an object of AMQP's properties, `headers` among them: flags and values. Names that it does
/// not know are passed over. Error: a sentence.
Result<std::vector<std::byte>, std::string> read_properties(const boost::json::object& object);

/// A table as AMQP writes it, without its length.
std::vector<std::byte> encode_table(const protocol::FieldTable& table);

}  // namespace leveret::admin
