#include "broker/core/amqp_uri.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

namespace leveret::broker {

namespace {

using Failure = std::optional<std::string>;  ///< None: it went well.

std::string quoted(std::string_view text) {
  if (text.empty()) return "[]";  // To Erlang the same.
  std::string result = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') result += '\\';
    result += character;
  }
  return result + "\"";
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char letter) { return std::tolower(letter); });
  return result;
}

template <class Integer>
bool read_integer(std::string_view text, Integer& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

/// Characters as an Erlang list has them behind an atom.
std::string codes(std::string_view text) {
  std::string result;
  for (const char character : text) {
    result += "," + std::to_string(static_cast<unsigned char>(character));
  }
  return result;
}

Failure decode(std::string_view text, std::string& decoded) {
  decoded.clear();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    if (at + 2 >= text.size()) {
      return "{unterminated_entity,['%'" + codes(text.substr(at + 1)) + "]}";
    }
    const std::string_view digits = text.substr(at + 1, 2);
    unsigned code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + 2, code, 16);
    if (error != std::errc{} || end != digits.data() + 2) {
      return "{invalid_entitiy,['%'" + codes(digits) + "]}";  // RabbitMQ's spelling.
    }
    decoded += static_cast<char>(code);
    at += 2;
  }
  return {};
}

/// The parts of a URI, not yet decoded.
struct Parts {
  std::string_view scheme, user_info, host, port, path, query;
  bool has_user_info = false, has_host = false, has_port = false, has_path = false;
};

std::optional<Parts> split(std::string_view text) {
  Parts parts;
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos || scheme_end == 0) return std::nullopt;
  parts.scheme = text.substr(0, scheme_end);
  std::string_view rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  if (const std::size_t mark = rest.find('?'); mark != std::string_view::npos) {
    parts.query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    parts.has_path = true;
    parts.path = rest.substr(slash + 1);
  }
  std::string_view authority = rest.substr(0, slash);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    parts.has_user_info = true;
    parts.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  std::size_t host_end = authority.find(':');
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    parts.host = authority.substr(1, bracket - 1);
    host_end = authority.find(':', bracket);
    if (host_end != bracket + 1 && bracket + 1 != authority.size()) return std::nullopt;
  } else {
    parts.host = authority.substr(0, host_end);
  }
  parts.has_host = !parts.host.empty();
  if (host_end != std::string_view::npos) {
    parts.has_port = true;
    parts.port = authority.substr(host_end + 1);
  }
  return parts;
}

Failure read_user_info(std::string_view user_info, AmqpUri& uri) {
  const std::size_t colon = user_info.find(':');
  if (auto failure = decode(user_info.substr(0, colon), uri.user.emplace())) return failure;
  if (colon == std::string_view::npos) return {};
  return decode(user_info.substr(colon + 1), uri.password.emplace());
}

/// One field of the query, and all of them for the words of an error.
struct QueryField {
  std::string_view name, value, all;
};

std::string wrong_field(const QueryField& field, const std::string& reason) {
  return "{invalid_amqp_params_parameter," + std::string(field.name) + "," + quoted(field.value) +
         ",[" + std::string(field.all) + "]," + reason + "}";
}

template <class Integer>
Failure read_limit(const QueryField& field, Integer& limit) {
  std::int64_t number = 0;
  if (!read_integer(field.value, number) || number < 0) {
    return wrong_field(field, "{not_an_integer," + quoted(field.value) + "}");
  }
  limit = static_cast<Integer>(
      std::min<std::int64_t>(number, std::numeric_limits<Integer>::max()));
  return {};
}

Failure read_mechanism(std::string_view value, AmqpUri& uri) {
  const std::string_view prefix = "amqp_auth_mechanisms:";
  const std::string_view name = value.starts_with(prefix) ? value.substr(prefix.size()) : value;
  if (name != "plain" && name != "amqplain" && name != "external") {
    return "{unknown_mechanism," + quoted(value) + "}";
  }
  std::string mechanism(name);
  std::ranges::transform(mechanism, mechanism.begin(),
                         [](unsigned char letter) { return std::toupper(letter); });
  uri.mechanisms.push_back(std::move(mechanism));
  return {};
}

