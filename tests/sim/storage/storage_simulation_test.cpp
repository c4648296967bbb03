/// Random stories of a storage: shards publish and settle, the disk loses what it may lose and
/// fails, the node starts again. What was committed is always there, and nothing else.
///
/// LEVERET_SIM_SEED plays one story again; LEVERET_SIM_STORIES says how many are told.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/storage/world.hpp"

namespace leveret::storage {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Goal: whatever is done in which order, and whenever the power goes: what was committed is there
// as it was, what was not is there as a whole or not at all, and garbage goes.
TEST(StorageSimulation, KeepsItsPromises) {
  const auto now = static_cast<std::uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch().count());
  const bool plays_one = std::getenv("LEVERET_SIM_SEED") != nullptr;
  const std::uint64_t first = number_from_environment("LEVERET_SIM_SEED", now % 1'000'000'000);
  const std::uint64_t stories =
      number_from_environment("LEVERET_SIM_STORIES", plays_one ? 1 : 20'000);
  std::printf("seeds %llu and the next %llu\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(stories));
  StorageWorld::Counts sum;
  for (std::uint64_t seed = first; seed < first + stories && !HasFailure(); ++seed) {
    StorageWorld world(seed);
    world.run();
    const StorageWorld::Counts& counts = world.counts();
    sum.crashes += counts.crashes;
    sum.kills += counts.kills;
    sum.closings += counts.closings;
    sum.failures += counts.failures;
    sum.full_disks += counts.full_disks;
    sum.frames += counts.frames;
    sum.lost_frames += counts.lost_frames;
    sum.reads += counts.reads;
    sum.damages += counts.damages;
    sum.compacted += counts.compacted;
  }
  std::printf("%llu crashes, %llu kills, %llu closings, %llu failures, %llu full disks, "
              "%llu frames of which %llu were lost, %llu reads, %llu damages\n",
              static_cast<unsigned long long>(sum.crashes),
              static_cast<unsigned long long>(sum.kills),
              static_cast<unsigned long long>(sum.closings),
              static_cast<unsigned long long>(sum.failures),
              static_cast<unsigned long long>(sum.full_disks),
              static_cast<unsigned long long>(sum.frames),
              static_cast<unsigned long long>(sum.lost_frames),
              static_cast<unsigned long long>(sum.reads),
              static_cast<unsigned long long>(sum.damages));
}

}  // namespace
}  // namespace leveret::storage
