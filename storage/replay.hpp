/// A checkpoint brought up to the log's end, damaged segments included: so that it is known which
/// messages should be there.
///
/// Owner: a verification. Thread: its owner's.
#pragma once

#include <cstdint>
#include <span>

#include "storage/checkpoint.hpp"
#include "storage/segment_index.hpp"
#include "storage/segment_survey.hpp"
#include "storage/store_state.hpp"

namespace leveret::storage {

class Replay {
 public:
  explicit Replay(Checkpoint&& checkpoint)
      : from_(checkpoint.segment), state_(std::move(checkpoint.state)) {}

  /// The first segment that is not in the checkpoint.
  std::uint32_t from() const { return from_; }
  const StoreState& state() const { return state_; }

  /// A right record of a segment that is not damaged.
  void apply(std::uint32_t segment, const RecordView& record) { state_.apply(segment, record); }

  /// All messages that a damaged or missing segment is known to have held. Those in between, of
  /// which only the numbers are left, count too, unless the segment was compacted. Its other
  /// records are applied afterwards.
  void apply_messages(std::uint32_t segment, const SegmentIndex& index, bool is_compacted);

 private:
  void apply_message(std::uint32_t segment, std::uint32_t first_ordinal, std::uint32_t size_bytes,
                     std::uint32_t queue_count);
  void apply_unknown(std::uint32_t segment, std::uint32_t first_ordinal, std::uint32_t count);

  std::uint32_t from_;
  StoreState state_;
};

/// Whether two checkpoints with the log behind each come to the same. They may differ in what was
/// settled without a record, because nobody knew its queue any more.
bool agree(const StoreState& newest, const StoreState& older);

}  // namespace leveret::storage
