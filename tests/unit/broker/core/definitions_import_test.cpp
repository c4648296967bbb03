#include "broker/core/definitions_import.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "broker/core/parameter_keys.hpp"
#include "tests/unit/broker/core/shards.hpp"

namespace leveret::broker {
namespace {

/// Imports on one of two shards.
class DefinitionsImportTest : public testing::Test {
 protected:
  ImportOutcome import(DefinitionsFile file, std::size_t shard) {
    std::optional<ImportOutcome> outcome;
    DefinitionsImport::run(shards_[shard], std::move(file),
                           [&](ImportOutcome given) { outcome = std::move(given); });
    shards_.settle();
    EXPECT_TRUE(outcome.has_value());
    return outcome.value_or(ImportOutcome{});
  }
  Topology& topology(std::size_t shard) { return shards_[shard].topology(); }

  static QueueDefinition queue(const std::string& name) {
    QueueDefinition queue;
    queue.vhost = "/";
    queue.name = name;
    return queue;
  }

  Shards shards_{2};
};

TEST_F(DefinitionsImportTest, BringsEverythingToEveryShard) {
  DefinitionsFile file;
  file.changes.push_back(AddVhost{"nova"});
  file.changes.push_back(PutUser{{"u", PasswordHash::of("p", HashAlgorithm::sha256), {}}});
  file.changes.push_back(SetPermissions{{"u", "nova", ".*", ".*", ".*"}});
  ExchangeDefinition exchange;
  exchange.vhost = "/";
  exchange.name = "e";
  exchange.arguments.set("alternate-exchange", protocol::FieldValue::long_string("other"));
  file.exchanges.push_back(exchange);
  EXPECT_TRUE(import(std::move(file), 0).problems.empty());

  DefinitionsFile queues;
  for (int i = 0; i < 1000; ++i) queues.queues.push_back(queue("q" + std::to_string(i)));
  EXPECT_TRUE(import(std::move(queues), 1).problems.empty());

  DefinitionsFile bindings;
  BindingDefinition binding;
  binding.vhost = "/";
  binding.source = "e";
  binding.destination = "q7";
  bindings.bindings.push_back(binding);
  EXPECT_TRUE(import(std::move(bindings), 0).problems.empty());

  for (std::size_t shard = 0; shard < 2; ++shard) {
    EXPECT_NE(topology(shard).find_vhost("nova"), nullptr);
    EXPECT_TRUE(topology(shard).users().may_access_vhost("u", "nova"));
    Vhost& vhost = *topology(shard).find_vhost("/");
    EXPECT_EQ(topology(shard).find_exchange(vhost, "e")->definition.alternate_exchange, "other");
    EXPECT_EQ(topology(shard).find_queue(vhost, "q999")->definition->ref.shard, ShardId{1});
    EXPECT_TRUE(topology(shard).has_binding(binding));
  }
  EXPECT_EQ(shards_[1].queue_count(), 1000u);
}

TEST_F(DefinitionsImportTest, LeavesAloneWhatIsThere) {
  DefinitionsFile first;
  first.queues.push_back(queue("q"));
  import(std::move(first), 1);
  DefinitionsFile second;
  second.queues.push_back(queue("q"));
  second.queues.back().auto_delete = true;
  EXPECT_TRUE(import(std::move(second), 0).problems.empty());
  EXPECT_FALSE(
      topology(0).find_queue(*topology(0).find_vhost("/"), "q")->definition->auto_delete);
  EXPECT_EQ(shards_[0].queue_count(), 0u);
}

TEST_F(DefinitionsImportTest, TakesWhatItCanAndTellsTheRest) {
  DefinitionsFile file;
  file.changes.push_back(SetPermissions{{"nobody", "/", ".*", ".*", ".*"}});
  file.changes.push_back(AddVhost{"nova"});
  file.queues.push_back(queue("bad"));
  file.queues.back().arguments.set("x-expires", protocol::FieldValue::int64(0));
  file.queues.push_back(queue("good"));
  file.queues.push_back(queue("lost"));
  file.queues.back().vhost = "nowhere";
  BindingDefinition binding;
  binding.vhost = "/";
  binding.source = "hidden";
  binding.destination = "good";
  file.bindings.push_back(binding);
  const ImportOutcome outcome = import(std::move(file), 0);
  EXPECT_EQ(outcome.problems,
            (std::vector<std::string>{
                "permissions of user 'nobody' in vhost '/': no user 'nobody'",
                "queue 'bad' in vhost '/': invalid arg 'x-expires' for queue 'bad' in vhost '/': "
                "{value_zero,0}",
                "queue 'lost' in vhost 'nowhere': no vhost 'nowhere'"}));
  ASSERT_EQ(outcome.left_out.size(), 1u);
  EXPECT_NE(outcome.left_out[0].find("no exchange 'hidden' in vhost '/'"), std::string::npos);
  EXPECT_NE(topology(1).find_vhost("nova"), nullptr);
  EXPECT_EQ(shards_[0].queue_count(), 1u);
}

TEST_F(DefinitionsImportTest, EndsAtOnceWhenThereIsNothing) {
  EXPECT_TRUE(import({}, 0).problems.empty());
}

}  // namespace
}  // namespace leveret::broker