Failure read_query_field(const QueryField& field, AmqpUri& uri) {
  const std::string_view name = field.name;
  if (name == "heartbeat") return read_limit(field, uri.heartbeat_s);
  if (name == "channel_max") return read_limit(field, uri.channel_max);
  if (name == "frame_max") return read_limit(field, uri.frame_max_bytes);
  if (name == "connection_timeout") return read_limit(field, uri.connection_timeout_ms);
  if (name == "auth_mechanism") {
    return uri.is_local() ? Failure() : read_mechanism(field.value, uri);
  }
  for (const std::string_view fixed :
       {"username", "virtual_host", "host", "port", "ssl_options", "auth_mechanisms",
        "client_properties", "socket_options"}) {
    if (name != fixed) continue;
    return wrong_field(field, "{parameter_unconfigurable_in_query," + std::string(name) + "," +
                                  quoted(field.value) + "}");
  }
  return {};  // RabbitMQ does not look at others; those of TLS are among them.
}

Failure read_query(std::string_view query, AmqpUri& uri) {
  std::vector<std::pair<std::string_view, std::string>> fields;
  std::string all;
  while (!query.empty()) {
    const std::string_view field = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), field.size() + 1));
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) continue;
    std::string value;
    if (auto failure = decode(field.substr(equals + 1), value)) return failure;
    all += (all.empty() ? "{" : ",{") + quoted(field.substr(0, equals)) + "," + quoted(value) + "}";
    fields.emplace_back(field.substr(0, equals), std::move(value));
  }
  const std::vector<std::string> usual = std::move(uri.mechanisms);
  uri.mechanisms.clear();
  for (const auto& [name, value] : fields) {
    if (auto failure = read_query_field({name, value, all}, uri)) return failure;
  }
  if (uri.mechanisms.empty()) uri.mechanisms = usual;
  return {};
}

Failure read_parts(const Parts& parts, AmqpUri& uri) {
  const std::string scheme = lower(parts.scheme);
  if (scheme != "amqp" && scheme != "amqps") {
    return "{unexpected_uri_scheme," + quoted(scheme) + "}";
  }
  uri.is_tls = scheme == "amqps";
  uri.port = uri.is_tls ? 5671 : 5672;
  if (parts.has_port) {
    std::int64_t port = 0;
    if (!read_integer(parts.port, port)) {
      return "{unable_to_parse_uri,{invalid_port," + quoted(parts.port) + "}}";
    }
    if (port < 1 || port > 65535) return "{port_out_of_range," + std::string(parts.port) + "}";
    uri.port = static_cast<std::uint16_t>(port);
    if (!parts.has_host) return "port_requires_host";
  }
  if (parts.has_path) {
    if (parts.path.find('/') != std::string_view::npos) {
      return "{invalid_vhost," + quoted(parts.path) + "}";
    }
    if (auto failure = decode(parts.path, uri.vhost.emplace())) return failure;
  }
  if (auto failure = decode(parts.host, uri.host)) return failure;
  if (parts.has_user_info) {
    if (auto failure = read_user_info(parts.user_info, uri)) return failure;
  }
  return read_query(parts.query, uri);
}

}  // namespace

Result<AmqpUri, std::string> AmqpUri::parse(std::string_view text) {
  AmqpUri uri;
  Failure failure;
  if (const auto parts = split(text)) {
    failure = read_parts(*parts, uri);
  } else {
    failure = "{unable_to_parse_uri,no_scheme}";
  }
  // RabbitMQ says with each reason which URI it is about.
  if (failure) return tl::unexpected("{" + *failure + "," + quoted(text) + "}");
  return uri;
}

std::string without_credentials(std::string_view uri) {
  const auto parts = split(uri);
  if (!parts) return "(no URI)";
  std::string shown = std::string(parts->scheme) + "://" + std::string(parts->host);
  if (parts->has_port) shown += ":" + std::string(parts->port);
  if (parts->has_path) shown += "/" + std::string(parts->path);
  return shown;
}

}  // namespace leveret::broker
