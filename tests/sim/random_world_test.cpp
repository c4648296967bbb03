/// Random stories: many clients on many channels do what clients do, shards and their mail take
/// turns at random, connections break. Nothing may be lost, doubled, stuck, or miscounted. In some
/// the broker ends, too: then nothing may be lost of what it has promised to keep.
///
/// LEVERET_SIM_SEED plays one story again; LEVERET_SIM_STORIES says how many are told;
/// LEVERET_SIM_TALK has the whole story told of what fails, and not only its end.

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

/// Tells so many stories, if the environment does not say how many.
template <class Tell>
void for_stories(std::uint64_t usual_count, Tell&& tell) {
  const auto now = static_cast<std::uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch().count());
  const std::uint64_t first_seed = number_from_environment("LEVERET_SIM_SEED", now % 1'000'000);
  const std::uint64_t count = number_from_environment("LEVERET_SIM_STORIES", usual_count);
  std::printf("seeds %llu and the next %llu\n", static_cast<unsigned long long>(first_seed),
              static_cast<unsigned long long>(count));
  for (std::uint64_t seed = first_seed; seed < first_seed + count; ++seed) {
    if (testing::Test::HasFailure()) return;
    tell(seed);
  }
}

/// How many shards, and whether they page out.
class RandomWorld : public testing::TestWithParam<std::tuple<std::uint16_t, bool>> {};

// Goal: whatever the order of things, every message is where it must be, every consumer with
// credit is served, every question and every publish is answered once. That does not depend on
// where messages are.
TEST_P(RandomWorld, KeepsItsPromises) {
  // In a step one of the shards has a turn.
  const int steps_between_checks = 400 * std::get<0>(GetParam());
  constexpr int checks_per_story = 5;
  for_stories(40, [&](std::uint64_t seed) {
    SimWorld world(seed, std::get<0>(GetParam()), 6,
                   std::get<1>(GetParam()) ? SimStorage::readable : SimStorage::none);
    for (int check = 0; check < checks_per_story && !world.failed(); ++check) {
      for (int step = 0; step < steps_between_checks && !world.failed(); ++step) world.step();
      world.check();
    }
    if (!world.failed()) world.end();
  });
}

// Goal: whenever the broker ends, and however, what it has promised holds when it begins anew.
TEST(RestartWorld, KeepsItsPromises) {
  constexpr int lives_per_story = 6;
  constexpr std::uint64_t steps_of_a_life_max = 700;
  for_stories(150, [](std::uint64_t seed) {
    SimWorld world(seed, 1, 6, SimStorage::disk);
    for (int life = 0; life < lives_per_story && !world.failed(); ++life) {
      const std::uint64_t steps = world.random(steps_of_a_life_max);
      for (std::uint64_t step = 0; step < steps && !world.failed(); ++step) world.step();
      if (!world.failed() && world.one_in(3)) world.check();
      if (!world.failed()) world.restart();
    }
    if (!world.failed()) world.end();
  });
}

INSTANTIATE_TEST_SUITE_P(Shards, RandomWorld,
                         testing::Combine(testing::Values(1, 2, 3), testing::Bool()),
                         [](const auto& test) {
                           return std::to_string(std::get<0>(test.param)) +
                                  (std::get<1>(test.param) ? "Paged" : "InMemory");
                         });

}  // namespace
}  // namespace leveret::broker
