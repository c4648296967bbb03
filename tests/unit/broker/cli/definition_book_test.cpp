#include "broker/cli/definition_book.hpp"

#include <gtest/gtest.h>

#include "broker/core/durable_definitions.hpp"

namespace leveret::cli {
namespace {

using Definitions = storage::StoreState::Definitions;

void add(Definitions& definitions, const broker::DurableDefinition& definition) {
  const auto encoded = broker::encode_definition(definition);
  definitions.emplace(encoded.key, encoded.value);
}

broker::QueueDefinition queue(const std::string& name, std::uint64_t number) {
  broker::QueueDefinition definition;
  definition.vhost = "/";
  definition.name = name;
  definition.durable = true;
  definition.durable_number = number;
  return definition;
}

TEST(DefinitionBook, KnowsQueuesByTheirNumbersAndCountsKinds) {
  Definitions definitions;
  add(definitions, broker::VhostDefinition{"/"});
  add(definitions, queue("orders", 7));
  add(definitions, queue("a\n", 9));
  broker::ExchangeDefinition exchange;
  exchange.vhost = "/";
  exchange.name = "later";
  exchange.durable_number = 10;
  add(definitions, exchange);
  definitions.emplace("\x63 nonsense", "");
  definitions.emplace(broker::queue_key("/", "broken"), "?");
  const DefinitionBook book(definitions);
  EXPECT_EQ(book.queue_text(7), "queue 'orders' in vhost '/'");
  EXPECT_EQ(book.queue_text(9), "queue 'a\\x0a' in vhost '/'");
  EXPECT_EQ(book.queue_text(10), "exchange 'later' in vhost '/'");
  EXPECT_EQ(book.queue(10)->shown(), "exchange later");
  EXPECT_EQ(book.queue(7)->shown(), "orders");
  EXPECT_EQ(book.queue_text(8), "queue number 8 (not defined)");
  ASSERT_NE(book.queue(7), nullptr);
  EXPECT_EQ(book.queue(7)->name, "orders");
  for (const auto& [kind, count] : book.counts()) {
    const bool is_twice = kind == "queues" || kind == "unknown";
    const bool is_once = kind == "vhosts" || kind == "exchanges";
    EXPECT_EQ(count, is_once ? 1U : is_twice ? 2U : 0U) << kind;
  }
}

TEST(DefinitionBook, DescribesWhatIsDefinedAndWhatIsRemoved) {
  const auto encoded = broker::encode_definition(queue("orders", 7));
  EXPECT_EQ(DefinitionBook::describe(encoded.key, encoded.value), "queue 'orders' in vhost '/'");
  EXPECT_EQ(DefinitionBook::describe(encoded.key), "queue '/' 'orders'");
  EXPECT_EQ(DefinitionBook::describe(broker::bindings_prefix("/", "news")),
            "binding '/' 'news'");
  EXPECT_EQ(DefinitionBook::describe("\x06\x01"), "queue and '\\x01'");
  EXPECT_EQ(DefinitionBook::describe("\x7F"), "key '\\x7f'");
}

}  // namespace
}  // namespace leveret::cli
