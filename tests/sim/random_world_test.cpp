/// Random stories: many clients on many channels do what clients do, shards and their mail take
/// turns at random, connections break. Nothing may be lost, doubled, stuck, or miscounted.
///
/// LEVERET_SIM_SEED plays one story again; LEVERET_SIM_STORIES says how many are told.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <tuple>

#include "tests/sim/sim_world.hpp"

namespace leveret::broker {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// How many shards, and whether they page out.
class RandomWorld : public testing::TestWithParam<std::tuple<std::uint16_t, bool>> {};

// Goal: whatever the order of things, every message is where it must be, every consumer with
// credit is served, every question and every publish is answered once. That does not depend on
// where messages are.
TEST_P(RandomWorld, KeepsItsPromises) {
  constexpr int steps_between_checks = 400;
  constexpr int checks_per_story = 5;
  const auto now = static_cast<std::uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch().count());
  const std::uint64_t first_seed = number_from_environment("LEVERET_SIM_SEED", now % 1'000'000);
  const std::uint64_t stories = number_from_environment("LEVERET_SIM_STORIES", 40);
  std::printf("seeds %llu and the next %llu\n", static_cast<unsigned long long>(first_seed),
              static_cast<unsigned long long>(stories));
  for (std::uint64_t seed = first_seed; seed < first_seed + stories && !HasFailure(); ++seed) {
    SimWorld world(seed, std::get<0>(GetParam()), 6, std::get<1>(GetParam()));
    for (int check = 0; check < checks_per_story && !world.failed(); ++check) {
      for (int step = 0; step < steps_between_checks && !world.failed(); ++step) world.step();
      world.check();
    }
    if (!world.failed()) world.end();
  }
}

INSTANTIATE_TEST_SUITE_P(Shards, RandomWorld,
                         testing::Combine(testing::Values(1, 2, 3), testing::Bool()),
                         [](const auto& test) {
                           return std::to_string(std::get<0>(test.param)) +
                                  (std::get<1>(test.param) ? "Paged" : "InMemory");
                         });

}  // namespace
}  // namespace leveret::broker
