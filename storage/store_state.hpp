/// What the log's records add up to: the definitions, and which references are settled.
///
/// The disk thread applies each record as it is written, recovery applies the same records from
/// the files; neither looks at a clock or at anything else, so both arrive at the same state.
///
/// Owner: the log, or recovery. Thread: its owner's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "storage/format.hpp"

namespace leveret::storage {

/// A bit per reference of a segment.
class ReferenceBits {
 public:
  bool test(std::uint32_t ordinal) const {
    const std::size_t word = ordinal / 64;
    return word < words_.size() && (words_[word] >> (ordinal % 64) & 1) != 0;
  }
  /// Sets `count` bits; returns how many were not set before.
  std::uint32_t set(std::uint32_t first, std::uint32_t count);
  void clear(std::uint32_t ordinal) {
    const std::size_t word = ordinal / 64;
    if (word < words_.size()) words_[word] &= ~(std::uint64_t{1} << (ordinal % 64));
  }
  /// How many of the first `end` bits are set.
  std::uint32_t count(std::uint32_t end) const;
  bool empty() const { return words_.empty(); }
  std::span<const std::uint64_t> words() const { return words_; }
  /// 64 of them at once: those from 64 `index` on.
  std::uint64_t word(std::size_t index) const { return index < words_.size() ? words_[index] : 0; }
  void assign(std::vector<std::uint64_t> words) { words_ = std::move(words); }

 private:
  std::vector<std::uint64_t> words_;
};

struct SegmentState {
  std::uint32_t reference_count = 0;
  std::uint32_t live_count = 0;       ///< References that are not settled.
  std::uint64_t end_position = 0;     ///< Where its frames end, in bytes.
  std::uint64_t live_size_bytes = 0;  ///< About what the live references take of it.
  ReferenceBits settled;
  ReferenceBits delivered;  ///< And not returned since.
  /// How often live references have come back, where they have.
  std::map<std::uint32_t, std::uint32_t> return_counts;

  std::uint32_t return_count(std::uint32_t ordinal) const {
    const auto found = return_counts.find(ordinal);
    return found == return_counts.end() ? 0 : found->second;
  }

  std::size_t word_count() const { return (std::size_t{reference_count} + 63) / 64; }
  /// A bit for each of 64 references that is live. Requires: index < word_count().
  std::uint64_t live_word(std::size_t index) const {
    const std::uint64_t end = reference_count - index * 64;
    const std::uint64_t there = end >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << end) - 1;
    return there & ~settled.word(index);
  }
  /// Visits the live references that are not in `found`, many in a row at once: the first and how
  /// many. They may be settled meanwhile.
  void for_each_live_except(
      const ReferenceBits& found,
      const std::function<void(std::uint32_t first, std::uint32_t count)>& visit) const;
};

class StoreState {
 public:
  using Definitions = std::map<std::string, std::string, std::less<>>;

  /// Applies a record that lies in `segment`. A payload that makes no sense changes nothing.
  void apply(std::uint32_t segment, const RecordView& record);
  /// Settles what no record settles. References that are not there are left out.
  void settle(const ReferenceRun& run);

  Definitions& definitions() { return definitions_; }
  const Definitions& definitions() const { return definitions_; }
  std::map<std::uint32_t, SegmentState>& segments() { return segments_; }
  const std::map<std::uint32_t, SegmentState>& segments() const { return segments_; }

 private:
  void add_message(std::uint32_t segment, std::uint32_t first_ordinal, std::uint32_t count,
                   std::uint32_t size_bytes);
  void deliver_run(const ReferenceRun& run);
  void note_returns(const ReferenceReturns& returned);

  Definitions definitions_;
  std::map<std::uint32_t, SegmentState> segments_;
};

}  // namespace leveret::storage
