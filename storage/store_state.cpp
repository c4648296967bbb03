#include "storage/store_state.hpp"

#include <algorithm>
#include <bit>

namespace leveret::storage {

std::uint32_t ReferenceBits::set(std::uint32_t first, std::uint32_t count) {
  if (count == 0) return 0;
  const std::uint64_t end = std::uint64_t{first} + count;
  if ((end + 63) / 64 > words_.size()) words_.resize((end + 63) / 64);
  std::uint32_t set_count = 0;
  for (std::uint64_t at = first; at < end;) {
    const std::uint64_t in_word = std::min<std::uint64_t>(64 - at % 64, end - at);
    const std::uint64_t bits = (~std::uint64_t{0} >> (64 - in_word)) << (at % 64);
    std::uint64_t& word = words_[at / 64];
    set_count += static_cast<std::uint32_t>(std::popcount(bits & ~word));
    word |= bits;
    at += in_word;
  }
  return set_count;
}

std::uint32_t ReferenceBits::count(std::uint32_t end) const {
  std::uint32_t set_count = 0;
  for (std::size_t i = 0; i < words_.size() && i * 64 < end; ++i) {
    const std::uint64_t in_word = std::min<std::uint64_t>(64, end - i * 64);
    set_count += static_cast<std::uint32_t>(
        std::popcount(words_[i] & (~std::uint64_t{0} >> (64 - in_word))));
  }
  return set_count;
}

void SegmentState::for_each_live_except(
    const ReferenceBits& found,
    const std::function<void(std::uint32_t first, std::uint32_t count)>& visit) const {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  const auto visit_run = [&] {
    visit(static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(end - first));
  };
  const std::size_t end_word = word_count();
  for (std::size_t i = 0; i < end_word; ++i) {
    std::uint64_t word = live_word(i) & ~found.word(i);
    while (word != 0) {
      const auto skipped = static_cast<unsigned>(std::countr_zero(word));
      const auto count = static_cast<unsigned>(std::countr_one(word >> skipped));
      const std::uint64_t begin = i * 64 + skipped;
      if (begin != end) {
        if (first < end) visit_run();
        first = begin;
      }
      end = begin + count;
      word &= skipped + count == 64 ? 0 : ~std::uint64_t{0} << (skipped + count);
    }
  }
  if (first < end) visit_run();
}

void StoreState::apply(std::uint32_t segment, const RecordView& record) {
  switch (record.header.kind) {
    case RecordKind::message:
      if (const auto message = read_message(record.payload)) {
        add_message(segment, record.header.first_ordinal, message->header.queue_count,
                    record.header.size_bytes);
      }
      return;
    case RecordKind::settled:
      for (const ReferenceRun& run : read_runs(record.payload)) settle(run);
      return;
    case RecordKind::delivered:
      for (const ReferenceRun& run : read_runs(record.payload)) deliver_run(run);
      return;
    case RecordKind::returned:
      for (const ReferenceReturns& one : read_returns(record.payload)) note_returns(one);
      return;
    case RecordKind::define:
      if (const auto definition = read_definition(record.payload)) {
        definitions_.insert_or_assign(std::string(definition->key), definition->value);
      }
      return;
    case RecordKind::undefine:
      if (const auto found = definitions_.find(read_text(record.payload));
          found != definitions_.end()) {
        definitions_.erase(found);
      }
      return;
    case RecordKind::undefine_all: {
      const std::string_view prefix = read_text(record.payload);
      auto first = definitions_.lower_bound(prefix);
      auto last = first;
      while (last != definitions_.end() && last->first.starts_with(prefix)) ++last;
      definitions_.erase(first, last);
      return;
    }
  }
}

void StoreState::add_message(std::uint32_t segment, std::uint32_t first_ordinal,
                             std::uint32_t count, std::uint32_t size_bytes) {
  SegmentState& state = segments_[segment];
  if (!may_follow(state.reference_count, first_ordinal, count)) return;
  // Where an operator had damaged records skipped some are missing: nobody has those.
  state.settled.set(state.reference_count, first_ordinal - state.reference_count);
  state.reference_count = first_ordinal + count;
  state.live_count += count;
  state.live_size_bytes += aligned(size_bytes);
}

void StoreState::settle(const ReferenceRun& run) {
  const auto found = segments_.find(run.segment);
  if (found == segments_.end() || run.first_ordinal >= found->second.reference_count) return;
  SegmentState& segment = found->second;
  const std::uint32_t count = std::min(run.count, segment.reference_count - run.first_ordinal);
  const std::uint32_t settled_count = segment.settled.set(run.first_ordinal, count);
  if (settled_count == 0) return;
  // All references count the same: near enough for deciding what to look at for compaction.
  segment.live_size_bytes -= segment.live_size_bytes * settled_count / segment.live_count;
  segment.live_count -= settled_count;
  if (segment.return_counts.empty()) return;
  segment.return_counts.erase(segment.return_counts.lower_bound(run.first_ordinal),
                              segment.return_counts.lower_bound(run.first_ordinal + count));
}

void StoreState::deliver_run(const ReferenceRun& run) {
  const auto found = segments_.find(run.segment);
  if (found == segments_.end() || run.first_ordinal >= found->second.reference_count) return;
  SegmentState& segment = found->second;
  const std::uint32_t count = std::min(run.count, segment.reference_count - run.first_ordinal);
  segment.delivered.set(run.first_ordinal, count);
}

void StoreState::note_returns(const ReferenceReturns& returned) {
  const auto found = segments_.find(returned.segment);
  if (found == segments_.end() || returned.ordinal >= found->second.reference_count) return;
  SegmentState& segment = found->second;
  // Who settles a message and who takes it back may be two shards: what is settled stays so.
  if (segment.settled.test(returned.ordinal)) return;
  const Returns returns = returned.returns();
  if (returns.is_out) {
    segment.delivered.set(returned.ordinal, 1);
  } else {
    segment.delivered.clear(returned.ordinal);
  }
  if (returns.count > 0) {
    segment.return_counts.insert_or_assign(returned.ordinal, returns.count);
  } else {
    segment.return_counts.erase(returned.ordinal);
  }
}

}  // namespace leveret::storage
