#include "broker/core/death_history.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace leveret::broker {
namespace {

using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldValue;

Death death_in(std::string_view queue, DeathReason reason) {
  return {reason, queue, "source", {"key", "cc"}, "", WallTime{1'700'000'000'999}};
}

const FieldArray& history(const FieldTable& headers) {
  return *headers.find("x-death")->as_array();
}

std::string text(const FieldTable& table, std::string_view name) {
  const FieldValue* value = table.find(name);
  return value == nullptr ? "(none)" : std::string(value->as_string().value_or("(no text)"));
}

/// "queue reason count" of each entry.
std::vector<std::string> entries(const FieldTable& headers) {
  std::vector<std::string> found;
  for (const FieldValue& value : history(headers)) {
    const FieldTable& entry = *value.as_table();
    found.push_back(text(entry, "queue") + " " + text(entry, "reason") + " " +
                    std::to_string(*entry.find("count")->as_integer()));
  }
  return found;
}
using Entries = std::vector<std::string>;

TEST(DeathHistory, BeginsWithTheFirstDeath) {
  FieldTable headers;
  headers.append("mine", FieldValue::int32(1));
  Death death = death_in("q", DeathReason::expired);
  death.expiration = "50";
  record_death(headers, death);
  ASSERT_EQ(history(headers).size(), 1U);
  const FieldTable& entry = *history(headers).front().as_table();
  EXPECT_EQ(entry.find("count")->type(), protocol::FieldType::int64);
  EXPECT_EQ(entry.find("count")->as_integer(), 1);
  EXPECT_EQ(entry.find("time")->as_timestamp(), 1'700'000'000U);
  EXPECT_EQ(text(entry, "exchange"), "source");
  EXPECT_EQ(text(entry, "original-expiration"), "50");
  EXPECT_EQ(entry.find("routing-keys")->as_array()->size(), 2U);
  EXPECT_EQ(text(headers, "x-first-death-queue"), "q");
  EXPECT_EQ(text(headers, "x-first-death-reason"), "expired");
  EXPECT_EQ(text(headers, "x-first-death-exchange"), "source");
  EXPECT_EQ(headers.find("mine")->as_integer(), 1);
}

TEST(DeathHistory, PutsTheLatestDeathFirst) {
  FieldTable headers;
  record_death(headers, death_in("a", DeathReason::expired));
  record_death(headers, death_in("b", DeathReason::maxlen));
  record_death(headers, death_in("a", DeathReason::rejected));
  EXPECT_EQ(entries(headers), (Entries{"a rejected 1", "b maxlen 1", "a expired 1"}));
  record_death(headers, death_in("a", DeathReason::expired));
  EXPECT_EQ(entries(headers), (Entries{"a expired 2", "a rejected 1", "b maxlen 1"}));
  EXPECT_EQ(text(headers, "x-first-death-queue"), "a");
  EXPECT_EQ(text(headers, "x-last-death-queue"), "a");
  EXPECT_EQ(text(headers, "x-last-death-reason"), "expired");
}

TEST(DeathHistory, TakesWhatAClientWroteAsItIs) {
  FieldTable headers;
  headers.append("x-death", FieldValue::long_string("nonsense"));
  record_death(headers, death_in("a", DeathReason::expired));
  EXPECT_EQ(entries(headers), (Entries{"a expired 1"}));

  FieldTable entry;
  entry.append("queue", FieldValue::long_string("a"));
  entry.append("reason", FieldValue::long_string("expired"));
  entry.append("count", FieldValue::int64(INT64_MAX));
  headers.set("x-death", FieldValue::array({FieldValue::int32(7), FieldValue::table(entry)}));
  record_death(headers, death_in("a", DeathReason::expired));
  EXPECT_EQ(history(headers).front().as_table()->find("count")->as_integer(), INT64_MAX);
  EXPECT_EQ(queues_of_cycle(headers), (Entries{"a"}));
}

TEST(DeathHistory, KnowsWhereAMessageGoesRound) {
  FieldTable headers;
  EXPECT_TRUE(queues_of_cycle(headers).empty());
  record_death(headers, death_in("a", DeathReason::expired));
  record_death(headers, death_in("b", DeathReason::maxlen));
  EXPECT_EQ(queues_of_cycle(headers), (Entries{"b", "a"}));
  record_death(headers, death_in("c", DeathReason::rejected));
  EXPECT_TRUE(queues_of_cycle(headers).empty()) << "somebody has looked at it";
  record_death(headers, death_in("d", DeathReason::expired));
  EXPECT_EQ(queues_of_cycle(headers), (Entries{"d"}));
}

}  // namespace
}  // namespace leveret::broker
