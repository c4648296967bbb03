#include "config/values.hpp"

#include <gtest/gtest.h>

#include <string>

namespace leveret::config {
namespace {

using namespace std::chrono_literals;

template <class T>
std::string shown(const Parsed<T>& parsed) {
  if (!parsed) return parsed.error();
  return std::to_string(*parsed);
}
std::string shown(const Parsed<Duration>& parsed) {
  return parsed ? std::to_string(parsed->count()) + " ms" : parsed.error();
}
std::string shown(const Parsed<Bind>& parsed) {
  return parsed ? parsed->address + " " + std::to_string(parsed->port) : parsed.error();
}

TEST(Values, ReadBooleansInOneSpelling) {
  EXPECT_EQ(shown(parse_bool("true")), "1");
  EXPECT_EQ(shown(parse_bool("false")), "0");
  for (const std::string text : {"", "yes", "on", "True", "1", "true "}) {
    EXPECT_EQ(shown(parse_bool(text)), "'" + text + "' is neither true nor false");
  }
}

TEST(Values, ReadWholeNumbers) {
  EXPECT_EQ(shown(parse_count("0")), "0");
  EXPECT_EQ(shown(parse_count("012")), "12");  // No octal surprises.
  EXPECT_EQ(shown(parse_count("18446744073709551615")), "18446744073709551615");
  for (const std::string text : {"", "-1", "+1", "1.5", "1e3", "0x10", " 1", "1 ", "1_000",
                                 "18446744073709551616"}) {
    EXPECT_EQ(shown(parse_count(text)), "'" + text + "' is not a whole number");
  }
}

TEST(Values, ReadSizes) {
  EXPECT_EQ(shown(parse_size("0")), "0");
  EXPECT_EQ(shown(parse_size("4096")), "4096");
  EXPECT_EQ(shown(parse_size("1KB")), "1000");
  EXPECT_EQ(shown(parse_size("1KiB")), "1024");
  EXPECT_EQ(shown(parse_size("3MiB")), "3145728");
  EXPECT_EQ(shown(parse_size("2GB")), "2000000000");
  EXPECT_EQ(shown(parse_size("17179869183GiB")), "18446744072635809792");
  for (const std::string text : {"", "KB", "1 KB", "-1KB", "1.5MiB", "1TiB", "17179869184GiB"}) {
    EXPECT_EQ(shown(parse_size(text)),
              "'" + text + "' is not a size; write a number of bytes, or one with KB, MB, GB, KiB, "
                           "MiB or GiB");
  }
  EXPECT_EQ(shown(parse_size("1kb")), "'1kb' is not a size; write 1KB or 1KiB");
  EXPECT_EQ(shown(parse_size("20K")), "'20K' is not a size; write 20KB or 20KiB");
  EXPECT_EQ(shown(parse_size("3mib")), "'3mib' is not a size; write 3MB or 3MiB");
}

TEST(Values, ShowSizesAndDurationsInTheLargestUnitThatFits) {
  EXPECT_EQ(show_size(0), "0");
  EXPECT_EQ(show_size(1000), "1000");
  EXPECT_EQ(show_size(131072), "128KiB");
  EXPECT_EQ(show_size(16ull << 20), "16MiB");
  EXPECT_EQ(show_duration(0), "0");
  EXPECT_EQ(show_duration(999), "999ms");
  EXPECT_EQ(show_duration(90'000), "90s");
  EXPECT_EQ(show_duration(600'000), "10m");
}

TEST(Values, ReadDurations) {
  EXPECT_EQ(shown(parse_duration("0")), "0 ms");
  EXPECT_EQ(shown(parse_duration("off")), "0 ms");
  EXPECT_EQ(shown(parse_duration("250ms")), "250 ms");
  EXPECT_EQ(shown(parse_duration("10s")), "10000 ms");
  EXPECT_EQ(shown(parse_duration("5m")), "300000 ms");
  EXPECT_EQ(shown(parse_duration("2h")), "7200000 ms");
  EXPECT_EQ(shown(parse_duration("1d")), "86400000 ms");
  EXPECT_EQ(shown(parse_duration("60")), "'60' needs a unit, for example 60s");
  for (const std::string text : {"", "s", "1 s", "-1s", "1.5s", "1w", "106751991168d"}) {
    EXPECT_EQ(shown(parse_duration(text)),
              "'" + text + "' is not a duration; write a number with ms, s, m, h or d");
  }
}

TEST(Values, ReadSharesOfAWhole) {
  EXPECT_EQ(shown(parse_share("40%", 1000)), "400");
  EXPECT_EQ(shown(parse_share("1%", 1000)), "10");
  EXPECT_EQ(shown(parse_share("95%", UINT64_MAX / 2)),
            std::to_string(UINT64_MAX / 2 / 100 * 95));
  EXPECT_EQ(shown(parse_share("2GiB", 1000)), "2147483648");
  EXPECT_EQ(shown(parse_share("0%", 1000)), "0% is out of range (1%..95%)");
  EXPECT_EQ(shown(parse_share("96%", 1000)), "96% is out of range (1%..95%)");
  EXPECT_EQ(shown(parse_share("4.5%", 1000)), "'4.5%' is not a percentage");
  EXPECT_EQ(shown(parse_share("%", 1000)), "'%' is not a percentage");
}

TEST(Values, ReadPercents) {
  EXPECT_EQ(shown(parse_percent("0%")), "0");
  EXPECT_EQ(shown(parse_percent("150%")), "150");
  for (const std::string text :
       {"", "%", "50", "-1%", "4.5%", "5 %", "5%%", "18446744073709551616%"}) {
    EXPECT_EQ(shown(parse_percent(text)), "'" + text + "' is not a percentage");
  }
}

TEST(Values, ReadAddresses) {
  EXPECT_EQ(shown(parse_bind(":5672")), " 5672");
  EXPECT_EQ(shown(parse_bind("127.0.0.1:0")), "127.0.0.1 0");
  EXPECT_EQ(shown(parse_bind("localhost:65535")), "localhost 65535");
  EXPECT_EQ(shown(parse_bind("[::1]:5672")), "::1 5672");
  EXPECT_EQ(shown(parse_bind("localhost")),
            "'localhost' has no port; write address:port, or :port for all addresses");
  EXPECT_EQ(shown(parse_bind("localhost:")), "'localhost:' has no port number after the colon");
  EXPECT_EQ(shown(parse_bind("localhost:amqp")),
            "'localhost:amqp' has no port number after the colon");
  EXPECT_EQ(shown(parse_bind(":65536")), "port 65536 is out of range (0..65535)");
  EXPECT_EQ(shown(parse_bind("::1:5672")),
            "'::1:5672' is not clear; write an IPv6 address as [address]:port");
}

TEST(Values, KnowTheMachine) {
  EXPECT_GT(memory_total_bytes(), 16U << 20);
  EXPECT_GE(cpu_count(), 1U);
}

}  // namespace
}  // namespace leveret::config
