/// Users and what they may do. The texts are those of RabbitMQ 3.13.
#include "broker/core/users.hpp"

#include <gtest/gtest.h>

#include <string>

namespace leveret::broker {
namespace {

using protocol::AmqpError;

PermissionPattern pattern(const std::string& text) {
  auto compiled = PermissionPattern::compile(text);
  EXPECT_TRUE(compiled.has_value()) << compiled.error();
  return compiled.value_or(PermissionPattern{});
}

Users users_with(const std::string& configure, const std::string& write, const std::string& read) {
  Users users;
  users.add(
      {"u", PasswordHash::of("secret", HashAlgorithm::sha256), {"management", "impersonator"}});
  users.set_permissions("u", "v", {pattern(configure), pattern(write), pattern(read)});
  return users;
}

std::string explanation(const Result<void, AmqpError>& result) {
  if (result.has_value()) return "granted";
  EXPECT_EQ(result.error().code(), protocol::ReplyCode::access_refused);
  EXPECT_FALSE(result.error().is_hard());
  return result.error().explanation();
}

std::string queue_access(const Users& users, Operation operation, const std::string& name,
                         const std::string& user = "u", const std::string& vhost = "v") {
  return explanation(users.check_access(user, vhost, operation, ResourceKind::queue, name));
}

std::string exchange_access(const Users& users, Operation operation, const std::string& name) {
  return explanation(users.check_access("u", "v", operation, ResourceKind::exchange, name));
}

TEST(Users, FindsUsersByName) {
  const Users users = users_with("", "", "");
  const User* user = users.find("u");
  ASSERT_NE(user, nullptr);
  EXPECT_EQ(user->name, "u");
  EXPECT_TRUE(user->password_hash.matches("secret"));
  EXPECT_TRUE(user->has_tag("impersonator"));
  EXPECT_FALSE(user->has_tag("administrator"));
  EXPECT_EQ(users.find("U"), nullptr);
  EXPECT_EQ(users.find(""), nullptr);
  EXPECT_EQ(Users{}.find("u"), nullptr);
}

TEST(Users, ReplacesAUserOfTheSameName) {
  Users users = users_with("", "", "");
  users.add({"u", PasswordHash::of("changed", HashAlgorithm::sha512), {}});
  EXPECT_FALSE(users.find("u")->password_hash.matches("secret"));
  EXPECT_TRUE(users.find("u")->password_hash.matches("changed"));
  EXPECT_FALSE(users.find("u")->has_tag("management"));
}

TEST(Users, EnterVhostsWhereTheyHavePermissionsEvenForNothing) {
  const Users users = users_with("", "", "");
  EXPECT_TRUE(users.may_access_vhost("u", "v"));
  EXPECT_FALSE(users.may_access_vhost("u", "w"));
  EXPECT_FALSE(users.may_access_vhost("w", "v"));
  EXPECT_FALSE(users.may_access_vhost("v", "u"));
}

// Goal: each operation looks at its own pattern and at no other.
TEST(Users, HaveAPatternForEachOperation) {
  const Users users = users_with("^c", "^w", "^r");
  EXPECT_EQ(queue_access(users, Operation::configure, "c"), "granted");
  EXPECT_EQ(queue_access(users, Operation::write, "w"), "granted");
  EXPECT_EQ(queue_access(users, Operation::read, "r"), "granted");
  EXPECT_EQ(queue_access(users, Operation::configure, "w"),
            "configure access to queue 'w' in vhost 'v' refused for user 'u'");
  EXPECT_EQ(queue_access(users, Operation::write, "r"),
            "write access to queue 'r' in vhost 'v' refused for user 'u'");
  EXPECT_EQ(queue_access(users, Operation::read, "c"),
            "read access to queue 'c' in vhost 'v' refused for user 'u'");
  EXPECT_EQ(exchange_access(users, Operation::write, "x"),
            "write access to exchange 'x' in vhost 'v' refused for user 'u'");
}

TEST(Users, AreRefusedWithoutPermissionsInTheVhost) {
  const Users users = users_with(".*", ".*", ".*");
  EXPECT_EQ(queue_access(users, Operation::read, "q", "u", "other"),
            "read access to queue 'q' in vhost 'other' refused for user 'u'");
  EXPECT_EQ(queue_access(users, Operation::read, "q", "stranger"),
            "read access to queue 'q' in vhost 'v' refused for user 'stranger'");
}

TEST(Users, SeeTheDefaultExchangeAsAmqDefault) {
  EXPECT_EQ(exchange_access(users_with("", "^amq\\.default$", ""), Operation::write, ""),
            "granted");
  EXPECT_EQ(exchange_access(users_with("", "", ""), Operation::write, ""),
            "write access to exchange 'amq.default' in vhost 'v' refused for user 'u'");
  // A queue's empty name stays empty, and the empty pattern is for the empty name.
  EXPECT_EQ(queue_access(users_with("", "", ""), Operation::write, ""), "granted");
}

TEST(Users, SayWhenAPatternIsTooMuchWork) {
  const Users users = users_with("", "", "^(a+)+$");
  const std::string name = std::string(100, 'a') + "b";
  EXPECT_EQ(queue_access(users, Operation::read, name),
            "read access to queue '" + name + "' in vhost 'v' refused for user 'u': matching the "
            "permission's pattern took too many steps");
}

std::string topic_access(const Users& users, Operation operation, const std::string& key,
                         const std::string& exchange = "e", const std::string& user = "u") {
  return explanation(users.check_topic_access(user, "v", operation, exchange, key));
}

TEST(Users, UseEveryRoutingKeyWithoutTopicPermissions) {
  Users users = users_with(".*", ".*", ".*");
  EXPECT_EQ(topic_access(users, Operation::write, "k"), "granted");
  ASSERT_TRUE(users.set_topic_permissions("u", "v", "e", {"^w", "^r"}));
  EXPECT_EQ(topic_access(users, Operation::write, "k", "other"), "granted");
  EXPECT_EQ(topic_access(users, Operation::write, "k", "e", "other"), "granted");
}

TEST(Users, AreRefusedRoutingKeysByTopicPermissions) {
  Users users = users_with(".*", ".*", ".*");
  ASSERT_TRUE(users.set_topic_permissions("u", "v", "e", {"^w", ""}));
  EXPECT_EQ(topic_access(users, Operation::write, "w.1"), "granted");
  EXPECT_EQ(topic_access(users, Operation::write, "k"),
            "write access to topic 'k' in exchange 'e' in vhost 'v' refused for user 'u'");
  EXPECT_EQ(topic_access(users, Operation::read, "w.1"),
            "read access to topic 'w.1' in exchange 'e' in vhost 'v' refused for user 'u'");
  EXPECT_EQ(topic_access(users, Operation::read, ""), "granted");
}

TEST(Users, PutTheirNameIntoTopicPermissions) {
  Users users;
  ASSERT_TRUE(users.set_topic_permissions("a.b", "v", "e", {"^{vhost}\\.{username}\\.", ".*"}));
  EXPECT_EQ(topic_access(users, Operation::write, "v.a.b.k", "e", "a.b"), "granted");
  // The name is text, not a pattern.
  EXPECT_NE(topic_access(users, Operation::write, "v.axb.k", "e", "a.b"), "granted");
  EXPECT_NE(topic_access(users, Operation::write, "v.{username}.k", "e", "a.b"), "granted");
  // They are given back as they were granted.
  users.for_each_topic_permissions([](const std::string& user, const std::string&,
                                      const std::string&, const TopicPermissions& granted) {
    EXPECT_EQ(user, "a.b");
    EXPECT_EQ(granted.write, "^{vhost}\\.{username}\\.");
  });
}

// Goal: a name cannot smuggle in a pattern or another placeholder.
TEST(Users, CannotWidenTopicPermissionsByTheirName) {
  Users users;
  const std::string name = "x|.*|{vhost}[";
  ASSERT_TRUE(users.set_topic_permissions(name, "v", "e", {"^{username}$", ".*"}));
  EXPECT_EQ(topic_access(users, Operation::write, name, "e", name), "granted");
  EXPECT_NE(topic_access(users, Operation::write, "x", "e", name), "granted");
  EXPECT_NE(topic_access(users, Operation::write, "v", "e", name), "granted");
}

TEST(Users, LeaveAClientIdInTopicPermissionsAlone) {
  Users users;
  ASSERT_TRUE(users.set_topic_permissions("u", "v", "e", {"^{client_id}$", ".*"}));
  EXPECT_EQ(topic_access(users, Operation::write, "{client_id}"), "granted");
  EXPECT_NE(topic_access(users, Operation::write, "c"), "granted");
}

TEST(Users, KeepTheirTopicPermissionsWhenNewOnesCannotBeRead) {
  Users users;
  ASSERT_TRUE(users.set_topic_permissions("u", "v", "e", {"^w", "^r"}));
  EXPECT_FALSE(users.set_topic_permissions("u", "v", "e", {".*", "("}));
  EXPECT_FALSE(users.set_topic_permissions("u", "v", "e", {"(", ".*"}));
  EXPECT_EQ(topic_access(users, Operation::write, "w"), "granted");
  EXPECT_NE(topic_access(users, Operation::write, "k"), "granted");
}

TEST(Users, TakeTheirPermissionsWithThem) {
  Users users = users_with("c", "w", "r");
  users.set_permissions("other", "v", {pattern(""), pattern(""), pattern("")});
  ASSERT_TRUE(users.set_topic_permissions("u", "v", "e", {"^w", "^r"}));
  users.remove("u");
  users.remove("missing");
  EXPECT_EQ(users.find("u"), nullptr);
  EXPECT_FALSE(users.may_access_vhost("u", "v"));
  EXPECT_FALSE(users.has_topic_permissions("u", "v", "e"));
  EXPECT_TRUE(users.may_access_vhost("other", "v"));
}

TEST(Users, LosePermissionsOneByOneOrWithTheVhost) {
  Users users = users_with("c", "w", "r");
  for (const char* vhost : {"v", "x"}) {
    for (const char* exchange : {"e", "f"}) {
      ASSERT_TRUE(users.set_topic_permissions("u", vhost, exchange, {"^w", "^r"}));
    }
  }
  ASSERT_TRUE(users.set_topic_permissions("t", "v", "e", {"^w", "^r"}));
  EXPECT_EQ(users.names_permitted_in("v"), (std::vector<std::string>{"t", "u"}));
  EXPECT_EQ(users.names_permitted_in("y"), std::vector<std::string>{});
  users.clear_topic_permissions("u", "x", "e");
  EXPECT_FALSE(users.has_topic_permissions("u", "x", "e"));
  EXPECT_TRUE(users.has_topic_permissions("u", "x", "f"));
  users.clear_topic_permissions("u", "x");
  EXPECT_EQ(users.names_permitted_in("x"), std::vector<std::string>{});
  users.clear_permissions("u", "v");
  EXPECT_FALSE(users.may_access_vhost("u", "v"));
  EXPECT_TRUE(users.has_topic_permissions("u", "v", "f"));
  users.remove_vhost("v");
  EXPECT_EQ(users.names_permitted_in("v"), std::vector<std::string>{});
  EXPECT_NE(users.find("u"), nullptr);
}

TEST(Users, AreOverlaidPieceByPiece) {
  Users users = users_with("stored", "stored", "stored");
  users.set_permissions("u", "x", {pattern("stored"), pattern(""), pattern("")});
  ASSERT_TRUE(users.set_topic_permissions("u", "v", "e", {"^stored", ""}));
  ASSERT_TRUE(users.set_topic_permissions("u", "v", "f", {"^stored", ""}));
  Users others;
  others.add({"u", PasswordHash::of("other", HashAlgorithm::md5), {}});
  others.add({"new", {}, {}});
  others.set_permissions("u", "v", {pattern("other"), pattern(""), pattern("")});
  ASSERT_TRUE(others.set_topic_permissions("u", "v", "e", {"^other", ""}));
  users.overlay(others);
  EXPECT_TRUE(users.find("u")->password_hash.matches("other"));
  EXPECT_FALSE(users.find("u")->has_tag("management"));
  EXPECT_NE(users.find("new"), nullptr);
  EXPECT_EQ(users.find_permissions("u", "v")->configure.text(), "other");
  EXPECT_EQ(users.find_permissions("u", "x")->configure.text(), "stored");
  EXPECT_EQ(topic_access(users, Operation::write, "other"), "granted");
  EXPECT_NE(topic_access(users, Operation::write, "stored"), "granted");
  EXPECT_EQ(topic_access(users, Operation::write, "stored", "f"), "granted");
}

TEST(Users, OnTheLoopbackListComeFromTheBrokersMachineOnly) {
  EXPECT_TRUE(may_connect_from("guest", true, {"guest"}));
  EXPECT_FALSE(may_connect_from("guest", false, {"guest"}));
  EXPECT_FALSE(may_connect_from("b", false, {"a", "b"}));
  EXPECT_TRUE(may_connect_from("c", false, {"a", "b"}));
  EXPECT_TRUE(may_connect_from("guest", false, {}));
}

}  // namespace
}  // namespace leveret::broker
