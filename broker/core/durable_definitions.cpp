#include "broker/core/durable_definitions.hpp"

#include <cstddef>
#include <span>
#include <utility>

#include "broker/core/definition_bytes.hpp"

namespace leveret::broker {

namespace {

DefinitionEncoder key_of(DefinitionKind kind) {
  DefinitionEncoder key;
  key.add_u8(static_cast<std::uint8_t>(kind));
  return key;
}

DefinitionEncoder value_of_version_1() {
  DefinitionEncoder value;
  value.add_u8(1);
  return value;
}

}  // namespace

Result<Permissions, std::string> compile_permissions(const PermissionDefinition& granted) {
  auto configure = PermissionPattern::compile(granted.configure);
  if (!configure) return tl::unexpected(std::move(configure.error()));
  auto write = PermissionPattern::compile(granted.write);
  if (!write) return tl::unexpected(std::move(write.error()));
  auto read = PermissionPattern::compile(granted.read);
  if (!read) return tl::unexpected(std::move(read.error()));
  return Permissions{std::move(*configure), std::move(*write), std::move(*read)};
}

// ---- keys ----------------------------------------------------------------------------------

std::string vhost_key(std::string_view vhost) {
  return key_of(DefinitionKind::vhost).add_text(vhost).take();
}

std::string user_key(std::string_view user) {
  return key_of(DefinitionKind::user).add_text(user).take();
}

std::string permissions_key(std::string_view user, std::string_view vhost) {
  return key_of(DefinitionKind::permissions).add_text(user).add_text(vhost).take();
}

std::string topic_permissions_key(std::string_view user, std::string_view vhost,
                                  std::string_view exchange) {
  return key_of(DefinitionKind::topic_permissions)
      .add_text(user)
      .add_text(vhost)
      .add_text(exchange)
      .take();
}

std::string exchange_key(std::string_view vhost, std::string_view exchange) {
  return key_of(DefinitionKind::exchange).add_text(vhost).add_text(exchange).take();
}

std::string queue_key(std::string_view vhost, std::string_view queue) {
  return key_of(DefinitionKind::queue).add_text(vhost).add_text(queue).take();
}

std::string binding_key(const BindingDefinition& binding) {
  return key_of(DefinitionKind::binding)
      .add_text(binding.vhost)
      .add_text(binding.source)
      .add_u8(binding.to_queue ? 0 : 1)
      .add_text(binding.destination)
      .add_text(binding.routing_key)
      .add_table(binding.arguments)
      .take();
}

std::string parameter_key(const ParameterKey& key) {
  DefinitionEncoder encoder = key_of(DefinitionKind::parameter);
  encoder.add_u8(key.vhost ? 1 : 0);
  if (key.vhost) encoder.add_text(*key.vhost);
  return encoder.add_text(key.component).add_text(key.name).take();
}

// ---- prefixes of keys ----------------------------------------------------------------------

std::string bindings_prefix(std::string_view vhost, std::string_view source) {
  return key_of(DefinitionKind::binding).add_text(vhost).add_text(source).take();
}

std::string vhost_prefix(DefinitionKind kind, std::string_view vhost) {
  DefinitionEncoder prefix = key_of(kind);
  if (kind == DefinitionKind::parameter) prefix.add_u8(1);
  return prefix.add_text(vhost).take();
}

std::string user_prefix(DefinitionKind kind, std::string_view user) {
  return key_of(kind).add_text(user).take();
}

std::string topic_permissions_prefix(std::string_view user, std::string_view vhost) {
  return key_of(DefinitionKind::topic_permissions).add_text(user).add_text(vhost).take();
}

// ---- keys with values ----------------------------------------------------------------------

namespace {

EncodedDefinition encode(const VhostDefinition& vhost) {
  return {vhost_key(vhost.name), value_of_version_1().take()};
}

EncodedDefinition encode(const User& user) {
  // What the log keeps may not change with the order of an enumeration.
  static_assert(static_cast<int>(HashAlgorithm::sha256) == 0 &&
                static_cast<int>(HashAlgorithm::sha512) == 1 &&
                static_cast<int>(HashAlgorithm::md5) == 2);
  DefinitionEncoder value = value_of_version_1();
  value.add_u8(static_cast<std::uint8_t>(user.password_hash.algorithm()));
  value.add_text(user.password_hash.base64());
  value.add_u32(static_cast<std::uint32_t>(user.tags.size()));
  for (const std::string& tag : user.tags) value.add_text(tag);
  return {user_key(user.name), value.take()};
}

EncodedDefinition encode(const PermissionDefinition& granted) {
  return {permissions_key(granted.user, granted.vhost), value_of_version_1()
                                                            .add_text(granted.configure)
                                                            .add_text(granted.write)
                                                            .add_text(granted.read)
                                                            .take()};
}

EncodedDefinition encode(const TopicPermissionDefinition& granted) {
  return {topic_permissions_key(granted.user, granted.vhost, granted.exchange),
          value_of_version_1()
              .add_text(granted.permissions.write)
              .add_text(granted.permissions.read)
              .take()};
}

EncodedDefinition encode(const ExchangeDefinition& exchange) {
  const int flags = (exchange.auto_delete ? definition_flags::auto_delete : 0) |
                    (exchange.internal ? definition_flags::internal : 0) |
                    (exchange.durable_number != 0 ? definition_flags::has_number : 0);
  DefinitionEncoder value = value_of_version_1();
  value.add_u8(static_cast<std::uint8_t>(exchange.type)).add_u8(static_cast<std::uint8_t>(flags));
  if (exchange.durable_number != 0) value.add_u64(exchange.durable_number);
  return {exchange_key(exchange.vhost, exchange.name),
          value.add_table(exchange.arguments).take()};
}

EncodedDefinition encode(const QueueDefinition& queue) {
  const int flags = (queue.auto_delete ? definition_flags::auto_delete : 0) |
                    (queue.paused ? definition_flags::paused : 0);
  return {queue_key(queue.vhost, queue.name),
          value_of_version_1()
              .add_u8(static_cast<std::uint8_t>(flags))
              .add_u64(queue.durable_number)
              .add_table(queue.arguments)
              .take()};
}

EncodedDefinition encode(const BindingDefinition& binding) {
  return {binding_key(binding), value_of_version_1().take()};
}

EncodedDefinition encode(const ParameterDefinition& parameter) {
  return {parameter_key(parameter.key), value_of_version_1().add_text(parameter.json).take()};
}

EncodedDefinition encode(const QueueNumbersDefinition& numbers) {
  return {key_of(DefinitionKind::queue_numbers).take(),
          value_of_version_1().add_u64(numbers.highest_removed).take()};
}

}  // namespace

EncodedDefinition encode_definition(const DurableDefinition& definition) {
  return std::visit([](const auto& one) { return encode(one); }, definition);
}

}  // namespace leveret::broker
