#include "broker/cli/perf_options.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace leveret::cli {
namespace {

/// Parses "perf ..." as a command line; the text is what is wrong, empty when nothing is.
std::string parse(std::vector<std::string> arguments, PerfOptions& options) {
  CLI::App program;
  add_perf_command(program, options);
  arguments.insert(arguments.begin(), "perf");
  std::reverse(arguments.begin(), arguments.end());
  try {
    program.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  const auto checked = check(options);
  return checked ? "" : checked.error();
}

TEST(PerfOptions, AreNamedAsPerfTestNamesThem) {
  PerfOptions options;
  EXPECT_EQ(parse({"throughput", "-x",         "2",  "-y",        "3",  "-s",    "1000",
                   "-a",         "-c",         "10", "-q",        "5",  "-A",    "4",
                   "-r",         "100.5",      "-C", "7",         "-z", "8",     "-u",
                   "jobs",       "-f",         "persistent",      "-f", "mandatory",
                   "-p",         "--uri",      "amqp://host:1/v"},
                  options),
            "");
  EXPECT_EQ(options.load, PerfOptions::Load::throughput);
  EXPECT_EQ(options.producers, 2u);
  EXPECT_EQ(options.consumers, 3u);
  EXPECT_EQ(options.size_bytes, 1000u);
  EXPECT_TRUE(options.autoack);
  EXPECT_EQ(options.confirm, 10u);
  EXPECT_EQ(options.qos, 5u);
  EXPECT_EQ(options.multi_ack_every, 4u);
  EXPECT_EQ(options.rate, 100.5);
  EXPECT_EQ(options.producer_messages, 7u);
  EXPECT_EQ(options.time_s, 8);
  EXPECT_EQ(options.queue_names(), std::vector<std::string>{"jobs"});
  EXPECT_TRUE(options.has_flag("persistent"));
  EXPECT_TRUE(options.has_flag("mandatory"));
  EXPECT_TRUE(options.predeclared);
  EXPECT_EQ(options.url.host, "host");
}

TEST(PerfOptions, MakeNamesOfAPattern) {
  PerfOptions options;
  EXPECT_EQ(parse({"throughput", "--queue-pattern", "q-%d-x", "--queue-pattern-from", "9",
                   "--queue-pattern-to", "11"},
                  options),
            "");
  EXPECT_EQ(options.queue_names(), (std::vector<std::string>{"q-9-x", "q-10-x", "q-11-x"}));
}

TEST(PerfOptions, KnowEveryLoad) {
  using Load = PerfOptions::Load;
  for (const auto& [name, load] :
       {std::pair{"rpc", Load::rpc}, {"connection-churn", Load::connection_churn},
        {"channel-churn", Load::channel_churn}, {"queue-churn", Load::queue_churn},
        {"connection-count", Load::connection_count}, {"queue-count", Load::queue_count}}) {
    PerfOptions options;
    EXPECT_EQ(parse({name}, options), "") << name;
    EXPECT_EQ(options.load, load) << name;
  }
}

TEST(PerfOptions, AreRefusedWhereTheyMakeNoSense) {
  PerfOptions options;
  EXPECT_NE(parse({}, options), "");
  EXPECT_NE(parse({"nonsense"}, options), "");
  EXPECT_NE(parse({"throughput", "-s", "15"}, options), "");  // Number and time do not fit.
  EXPECT_NE(parse({"throughput", "-f", "quick"}, options), "");
  EXPECT_NE(parse({"rpc", "-x", "0"}, options), "");
  EXPECT_EQ(parse({"throughput", "-x", "0", "-y", "0"}, options),
            "with neither producers nor consumers there is no load");
  EXPECT_EQ(parse({"throughput", "--queue-pattern", "q"}, options = {}),
            "--queue-pattern needs a %d, where the number stands");
  EXPECT_EQ(parse({"throughput", "--uri", "host"}, options = {}),
            "'host' is no AMQP URL: it does not begin with amqp://");
}

}  // namespace
}  // namespace leveret::cli
