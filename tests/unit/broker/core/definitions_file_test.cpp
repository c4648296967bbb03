#include "broker/core/definitions_file.hpp"

#include <gtest/gtest.h>

#include <variant>

#include "broker/core/parameter_keys.hpp"

namespace leveret::broker {
namespace {

DefinitionsFile read(std::string_view json) {
  auto parsed = parse_definitions(json);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().front());
  return parsed ? std::move(*parsed) : DefinitionsFile{};
}

std::vector<std::string> problems_of(std::string_view json) {
  const auto parsed = parse_definitions(json);
  return parsed ? std::vector<std::string>{} : parsed.error();
}

template <class Change>
const Change& change(const DefinitionsFile& file, std::size_t index) {
  return std::get<Change>(file.changes.at(index));
}

TEST(DefinitionsFile, PutsWhatIsNeededFirst) {
  const DefinitionsFile file = read(R"({
    "permissions": [{"user": "u", "vhost": "v", "configure": "c", "write": "w", "read": "r"}],
    "users": [{"name": "u", "password": "secret", "tags": "monitoring, policymaker"}],
    "vhosts": [{"name": "v"}],
    "something of a later version": [{"what": "ever"}]})");
  ASSERT_EQ(file.changes.size(), 3u);
  EXPECT_EQ(change<AddVhost>(file, 0).name, "v");
  const User& user = change<PutUser>(file, 1).user;
  EXPECT_EQ(user.name, "u");
  EXPECT_EQ(user.tags, (std::vector<std::string>{"monitoring", "policymaker"}));
  EXPECT_TRUE(user.password_hash.matches("secret"));
  EXPECT_EQ(change<SetPermissions>(file, 2).granted.write, "w");
}

TEST(DefinitionsFile, ReadsHashesOfAllKinds) {
  const DefinitionsFile file = read(R"({"users": [
    {"name": "a", "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"},
    {"name": "b", "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha512",
     "tags": ["x"]}]})");
  EXPECT_TRUE(change<PutUser>(file, 0).user.password_hash.matches("test12"));
  EXPECT_FALSE(change<PutUser>(file, 1).user.password_hash.matches(""));
}

TEST(DefinitionsFile, KeepsLimitsAndMetadataAsParameters) {
  const DefinitionsFile file = read(R"({
    "vhosts": [{"name": "v", "metadata": {"description": "d"}, "default_queue_type": "quorum"}],
    "users": [{"name": "u", "password": "p", "limits": {"max-channels": 8}}]})");
  ASSERT_EQ(file.changes.size(), 4u);
  EXPECT_EQ(change<PutParameter>(file, 1).parameter.key, vhost_metadata_key("v"));
  EXPECT_EQ(change<PutParameter>(file, 1).parameter.json,
            R"({"description":"d","default_queue_type":"quorum"})");
  EXPECT_EQ(change<PutParameter>(file, 3).parameter.key, user_limits_key("u"));
  EXPECT_EQ(change<PutParameter>(file, 3).parameter.json, R"({"max-channels":8})");
}

TEST(DefinitionsFile, MakesPoliciesParameters) {
  const DefinitionsFile file = read(R"({
    "policies": [{"vhost": "v", "name": "p", "pattern": "^a", "apply-to": "queues", "priority": 7,
                  "definition": {"max-length": 5}}],
    "parameters": [{"component": "operator_policy", "vhost": "v", "name": "o",
                    "value": {"definition": [["max-length", 100]], "pattern": ".*"}}],
    "global_parameters": [{"name": "g", "value": 1}]})");
  ASSERT_EQ(file.changes.size(), 3u);
  EXPECT_EQ(change<PutParameter>(file, 0).parameter.key,
            (ParameterKey{"v", "operator_policy", "o"}));
  EXPECT_EQ(change<PutParameter>(file, 0).parameter.json,
            R"({"definition":{"max-length":100},"pattern":".*"})");
  EXPECT_EQ(change<PutParameter>(file, 1).parameter.key,
            (ParameterKey{std::nullopt, "global", "g"}));
  EXPECT_EQ(change<PutParameter>(file, 2).parameter.key, (ParameterKey{"v", "policy", "p"}));
  EXPECT_EQ(change<PutParameter>(file, 2).parameter.json,
            R"({"pattern":"^a","apply-to":"queues","priority":7,"definition":{"max-length":5}})");
}

