/// Finds out whether a queue has given every message of a publisher, and none twice.
///
/// Messages may arrive in any order, as several consumers of a queue see them: only what is
/// missing below the highest number takes memory, a bit each.
///
/// Owner: one load.   Thread: that load's.
#pragma once

#include <cstdint>
#include <deque>

namespace leveret::cli {

class SequenceChecker {
 public:
  /// Notes the message of that number, from 0. False: it had been seen before.
  bool note(std::uint64_t sequence);

  /// How many different messages have been seen.
  std::uint64_t seen_count() const { return seen_count_; }

 private:
  static constexpr std::uint64_t bits_per_word = 64;

  std::deque<std::uint64_t> words_;   ///< A bit for each number from first_word_ * 64 on.
  std::uint64_t first_word_ = 0;      ///< All numbers below have been seen.
  std::uint64_t seen_count_ = 0;
};

}  // namespace leveret::cli
