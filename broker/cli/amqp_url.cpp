#include "broker/cli/amqp_url.hpp"

#include <charconv>
#include <optional>

namespace leveret::cli {

namespace {

constexpr std::string_view scheme = "amqp://";

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned code = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc{} || end != digits.data() + 2) return std::nullopt;
    decoded += static_cast<char>(code);
    i += 2;
  }
  return decoded;
}

}  // namespace

Result<AmqpUrl, std::string> AmqpUrl::parse(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return tl::unexpected("'" + std::string(text) + "' is no AMQP URL: " + std::string(why));
  };
  if (!text.starts_with(scheme)) return refuse("it does not begin with amqp://");
  std::string_view rest = text.substr(scheme.size());
  rest = rest.substr(0, rest.find('?'));
  AmqpUrl url;
  const auto set = [](std::string& part, std::string_view encoded) {
    const auto decoded = percent_decoded(encoded);
    if (decoded) part = *decoded;
    return decoded.has_value();
  };

  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos && slash + 1 < rest.size() &&
      !set(url.vhost, rest.substr(slash + 1))) {
    return refuse("a % in the virtual host is not followed by two hexadecimal digits");
  }
  std::string_view authority = rest.substr(0, slash);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    const std::size_t colon = login.find(':');
    const std::string_view password =
        colon == std::string_view::npos ? "" : login.substr(colon + 1);
    if (!set(url.user, login.substr(0, colon)) || !set(url.password, password)) {
      return refuse("a % in user or password is not followed by two hexadecimal digits");
    }
  }
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const std::string_view port = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc{} || end != port.data() + port.size()) {
      return refuse("the port is no number of 0 to 65535");
    }
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) {
    authority = authority.substr(1, authority.size() - 2);
  }
  if (!authority.empty()) url.host = authority;
  return url;
}

}  // namespace leveret::cli
