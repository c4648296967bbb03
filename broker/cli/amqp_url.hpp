/// Where a broker is and who asks: amqp://user:password@host:port/vhost.
///
/// Thread: plain value.   Peer: RabbitMQ's URI specification; a missing path is the vhost "/".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/result.hpp"

namespace leveret::cli {

struct AmqpUrl {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5672;
  std::string user = "guest";
  std::string password = "guest";
  std::string vhost = "/";

  /// Error: a sentence.
  static Result<AmqpUrl, std::string> parse(std::string_view text);
};

}  // namespace leveret::cli
