#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "storage/log.hpp"

namespace leveret::storage {
namespace {

LogOffset append(LogWriter& log, std::string_view first, std::string_view second = "") {
  const std::array parts{std::as_bytes(std::span(first)), std::as_bytes(std::span(second))};
  return log.append(RecordKind::message, parts);
}

TEST(VolatileLog, HasNothingAtFirst) {
  VolatileLog log;
  EXPECT_EQ(log.committed(), LogOffset{0});
  log.submit();
  EXPECT_EQ(log.committed(), LogOffset{0});
}

// Goal: a confirm asks whether a record's offset is committed; before the batch is handed over it
// must not be.
TEST(VolatileLog, CommitsWhatWasSubmitted) {
  VolatileLog log;
  const LogOffset first = append(log, "one");
  EXPECT_GT(first, log.committed());
  log.submit();
  EXPECT_GE(log.committed(), first);
  const LogOffset second = append(log, "two", "parts");
  EXPECT_GT(second, log.committed());
  log.submit();
  EXPECT_GE(log.committed(), second);
}

// Goal: every record has an end of its own, also an empty one.
TEST(VolatileLog, GivesGrowingOffsets) {
  VolatileLog log;
  const LogOffset first = append(log, "");
  const LogOffset second = append(log, "");
  const LogOffset third = append(log, "three");
  EXPECT_LT(LogOffset{0}, first);
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
}

}  // namespace
}  // namespace leveret::storage
