#include "broker/cli/sequence_checker.hpp"

namespace leveret::cli {

bool SequenceChecker::note(std::uint64_t sequence) {
  const std::uint64_t word = sequence / bits_per_word;
  const std::uint64_t bit = std::uint64_t{1} << (sequence % bits_per_word);
  if (word < first_word_) return false;
  while (words_.size() <= word - first_word_) words_.push_back(0);
  std::uint64_t& bits = words_[word - first_word_];
  if ((bits & bit) != 0) return false;
  bits |= bit;
  ++seen_count_;
  while (!words_.empty() && words_.front() == UINT64_MAX) {
    words_.pop_front();
    ++first_word_;
  }
  return true;
}

}  // namespace leveret::cli
