/// What the configuration says of itself: the default file, --print-config, the documentation.
#include <gtest/gtest.h>

#include <set>

#include "config/keys.hpp"
#include "config/structures.hpp"
#include "tests/unit/config/configuration.hpp"

namespace leveret::config {
namespace {

TEST(Show, DefaultFileIsItselfAConfiguration) {
  const Loaded from_file = loaded_from(default_file());
  const auto defaults = load({});
  ASSERT_TRUE(defaults);
  EXPECT_TRUE(changes_needing_restart(defaults->config, from_file.config).empty());
  EXPECT_EQ(from_file.config.limits.heartbeat, defaults->config.limits.heartbeat);
  EXPECT_EQ(from_file.config.vhosts, defaults->config.vhosts);
  EXPECT_EQ(from_file.config.auth.mechanisms, defaults->config.auth.mechanisms);
}

// Goal: no key without a word of what it is for.
TEST(Show, DefaultFileTellsOfEveryKey) {
  const std::string file = default_file();
  for (const Key& key : all_keys()) {
    if (key.path.starts_with("log.levels.")) continue;
    EXPECT_NE(file.find("# " + std::string(key.sentence)), std::string::npos) << key.path;
  }
}

TEST(Show, EffectiveValuesComeWithTheirOrigins) {
  const Loaded loaded = loaded_from("limits: {heartbeat: 30s}\nauth: {mechanisms: [PLAIN]}\n",
                                    {{"LEVERET_NODE__NAME", "a@b"}}, {"limits.queues=7"});
  const std::string text = print_effective(loaded);
  for (const char* line :
       {"  heartbeat: 30s  # f:1:21\n", "  name: a@b  # environment LEVERET_NODE__NAME\n",
        "  queues: 7  # --set limits.queues\n", "  frame_max: 128KiB  # default\n",
        "  mechanisms: [PLAIN]  # f:2:20\n", "  loopback_only: [guest]  # default\n",
        "vhosts: [/]  # default\n", "  outputs: [stderr]  # default\n",
        "  amqp: [{bind: \":5672\", backlog: 1024}]  # default\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\nis not in\n" << text;
  }
}

TEST(Show, EffectiveValuesAreAConfiguration) {
  const Loaded loaded =
      loaded_from("limits: {heartbeat: 30s}\n"
                  "node: {cluster_name: 'a: \"b\" # c\\d', name: '-'}\n"
                  "auth: {loopback_only: ['a, b', c]}\n"
                  "vhosts: ['a]', '@b']\n"
                  "log: {levels: {auth: error},\n"
                  "      outputs: [stderr, {file: '/var/log/the log', keep: 7}]}\n"
                  "listeners: {amqp: [{bind: '127.0.0.1:1'}, {bind: '[::1]:2'}]}\n");
  const Loaded again = loaded_from(print_effective(loaded));
  EXPECT_EQ(again.config.limits.heartbeat, Duration{30000});
  EXPECT_EQ(again.config.node.cluster_name, "a: \"b\" # c\\d");
  EXPECT_EQ(again.config.node.name, "-");
  EXPECT_EQ(again.config.auth.loopback_only, (std::vector<std::string>{"a, b", "c"}));
  EXPECT_EQ(again.config.vhosts, loaded.config.vhosts);
  EXPECT_EQ(again.config.log.files, loaded.config.log.files);
  EXPECT_TRUE(again.config.log.to_stderr);
  EXPECT_EQ(again.config.log.levels, loaded.config.log.levels);
  EXPECT_EQ(again.config.amqp_listeners, loaded.config.amqp_listeners);
  EXPECT_EQ(again.config.http_listeners, loaded.config.http_listeners);
}

// Goal: whoever reloads is told of each key that a running node keeps, and of no other.
TEST(Show, ChangesThatNeedARestartAreNamed) {
  const auto changes = [](const std::string& yaml) {
    return changes_needing_restart(loaded_from("").config, loaded_from(yaml).config);
  };
  EXPECT_EQ(changes("node: {data_dir: /other}\n"
                    "storage: {sync: os, segment_size: 1MiB, compact_at: 10%}\n"),
            (std::vector<std::string>{"node.data_dir", "storage.sync", "storage.segment_size",
                                      "storage.compact_at"}));
  EXPECT_EQ(changes("disk: {free_limit: 1GB, check_interval: 1s}\n"
                    "memory: {high_watermark: 1GB, page_out_at: 10%}\n"
                    "auth: {default_user: {name: admin}}\n"),
            std::vector<std::string>{});
}

// Goal: no secret reaches a screen or a ticket.
TEST(Show, EffectiveValuesHoldNoPasswords) {
  const std::string text = print_effective(loaded_from(
      "auth: {users: [{name: nova, password: s3cret}, {name: b, password_hash: h4sh}]}"));
  EXPECT_NE(text.find("# users: nova, b\n"
                      "# default user of a new data directory: guest, in vhost /\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("s3cret"), std::string::npos);
  EXPECT_EQ(text.find("h4sh"), std::string::npos);
}

TEST(Keys, AreToldApart) {
  std::set<std::string_view> paths;
  for (const Key& key : all_keys()) EXPECT_TRUE(paths.insert(key.path).second) << key.path;
  for (const std::string_view path : structure_paths()) EXPECT_TRUE(paths.insert(path).second);
  for (const std::string_view path : keys_not_supported_yet()) {
    EXPECT_TRUE(paths.insert(path).second) << path;
  }
}

TEST(Keys, HaveARowOfDocumentationEach) {
  const std::string rows = key_table();
  for (const Key& key : all_keys()) {
    EXPECT_NE(rows.find("| `" + std::string(key.path) + "` |"), std::string::npos) << key.path;
    EXPECT_TRUE(key.sentence.ends_with('.')) << key.path;
  }
}

}  // namespace
}  // namespace leveret::config
