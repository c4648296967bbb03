/// The definitions of a data directory as its operator knows them: queues have names, not numbers.
///
/// Owner: a report. Thread: its owner's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/store_state.hpp"

namespace leveret::cli {

/// What has references to messages: a queue, or an exchange that keeps messages.
struct QueueName {
  std::string vhost;
  std::string name;
  bool is_exchange = false;

  /// For a column of queues: the name, and of an exchange also that it is one.
  std::string shown() const;
};

class DefinitionBook {
 public:
  explicit DefinitionBook(const storage::StoreState::Definitions& definitions);

  /// How many there are of each kind: "queues", "bindings" and so on.
  const std::vector<std::pair<std::string, std::uint64_t>>& counts() const { return counts_; }
  /// The queue, or exchange, that the log calls by this number; null when none is defined.
  const QueueName* queue(std::uint64_t number) const;
  /// "queue 'orders' in vhost '/'", or its number when it is not defined.
  std::string queue_text(std::uint64_t number) const;

  /// What a definition is about, on one line.
  static std::string describe(std::string_view key, std::string_view value);
  /// The same of its key, or of the beginning of a key, alone.
  static std::string describe(std::string_view key);

 private:
  std::vector<std::pair<std::string, std::uint64_t>> counts_;
  std::map<std::uint64_t, QueueName> queues_;
};

}  // namespace leveret::cli
