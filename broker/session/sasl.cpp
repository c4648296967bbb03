#include "broker/session/sasl.hpp"

#include "protocol/bytes.hpp"
#include "protocol/field_table.hpp"

namespace leveret::broker {

using protocol::AmqpError;

namespace {

Result<Credentials, AmqpError> parse_plain(std::string_view response) {
  // NUL user NUL password. An identity to act for, before the first NUL, is refused as RabbitMQ
  // refuses it; a password may contain anything but NUL. RabbitMQ's text shows the response, and
  // with it the password, in its log; ours does not.
  const auto malformed = [] {
    return tl::unexpected(AmqpError::syntax_error("the PLAIN response is invalid"));
  };
  if (response.empty() || response.front() != '\0') return malformed();
  response.remove_prefix(1);
  const std::size_t end_of_user = response.find('\0');
  if (end_of_user == std::string_view::npos) return malformed();
  const std::string_view password = response.substr(end_of_user + 1);
  if (password.find('\0') != std::string_view::npos) return malformed();
  return Credentials{std::string(response.substr(0, end_of_user)), std::string(password)};
}

Result<Credentials, AmqpError> parse_amqplain(std::span<const std::byte> response) {
  // A field table without the length before it.
  const auto table = protocol::FieldTable::decode(response);
  if (!table) return tl::unexpected(table.error());
  const auto text_of_field = [&](std::string_view name) -> std::optional<std::string_view> {
    const protocol::FieldValue* value = table->find(name);
    return value == nullptr ? std::nullopt : value->as_string();
  };
  if (table->find("LOGIN") == nullptr || table->find("PASSWORD") == nullptr) {
    return tl::unexpected(
        AmqpError::syntax_error("AMQPLAIN auth info is missing LOGIN or PASSWORD field"));
  }
  const auto login = text_of_field("LOGIN");
  const auto password = text_of_field("PASSWORD");
  if (!login || !password) {
    return tl::unexpected(AmqpError::syntax_error(
        "AMQPLAIN auth info uses unsupported type for LOGIN or PASSWORD field"));
  }
  return Credentials{std::string(*login), std::string(*password)};
}

}  // namespace

Result<Credentials, AmqpError> parse_sasl_response(std::string_view mechanism,
                                                   std::span<const std::byte> response) {
  if (mechanism == "PLAIN") return parse_plain(protocol::text_of(response));
  if (mechanism == "AMQPLAIN") return parse_amqplain(response);
  return tl::unexpected(AmqpError::command_invalid("unknown authentication mechanism '" +
                                                   std::string(mechanism) + "'"));
}

}  // namespace leveret::broker
