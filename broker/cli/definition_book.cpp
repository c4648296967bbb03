#include "broker/cli/definition_book.hpp"

#include "broker/cli/readable.hpp"

namespace leveret::cli {

DefinitionBook::DefinitionBook(const storage::StoreState::Definitions& definitions) {
  if (!definitions.empty()) counts_.emplace_back("definitions", definitions.size());
}

const QueueName* DefinitionBook::queue(std::uint64_t number) const {
  const auto found = queues_.find(number);
  return found == queues_.end() ? nullptr : &found->second;
}

std::string DefinitionBook::queue_text(std::uint64_t number) const {
  const QueueName* found = queue(number);
  if (found == nullptr) return "queue number " + std::to_string(number) + " (not defined)";
  return "queue '" + printable(found->name) + "' in vhost '" + printable(found->vhost) + "'";
}

std::string DefinitionBook::describe(std::string_view key, std::string_view) {
  return describe(key);
}

std::string DefinitionBook::describe(std::string_view key) {
  return "key '" + printable(key) + "'";
}

}  // namespace leveret::cli