// Goal: RabbitMQ takes these without a word; a policy as it is stored says both.
TEST(DefinitionsFile, GivesPoliciesAPriorityAndATarget) {
  const DefinitionsFile file = read(R"({
    "policies": [{"vhost": "v", "name": "p", "pattern": "^a", "definition": {"max-length": 5}}]})");
  ASSERT_EQ(file.changes.size(), 1u);
  EXPECT_EQ(change<PutParameter>(file, 0).parameter.json,
            R"({"pattern":"^a","apply-to":"all","priority":0,"definition":{"max-length":5}})");
}

TEST(DefinitionsFile, ReadsWhatMessagesPassThrough) {
  const DefinitionsFile file = read(R"({
    "exchanges": [
      {"vhost": "v", "name": "e", "type": "topic", "durable": true, "auto_delete": false,
       "internal": true, "arguments": {"alternate-exchange": "a"}},
      {"vhost": "v", "name": "amq.topic", "type": "topic", "durable": true},
      {"vhost": "v", "name": "", "type": "direct", "durable": true}],
    "queues": [
      {"vhost": "v", "name": "q", "durable": true, "auto_delete": false,
       "arguments": {"x-message-ttl": 5000, "x-float": 1.5, "x-list": [true, null, {"k": "v"}]}},
      {"vhost": "v", "name": "s", "durable": true, "auto_delete": true, "type": "stream",
       "arguments": []}],
    "bindings": [
      {"vhost": "v", "source": "e", "destination": "q", "destination_type": "queue",
       "routing_key": "k", "arguments": {}},
      {"vhost": "v", "source": "", "destination": "q", "destination_type": "queue",
       "routing_key": "q"}]})");
  ASSERT_EQ(file.exchanges.size(), 1u);
  EXPECT_EQ(file.exchanges[0].type, ExchangeType::topic);
  EXPECT_TRUE(file.exchanges[0].durable && file.exchanges[0].internal);
  EXPECT_EQ(file.exchanges[0].arguments.find("alternate-exchange")->as_string(), "a");
  ASSERT_EQ(file.queues.size(), 2u);
  const auto& arguments = file.queues[0].arguments;
  EXPECT_EQ(*arguments.find("x-message-ttl"), protocol::FieldValue::int64(5000));
  EXPECT_EQ(*arguments.find("x-float"), protocol::FieldValue::float64(1.5));
  const auto& list = *arguments.find("x-list")->as_array();
  EXPECT_EQ(list.at(0), protocol::FieldValue::boolean(true));
  EXPECT_EQ(list.at(1), protocol::FieldValue::void_value());
  EXPECT_EQ(list.at(2).as_table()->find("k")->as_string(), "v");
  EXPECT_EQ(file.queues[1].arguments.find("x-queue-type")->as_string(), "stream");
  EXPECT_TRUE(file.queues[1].auto_delete);
  ASSERT_EQ(file.bindings.size(), 1u);
  EXPECT_EQ(file.bindings[0].destination, "q");
}

TEST(DefinitionsFile, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(problems_of("{\"queues\": "), std::vector<std::string>{"not JSON: incomplete JSON"});
  EXPECT_EQ(problems_of("[]"), std::vector<std::string>{"not a JSON object"});
  EXPECT_EQ(problems_of(R"({"queues": {}, "users": [7], "vhosts": [{}],
    "bindings": [{"vhost": "v", "source": "e", "destination": "d", "routing_key": 5,
                  "destination_type": "nobody"}],
    "exchanges": [{"vhost": "v", "name": "e", "type": "strange"}]})"),
            (std::vector<std::string>{
                "vhosts[0]: 'name' is missing", "users[0]: not an object",
                "exchanges[0]: unknown exchange type 'strange'", "queues: not a list",
                "bindings[0]: 'routing_key' is not a text",
                "bindings[0]: 'destination_type' is neither queue nor exchange"}));
  EXPECT_EQ(problems_of(R"({"queues": [{"vhost": "v", "name": "q",
                                        "arguments": {"n": 9223372036854775808}}]})"),
            std::vector<std::string>{
                "queues[0]: 'arguments': 'n': 9223372036854775808 is larger than 2^63 - 1"});
}

TEST(DefinitionsFile, StopsAtTooDeepOrTooManyFaults) {
  std::string deep = R"({"parameters": [{"vhost": "v", "component": "c", "name": "n", "value": )";
  deep += std::string(1000, '[') + std::string(1000, ']') + "}]}";
  EXPECT_EQ(problems_of(deep).size(), 1u);
  std::string many = R"({"vhosts": [{})";
  for (int i = 0; i < 1000; ++i) many += ",{}";
  EXPECT_EQ(problems_of(many + "]}").size(), 50u);
}

}  // namespace
}  // namespace leveret::broker
