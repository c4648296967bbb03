#include <gtest/gtest.h>

#include "storage/log.hpp"

namespace leveret::storage {
namespace {

TEST(VolatileLog, HasNothingAtFirst) {
  VolatileLog log;
  EXPECT_EQ(log.committed(), LogTicket{0});
  log.submit();
  EXPECT_EQ(log.committed(), LogTicket{0});
}

// Goal: a confirm asks whether a record's ticket is committed; before the batch is handed over it
// must not be.
TEST(VolatileLog, CommitsWhatWasSubmitted) {
  VolatileLog log;
  LogPlace place;
  log.append_message({}, place);
  const LogTicket first = log.awaited_ticket();
  EXPECT_GT(first, log.committed());
  log.submit();
  EXPECT_GE(log.committed(), first);
  EXPECT_GE(log.written(), first);
  log.define("key", "value");
  const LogTicket second = log.awaited_ticket();
  EXPECT_GT(second, log.committed());
  log.submit();
  EXPECT_GE(log.committed(), second);
}

// Goal: what never was written must not be looked for.
TEST(VolatileLog, GivesMessagesNoPlace) {
  VolatileLog log;
  LogPlace place;
  log.append_message({}, place);
  log.submit();
  EXPECT_FALSE(place.is_logged());
}

}  // namespace
}  // namespace leveret::storage
