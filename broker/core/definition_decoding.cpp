// Keys and values of the log, read back; and definitions in words.

#include <algorithm>
#include <cstddef>
#include <utility>

#include "broker/core/definition_bytes.hpp"
#include "broker/core/durable_definitions.hpp"
#include "broker/core/resource_name.hpp"
#include "protocol/bytes.hpp"
#include "protocol/utf8.hpp"
#include "protocol/wire_reader.hpp"

namespace leveret::broker {

using protocol::WireReader;

namespace {

using Checked = Result<void, std::string>;

tl::unexpected<std::string> wrong(std::string what) { return tl::unexpected(std::move(what)); }

std::string read_text(WireReader& reader) { return std::string(reader.read_long_string()); }

Checked read_table(WireReader& reader, protocol::FieldTable& table) {
  auto decoded = reader.read_table().decode();
  if (!decoded) return wrong("has arguments that cannot be read: " + decoded.error().explanation());
  table = std::move(*decoded);
  return {};
}

/// A byte below `count`.
Checked read_choice(WireReader& reader, std::string_view what, std::uint8_t count,
                    std::uint8_t& choice) {
  choice = reader.read_u8();
  if (choice < count) return {};
  return wrong("has " + std::string(what) + " " + std::to_string(choice) +
               ", which this version does not know");
}

Checked read_flags(WireReader& reader, std::uint8_t known, std::uint8_t& flags) {
  flags = reader.read_u8();
  if ((flags & ~known) == 0) return {};
  return wrong("has flags " + std::to_string(flags) + ", some of which this version does not know");
}

// ---- keys ----------------------------------------------------------------------------------

Result<DurableDefinition, std::string> read_binding_key(WireReader& reader) {
  BindingDefinition binding;
  binding.vhost = read_text(reader);
  binding.source = read_text(reader);
  std::uint8_t kind = 0;
  if (auto read = read_choice(reader, "a destination of kind", 2, kind); !read) {
    return wrong(std::move(read.error()));
  }
  binding.to_queue = kind == 0;
  binding.destination = read_text(reader);
  binding.routing_key = read_text(reader);
  if (auto read = read_table(reader, binding.arguments); !read) {
    return wrong(std::move(read.error()));
  }
  return binding;
}

Result<DurableDefinition, std::string> read_parameter_key(WireReader& reader) {
  ParameterDefinition parameter;
  std::uint8_t scope = 0;
  if (auto read = read_choice(reader, "the scope", 2, scope); !read) {
    return wrong(std::move(read.error()));
  }
  if (scope == 1) parameter.key.vhost = read_text(reader);
  parameter.key.component = read_text(reader);
  parameter.key.name = read_text(reader);
  return parameter;
}

/// A definition with what its key says.
Result<DurableDefinition, std::string> read_key(WireReader& reader) {
  const std::uint8_t kind = reader.read_u8();
  if (reader.failed()) return wrong("is empty");
  switch (static_cast<DefinitionKind>(kind)) {
    case DefinitionKind::vhost: return VhostDefinition{read_text(reader)};
    case DefinitionKind::user: return User{read_text(reader), {}, {}};
    case DefinitionKind::permissions: {
      PermissionDefinition granted;
      granted.user = read_text(reader);
      granted.vhost = read_text(reader);
      return granted;
    }
    case DefinitionKind::topic_permissions: {
      TopicPermissionDefinition granted;
      granted.user = read_text(reader);
      granted.vhost = read_text(reader);
      granted.exchange = read_text(reader);
      return granted;
    }
    case DefinitionKind::exchange: {
      ExchangeDefinition exchange;
      exchange.vhost = read_text(reader);
      exchange.name = read_text(reader);
      exchange.durable = true;
      return exchange;
    }
    case DefinitionKind::queue: {
      QueueDefinition queue;
      queue.vhost = read_text(reader);
      queue.name = read_text(reader);
      queue.durable = true;
      return queue;
    }
    case DefinitionKind::binding: return read_binding_key(reader);
    case DefinitionKind::parameter: return read_parameter_key(reader);
    case DefinitionKind::queue_numbers: return QueueNumbersDefinition{};
  }
  return wrong("is of kind " + std::to_string(kind) + ", which this version does not know");
}

// ---- values --------------------------------------------------------------------------------

Checked read_value(WireReader&, VhostDefinition&) { return {}; }

Checked read_value(WireReader& reader, User& user) {
  std::uint8_t algorithm = 0;
  if (auto read = read_choice(reader, "the hash algorithm", 3, algorithm); !read) return read;
  auto hash = PasswordHash::parse(reader.read_long_string(), static_cast<HashAlgorithm>(algorithm));
  if (!hash) return wrong("cannot be read: " + hash.error());
  user.password_hash = std::move(*hash);
  const std::uint32_t tag_count = reader.read_u32();
  for (std::uint32_t i = 0; i < tag_count && !reader.failed(); ++i) {
    user.tags.push_back(read_text(reader));
  }
  return {};
}

Checked read_value(WireReader& reader, PermissionDefinition& granted) {
  granted.configure = read_text(reader);
  granted.write = read_text(reader);
  granted.read = read_text(reader);
  return {};
}

Checked read_value(WireReader& reader, TopicPermissionDefinition& granted) {
  granted.permissions.write = read_text(reader);
  granted.permissions.read = read_text(reader);
  return {};
}

Checked read_value(WireReader& reader, ExchangeDefinition& exchange) {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  if (auto read = read_choice(reader, "the type", exchange_type_count, type); !read) return read;
  const std::uint8_t known =
      definition_flags::auto_delete | definition_flags::internal | definition_flags::has_number;
  if (auto read = read_flags(reader, known, flags); !read) return read;
  exchange.type = static_cast<ExchangeType>(type);
  exchange.auto_delete = (flags & definition_flags::auto_delete) != 0;
  exchange.internal = (flags & definition_flags::internal) != 0;
  if ((flags & definition_flags::has_number) != 0) {
    exchange.durable_number = reader.read_u64();
    if (exchange.durable_number == 0 && !reader.failed()) return wrong("has the number 0");
  }
  return read_table(reader, exchange.arguments);
}

Checked read_value(WireReader& reader, QueueDefinition& queue) {
  std::uint8_t flags = 0;
  const std::uint8_t known = definition_flags::auto_delete | definition_flags::paused;
  if (auto read = read_flags(reader, known, flags); !read) return read;
  queue.auto_delete = (flags & definition_flags::auto_delete) != 0;
  queue.paused = (flags & definition_flags::paused) != 0;
  queue.durable_number = reader.read_u64();
  if (queue.durable_number == 0 && !reader.failed()) return wrong("has the number 0");
  return read_table(reader, queue.arguments);
}

Checked read_value(WireReader&, BindingDefinition&) { return {}; }

Checked read_value(WireReader& reader, ParameterDefinition& parameter) {
  parameter.json = read_text(reader);
  return {};
}

Checked read_value(WireReader& reader, QueueNumbersDefinition& numbers) {
  numbers.highest_removed = reader.read_u64();
  return {};
}

Checked check_end(const WireReader& reader, std::string_view what) {
  if (reader.failed()) return wrong(std::string(what) + " ends too early");
  if (reader.remaining() > 0) {
    return wrong(std::string(what) + " has " + std::to_string(reader.remaining()) +
                 " bytes too many");
  }
  return {};
}

// ---- words ---------------------------------------------------------------------------------

constexpr std::string_view hex_digits = "0123456789abcdef";

void add_hex(std::string& out, unsigned char byte) {
  out += hex_digits[byte >> 4];
  out += hex_digits[byte & 15];
}

/// A name as a part of one line: what is not printable is shown as \x0a.
std::string shown(std::string_view name) {
  const bool is_text = protocol::is_utf8(name);
  std::string out;
  for (const char character : name) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_text)) {
      out += "\\x";
      add_hex(out, byte);
    } else {
      out += character;
    }
  }
  return out;
}

