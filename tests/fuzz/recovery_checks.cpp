#include "tests/fuzz/recovery_checks.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "storage/recovery.hpp"
#include "storage/salvage.hpp"
#include "storage/verify.hpp"
#include "tests/fuzz/log_life.hpp"
#include "tests/unit/storage/faulty_disk.hpp"

namespace leveret::storage {

namespace {

void expect(bool is_so, const std::string& otherwise) {
  if (is_so) return;
  std::fprintf(stderr, "WRONG: %s\n", otherwise.c_str());
  std::abort();
}

std::string path(const std::string& name) { return image_folder + "/" + name; }

// ---- a start -------------------------------------------------------------------------------

/// What a start found.
struct Start {
  std::string refusal;
  Recovered recovered;
  std::vector<LiveReference> live;

  bool is_refused() const { return !refusal.empty(); }
};

Start start(FaultyDisk& disk, bool read_only, bool skip_damaged = false) {
  RecoveryOptions options;
  options.read_only = read_only;
  options.skip_damaged = skip_damaged;
  Start found;
  auto recovered = recover(disk, image_folder, image_node, options);
  if (!recovered) {
    expect(!recovered.error().empty(), "a start refuses without a word");
    found.refusal = recovered.error();
    return found;
  }
  found.recovered = std::move(*recovered);
  const auto visited = for_each_live_reference(
      disk, image_folder, image_node, found.recovered, options, [&](const LiveReference& live) {
        found.live.push_back(live);
        return true;
      });
  if (!visited) {
    expect(!visited.error().empty(), "a start refuses without a word");
    found.refusal = visited.error();
  }
  return found;
}

bool is_same(const ReferenceBits& left, const ReferenceBits& right) {
  const auto shorter = std::min(left.words().size(), right.words().size());
  const auto rest_is_zero = [&](const ReferenceBits& bits) {
    return std::ranges::all_of(bits.words().subspan(shorter),
                               [](std::uint64_t word) { return word == 0; });
  };
  return std::ranges::equal(left.words().first(shorter), right.words().first(shorter)) &&
         rest_is_zero(left) && rest_is_zero(right);
}

/// Not compared is where the last segment ends: it gets a seal.
bool is_same(const StoreState& left, const StoreState& right) {
  const auto is_same_segment = [](const auto& one, const auto& other) {
    return one.first == other.first &&
           one.second.reference_count == other.second.reference_count &&
           one.second.live_count == other.second.live_count &&
           is_same(one.second.settled, other.second.settled) &&
           is_same(one.second.delivered, other.second.delivered) &&
           one.second.return_counts == other.second.return_counts;
  };
  return left.definitions() == right.definitions() &&
         std::ranges::equal(left.segments(), right.segments(), is_same_segment);
}

auto all_of(const LiveReference& live) {
  return std::tuple(live.place.segment, live.place.first_ordinal, live.place.position,
                    live.place.size_bytes, live.index, live.queue, live.published_at_ms,
                    live.expiration_ms, live.body_size_bytes, live.delivered,
                    live.return_count);
}

void expect_same(const Start& one, const Start& other, const std::string& when) {
  expect(one.refusal == other.refusal, when + ": '" + one.refusal + "', then '" + other.refusal +
                                           "'");
  if (one.is_refused()) return;
  expect(is_same(one.recovered.state, other.recovered.state), when + ": another state");
  expect(one.recovered.next_segment == other.recovered.next_segment, when + ": another end");
  expect(one.recovered.epoch == other.recovered.epoch, when + ": another epoch");
  expect(std::ranges::equal(one.live, other.live, {}, all_of, all_of), when + ": other messages");
}

// ---- messages ------------------------------------------------------------------------------

using Reference = std::pair<std::uint32_t, std::uint32_t>;
/// By reference: queue and bytes.
using Messages = std::map<Reference, std::pair<std::uint64_t, std::string>>;

std::optional<std::pair<std::uint64_t, std::string>> read_message_of(FaultyDisk& disk,
                                                                     const LiveReference& live) {
  const auto bytes = disk.bytes(path(segment_name(live.place.segment)));
  const std::uint64_t position = std::uint64_t{live.place.position} * 8;
  if (position > bytes.size()) return std::nullopt;
  const auto record = read_record(std::span(bytes).subspan(position),
                                  segment_seed(image_node, live.place.segment));
  if (!record || record->header.kind != RecordKind::message ||
      record->header.first_ordinal != live.place.first_ordinal ||
      record->header.size_bytes != live.place.size_bytes) {
    return std::nullopt;
  }
  const auto message = read_message(record->payload);
  if (!message || live.index >= message->header.queue_count ||
      message->queue(live.index) != live.queue ||
      message->header.body_size_bytes != live.body_size_bytes ||
      message->header.published_at_ms != live.published_at_ms ||
      message->header.expiration_ms != live.expiration_ms) {
    return std::nullopt;
  }
  return {{live.queue, std::string(read_text(message->bytes))}};
}

/// Each live reference is told of once, and its message is there and right.
Messages expect_readable(FaultyDisk& disk, const Start& found, const std::string& when) {
  Messages messages;
  std::uint64_t live_count = 0;
  for (const auto& [segment, state] : found.recovered.state.segments()) {
    live_count += state.live_count;
  }
  for (const ReferenceRun& run : found.recovered.forgotten) live_count -= run.count;
  for (const LiveReference& live : found.live) {
    const auto message = read_message_of(disk, live);
    const LogReference reference = live.place.reference(live.index);
    const std::string where = std::to_string(reference.segment) + "/" +
                              std::to_string(reference.ordinal);
    expect(message.has_value(), when + ": the message of reference " + where +
                                    " cannot be read back");
    const bool is_new =
        messages.emplace(Reference{reference.segment, reference.ordinal}, *message).second;
    expect(is_new, when + ": reference " + where + " is told of twice");
  }
  expect(messages.size() == live_count, when + ": " + std::to_string(live_count) +
                                            " live references, of which " +
                                            std::to_string(messages.size()) + " are found");
  return messages;
}

/// An index with right check sums is believed at a start, which is what it is for. Only one made by
/// hand says something else than its segment.
bool indexes_are_right(FaultyDisk& disk) {
  FaultyDisk without_indexes;
  std::vector<std::uint32_t> indexed;
  for (const std::string& name : disk.names(image_folder)) {
    if (const auto segment = number_in_index_name(name)) {
      indexed.push_back(*segment);
    } else {
      without_indexes.put(path(name), disk.bytes(path(name)));
    }
  }
  for (const std::uint32_t segment : indexed) {
    const auto file = disk.open(path(segment_name(segment)), OpenMode::read);
    if (!file) continue;
    const auto header = read_segment_header(**file, image_node, segment);
    if (!header || !*header) continue;
    const auto kept = load_index(disk, image_folder, image_node, segment, **file);
    const auto made = load_index(without_indexes, image_folder, image_node, segment, **file);
    if (!kept || !made || kept->file_bytes(**header) != made->file_bytes(**header)) return false;
  }
  return true;
}

// ---- what has to be true -------------------------------------------------------------------

void lay(FaultyDisk& disk, const LogFiles& files) {
  (void)disk.make_folder(image_folder);
  for (const auto& [name, bytes] : files) disk.put(path(name), bytes);
}

/// The log goes on: what was alive stays, what is done with goes, what comes is there again.
void check_next_life(FaultyDisk& disk, Start found, Messages messages) {
  LogLife life(disk, found.recovered);
  for (const LiveReference& live : found.live) {
    const LogReference reference = live.place.reference(live.index);
    const auto& text = messages.at({reference.segment, reference.ordinal}).second;
    expect(life.read(live.place) == text, "the broker reads another message");
  }
  for (std::size_t i = 0; i < found.live.size(); i += 2) {
    const LogReference reference = found.live[i].place.reference(found.live[i].index);
    life.shard().settle(found.live[i].place, found.live[i].index);
    messages.erase({reference.segment, reference.ordinal});
  }
  const LogPlace& place = life.append("of the next life", {77});
  expect(life.commit(), "the next life cannot write");
  messages[{place.segment, place.first_ordinal}] = {77, "of the next life"};
  life.run_seconds(1);
  life.roll();
  life.run_seconds(2);
  life.close();
  expect(life.failures.empty(), "the next life fails");
  const Start after = start(disk, false);
  expect(!after.is_refused(), "the life after the next is refused: " + after.refusal);
  expect(expect_readable(disk, after, "in the life after the next") == messages,
         "the life after the next has other messages");
}

/// A start that may write finds the same, and so does the next one.
void check_starts(const LogFiles& files, const Start& looked, bool is_strict) {
  FaultyDisk disk;
  lay(disk, files);
  const Start first = start(disk, false);
  if (is_strict) expect_same(looked, first, "a start after a look");
  disk.crash_losing_all();
  const Start second = start(disk, false);
  expect_same(first, second, "the second start");
  if (second.is_refused() || !indexes_are_right(disk)) return;
  check_next_life(disk, second, expect_readable(disk, second, "at the second start"));
}

/// Damage that is skipped is no reason to refuse, and nothing wrong is shown.
void check_skipping(const LogFiles& files, bool is_refused) {
  FaultyDisk disk;
  lay(disk, files);
  const bool is_strict = indexes_are_right(disk);
  const Start skipped = start(disk, true, true);
  expect(!skipped.is_refused(), "damage is not skipped: " + skipped.refusal);
  expect(is_refused || !skipped.recovered.has_skipped, "what a start takes is skipped");
  if (is_strict) expect_readable(disk, skipped, "behind damage");
}

void check_repair(const LogFiles& files, const Start& looked, bool is_strict) {
  FaultyDisk disk;
  lay(disk, files);
  const auto verdict = verify(disk, image_folder, image_node);
  if (!verdict) {
    expect(!verdict.error().empty(), "a verification refuses without a word");
    return;
  }
  if (verdict->is_clean()) {
    expect(!looked.is_refused(), "nothing is damaged, and a start refuses: " + looked.refusal);
    return;
  }
  const std::string aside = "aside";
  (void)disk.make_folder(aside);
  const auto salvaged = salvage(disk, image_folder, image_node, *verdict, aside);
  expect(salvaged.has_value(), "cannot be repaired: " + (salvaged ? "" : salvaged.error()));
  disk.crash_losing_all();
  const auto after = verify(disk, image_folder, image_node);
  expect(after.has_value(), "cannot be verified after the repair");
  expect(after->is_clean(), "damaged after the repair: " +
                                (after->is_clean() ? "" : after->damages.front().file + " " +
                                                              after->damages.front().what));
  const Start repaired = start(disk, false);
  expect(!repaired.is_refused(), "refused after the repair: " + repaired.refusal);
  const Messages messages = expect_readable(disk, repaired, "after the repair");
  expect(messages.size() == salvaged->live_reference_count, "the repair has miscounted");
  if (!is_strict || looked.is_refused()) return;
  FaultyDisk before;
  lay(before, files);
  expect(expect_readable(before, looked, "before the repair") == messages,
         "the repair has changed what needed none");
}

}  // namespace

void check_recovery(const LogFiles& files) {
  FaultyDisk disk;
  lay(disk, files);
  const auto before = disk.copy_of_all();
  const bool is_strict = indexes_are_right(disk);
  const Start looked = start(disk, true);
  expect(disk.copy_of_all() == before, "looking has changed something");
  if (is_strict && !looked.is_refused()) expect_readable(disk, looked, "at a look");
  check_starts(files, looked, is_strict);
  check_skipping(files, looked.is_refused());
  check_repair(files, looked, is_strict);
}

}  // namespace leveret::storage
