#include "config/structures.hpp"

#include <gtest/gtest.h>

#include "tests/unit/config/configuration.hpp"

namespace leveret::config {
namespace {

// ---- listeners -----------------------------------------------------------------------------

TEST(Structures, ReadListeners) {
  EXPECT_EQ(loaded_from("listeners:\n"
                        "  amqp:\n"
                        "    - {bind: ':5672'}\n"
                        "    - {bind: '[::1]:5673', backlog: 10}\n")
                .config.amqp_listeners,
            (std::vector<Listener>{{{"", 5672}, 1024}, {{"::1", 5673}, 10}}));
}

TEST(Structures, RefuseListenersThatAreNone) {
  const std::vector<std::pair<std::string, Problems>> cases{
      {"listeners: {amqp: ':5672'}", {"f:1:19: listeners.amqp: must be a list"}},
      {"listeners: {amqp: []}", {"f:1:19: listeners.amqp: must not be empty"}},
      {"listeners: {amqp: [':5672']}",
       {"f:1:20: listeners.amqp[0]: must be a map of keys",
        "f:1:20: listeners.amqp[0].bind: is missing"}},
      {"listeners: {amqp: [{port: 1}]}",
       {"f:1:20: listeners.amqp[0].bind: is missing",
        "f:1:27: listeners.amqp[0].port: unknown key"}},
      {"listeners: {amqp: [{bind: 5672}]}",
       {"f:1:27: listeners.amqp[0].bind: '5672' has no port; write address:port, or :port for all "
        "addresses"}},
      {"listeners: {amqp: [{bind: ':1', backlog: -1}]}",
       {"f:1:42: listeners.amqp[0].backlog: '-1' is not a whole number"}},
      {"listeners: {amqp: [{bind: ':1', backlog: 4294967296}]}",
       {"f:1:42: listeners.amqp[0].backlog: 4294967296 is out of range"}},
      {"listeners: {amqp: [{bind: ':1'}, {bind: ':1'}]}",
       {"f:1:34: listeners.amqp[1].bind: is the same as that of an earlier listener"}},
      {"listeners: {amqp: [{bind: ':1', tls: {}}]}",
       {"f:1:38: listeners.amqp[0].tls: is not supported by this version of Leveret yet"}},
  };
  for (const auto& [yaml, problems] : cases) EXPECT_EQ(problems_of(yaml), problems) << yaml;
}

// ---- virtual hosts and users ---------------------------------------------------------------

TEST(Structures, ReadUsers) {
  const Config config = loaded_from(R"(
vhosts: [/, cloud]
auth:
  users:
    - name: nova
      password: secret
      tags: [monitoring, management]
      permissions:
        - {vhost: cloud, configure: "^nova", write: ".*", read: ".*"}
        - {write: "x"}
    - name: hashed
      password_hash: kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR
      hashing_algorithm: sha512
)").config;
  ASSERT_EQ(config.auth.users.size(), 2U);
  const User& nova = config.auth.users[0];
  EXPECT_EQ(nova.name, "nova");
  EXPECT_EQ(nova.password, "secret");
  EXPECT_EQ(nova.tags, (std::vector<std::string>{"monitoring", "management"}));
  ASSERT_EQ(nova.permissions.size(), 2U);
  EXPECT_EQ(nova.permissions[0].vhost, "cloud");
  EXPECT_EQ(nova.permissions[0].configure, "^nova");
  EXPECT_EQ(nova.permissions[1].vhost, "/");
  EXPECT_EQ(nova.permissions[1].configure, "");
  EXPECT_EQ(nova.permissions[1].write, "x");
  EXPECT_EQ(config.auth.users[1].hashing_algorithm, "sha512");
  ASSERT_TRUE(config.auth.default_user);
  EXPECT_EQ(config.auth.default_user->name, "guest");
}

TEST(Structures, ReadTheDefaultUser) {
  const Config config = loaded_from(R"(
auth:
  default_user: {name: admin, password: p, vhost: own, permissions: {read: ".*"}}
)").config;
  EXPECT_TRUE(config.auth.users.empty());
  ASSERT_TRUE(config.auth.default_user);
  const User& admin = *config.auth.default_user;
  EXPECT_EQ(admin.name, "admin");
  EXPECT_EQ(admin.tags, (std::vector<std::string>{"administrator"}));
  EXPECT_TRUE(admin.origin.ends_with(":3:17")) << admin.origin;
  ASSERT_EQ(admin.permissions.size(), 1U);
  EXPECT_EQ(admin.permissions[0].vhost, "own");
  EXPECT_EQ(admin.permissions[0].write, "");
  // Its vhost is made with it, once; those of `vhosts` at every start.
  EXPECT_EQ(config.vhosts, (std::vector<std::string>{"/"}));
}

TEST(Structures, LetAUserTakeTheDefaultUsersPlace) {
  const Config config = loaded_from("auth: {users: [{name: guest, password: other}]}").config;
  ASSERT_EQ(config.auth.users.size(), 1U);
  EXPECT_EQ(config.auth.users[0].password, "other");
  EXPECT_FALSE(config.auth.default_user);
}

TEST(Structures, ReadPasswordsFromFiles) {
  const TemporaryFile password("from a file\n");
  const Config config =
      loaded_from("auth: {default_user: {password_file: " + password.path() + "}}").config;
  ASSERT_TRUE(config.auth.default_user);
  EXPECT_EQ(config.auth.default_user->password, "from a file");
  EXPECT_EQ(problems_of("auth: {default_user: {password_file: /does/not/exist}}"),
            (Problems{"f:1:38: auth.default_user.password_file: cannot read /does/not/exist"}));
}

TEST(Structures, RefuseUsersThatAreNone) {
  const std::vector<std::pair<std::string, Problems>> cases{
      {"auth: {users: {name: a}}", {"f:1:15: auth.users: must be a list"}},
      {"auth: {users: [{password: a}]}", {"f:1:16: auth.users[0].name: is missing"}},
      {"auth: {users: [{name: a, pasword: b}]}", {"f:1:35: auth.users[0].pasword: unknown key"}},
      {"auth: {users: [{name: a}, {name: a}]}",
       {"f:1:27: auth.users: user 'a' is given twice"}},
      {"auth: {users: [{name: a, password: p, password_hash: h}]}",
       {"f:1:16: auth.users[0]: give one of password, password_file and password_hash"}},
      {"auth: {users: [{name: a, tags: administrator}]}",
       {"f:1:32: auth.users[0].tags: must be a list"}},
      {"auth: {users: [{name: a, tags: [[administrator]]}]}",
       {"f:1:32: auth.users[0].tags: must be a list of words"}},
      {"auth: {users: [{name: a, permissions: {vhost: /}}]}",
       {"f:1:39: auth.users[0].permissions: must be a list"}},
      {"auth: {users: [{name: a, permissions: [{vhost: b}]}]}",
       {"f:1:16: auth: user 'a' has permissions in vhost 'b', which is not one of vhosts"}},
      {"auth: {users: [{name: a, permissions: [{wriet: b}]}]}",
       {"f:1:48: auth.users[0].permissions[0].wriet: unknown key"}},
      {"auth: {users: [{name: a, hashing_algorithm: md4}]}",
       {"f:1:45: auth.users[0].hashing_algorithm: 'md4' is not one of sha256, sha512, "
        "md5"}},
      {"auth: {default_user: {vhost: ''}}",
       {"f:1:30: auth.default_user.vhost: must be a name of 1 to 255 bytes"}},
      {"vhosts: /", {"f:1:9: vhosts: must be a list"}},
      {"vhosts: [/, '']", {"f:1:13: vhosts: must be names of 1 to 255 bytes"}},
  };
  for (const auto& [yaml, problems] : cases) EXPECT_EQ(problems_of(yaml), problems) << yaml;
}

// Goal: a node that has its data can say that it takes no notice, and says it of a change only.
TEST(Structures, TellWhetherTheDefaultUserDiffers) {
  const auto differs = [](const std::string& running, const std::string& next) {
    return default_user_differs(loaded_from(running).config, loaded_from(next).config);
  };
  EXPECT_FALSE(differs("", ""));
  EXPECT_FALSE(differs("", "\n\nauth: {default_user: {name: guest}}"));
  EXPECT_TRUE(differs("", "auth: {default_user: {name: admin}}"));
  EXPECT_TRUE(differs("", "auth: {default_user: {password: other}}"));
  EXPECT_TRUE(differs("", "auth: {default_user: {vhost: cloud}}"));
  EXPECT_TRUE(differs("", "auth: {default_user: {permissions: {read: a}}}"));
  EXPECT_FALSE(differs("auth: {users: [{name: guest, password: other}]}", ""));
}

// Goal: the one setting that opens a node to everybody is said aloud.
TEST(Structures, WarnOfAGuestFromAnywhere) {
  EXPECT_EQ(loaded_from("auth: {loopback_only: []}").warnings.size(), 1U);
  EXPECT_EQ(loaded_from("auth: {loopback_only: [], users: [{name: guest, password: guest}]}")
                .warnings.size(),
            1U);
  EXPECT_TRUE(loaded_from("auth: {loopback_only: [], default_user: {password: other}}")
                  .warnings.empty());
}

// ---- log -----------------------------------------------------------------------------------

TEST(Structures, ReadOutputs) {
  EXPECT_TRUE(loaded_from("").config.log.to_stderr);
  const Log log =
      loaded_from("log: {outputs: [{file: /var/log/l, max_size: 1MiB, keep: 2}]}").config.log;
  EXPECT_FALSE(log.to_stderr);
  EXPECT_EQ(log.files, (std::vector<LogFile>{{"/var/log/l", 1U << 20, 2}}));
  EXPECT_TRUE(loaded_from("log: {outputs: [stderr, {file: /l}]}").config.log.to_stderr);
}

TEST(Structures, RefuseOutputsThatAreNone) {
  EXPECT_EQ(problems_of("log: {outputs: [stdout, {path: /x}]}"),
            (Problems{"f:1:17: log.outputs[0]: 'stdout' is neither stderr nor a map with file",
                      "f:1:25: log.outputs[1].file: is missing",
                      "f:1:32: log.outputs[1].path: unknown key"}));
}

}  // namespace
}  // namespace leveret::config
