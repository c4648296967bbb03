#include "broker/cli/definition_book.hpp"

#include <array>
#include <variant>

#include "broker/cli/readable.hpp"
#include "broker/core/durable_definitions.hpp"

namespace leveret::cli {

namespace {

using broker::DefinitionKind;

struct KindName {
  DefinitionKind kind;
  const char* one;
  const char* all;  ///< Also a key of JSON reports: stays as it is.
};
constexpr std::array<KindName, 9> kind_names{{
    {DefinitionKind::vhost, "vhost", "vhosts"},
    {DefinitionKind::user, "user", "users"},
    {DefinitionKind::permissions, "permissions", "permissions"},
    {DefinitionKind::topic_permissions, "topic permissions", "topic_permissions"},
    {DefinitionKind::exchange, "exchange", "exchanges"},
    {DefinitionKind::queue, "queue", "queues"},
    {DefinitionKind::binding, "binding", "bindings"},
    {DefinitionKind::parameter, "parameter", "parameters"},
    {DefinitionKind::queue_numbers, "queue numbers", "queue_numbers"},
}};

const KindName* kind_of(std::string_view key) {
  for (const KindName& name : kind_names) {
    if (!key.empty() && static_cast<char>(name.kind) == key[0]) return &name;
  }
  return nullptr;
}

/// Takes a text off the front: its length, the most significant byte first, and its bytes.
bool take_text(std::string_view& rest, std::string_view& text) {
  constexpr std::size_t length_bytes = 4;
  if (rest.size() < length_bytes) return false;
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length = length << 8 | static_cast<unsigned char>(rest[i]);
  }
  if (length > rest.size() - length_bytes) return false;
  text = rest.substr(length_bytes, length);
  rest.remove_prefix(length_bytes + length);
  return true;
}

}  // namespace

DefinitionBook::DefinitionBook(const storage::StoreState::Definitions& definitions) {
  for (const KindName& name : kind_names) counts_.emplace_back(name.all, 0);
  counts_.emplace_back("unknown", 0);
  for (const auto& [key, value] : definitions) {
    const auto decoded = broker::decode_definition(key, value);
    const KindName* kind = decoded ? kind_of(key) : nullptr;
    const std::size_t row = kind == nullptr ? kind_names.size()
                                            : static_cast<std::size_t>(kind - kind_names.data());
    ++counts_[row].second;
    if (!decoded) continue;
    if (const auto* queue = std::get_if<broker::QueueDefinition>(&*decoded)) {
      queues_[queue->durable_number] = {queue->vhost, queue->name};
    } else if (const auto* exchange = std::get_if<broker::ExchangeDefinition>(&*decoded)) {
      if (exchange->durable_number == 0) continue;
      queues_[exchange->durable_number] = {exchange->vhost, exchange->name, true};
    }
  }
}

std::string QueueName::shown() const { return (is_exchange ? "exchange " : "") + printable(name); }

const QueueName* DefinitionBook::queue(std::uint64_t number) const {
  const auto found = queues_.find(number);
  return found == queues_.end() ? nullptr : &found->second;
}

std::string DefinitionBook::queue_text(std::uint64_t number) const {
  const QueueName* found = queue(number);
  if (found == nullptr) return "queue number " + std::to_string(number) + " (not defined)";
  return (found->is_exchange ? "exchange '" : "queue '") + printable(found->name) +
         "' in vhost '" + printable(found->vhost) + "'";
}

std::string DefinitionBook::describe(std::string_view key, std::string_view value) {
  const auto decoded = broker::decode_definition(key, value);
  return decoded ? broker::describe_definition(*decoded) : describe(key);
}

std::string DefinitionBook::describe(std::string_view key) {
  const KindName* kind = kind_of(key);
  if (kind == nullptr) return "key '" + printable(key) + "'";
  std::string text = kind->one;
  std::string_view rest = key.substr(1);
  for (std::string_view part; take_text(rest, part);) text += " '" + printable(part) + "'";
  if (!rest.empty()) text += " and '" + printable(rest) + "'";
  return text;
}

}  // namespace leveret::cli
