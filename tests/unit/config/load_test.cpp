#include "config/load.hpp"

#include <gtest/gtest.h>

#include "config/keys.hpp"
#include "tests/unit/config/configuration.hpp"

namespace leveret::config {
namespace {

// ---- right ---------------------------------------------------------------------------------

TEST(Load, GivesTheDefaultsForNothing) {
  const auto loaded = load({});
  ASSERT_TRUE(loaded);
  const Config& config = loaded->config;
  EXPECT_EQ(config.amqp_listeners, (std::vector<Listener>{{{"", 5672}, 1024}}));
  EXPECT_EQ(config.http_listeners, (std::vector<Listener>{{{"", 15672}, 1024}}));
  EXPECT_EQ(config.vhosts, (std::vector<std::string>{"/"}));
  EXPECT_EQ(config.limits.heartbeat, Duration{60000});
  EXPECT_EQ(config.limits.frame_max_bytes, 131072U);
  EXPECT_EQ(config.limits.channels, 2047U);
  EXPECT_EQ(config.compat.product, "RabbitMQ");
  EXPECT_EQ(config.compat.version, "3.13.7");
  EXPECT_TRUE(config.auth.users.empty());
  ASSERT_TRUE(config.auth.default_user);
  EXPECT_EQ(config.auth.default_user->name, "guest");
  EXPECT_EQ(config.auth.default_user->password, "guest");
  EXPECT_EQ(config.node.data_dir, "/var/lib/leveret");
  EXPECT_EQ(config.disk.free_limit_bytes, 50'000'000U);
  EXPECT_EQ(config.disk.check_interval, Duration{10000});
  EXPECT_EQ(config.storage, (Storage{StorageSync::fdatasync, 64U << 20, 50}));
  EXPECT_TRUE(config.node.name.starts_with("leveret@"));
  EXPECT_GE(config.node.threads, 1U);
  EXPECT_GT(config.memory.high_watermark_bytes, 0U);
  EXPECT_EQ(config.memory.page_out_at_bytes, config.memory.high_watermark_bytes / 100 * 50);
  EXPECT_TRUE(loaded->warnings.empty());
}

TEST(Load, TakesAnEmptyFileForNothing) {
  for (const char* yaml : {"", "\n", "# nothing\n", "---\n", "limits:\n", "limits: {}\n"}) {
    EXPECT_EQ(problems_of(yaml), Problems{}) << yaml;
  }
}

TEST(Load, ReadsEveryKindOfValue) {
  const Config config = loaded_from(R"(
version: 1
node: {name: leveret@here, threads: 3, data_dir: /srv/leveret}
auth: {mechanisms: [PLAIN], loopback_only: []}
limits: {heartbeat: 30s, frame_max: 64KiB, connections: 10}
memory: {high_watermark: 1GiB, page_out_at: 100MiB}
disk: {free_limit: 1GB, check_interval: 500ms}
storage: {sync: os, segment_size: 8MiB, compact_at: 75%}
network: {nodelay: false}
log: {level: debug, levels: {auth: error, storage: trace}, format: json}
)").config;
  EXPECT_EQ(config.node.name, "leveret@here");
  EXPECT_EQ(config.node.threads, 3U);
  EXPECT_EQ(config.auth.mechanisms, (std::vector<std::string>{"PLAIN"}));
  EXPECT_TRUE(config.auth.loopback_only.empty());
  EXPECT_EQ(config.limits.heartbeat, Duration{30000});
  EXPECT_EQ(config.limits.frame_max_bytes, 65536U);
  EXPECT_EQ(config.limits.connections, 10U);
  EXPECT_EQ(config.node.data_dir, "/srv/leveret");
  EXPECT_EQ(config.memory.high_watermark_bytes, 1U << 30);
  EXPECT_EQ(config.memory.page_out_at_bytes, 100U << 20);
  EXPECT_EQ(config.disk.free_limit_bytes, 1'000'000'000U);
  EXPECT_EQ(config.disk.check_interval, Duration{500});
  EXPECT_EQ(config.storage, (Storage{StorageSync::os, 8U << 20, 75}));
  EXPECT_FALSE(config.network.nodelay);
  EXPECT_EQ(config.log.level, "debug");
  EXPECT_EQ(config.log.levels.at("auth"), "error");
  EXPECT_EQ(config.log.levels.at("storage"), "trace");
  EXPECT_EQ(config.log.format, "json");
}

// Goal: what YAML would guess makes no difference: the key says what a text is.
TEST(Load, TakesQuotedAndPlainTextForTheSame) {
  EXPECT_EQ(loaded_from("limits: {connections: '10'}").config.limits.connections, 10U);
  EXPECT_EQ(loaded_from("node: {name: on}").config.node.name, "on");
  EXPECT_EQ(loaded_from("limits: {heartbeat: off}").config.limits.heartbeat, Duration{0});
}

TEST(Load, ReckonsSharesOfWhatItIsTold) {
  EXPECT_EQ(loaded_from("memory: {total_override: 10GB, high_watermark: 50%}")
                .config.memory.high_watermark_bytes,
            5'000'000'000U);
}

// Goal: a share of the watermark follows the watermark, however that is given.
TEST(Load, ReckonsPagingOutOfTheHighWatermark) {
  const auto page_out_at = [](const std::string& memory) {
    return loaded_from("memory: {" + memory + "}").config.memory.page_out_at_bytes;
  };
  EXPECT_EQ(page_out_at("high_watermark: 100MB"), 50'000'000U);
  EXPECT_EQ(page_out_at("page_out_at: 10%, high_watermark: 100MB"), 10'000'000U);
  EXPECT_EQ(page_out_at("total_override: 1GB, high_watermark: 50%, page_out_at: 20%"),
            100'000'000U);
  EXPECT_EQ(page_out_at("high_watermark: 100MB, page_out_at: 64KiB"), 65536U);
  EXPECT_EQ(page_out_at("page_out_at: 0"), 0U);
}

TEST(Load, RoundsSegmentsDownToWholePages) {
  EXPECT_EQ(loaded_from("storage: {segment_size: 50MB}").config.storage.segment_size_bytes,
            49'999'872U);
}

TEST(Load, WarnsOfWhatCanLoseConfirmedMessages) {
  EXPECT_EQ(loaded_from("storage: {sync: os}").warnings,
            (std::vector<std::string>{
                "storage.sync is os: a confirm means that the operating system has the message, "
                "not the disk; a power cut can lose confirmed messages"}));
  EXPECT_TRUE(loaded_from("storage: {sync: fdatasync}").warnings.empty());
}

TEST(Load, WarnsOfMemoryThatIsBlockedBeforeItIsPagedOut) {
  EXPECT_EQ(loaded_from("memory: {high_watermark: 1GiB, page_out_at: 1GiB}").warnings,
            (std::vector<std::string>{
                "memory.page_out_at is not below memory.high_watermark: publishers are blocked "
                "before message bodies leave memory"}));
  EXPECT_TRUE(
      loaded_from("memory: {high_watermark: 1GiB, page_out_at: 95%}").warnings.empty());
}

// ---- order ---------------------------------------------------------------------------------

TEST(Load, LetsLaterSourcesWin) {
  const TemporaryFile first("limits: {connections: 1, queues: 1, channels: 1, heartbeat: 1s}");
  const TemporaryFile second("limits: {queues: 2, channels: 2, heartbeat: 2s}");
  const auto loaded =
      load({{first.path(), second.path()},
            {{"LEVERET_LIMITS__CHANNELS", "3"}, {"LEVERET_LIMITS__HEARTBEAT", "3s"}},
            {"limits.heartbeat=4s"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.limits.connections, 1U);
  EXPECT_EQ(loaded->config.limits.queues, 2U);
  EXPECT_EQ(loaded->config.limits.channels, 3U);
  EXPECT_EQ(loaded->config.limits.heartbeat, Duration{4000});
  EXPECT_EQ(loaded->origins.at("limits.connections"), first.path() + ":1:23");
  EXPECT_EQ(loaded->origins.at("limits.queues"), second.path() + ":1:18");
  EXPECT_EQ(loaded->origins.at("limits.channels"), "environment LEVERET_LIMITS__CHANNELS");
  EXPECT_EQ(loaded->origins.at("limits.heartbeat"), "--set limits.heartbeat");
  EXPECT_EQ(loaded->origins.at("limits.frame_max"), "default");
}

TEST(Load, TakesListsAndMapsFromOutside) {
  const Config config =
      loaded_from("", {{"LEVERET_VHOSTS", "[/, other]"}},
                  {"listeners.amqp=[{bind: '127.0.0.1:0'}]", "auth.mechanisms=[AMQPLAIN]"})
          .config;
  EXPECT_EQ(config.vhosts, (std::vector<std::string>{"/", "other"}));
  EXPECT_EQ(config.amqp_listeners, (std::vector<Listener>{{{"127.0.0.1", 0}, 1024}}));
  EXPECT_EQ(config.auth.mechanisms, (std::vector<std::string>{"AMQPLAIN"}));
}

// Goal: a value may hold what separates keys from values.
TEST(Load, SplitsAnOverrideAtItsFirstEqualsSign) {
  EXPECT_EQ(loaded_from("", {}, {"compat.product=a=b"}).config.compat.product, "a=b");
}

TEST(Load, KnowsTheVariablesOfOtherImages) {
  for (const std::string prefix : {"RABBITMQ_DEFAULT_", "LEVERET_DEFAULT_"}) {
    const Config config = loaded_from("", {{prefix + "USER", "admin"},
                                           {prefix + "PASS", "secret"},
                                           {prefix + "VHOST", "cloud"},
                                           {"RABBITMQ_NODENAME", "ignored"},
                                           {"PATH", "/bin"}})
                              .config;
    ASSERT_TRUE(config.auth.default_user);
    EXPECT_EQ(config.auth.default_user->name, "admin");
    EXPECT_EQ(config.auth.default_user->password, "secret");
    EXPECT_EQ(config.auth.default_user->permissions[0].vhost, "cloud");
    EXPECT_EQ(config.vhosts, (std::vector<std::string>{"/"}));
  }
}

// ---- wrong ---------------------------------------------------------------------------------

TEST(Load, FindsAllProblemsAtOnce) {
  EXPECT_EQ(problems_of("limits:\n"
                        "  heartbeat: 60\n"
                        "  conections: 5\n"
                        "  channels: 70000\n"
                        "network:\n"
                        "  nodelay: yes\n"
                        "log: {level: loud}\n"),
            (Problems{"f:3:15: limits.conections: unknown key; did you mean 'connections'?",
                      "f:4:13: limits.channels: 70000 is out of range (1..65535)",
                      "f:2:14: limits.heartbeat: '60' needs a unit, for example 60s",
                      "f:6:12: network.nodelay: 'yes' is neither true nor false",
                      "f:7:14: log.level: 'loud' is not one of trace, debug, info, warning, error, "
                      "critical"}));
}

TEST(Load, SuggestsWhatWasMeant) {
  EXPECT_EQ(problems_of("limit: {connections: 1}"),
            (Problems{"f:1:8: limit: unknown key"}));
  EXPECT_EQ(problems_of("node: {thread: 1}"),
            (Problems{"f:1:16: node.thread: unknown key; did you mean 'threads'?"}));
  EXPECT_EQ(problems_of("listeners: {ampq: []}"),
            (Problems{"f:1:19: listeners.ampq: unknown key; did you mean 'amqp'?"}));
  EXPECT_EQ(problems_of("something_else: 1"), (Problems{"f:1:17: something_else: unknown key"}));
}

TEST(Load, RefusesKeysOfLaterVersionsByName) {
  EXPECT_EQ(problems_of("queues: {default_policy: p}"),
            (Problems{"f:1:26: queues.default_policy: is not supported by this version of Leveret "
                      "yet"}));
  EXPECT_EQ(problems_of("limits: {vhosts: 1}"),
            (Problems{"f:1:18: limits.vhosts: is not supported by this version of Leveret yet"}));
}

TEST(Load, RefusesValuesOfAnotherShape) {
  EXPECT_EQ(problems_of("limits: {connections: [1]}"),
            (Problems{"f:1:23: limits.connections: must be a single value"}));
  EXPECT_EQ(problems_of("limits: {connections: {a: 1}}"),
            (Problems{"f:1:23: limits.connections: must be a single value"}));
  EXPECT_EQ(problems_of("auth: {mechanisms: PLAIN}"),
            (Problems{"f:1:20: auth.mechanisms: must be a list"}));
  EXPECT_EQ(problems_of("auth: {mechanisms: [PLAIN, EXTERNAL]}"),
            (Problems{"f:1:20: auth.mechanisms: 'EXTERNAL' is not one of PLAIN, AMQPLAIN"}));
  EXPECT_EQ(problems_of("auth: {loopback_only: [[guest]]}"),
            (Problems{"f:1:23: auth.loopback_only: must be a list of words"}));
  EXPECT_EQ(problems_of("limits: 5"), (Problems{"f:1:9: limits: must be a map of keys"}));
  EXPECT_EQ(problems_of("[1, 2]"), (Problems{"f:1:1: a configuration is a map of keys"}));
  EXPECT_EQ(problems_of("word"), (Problems{"f:1:1: a configuration is a map of keys"}));
}

TEST(Load, KeepsRanges) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"limits: {channels: 0}", "f:1:20: limits.channels: 0 is out of range (1..65535)"},
      {"limits: {frame_max: 4095}",
       "f:1:21: limits.frame_max: 4095 is out of range (4KiB..16MiB)"},
      {"limits: {handshake_timeout: 999ms}",
       "f:1:29: limits.handshake_timeout: 999ms is out of range (1s..10m)"},
      {"limits: {message_size: 513MiB}",
       "f:1:24: limits.message_size: 513MiB is out of range (1KiB..512MiB)"},
      {"limits: {heartbeat: 1500ms}", "f:1:21: limits.heartbeat: must be whole seconds"},
      {"memory: {high_watermark: 1MiB}",
       "f:1:26: memory.high_watermark: 1MiB is out of range (at least 16MiB)"},
      {"memory: {high_watermark: 99%}",
       "f:1:26: memory.high_watermark: 99% is out of range (1%..95%)"},
      {"memory: {page_out_at: 96%}",
       "f:1:23: memory.page_out_at: 96% is out of range (1%..95%)"},
      {"node: {data_dir: ''}", "f:1:18: node.data_dir: '' must have 1 to 4000 bytes"},
      {"disk: {check_interval: 99ms}",
       "f:1:24: disk.check_interval: 99ms is out of range (100ms..1h)"},
      {"storage: {sync: never}", "f:1:17: storage.sync: 'never' is not one of fdatasync, os"},
      {"storage: {segment_size: 1048575}",
       "f:1:25: storage.segment_size: 1048575 is out of range (1MiB..1GiB)"},
      {"storage: {segment_size: 2GiB}",
       "f:1:25: storage.segment_size: 2GiB is out of range (1MiB..1GiB)"},
      {"storage: {compact_at: 9%}", "f:1:23: storage.compact_at: 9% is out of range (10%..90%)"},
      {"storage: {compact_at: 91%}",
       "f:1:23: storage.compact_at: 91% is out of range (10%..90%)"},
      {"storage: {compact_at: 50}", "f:1:23: storage.compact_at: '50' is not a percentage"},
      {"node: {threads: 0}",
       "f:1:17: node.threads: '0' is neither auto nor a number from 1 to 256"},
      {"node: {threads: many}",
       "f:1:17: node.threads: 'many' is neither auto nor a number from 1 to 256"},
      {"compat: {version: 3.13}", "f:1:19: compat.version: '3.13' is not of the form 3.13.7"},
      {"compat: {version: v3.13.7}", "f:1:19: compat.version: 'v3.13.7' is not of the form 3.13.7"},
      {"compat: {product: ''}", "f:1:19: compat.product: '' must have 1 to 255 bytes"},
      {"version: 2", "f:1:10: version: 2 is out of range (only 1)"},
  };
  for (const auto& [yaml, problem] : cases) EXPECT_EQ(problems_of(yaml), Problems{problem}) << yaml;
}

TEST(Load, RefusesWhatIsNotPlainYaml) {
  EXPECT_EQ(problems_of("limits: {connections: 1, connections: 2}"),
            (Problems{"f:1:26: 'connections' is given twice in this file (first at f:1:23)"}));
  EXPECT_EQ(problems_of("limits: {connections: !!int 1}").size(), 1U);
  ASSERT_EQ(problems_of("limits: {connections: 1").size(), 1U);
  EXPECT_TRUE(problems_of("limits:\n  connections: [1\n")[0].starts_with("f:"));
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "[";
  EXPECT_EQ(problems_of("limits: " + deep + std::string(100, ']'))[0],
            "f:1:25: the document is nested too deeply or too large");
}

TEST(Load, RefusesALaughingDocument) {
  std::string yaml = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char name = 'b'; name < 'k'; ++name) {
    const std::string before(1, static_cast<char>(name - 1));
    yaml += std::string(1, name) + ": &" + name + " [";
    for (int i = 0; i < 10; ++i) yaml += (i == 0 ? "*" : ", *") + before;
    yaml += "]\n";
  }
  const Problems problems = problems_of(yaml);
  ASSERT_FALSE(problems.empty());
  EXPECT_NE(problems[0].find("nested too deeply or too large"), std::string::npos) << problems[0];
}

TEST(Load, NamesTheSourceThatIsWrong) {
  const auto loaded = load({{"/does/not/exist.yaml"},
                            {{"LEVERET_LIMITS__CHANNELS", "none"}, {"LEVERET_NONSENSE", "1"}},
                            {"limits.queues=-1", "nothing", "=x"}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error(),
            (Problems{"/does/not/exist.yaml: cannot be read: No such file or directory",
                      "--set nothing: write it as key.path=value",
                      "--set =x: write it as key.path=value",
                      "environment LEVERET_NONSENSE: nonsense: unknown key",
                      "environment LEVERET_LIMITS__CHANNELS: limits.channels: 'none' is not a "
                      "whole number",
                      "--set limits.queues: limits.queues: '-1' is not a whole number"}));
}

// ---- reload --------------------------------------------------------------------------------

TEST(Load, KnowsWhatARunningNodeCannotChange) {
  const Config running = loaded_from("node: {name: a@b, threads: 1}").config;
  EXPECT_TRUE(changes_needing_restart(running, running).empty());
  const Config other = loaded_from("node: {name: b@b, threads: 2}\n"
                                   "listeners: {amqp: [{bind: ':1'}]}\n"
                                   "log: {format: json, outputs: [{file: /tmp/l}], level: error}\n"
                                   "limits: {queues: 7}\n")
                           .config;
  EXPECT_EQ(changes_needing_restart(running, other),
            (std::vector<std::string>{"node.threads", "node.name", "listeners.amqp", "log.format",
                                      "log.outputs"}));
}

}  // namespace
}  // namespace leveret::config
