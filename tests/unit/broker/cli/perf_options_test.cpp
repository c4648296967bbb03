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

TEST(PerfOptions, ReadPairsOfNamesAndValues) {
  PerfOptions options;
  EXPECT_EQ(parse({"throughput", "--queue-args", "x-queue-type=stream,x-max-age=1D",
                   "--consumer-args", "x-stream-offset=-1,a=,b=c=d,yes=true",
                   "--message-properties", "priority=5,kind=7"},
                  options),
            "");
  EXPECT_TRUE(options.reads_streams());
  using protocol::FieldValue;
  const protocol::FieldTable arguments = field_table(options.consumer_args);
  EXPECT_EQ(*arguments.find("x-stream-offset"), FieldValue::int64(-1));
  EXPECT_EQ(*arguments.find("a"), FieldValue::long_string(""));
  EXPECT_EQ(*arguments.find("b"), FieldValue::long_string("c=d"));
  EXPECT_EQ(*arguments.find("yes"), FieldValue::boolean(true));
  std::vector<std::byte> headers;
  const auto properties = options.message_properties.with_headers({}, headers);
  EXPECT_EQ(properties.priority, std::uint8_t{5});
  EXPECT_EQ(*properties.headers->decode()->find("kind"), FieldValue::int64(7));
  EXPECT_EQ(parse({"throughput", "--message-properties", "priority=256"}, options = {}),
            "--message-properties: '256' is no number that priority can be");
  EXPECT_EQ(parse({"rpc", "--queue-args", "a=1,,b=2"}, options = {}),
            "--queue-args: '' is no pair such as name=value");
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
  EXPECT_EQ(parse({"expiry"}, options = {}),
            "--time has to say how long calls are timed before");
  EXPECT_EQ(parse({"throughput", "--bindings", "2"}, options = {}),
            "--bindings needs an --exchange");
  EXPECT_EQ(parse({"throughput", "--uri", "host"}, options = {}),
            "'host' is no AMQP URL: it does not begin with amqp://");
}

}  // namespace
}  // namespace leveret::cli
