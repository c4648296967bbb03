#include "storage/store_state.hpp"

#include <algorithm>

namespace leveret::storage {

bool ReferenceBits::set(std::uint32_t ordinal) {
  const std::size_t word = ordinal / 64;
  if (word >= words_.size()) words_.resize(word + 1);
  const std::uint64_t bit = std::uint64_t{1} << (ordinal % 64);
  const bool was_clear = (words_[word] & bit) == 0;
  words_[word] |= bit;
  return was_clear;
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
      for (const ReferenceRun& run : read_runs(record.payload)) settle_run(run);
      return;
    case RecordKind::delivered:
      for (const ReferenceRun& run : read_runs(record.payload)) deliver_run(run);
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
  // Ordinals count up; a record that says otherwise is not one that the log has written. Where an
  // operator had damaged records skipped some are missing: nobody has those.
  constexpr std::uint32_t missing_max = 1u << 24;
  if (first_ordinal < state.reference_count ||
      first_ordinal - state.reference_count > missing_max || count > UINT32_MAX - first_ordinal) {
    return;
  }
  while (state.reference_count < first_ordinal) state.settled.set(state.reference_count++);
  state.reference_count += count;
  state.live_count += count;
  state.live_size_bytes += aligned(size_bytes);
}

void StoreState::settle(const LogReference& reference) {
  settle_run({reference.segment, reference.ordinal, 1});
}

void StoreState::settle_one(SegmentState& segment, std::uint32_t ordinal) {
  if (!segment.settled.set(ordinal)) return;
  // All references count the same: near enough for deciding what to compact.
  segment.live_size_bytes -= segment.live_size_bytes / segment.live_count;
  --segment.live_count;
}

void StoreState::settle_run(const ReferenceRun& run) {
  const auto found = segments_.find(run.segment);
  if (found == segments_.end() || run.first_ordinal >= found->second.reference_count) return;
  SegmentState& segment = found->second;
  const std::uint32_t count = std::min(run.count, segment.reference_count - run.first_ordinal);
  for (std::uint32_t i = 0; i < count; ++i) settle_one(segment, run.first_ordinal + i);
}

void StoreState::deliver_run(const ReferenceRun& run) {
  const auto found = segments_.find(run.segment);
  if (found == segments_.end() || run.first_ordinal >= found->second.reference_count) return;
  SegmentState& segment = found->second;
  const std::uint32_t count = std::min(run.count, segment.reference_count - run.first_ordinal);
  for (std::uint32_t i = 0; i < count; ++i) segment.delivered.set(run.first_ordinal + i);
}

}  // namespace leveret::storage