std::string quoted(std::string_view name) { return "'" + shown(name) + "'"; }

std::string describe(const VhostDefinition& vhost) { return "vhost " + quoted(vhost.name); }
std::string describe(const User& user) { return "user " + quoted(user.name); }
std::string describe(const PermissionDefinition& granted) {
  return "permissions of user " + quoted(granted.user) + " in vhost " + quoted(granted.vhost);
}
std::string describe(const TopicPermissionDefinition& granted) {
  return "topic permissions of user " + quoted(granted.user) + " for " +
         exchange_resource(shown(granted.exchange), shown(granted.vhost));
}
std::string describe(const ExchangeDefinition& exchange) {
  return exchange_resource(shown(exchange.name), shown(exchange.vhost));
}
std::string describe(const QueueDefinition& queue) {
  return queue_resource(shown(queue.name), shown(queue.vhost));
}
std::string describe(const BindingDefinition& binding) {
  return "binding of " + std::string(binding.to_queue ? "queue " : "exchange ") +
         quoted(binding.destination) + " with key " + quoted(binding.routing_key) + " to " +
         exchange_resource(shown(binding.source), shown(binding.vhost));
}
std::string describe(const ParameterDefinition& parameter) {
  return "parameter " + quoted(parameter.key.name) + " of component " +
         quoted(parameter.key.component) +
         (parameter.key.vhost ? " in vhost " + quoted(*parameter.key.vhost) : "");
}
std::string describe(const QueueNumbersDefinition&) { return "numbers of queues"; }

/// A key that may be anything.
std::string key_in_hex(std::string_view key) {
  constexpr std::size_t shown_max_bytes = 64;
  std::string out = "the definition with the key ";
  for (const char character : key.substr(0, shown_max_bytes)) {
    add_hex(out, static_cast<unsigned char>(character));
  }
  if (key.size() > shown_max_bytes) out += "... (" + std::to_string(key.size()) + " bytes)";
  return out;
}

}  // namespace

Result<DurableDefinition, std::string> decode_definition(std::string_view key,
                                                         std::string_view value) {
  WireReader key_reader(protocol::bytes_of(key));
  auto definition = read_key(key_reader);
  if (!definition) return wrong(key_in_hex(key) + ": it " + definition.error());
  if (auto end = check_end(key_reader, "it"); !end) {
    return wrong(key_in_hex(key) + ": " + end.error());
  }
  const auto refuse = [&](const std::string& why) {
    return wrong("the definition of " + describe_definition(*definition) + ": " + why);
  };
  WireReader reader(protocol::bytes_of(value));
  constexpr std::uint8_t known_version = 1;
  const std::uint8_t version = reader.read_u8();
  if (reader.failed()) return refuse("its value is empty");
  if (version != known_version) {
    return refuse("its value has version " + std::to_string(version) +
                  ", which this version does not know");
  }
  const auto read =
      std::visit([&](auto& one) -> Checked { return read_value(reader, one); }, *definition);
  // A text that is cut short may well look wrong before it is found to be short.
  if (reader.failed()) return refuse("its value ends too early");
  if (!read) return refuse("it " + read.error());
  if (auto end = check_end(reader, "its value"); !end) return refuse(end.error());
  return definition;
}

std::string describe_definition(const DurableDefinition& definition) {
  return std::visit([](const auto& one) { return describe(one); }, definition);
}

}  // namespace leveret::broker
