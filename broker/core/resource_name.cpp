#include "broker/core/resource_name.hpp"

#include <algorithm>
#include <iterator>

namespace leveret::broker {
namespace {

using protocol::AmqpError;

constexpr std::string_view reserved_prefix = "amq.";

std::string resource(std::string_view kind, std::string_view name, std::string_view vhost) {
  std::string text;
  text.reserve(kind.size() + name.size() + vhost.size() + 16);
  text.append(kind).append(" '").append(name).append("' in vhost '").append(vhost).append("'");
  return text;
}

Result<void, AmqpError> check_not_reserved(std::string_view kind, std::string_view name) {
  if (!name.starts_with(reserved_prefix)) return {};
  std::string text(kind);
  text.append(" name '").append(name).append("' contains reserved prefix 'amq.*'");
  return tl::unexpected(AmqpError::access_refused(std::move(text)));
}

}  // namespace

std::string queue_resource(std::string_view queue, std::string_view vhost) {
  return resource("queue", queue, vhost);
}

std::string exchange_resource(std::string_view exchange, std::string_view vhost) {
  return resource("exchange", exchange, vhost);
}

std::string strip_line_breaks(std::string_view name) {
  std::string stripped;
  stripped.reserve(name.size());
  std::ranges::copy_if(name, std::back_inserter(stripped),
                       [](char byte) { return byte != '\r' && byte != '\n'; });
  return stripped;
}

Result<void, AmqpError> check_queue_name(std::string_view queue) {
  return check_not_reserved("queue", queue);
}

Result<void, AmqpError> check_exchange_name(std::string_view exchange) {
  return check_not_reserved("exchange", exchange);
}

Result<void, AmqpError> check_not_default_exchange(std::string_view exchange) {
  if (!exchange.empty()) return {};
  return tl::unexpected(
      AmqpError::access_refused("operation not permitted on the default exchange"));
}

Result<void, AmqpError> check_exchange_deletion(std::string_view exchange, std::string_view vhost) {
  if (auto checked = check_not_default_exchange(exchange); !checked) return checked;
  if (!exchange.starts_with(reserved_prefix)) return {};
  return tl::unexpected(AmqpError::access_refused("deletion of system " +
                                                  exchange_resource(exchange, vhost) +
                                                  " not allowed"));
}

}  // namespace leveret::broker
