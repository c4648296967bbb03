#include "broker/server/configured_users.hpp"

#include <gtest/gtest.h>

namespace leveret::server {
namespace {

config::User user(const std::string& name, const std::string& vhost) {
  config::User made;
  made.name = name;
  made.password = name;
  made.permissions = {{vhost, ".*", ".*", "^a"}};
  made.origin = "here";
  return made;
}

/// One listed user, and a default user with a virtual host that is not listed.
config::Config two_users() {
  config::Config config;
  config.auth.users = {user("nova", "/")};
  config.auth.default_user = user("admin", "cloud");
  return config;
}

// Goal: what holds while it is listed and what a first boot stores are kept apart.
TEST(ConfiguredUsers, AreListedOnes) {
  const auto listed = make_listed_users(two_users());
  EXPECT_NE(listed->find("nova"), nullptr);
  EXPECT_TRUE(listed->may_access_vhost("nova", "/"));
  EXPECT_EQ(listed->find("admin"), nullptr);
}

TEST(ConfiguredUsers, BeginADataDirectory) {
  const auto changes = first_boot_changes(two_users());
  ASSERT_EQ(changes.size(), 3U);
  const auto* put = std::get_if<broker::PutUser>(&changes[0]);
  ASSERT_NE(put, nullptr);
  EXPECT_EQ(put->user.name, "admin");
  EXPECT_TRUE(put->user.password_hash.matches("admin"));
  const auto* vhost = std::get_if<broker::AddVhost>(&changes[1]);
  ASSERT_NE(vhost, nullptr);
  EXPECT_EQ(vhost->name, "cloud");
  const auto* granted = std::get_if<broker::SetPermissions>(&changes[2]);
  ASSERT_NE(granted, nullptr);
  EXPECT_EQ(granted->granted.vhost, "cloud");
  EXPECT_EQ(granted->granted.read, "^a");
}

TEST(ConfiguredUsers, AreNobodyWithoutADefaultUser) {
  EXPECT_TRUE(first_boot_changes(config::Config{}).empty());
}

TEST(ConfiguredUsers, AreCheckedAll) {
  config::Config config = two_users();
  EXPECT_TRUE(problems_of_users(config).empty());
  config.auth.users[0].permissions[0].write = "[";
  config.auth.default_user->password.clear();
  config.auth.default_user->password_hash = "!";
  const std::vector<std::string> problems = problems_of_users(config);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_TRUE(problems[0].starts_with("here: auth: user 'nova': write: ")) << problems[0];
  EXPECT_TRUE(problems[1].starts_with("here: auth: user 'admin': password_hash: ")) << problems[1];
}

}  // namespace
}  // namespace leveret::server
