// What a log takes of the disk once it has come to rest, with the settings of a broker.

#include <random>
#include <string>

#include "tests/unit/storage/log_fixture.hpp"

namespace leveret::storage {
namespace {

constexpr int message_count = 40'000;
constexpr std::uint64_t body_size_bytes = 1024;

/// `settled_percent` of 40 MiB of messages, chosen at random, are settled.
class DiskUseTest : public LogFixture, public testing::WithParamInterface<std::uint64_t> {
 protected:
  DiskUseTest() {
    settings = LogSettings{};
    settings.segment_size_bytes = 2 * 1024 * 1024;
  }

  void publish_all() {
    const std::string body(body_size_bytes, 'x');
    for (int i = 0; i < message_count; ++i) {
      append(body);
      if (i % 64 != 0) continue;
      commit();
      keeper->step(now);
    }
    commit();
  }

  /// What stays whatever is in it: spares, the segment that is written, what the older checkpoint
  /// does not cover yet, checkpoints.
  std::uint64_t fixed_bytes() const {
    return (settings.spare_count + 2) * settings.segment_size_bytes;
  }
};

TEST_P(DiskUseTest, IsAtMostALittleMoreThanWhatIsAlive) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  open();
  publish_all();
  std::uint64_t live_bytes = 0;
  for (const LogPlace& place : places) {
    if (random() % 100 < GetParam()) {
      settle(place);
    } else {
      live_bytes += body_size_bytes;
    }
  }
  commit();
  run_seconds(300);
  EXPECT_LE(disk.used_bytes(), live_bytes * 13 / 10 + fixed_bytes());
}

INSTANTIATE_TEST_SUITE_P(SettledPercent, DiskUseTest, testing::Values(0, 10, 40, 75, 95, 100),
                         testing::PrintToStringParamName());

// Goal: what nobody acknowledges costs what it is, not what came with it.
TEST_F(DiskUseTest, IsNotKeptUpByOneOldMessage) {
  open();
  publish_all();
  for (std::size_t i = 1; i < places.size(); ++i) settle(places[i]);
  commit();
  run_seconds(300);
  EXPECT_LE(disk.used_bytes(), body_size_bytes + fixed_bytes());
  EXPECT_EQ(read(places.front()), std::string(body_size_bytes, 'x'));
}

}  // namespace
}  // namespace leveret::storage
