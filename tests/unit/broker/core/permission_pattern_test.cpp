/// Patterns of permissions: what RabbitMQ's `re:run` lets pass, and the bounds.
#include "broker/core/permission_pattern.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace leveret::broker {
namespace {

PermissionPattern compiled(const std::string& text) {
  auto pattern = PermissionPattern::compile(text);
  EXPECT_TRUE(pattern.has_value()) << pattern.error();
  return pattern.value_or(PermissionPattern{});
}

struct Case {
  std::string pattern;
  std::vector<std::string> passing;
  std::vector<std::string> refused;
};

TEST(PermissionPattern, LetsPassWhatRabbitMqLetsPass) {
  const Case cases[] = {
      {".*", {"", "a", "amq.default", "a\nb"}, {}},
      {"", {""}, {"a", "amq.default"}},
      {"^$", {""}, {"a"}},
      {"own", {"own", "disown", "owner"}, {"", "ow", "OWN"}},
      {"^own", {"own", "owner"}, {"disown"}},
      {"own$", {"own", "disown"}, {"owner"}},
      {"^own$", {"own"}, {"disown", "owner"}},
      {"^(nova|neutron)\\.", {"nova.x", "neutron."}, {"nova", "xnova.x", "novax."}},
      // Look-ahead, as the policies of OpenStack deployments have it.
      {"^(?!(amq\\.)|(reply_)).*", {"", "q", "areply_1"}, {"amq.x", "reply_1"}},
      {"(?i)own", {"OWN"}, {"wn"}},
      {"^.$", {"a"}, {"\xC3\xA9"}},  // Bytes, not characters.
      {"^.*$", {"", "a"}, {"a\nb"}},
  };
  for (const Case& each : cases) {
    const PermissionPattern pattern = compiled(each.pattern);
    EXPECT_EQ(pattern.text(), each.pattern);
    for (const auto& name : each.passing) {
      EXPECT_TRUE(pattern.matches(name)) << each.pattern << " with " << name;
    }
    for (const auto& name : each.refused) {
      EXPECT_FALSE(pattern.matches(name)) << each.pattern << " with " << name;
      EXPECT_EQ(pattern.match(name), PermissionPattern::Outcome::differs) << each.pattern;
    }
  }
}

TEST(PermissionPattern, LetsNothingPassWhenItIsNotCompiled) {
  EXPECT_FALSE(PermissionPattern{}.matches(""));
  EXPECT_FALSE(PermissionPattern{}.matches("q"));
}

TEST(PermissionPattern, RefusesPatternsThatCannotBeRead) {
  for (const char* bad : {"(", "[a", "*", "a{2,1}", "(?<n>a)(?<n>b)", "\\"}) {
    EXPECT_FALSE(PermissionPattern::compile(bad).has_value()) << bad;
  }
  EXPECT_EQ(PermissionPattern::compile("ab(").error(),
            "the pattern 'ab(' cannot be read at character 4: missing closing parenthesis");
}

TEST(PermissionPattern, TakesPatternsOf1024BytesAndNotMore) {
  EXPECT_TRUE(compiled(std::string(1024, 'a')).matches(std::string(1024, 'a')));
  EXPECT_EQ(PermissionPattern::compile(std::string(1025, 'a')).error(),
            "the pattern has more than 1024 bytes");
}

// Goal: a pattern that would search for hours gives up, refuses, and can be told from a pattern
// that simply does not match.
TEST(PermissionPattern, GivesUpAfterItsBoundedWork) {
  const PermissionPattern hard = compiled("^(a+)+$");
  EXPECT_EQ(hard.match(std::string(10, 'a')), PermissionPattern::Outcome::matches);
  EXPECT_EQ(hard.match(std::string(200, 'a') + "b"), PermissionPattern::Outcome::gave_up);
  EXPECT_FALSE(hard.matches(std::string(200, 'a') + "b"));
  // The next match is not harmed.
  EXPECT_EQ(hard.match("aab"), PermissionPattern::Outcome::differs);
  EXPECT_TRUE(hard.matches("aa"));
}

TEST(PermissionPattern, OutlivesTheCopyItWasMadeFrom) {
  PermissionPattern copy;
  {
    const PermissionPattern original = compiled("^own");
    copy = original;
  }
  EXPECT_TRUE(copy.matches("own"));
  EXPECT_FALSE(copy.matches("disown"));
}

// Goal: shards share patterns. Run it under the thread sanitizer to see the goal missed.
TEST(PermissionPattern, MatchesOnSeveralThreadsAtOnce) {
  const PermissionPattern pattern = compiled("^(own|other)-[0-9]+$");
  constexpr int thread_count = 4;
  std::vector<int> right(thread_count, 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i) {
    threads.emplace_back([&, i] {
      int count = 0;
      for (int n = 0; n < 1000; ++n) {
        const std::string number = std::to_string(n);
        count += pattern.matches("own-" + number) && !pattern.matches("own-" + number + "x");
      }
      right[static_cast<std::size_t>(i)] = count;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, std::vector<int>(thread_count, 1000));
}

}  // namespace
}  // namespace leveret::broker
