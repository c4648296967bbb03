#include "protocol/utf8.hpp"

#include <gtest/gtest.h>

namespace leveret::protocol {
namespace {

TEST(Utf8, ReplacesEachByteThatIsNoText) {
  EXPECT_EQ(valid_utf8("a ü ☃"), "a ü ☃");
  EXPECT_EQ(valid_utf8("a\xFF" "b\xC3"), "a\xEF\xBF\xBD" "b\xEF\xBF\xBD");
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace leveret::protocol
