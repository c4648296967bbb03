#include "broker/admin/basic_authentication.hpp"

#include <gtest/gtest.h>

namespace leveret::admin {
namespace {

TEST(BasicAuthentication, ReadsUserAndPassword) {
  const auto credentials = parse_basic("Basic Z3Vlc3Q6Z3Vlc3Q=");
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->user, "guest");
  EXPECT_EQ(credentials->password, "guest");
  EXPECT_TRUE(parse_basic("bASIC  Z3Vlc3Q6Z3Vlc3Q="));
}

TEST(BasicAuthentication, LeavesColonsToThePassword) {
  const auto credentials = parse_basic("Basic YTpiOmM=");  // a:b:c
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->user, "a");
  EXPECT_EQ(credentials->password, "b:c");
}

TEST(BasicAuthentication, RefusesAllElse) {
  for (const char* header : {"", "Basic", "Basic ", "Bearer Z3Vlc3Q6Z3Vlc3Q=", "Basic ????",
                             "Basic Z3Vlc3Q=", "Basic /zo=", "Basic Z3Vlc3Q6Z3Vlc3Q",
                             "Basic OmE="}) {
    EXPECT_FALSE(parse_basic(header)) << header;
  }
}

}  // namespace
}  // namespace leveret::admin
