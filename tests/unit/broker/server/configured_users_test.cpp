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

// Goal: what holds while it is listed and what a first boot stores can be told apart.
TEST(ConfiguredUsers, AreMadeTogetherAndApart) {
  const config::Config config = two_users();
  const auto has = [](const std::shared_ptr<const broker::Users>& users, const char* name) {
    return users->find(name) != nullptr;
  };
  const auto all = make_users(config);
  EXPECT_TRUE(has(all, "nova"));
  EXPECT_TRUE(has(all, "admin"));
  EXPECT_TRUE(all->may_access_vhost("admin", "cloud"));
  EXPECT_FALSE(all->may_access_vhost("admin", "/"));

  const auto listed = make_listed_users(config);
  EXPECT_TRUE(has(listed, "nova"));
  EXPECT_TRUE(listed->may_access_vhost("nova", "/"));
  EXPECT_FALSE(has(listed, "admin"));

  const auto first = make_default_user(config);
  EXPECT_FALSE(has(first, "nova"));
  EXPECT_TRUE(has(first, "admin"));
  EXPECT_TRUE(first->may_access_vhost("admin", "cloud"));
}

TEST(ConfiguredUsers, AreNobodyWithoutADefaultUser) {
  config::Config config;
  EXPECT_EQ(make_default_user(config)->find("guest"), nullptr);
  EXPECT_EQ(make_users(config)->find("guest"), nullptr);
}

TEST(ConfiguredUsers, BringTheirVirtualHostAlong) {
  config::Config config = two_users();
  EXPECT_EQ(all_vhosts(config), (std::vector<std::string>{"/", "cloud"}));
  config.vhosts = {"cloud", "/"};
  EXPECT_EQ(all_vhosts(config), (std::vector<std::string>{"cloud", "/"}));
  config.auth.default_user.reset();
  config.vhosts = {"/"};
  EXPECT_EQ(all_vhosts(config), (std::vector<std::string>{"/"}));
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
