/// What a stream keeps by policy. Policies go before its arguments.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/broker/core/stream_fixture.hpp"

namespace leveret::broker {
namespace {

class StreamPolicyTest : public StreamTest {
 protected:
  void put(const std::string& definition) {
    shards_.ask({}, ChangeDefinition{PutParameter{
                        {{"/", "policy", "p"},
                         R"({"pattern":"^s$","apply-to":"streams","priority":0,"definition":)" +
                             definition + "}"}}});
  }
};
INSTANTIATE_TEST_SUITE_P(, StreamPolicyTest, testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "Paged" : "InMemory");
});

TEST_P(StreamPolicyTest, DropsAtOnceWhatIsMoreThanAPolicyLets) {
  QueueSettings settings;
  settings.stream_max_segment_size_bytes = 1000;
  settings.max_length_bytes = 10'000'000;
  open(settings);
  for (int i = 0; i < 100; ++i) publish(std::string(1000, 'x'));
  shards_.settle();
  EXPECT_EQ(counts().ready_count, 100U);
  put(R"({"max-length-bytes":50000})");
  const std::uint64_t left = counts().ready_count;
  EXPECT_LE(left, 50U);
  EXPECT_GE(left, 45U);
  put(R"({"max-length-bytes":20000000})");
  for (int i = 0; i < 100; ++i) publish(std::string(1000, 'x'));
  shards_.settle();
  EXPECT_EQ(counts().ready_count, left + 100) << "the policy's number is larger, and holds";
}

TEST_P(StreamPolicyTest, CutsSegmentsAndDropsOldOnesByAPolicy) {
  put(R"({"max-age":"1m","stream-max-segment-size-bytes":1})");
  open();
  for (int i = 0; i < 3; ++i) {
    shards_.set_wall_time(WallTime{1'000'000 + i * 10'000});
    publish_numbers(i, i);
  }
  shards_.set_wall_time(WallTime{1'065'000});
  shards_.advance(std::chrono::milliseconds{60'001});
  EXPECT_EQ(counts().ready_count, 2U);
  // It stays for as long as the policy now says.
  put(R"({"max-age":"1h","stream-max-segment-size-bytes":1})");
  shards_.set_wall_time(WallTime{1'200'000});
  shards_.advance(std::chrono::milliseconds{60'001});
  EXPECT_EQ(counts().ready_count, 2U);
  put(R"({"max-age":"1s"})");
  EXPECT_EQ(counts().ready_count, 1U) << "the newest stays";
}

}  // namespace
}  // namespace leveret::broker
