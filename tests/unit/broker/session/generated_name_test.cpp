#include "broker/session/generated_name.hpp"

#include <gtest/gtest.h>

#include <set>

namespace leveret::broker {
namespace {

TEST(GeneratedName, HasItsPrefixAndTwentyTwoCharacters) {
  const std::string name = generated_name("amq.gen-");
  EXPECT_TRUE(name.starts_with("amq.gen-"));
  EXPECT_EQ(name.size(), 8U + 22U);
  EXPECT_EQ(name.substr(8).find_first_not_of(
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
}

TEST(GeneratedName, IsAnotherEachTime) {
  std::set<std::string> names;
  for (int i = 0; i < 10'000; ++i) names.insert(generated_name("amq.ctag-"));
  EXPECT_EQ(names.size(), 10'000U);
}

// Goal: every character is equally likely, so that a name is as hard to guess as it looks.
TEST(GeneratedName, UsesAllCharacters) {
  std::set<char> seen;
  for (int i = 0; i < 200; ++i) {
    for (const char character : generated_name("")) seen.insert(character);
  }
  EXPECT_EQ(seen.size(), 64U);
}

}  // namespace
}  // namespace leveret::broker
