#include "broker/admin/request_target.hpp"

#include <gtest/gtest.h>

namespace leveret::admin {
namespace {

using Segments = std::vector<std::string>;

Segments segments_of(std::string_view target) {
  const auto parsed = parse_request_target(target);
  return parsed ? parsed->segments : Segments{"error: " + parsed.error()};
}

TEST(RequestTarget, IsDecodedOnceAfterItWasCut) {
  EXPECT_EQ(segments_of("/api/queues/%2F/a%2fb"), (Segments{"api", "queues", "/", "a/b"}));
  EXPECT_EQ(segments_of("/api/queues/%252F"), (Segments{"api", "queues", "%2F"}));
  EXPECT_EQ(segments_of("/%C3%BC+x"), (Segments{"ü+x"}));
}

TEST(RequestTarget, IsTheSameWithASlashAtItsEnd) {
  EXPECT_EQ(segments_of("/api//users/"), (Segments{"api", "users"}));
  EXPECT_EQ(segments_of("/"), Segments{});
}

TEST(RequestTarget, IsRefusedWhenItCannotBeUnderstood) {
  EXPECT_EQ(segments_of(""), Segments{"error: the target is no path"});
  EXPECT_EQ(segments_of("api"), Segments{"error: the target is no path"});
  const Segments bad_percent{"error: a percent sign is not followed by two hexadecimal digits"};
  for (const char* target : {"/%", "/%2", "/%zz", "/%+1", "/a%2"}) {
    EXPECT_EQ(segments_of(target), bad_percent) << target;
  }
  EXPECT_EQ(segments_of("/%ff"), Segments{"error: the target is not UTF-8"});
}

TEST(RequestTarget, HasAQuery) {
  const auto target = parse_request_target("/q?name=a+b%2B&flag=true&empty=&alone&name=second#end");
  ASSERT_TRUE(target);
  EXPECT_EQ(*target->find("name"), "a b+");
  EXPECT_TRUE(target->flag("flag"));
  EXPECT_FALSE(target->flag("name"));
  EXPECT_EQ(*target->find("empty"), "");
  EXPECT_EQ(*target->find("alone"), "");
  EXPECT_EQ(target->find("none"), nullptr);
  EXPECT_FALSE(parse_request_target("/q?a=%"));
}

TEST(PercentEncode, LeavesWhatNeedsNone) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("/ +%ü"), "%2F%20%2B%25%C3%BC");
}

}  // namespace
}  // namespace leveret::admin
