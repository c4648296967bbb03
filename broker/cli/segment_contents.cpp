#include "broker/cli/segment_contents.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "storage/segment_index.hpp"

namespace leveret::cli {

namespace {

constexpr std::uint64_t index_size_max_bytes = 4ull << 30;

std::optional<storage::SegmentSurvey> survey(storage::FileSystem& files,
                                             const StoreContents& contents, std::uint32_t segment,
                                             const storage::VisitSurveyed& visit) {
  const auto file = files.open(contents.log_folder() + "/" + storage::segment_name(segment),
                               storage::OpenMode::read);
  if (!file) return std::nullopt;
  const auto size = (*file)->size();
  if (!size) return std::nullopt;
  const bool may_be_torn = segment == contents.segments.back() &&
                           segment >= contents.recovered.newest_checkpoint.segment;
  return storage::survey_segment(**file, *size, contents.found.identity.node_id, segment,
                                 may_be_torn, visit);
}

std::string index_state(storage::FileSystem& files, const StoreContents& contents,
                        std::uint32_t segment, const storage::SegmentSurvey& survey) {
  const auto bytes = storage::read_file(
      files, contents.log_folder() + "/" + storage::index_name(segment), index_size_max_bytes);
  if (!bytes && bytes.error().is_missing()) return "none";
  const std::uint32_t seed = storage::segment_seed(contents.found.identity.node_id, segment);
  if (bytes && storage::SegmentIndex::is_unfinished(*bytes, seed)) return "unfinished";
  if (!bytes || !storage::SegmentIndex::parse_orphan(*bytes, segment, seed)) return "damaged";
  if (!survey.header) return "right";
  return storage::SegmentIndex::parse(*bytes, *survey.header) ? "right" : "outdated";
}

}  // namespace

std::uint64_t SegmentContents::dead_percent() const {
  if (survey.end_position == 0) return 0;
  return 100 - std::min(live_size_bytes, survey.end_position) * 100 / survey.end_position;
}

std::vector<SegmentContents> read_segments(storage::FileSystem& files,
                                           const StoreContents& contents) {
  std::vector<SegmentContents> all;
  for (const std::uint32_t segment : contents.segments) {
    auto found = survey(files, contents, segment, {});
    if (!found) continue;
    SegmentContents one;
    one.number = segment;
    one.index = index_state(files, contents, segment, *found);
    one.survey = std::move(*found);
    one.survey.index = {};
    one.survey.claimed = {};
    const auto& states = contents.recovered.state.segments();
    if (const auto state = states.find(segment); state != states.end()) {
      one.live_count = state->second.live_count;
      one.live_size_bytes = state->second.live_size_bytes;
    }
    all.push_back(std::move(one));
  }
  return all;
}

std::string_view name_of(ReferenceState state) {
  switch (state) {
    case ReferenceState::ready: return "ready";
    case ReferenceState::delivered: return "delivered";
    case ReferenceState::settled: return "settled";
  }
  return "";
}

std::string_view name_of(storage::RecordKind kind) {
  switch (kind) {
    case storage::RecordKind::message: return "message";
    case storage::RecordKind::settled: return "settled";
    case storage::RecordKind::delivered: return "delivered";
    case storage::RecordKind::define: return "define";
    case storage::RecordKind::undefine: return "undefine";
    case storage::RecordKind::undefine_all: return "undefine_all";
    case storage::RecordKind::returned: return "returned";
  }
  return "unknown";
}

ReferenceState state_of(const StoreContents& contents, std::uint32_t segment,
                        std::uint32_t ordinal) {
  const auto& states = contents.recovered.state.segments();
  const auto state = states.find(segment);
  if (state == states.end() || state->second.live_count == 0 ||
      ordinal >= state->second.reference_count || state->second.settled.test(ordinal)) {
    return ReferenceState::settled;
  }
  return state->second.delivered.test(ordinal) ? ReferenceState::delivered
                                               : ReferenceState::ready;
}

void for_each_record(storage::FileSystem& files, const StoreContents& contents,
                     std::uint64_t count_max, const VisitRecord& visit) {
  // Where the newest ones begin has to be counted from the end.
  auto first = contents.segments.end();
  std::uint64_t count = 0;
  while (first != contents.segments.begin() && count < count_max) {
    --first;
    if (const auto found = survey(files, contents, *first, {})) count += found->record_count();
  }
  std::uint64_t skipped_count = count > count_max ? count - count_max : 0;
  for (; first != contents.segments.end(); ++first) {
    survey(files, contents, *first, [&](const storage::SurveyedRecord& record) {
      if (skipped_count > 0) {
        --skipped_count;
      } else {
        visit(*first, record);
      }
    });
  }
}

}  // namespace leveret::cli
