/// What a client answers to connection.start, by the mechanism it chose.
///
/// Thread: pure functions.   Spec: RFC 4616 (PLAIN); AMQPLAIN is RabbitMQ's, from AMQP 0-8.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "protocol/amqp_error.hpp"
#include "protocol/base/result.hpp"

namespace leveret::broker {

/// All that is implemented. A mechanism without a password, such as EXTERNAL, belongs here, into
/// parse_sasl_response and into what decides on the outcome: all three or none.
inline constexpr std::array<std::string_view, 2> supported_sasl_mechanisms{"PLAIN", "AMQPLAIN"};

struct Credentials {
  std::string user;
  std::string password;
};

/// Errors: 503 for a mechanism that is not implemented, 502 for a response that is not of the
/// mechanism's form.
Result<Credentials, protocol::AmqpError> parse_sasl_response(std::string_view mechanism,
                                                             std::span<const std::byte> response);

}  // namespace leveret::broker
