#include "broker/session/route_cache.hpp"

#include <gtest/gtest.h>

namespace leveret::broker {
namespace {

TEST(RouteCache, KnowsNothingAtFirst) {
  const RouteCache cache;
  EXPECT_FALSE(cache.knows("", "", 1));
}

TEST(RouteCache, KnowsOneExchangeAndKeyUnderOneVersion) {
  RouteCache cache;
  cache.topology_version = 5;
  cache.exchange = "e";
  cache.routing_key = "k";
  EXPECT_TRUE(cache.knows("e", "k", 5));
  EXPECT_FALSE(cache.knows("e", "k", 6));
  EXPECT_FALSE(cache.knows("e", "l", 5));
  EXPECT_FALSE(cache.knows("f", "k", 5));
}

// Goal: exchange and key are not taken for one text.
TEST(RouteCache, TellsWhereTheExchangeEnds) {
  RouteCache cache;
  cache.topology_version = 1;
  cache.exchange = "ab";
  cache.routing_key = "c";
  EXPECT_FALSE(cache.knows("a", "bc", 1));
}

}  // namespace
}  // namespace leveret::broker
