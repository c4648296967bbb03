#include "storage/replay.hpp"

#include <algorithm>
#include <vector>

namespace leveret::storage {

namespace {
// A larger hole in the numbers of references than the log can have makes no sense.
constexpr std::uint32_t hole_max = 1u << 24;
constexpr std::uint32_t piece_max = 1u << 16;
}  // namespace

void Replay::apply_messages(std::uint32_t segment, const SegmentIndex& index, bool is_compacted) {
  std::uint32_t expected = 0;
  index.for_each([&](const IndexEntry& entry) {
    if (!is_compacted && entry.first_ordinal > expected) {
      apply_unknown(segment, expected, entry.first_ordinal - expected);
    }
    const auto queue_count = static_cast<std::uint32_t>(entry.queues.size());
    apply_message(segment, entry.first_ordinal, entry.size_bytes, queue_count);
    expected = entry.first_ordinal + queue_count;
  });
}

void Replay::apply_unknown(std::uint32_t segment, std::uint32_t first_ordinal,
                           std::uint32_t count) {
  if (count > hole_max) return;
  for (std::uint32_t done = 0; done < count;) {
    const std::uint32_t piece = std::min(count - done, piece_max);
    apply_message(segment, first_ordinal + done, 0, piece);
    done += piece;
  }
}

/// As the record of such a message would be. To a state, which queues they are means nothing.
void Replay::apply_message(std::uint32_t segment, std::uint32_t first_ordinal,
                           std::uint32_t size_bytes, std::uint32_t queue_count) {
  RecordView record;
  record.header.kind = RecordKind::message;
  record.header.first_ordinal = first_ordinal;
  record.header.size_bytes = size_bytes;
  MessageHeader message;
  message.queue_count = queue_count;
  std::vector<std::byte> payload(sizeof(message) + std::size_t{queue_count} * 8);
  std::memcpy(payload.data(), &message, sizeof(message));
  record.payload = payload;
  state_.apply(segment, record);
}

bool agree(const StoreState& newest, const StoreState& older) {
  for (const auto& [segment, state] : newest.segments()) {
    if (state.live_count == 0) continue;
    const auto found = older.segments().find(segment);
    if (found == older.segments().end()) return false;
    for (std::size_t i = 0; i < state.word_count(); ++i) {
      const std::uint64_t may_be_alive =
          i < found->second.word_count() ? found->second.live_word(i) : 0;
      if ((state.live_word(i) & ~may_be_alive) != 0) return false;
    }
    for (const auto& [ordinal, count] : state.return_counts) {
      if (found->second.return_count(ordinal) != count) return false;
    }
  }
  return newest.definitions() == older.definitions();
}

}  // namespace leveret::storage
