#include "broker/cli/readable.hpp"

#include <gtest/gtest.h>

#include <array>

namespace leveret::cli {
namespace {

TEST(Readable, GroupsDigitsAndCountsNouns) {
  EXPECT_EQ(readable_count(0), "0");
  EXPECT_EQ(readable_count(999), "999");
  EXPECT_EQ(readable_count(1'000), "1,000");
  EXPECT_EQ(readable_count(1'234'567), "1,234,567");
  EXPECT_EQ(readable_count(1, "record"), "1 record");
  EXPECT_EQ(readable_count(2'000, "record"), "2,000 records");
}

TEST(Readable, ShowsSizesInTheirUnit) {
  EXPECT_EQ(readable_size(1'023), "1023 B");
  EXPECT_EQ(readable_size(1'536), "1.5 KiB");
  EXPECT_EQ(readable_size(std::uint64_t{3} << 30), "3.0 GiB");
}

TEST(Readable, ShowsTimesOfTheWorld) {
  EXPECT_EQ(readable_time(0), "1970-01-01 00:00:00.000 UTC");
  EXPECT_EQ(readable_time(1'770'000'000'123), "2026-02-02 02:40:00.123 UTC");
}

TEST(Readable, ShowsBytes) {
  EXPECT_EQ(hexadecimal(std::array{std::byte{0x0A}, std::byte{0xF1}}), "0af1");
}

// Goal: no name can play tricks with a terminal, or look like another one.
TEST(Readable, EscapesWhatCannotBePrinted) {
  EXPECT_EQ(printable("queue ü ☃"), "queue ü ☃");
  EXPECT_EQ(printable("\x1B[2J\n"), "\\x1b[2J\\x0a");
  EXPECT_EQ(printable("a\\x1b"), "a\\\\x1b");
  EXPECT_EQ(printable("\xC2\x9B"), "\\xc2\\x9b");
  EXPECT_EQ(printable("\xFF" "a\xC3"), "\\xffa\\xc3");
}

TEST(TextTable, AlignsItsColumns) {
  TextTable table({"name", ">count"});
  EXPECT_TRUE(table.empty());
  table.add({"ü", "10"});
  table.add({"long name", "5"});
  table.add({"none"});
  EXPECT_EQ(table.text(),
            "  name       count\n"
            "  ü             10\n"
            "  long name      5\n"
            "  none\n");
}

}  // namespace
}  // namespace leveret::cli
