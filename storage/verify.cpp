#include "storage/verify.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "storage/recovery.hpp"
#include "storage/replay.hpp"
#include "storage/segment_index.hpp"
#include "storage/segment_survey.hpp"

namespace leveret::storage {

namespace {

constexpr std::uint64_t small_file_max_bytes = 4ull << 30;
// Of so many segments in a row that are missing it is asked whether their indexes are there.
constexpr std::uint32_t missing_looked_for_max = 1000;

class Verification {
 public:
  Verification(FileSystem& files, const std::string& folder, const NodeId& node)
      : files_(files), folder_(folder), node_(node) {}

  Result<Verdict, std::string> run();

 private:
  using Outcome = Result<void, std::string>;
  /// What a damaged or missing segment held.
  struct Known {
    SegmentIndex index;
    bool is_compacted = false;
    bool is_likely = false;  ///< Damaged records say so of themselves.
  };

  Outcome list_files();
  Outcome read_checkpoints();
  Result<Checkpoint, std::string> read_checkpoint(const CheckpointFile& file,
                                                  std::uint64_t& size_bytes) const;
  Outcome check_segments();
  void check_beginning();
  Outcome check_segment(std::uint32_t segment);
  void check_missing(std::uint32_t first, std::uint32_t last);
  void check_index(std::uint32_t segment, const SegmentSurvey& survey, SegmentVerdict& verdict);
  std::string problem_of_index(std::uint32_t segment, std::span<const std::byte> bytes,
                               const SegmentSurvey& survey, SegmentVerdict& verdict);
  void note_damage(std::uint32_t segment, const SegmentSurvey& survey);
  void replay(std::uint32_t segment, const File& file, const SegmentSurvey& survey);
  std::optional<Known> read_index(std::uint32_t segment,
                                  const std::optional<SegmentHeader>& header) const;
  void find_losses();
  void find_losses(std::uint32_t segment, const SegmentState& state);
  void compare_checkpoints();
  void ask_recovery();
  bool matters(std::uint32_t segment) const { return segment >= replays_.front().from(); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  FileSystem& files_;
  const std::string& folder_;
  const NodeId& node_;
  Verdict verdict_;
  std::vector<std::uint32_t> segments_;
  std::vector<CheckpointFile> checkpoints_;  ///< In the order in which a start believes them.
  std::vector<Replay> replays_;              ///< Of the newest checkpoint first.
  std::vector<std::string> replayed_;        ///< Their names.
  std::map<std::uint32_t, ReferenceBits> found_;
  std::map<std::uint32_t, Known> known_;
};

Result<Verdict, std::string> Verification::run() {
  if (auto done = list_files(); !done) return tl::unexpected(done.error());
  if (auto done = read_checkpoints(); !done) return tl::unexpected(done.error());
  if (auto done = check_segments(); !done) return tl::unexpected(done.error());
  find_losses();
  if (verdict_.is_clean()) compare_checkpoints();
  if (verdict_.is_clean()) ask_recovery();
  verdict_.definitions = replays_.front().state().definitions();
  return std::move(verdict_);
}

Verification::Outcome Verification::list_files() {
  const auto names = files_.list(folder_);
  if (!names) return tl::unexpected(names.error().text());
  for (const std::string& name : *names) {
    if (const auto segment = number_in_segment_name(name)) segments_.push_back(*segment);
  }
  checkpoints_ = checkpoint_files_in(*names);
  return {};
}

// ---- checkpoints ---------------------------------------------------------------------------

Result<Checkpoint, std::string> Verification::read_checkpoint(const CheckpointFile& file,
                                                              std::uint64_t& size_bytes) const {
  const auto bytes = read_file(files_, path(file.name), small_file_max_bytes);
  if (!bytes) return tl::unexpected("cannot be read: " + bytes.error().text());
  size_bytes = bytes->size();
  return decode_checkpoint(*bytes, node_, file);
}

Verification::Outcome Verification::read_checkpoints() {
  for (const CheckpointFile& file : checkpoints_) {
    std::uint64_t size_bytes = 0;
    auto checkpoint = read_checkpoint(file, size_bytes);
    if (checkpoint) {
      verdict_.read_bytes += size_bytes;
      verdict_.checkpoints.push_back(file.name);
      // Of two that are the same one is enough.
      if (!replays_.empty() && replays_.back().from() == file.segment) continue;
      replays_.emplace_back(std::move(*checkpoint));
      replayed_.push_back(file.name);
      continue;
    }
    if (checkpoint.error().starts_with("has format")) {
      return tl::unexpected(path(file.name) + " " + checkpoint.error());
    }
    verdict_.damaged_checkpoints.push_back(file.name);
    verdict_.damages.push_back({file.name, {}, size_bytes, checkpoint.error(), {}});
  }
  if (replays_.empty()) replays_.emplace_back(Checkpoint{});
  return {};
}

void Verification::compare_checkpoints() {
  if (replays_.size() < 2) return;
  // With a part of the log missing in between the older one is of no use, and needs not be.
  for (std::uint32_t segment = replays_[1].from(); segment < replays_[0].from(); ++segment) {
    if (!std::binary_search(segments_.begin(), segments_.end(), segment)) return;
  }
  if (agree(replays_[0].state(), replays_[1].state())) return;
  verdict_.damages.push_back(
      {replayed_[0], {}, 0, "says something else than " + replayed_[1] + " and the log behind it",
       {}});
}

/// What a start would find, it must have found, too.
void Verification::ask_recovery() {
  RecoveryOptions options;
  options.read_only = true;
  auto recovered = recover(files_, folder_, node_, options);
  std::string refusal = recovered ? "" : recovered.error();
  if (recovered) {
    const auto visited = for_each_live_reference(files_, folder_, node_, *recovered, options,
                                                 [](const LiveReference&) { return true; });
    if (!visited) refusal = visited.error();
  }
  if (!refusal.empty()) verdict_.damages.push_back({"", {}, 0, refusal, {}});
}

// ---- segments ------------------------------------------------------------------------------

Verification::Outcome Verification::check_segments() {
  std::set<std::uint32_t> needed;
  for (const auto& [segment, state] : replays_.front().state().segments()) {
    const bool is_there = std::binary_search(segments_.begin(), segments_.end(), segment);
    if (state.live_count > 0 && !is_there) needed.insert(segment);
  }
  for (const std::uint32_t segment : needed) check_missing(segment, segment);
  std::uint32_t next = replays_.front().from();
  for (const std::uint32_t segment : segments_) {
    if (segment > next) check_missing(next, segment - 1);
    if (segment >= next) next = segment + 1;
    if (auto done = check_segment(segment); !done) return done;
  }
  check_beginning();
  return {};
}

/// Without a checkpoint the log alone tells all, if it is still there from its beginning on. What
/// removes segments or rewrites them leaves to checkpoints what they said.
void Verification::check_beginning() {
  if (!verdict_.checkpoints.empty()) return;
  for (const auto& [segment, verdict] : verdict_.segments) {
    if (verdict.is_missing || verdict.generation == 0) continue;
    verdict_.others_may_be_lost = true;
    verdict_.damages.push_back({segment_name(segment), {}, 0,
                                "has been rewritten, and no checkpoint tells what it held before",
                                {}});
  }
}

Verification::Outcome Verification::check_segment(std::uint32_t segment) {
  const std::string name = path(segment_name(segment));
  const auto file = files_.open(name, OpenMode::read);
  if (!file) return tl::unexpected(file.error().text());
  const auto size = (*file)->size();
  if (!size) return tl::unexpected(size.error().text());
  SegmentVerdict& verdict = verdict_.segments[segment];
  // A segment that is in a checkpoint was sealed before.
  verdict.end_may_be_torn = segment == segments_.back() && matters(segment);
  SegmentSurvey survey =
      survey_segment(**file, *size, node_, segment, verdict.end_may_be_torn, {});
  if (survey.is_of_later_format) return tl::unexpected(name + " " + survey.header_problem);

  verdict.is_damaged = survey.is_damaged();
  verdict.generation = survey.header ? survey.header->generation : 0;
  verdict.epoch = survey.epoch;
  verdict.file_size_bytes = *size;
  verdict.record_count = survey.record_count();
  verdict_.read_bytes += survey.end_position;
  verdict_.record_count += survey.record_count();
  ReferenceBits& found = found_[segment];
  survey.index.for_each([&](const IndexEntry& entry) {
    found.set(entry.first_ordinal, static_cast<std::uint32_t>(entry.queues.size()));
  });
  note_damage(segment, survey);
  check_index(segment, survey, verdict);
  if (survey.is_damaged()) {
    auto known = read_index(segment, survey.header);
    known_[segment] = known ? std::move(*known)
                            : Known{std::move(survey.claimed), verdict.generation > 0, true};
  }
  replay(segment, **file, survey);
  return {};
}

void Verification::note_damage(std::uint32_t segment, const SegmentSurvey& survey) {
  const std::string name = segment_name(segment);
  const std::string unreadable =
      survey.unreadable_bytes == 0
          ? ""
          : "; the disk does not give " + std::to_string(survey.unreadable_bytes) + " bytes of it";
  if (!survey.header) {
    verdict_.damages.push_back(
        {name, 0, sizeof(SegmentHeader), survey.header_problem + unreadable, {}});
  }
  for (const DamagedRange& range : survey.damaged) {
    const bool is_cut_off = range.end > survey.file_size_bytes || range.begin == range.end;
    verdict_.damages.push_back({name, range.begin, range.end - range.begin,
                                (is_cut_off ? "is cut off" : "is damaged") + unreadable,
                                range.record_count});
    if (range.may_hold_others() && matters(segment)) verdict_.others_may_be_lost = true;
  }
  if (matters(segment)) verdict_.doubtful_settled_count += survey.doubtful_settled_count;
  if (survey.torn_end) {
    verdict_.notes.push_back(
        path(name) + ": what follows byte " + std::to_string(survey.torn_end->position) +
        " is not known to have been safe and is left out (" +
        std::to_string(survey.torn_end->record_count) + " records)");
  } else if (survey.unreadable_bytes > 0 && !survey.is_damaged()) {
    verdict_.notes.push_back(path(name) + unreadable.substr(1) + ", which hold nothing");
  }
}

void Verification::check_missing(std::uint32_t first, std::uint32_t last) {
  const std::string what =
      first == last ? "is missing" : "and all up to " + segment_name(last) + " are missing";
  verdict_.damages.push_back({segment_name(first), {}, 0, what, {}});
  if (matters(last)) verdict_.others_may_be_lost = true;
  for (std::uint32_t segment = first; segment - first < missing_looked_for_max; ++segment) {
    verdict_.segments[segment].is_missing = true;
    found_[segment];
    Known& known = known_[segment];
    if (auto index = read_index(segment, std::nullopt)) known = std::move(*index);
    for (Replay& replay : replays_) {
      if (replay.from() <= segment) {
        replay.apply_messages(segment, known.index, known.is_compacted);
      }
    }
    if (segment == last) return;
  }
}

/// Applies the segment's records to the states of the checkpoints before it.
void Verification::replay(std::uint32_t segment, const File& file, const SegmentSurvey& survey) {
  const auto known = known_.find(segment);
  std::vector<Replay*> concerned;
  for (Replay& replay : replays_) {
    if (replay.from() > segment) continue;
    concerned.push_back(&replay);
    if (known != known_.end()) {
      replay.apply_messages(segment, known->second.index, known->second.is_compacted);
    }
  }
  if (concerned.empty()) return;
  const auto visit = [&](const SurveyedRecord& record) {
    const bool is_applied = known != known_.end() &&
                            record.view.header.kind == RecordKind::message;
    if (is_applied || !record.is_trusted()) return;
    for (Replay* replay : concerned) replay->apply(segment, record.view);
  };
  survey_segment(file, survey.file_size_bytes, node_, segment,
                 verdict_.segments[segment].end_may_be_torn, visit);
}

// ---- indexes -------------------------------------------------------------------------------

/// The index of a segment, of which the header may not be known.
std::optional<Verification::Known> Verification::read_index(
    std::uint32_t segment, const std::optional<SegmentHeader>& header) const {
  const auto bytes = read_file(files_, path(index_name(segment)), small_file_max_bytes);
  if (!bytes || (header && !SegmentIndex::parse(*bytes, *header))) return std::nullopt;
  auto orphan = SegmentIndex::parse_orphan(*bytes, segment, segment_seed(node_, segment));
  if (!orphan) return std::nullopt;
  return Known{std::move(orphan->index), orphan->generation > 0, false};
}

void Verification::check_index(std::uint32_t segment, const SegmentSurvey& survey,
                               SegmentVerdict& verdict) {
  const std::string name = index_name(segment);
  const auto bytes = read_file(files_, path(name), small_file_max_bytes);
  if (!bytes && bytes.error().is_missing()) return;
  const std::string problem = bytes ? problem_of_index(segment, *bytes, survey, verdict)
                                    : "cannot be read: " + bytes.error().text();
  if (problem.empty()) return;
  verdict.index_is_damaged = true;
  verdict_.damages.push_back({name, {}, bytes ? bytes->size() : 0, problem, 0});
}

/// Nobody waits until an index is safe, so it may be a part of one, or the former one of a segment
/// that was rewritten.
std::string Verification::problem_of_index(std::uint32_t segment,
                                           std::span<const std::byte> bytes,
                                           const SegmentSurvey& survey, SegmentVerdict& verdict) {
  const std::string name = path(index_name(segment));
  const std::uint32_t seed = segment_seed(node_, segment);
  if (SegmentIndex::is_unfinished(bytes, seed)) {
    verdict_.notes.push_back(name + " is not finished; its segment is read instead");
    return "";
  }
  const auto orphan = SegmentIndex::parse_orphan(bytes, segment, seed);
  if (!orphan) return "is damaged";
  verdict_.read_bytes += bytes.size();
  if (!survey.header) {
    verdict.generation = orphan->generation;
    return "";
  }
  if (!SegmentIndex::parse(bytes, *survey.header)) {
    verdict_.notes.push_back(name + " is that of a former file; its segment is read instead");
    return "";
  }
  if (survey.is_damaged() ||
      std::ranges::equal(bytes, survey.index.file_bytes(*survey.header))) {
    return "";
  }
  return "says something else than its segment";
}

// ---- losses --------------------------------------------------------------------------------

/// Lost is what should be there and is in no segment.
void Verification::find_losses() {
  for (const auto& [segment, state] : replays_.front().state().segments()) {
    verdict_.live_reference_count += state.live_count;
    if (state.live_count > 0) find_losses(segment, state);
  }
  for (const auto& [segment, verdict] : verdict_.segments) verdict_.lost.add(verdict.lost);
  verdict_.live_reference_count -=
      std::min(verdict_.live_reference_count, verdict_.lost.count());
}

void Verification::find_losses(std::uint32_t segment, const SegmentState& state) {
  const ReferenceBits& found = found_[segment];
  const auto is_lost = [&](std::uint32_t ordinal) {
    return ordinal < state.reference_count && !state.settled.test(ordinal) && !found.test(ordinal);
  };
  std::uint64_t lost_count = 0;
  state.for_each_live_except(found,
                             [&](std::uint32_t, std::uint32_t count) { lost_count += count; });
  if (lost_count == 0) return;
  Losses& lost = verdict_.segments[segment].lost;
  if (const auto known = known_.find(segment); known != known_.end()) {
    verdict_.segments[segment].losses_are_likely = known->second.is_likely;
    known->second.index.for_each([&](const IndexEntry& entry) {
      for (std::uint32_t i = 0; i < entry.queues.size(); ++i) {
        if (!is_lost(entry.first_ordinal + i)) continue;
        lost.add(entry.queues[i], entry.body_size_bytes, entry.published_at_ms);
      }
    });
  } else {
    verdict_.damages.push_back({segment_name(segment), {}, 0,
                                "lacks " + std::to_string(lost_count) +
                                    " references that should be in it",
                                {}});
  }
  lost.of_unknown_queues = lost_count - std::min(lost_count, lost.count());
}

}  // namespace

Result<Verdict, std::string> verify(FileSystem& files, const std::string& folder,
                                    const NodeId& node) {
  return Verification(files, folder, node).run();
}

}  // namespace leveret::storage
