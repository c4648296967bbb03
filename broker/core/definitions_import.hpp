/// Carries out definitions on one shard: asks shard 0 for each, a bounded number at a time, and
/// gathers what was refused.
///
/// What is there already stays as it is: a queue or an exchange of the same name is not compared.
///
/// Owner: itself, until it is done.   Thread: the shard's.
/// Spec:  RabbitMQ's import of definitions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "broker/core/definitions_file.hpp"
#include "broker/core/shard_message.hpp"

namespace leveret::broker {

class ShardState;

/// Sentences about definitions that were not taken.
struct ImportOutcome {
  std::vector<std::string> problems;
  /// RabbitMQ exports bindings of exchanges that it does not export: these lead nowhere.
  std::vector<std::string> left_out;
};

class DefinitionsImport : public std::enable_shared_from_this<DefinitionsImport> {
 public:
  using Done = std::function<void(ImportOutcome outcome)>;

  /// Begins, and ends by calling `done` once: all that was taken is durable then, and known to
  /// every shard. Queues get this shard as their home. `shard` must outlive the import.
  static void run(ShardState& shard, DefinitionsFile definitions, Done done);

  DefinitionsImport(const DefinitionsImport&) = delete;
  DefinitionsImport& operator=(const DefinitionsImport&) = delete;
  ~DefinitionsImport() = default;

 private:
  using Step = std::variant<DefinitionChange, ExchangeDefinition, QueueDefinition,
                            BindingDefinition>;
  static constexpr std::size_t requests_max = 256;

  DefinitionsImport(ShardState& shard, DefinitionsFile definitions, Done done);
  void advance();
  void take(DefinitionChange&& change);
  void take(ExchangeDefinition&& exchange);
  void take(QueueDefinition&& queue);
  void take(BindingDefinition&& binding);
  void ask(std::string subject, TopologyOperation operation, bool may_be_left_out = false);
  void complain(const std::string& subject, const std::string& why);
  void note(const std::string& subject, bool may_be_left_out, const protocol::AmqpError& error);

  ShardState& shard_;
  std::vector<Step> steps_;
  std::size_t next_step_ = 0;
  std::size_t pending_count_ = 0;  ///< Questions that are not answered.
  bool is_advancing_ = false;
  bool is_done_ = false;
  ImportOutcome outcome_;
  Done done_;
};

}  // namespace leveret::broker
