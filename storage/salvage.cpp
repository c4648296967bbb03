#include "storage/salvage.hpp"

#include <algorithm>
#include <utility>

#include "storage/checkpoint.hpp"
#include "storage/patient_reader.hpp"
#include "storage/recovery.hpp"
#include "storage/rewritten_segment.hpp"
#include "storage/segment_survey.hpp"

namespace leveret::storage {

namespace {

constexpr std::uint64_t copied_piece_bytes = 1024 * 1024;
constexpr std::string_view unfinished_end = ".new";

class Salvage {
 public:
  Salvage(FileSystem& files, const std::string& folder, const NodeId& node, const Verdict& verdict,
          const std::string& aside)
      : files_(files), folder_(folder), node_(node), verdict_(verdict), aside_(aside) {}

  Result<Salvaged, std::string> run();

 private:
  IoResult<void> repair_files();
  IoResult<void> rewrite(std::uint32_t segment);
  IoResult<void> write_index(const SegmentHeader& header, const SegmentIndex& index);
  IoResult<void> renew_index(std::uint32_t segment);
  IoResult<void> copy_aside(const std::string& name, const std::string& name_aside);
  IoResult<void> move_aside(const std::string& name);
  IoResult<void> move_aside(const std::string& name, const std::string& new_name);
  IoResult<void> move_other_checkpoints_aside();
  IoResult<void> move_aside_if_there(const std::string& name);
  IoResult<void> settle_lost(Recovered& recovered);
  IoResult<void> write_checkpoint(Recovered&& recovered);
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string path_aside(const std::string& name) const { return aside_ + "/" + name; }

  FileSystem& files_;
  const std::string& folder_;
  const NodeId& node_;
  const Verdict& verdict_;
  const std::string& aside_;
  Salvaged salvaged_;
};

Result<Salvaged, std::string> Salvage::run() {
  if (auto done = repair_files(); !done) return tl::unexpected(done.error().text());
  RecoveryOptions options;
  options.skip_damaged = true;
  auto recovered = recover(files_, folder_, node_, options);
  if (!recovered) return tl::unexpected(recovered.error());
  salvaged_.notes = recovered->notes;
  if (auto done = settle_lost(*recovered); !done) return tl::unexpected(done.error().text());
  if (auto done = write_checkpoint(std::move(*recovered)); !done) {
    return tl::unexpected(done.error().text());
  }
  return std::move(salvaged_);
}

IoResult<void> Salvage::repair_files() {
  for (const auto& [segment, verdict] : verdict_.segments) {
    IoResult<void> done;
    if (verdict.is_damaged) {
      done = rewrite(segment);
    } else if (verdict.index_is_damaged && verdict.end_may_be_torn) {
      done = move_aside(index_name(segment));  // Recovery decides where it ends, and makes it.
    } else if (verdict.index_is_damaged) {
      done = renew_index(segment);
    } else if (verdict.is_missing) {
      done = move_aside_if_there(index_name(segment));
    }
    if (!done) return done;
  }
  for (const std::string& name : verdict_.damaged_checkpoints) {
    if (auto done = move_aside(name); !done) return done;
  }
  return files_.sync_folder(folder_);
}

// ---- segments ------------------------------------------------------------------------------

/// Puts a segment with only the right records in the place of a damaged one.
IoResult<void> Salvage::rewrite(std::uint32_t segment) {
  const std::string name = segment_name(segment);
  const auto from = files_.open(path(name), OpenMode::read);
  if (!from) return tl::unexpected(from.error());
  const auto size = (*from)->size();
  if (!size) return tl::unexpected(size.error());
  const std::string unfinished = path(name) + std::string(unfinished_end);
  auto to = files_.open(unfinished, OpenMode::replace);
  if (!to) return tl::unexpected(to.error());
  const SegmentVerdict& verdict = verdict_.segments.at(segment);
  SegmentHeader header;
  header.segment = segment;
  header.node = node_;
  header.generation = verdict.generation;
  header.epoch = verdict.epoch;
  RewrittenSegment rewritten(**to, header);
  IoResult<void> outcome;
  const auto visit = [&](const SurveyedRecord& record) {
    if (outcome && record.is_trusted()) outcome = rewritten.add(record.view, record.bytes());
  };
  survey_segment(**from, *size, node_, segment, verdict.end_may_be_torn, visit);
  if (outcome) outcome = rewritten.finish();
  // A copy, not the file itself: at no moment may the segment be missing. But its index may.
  if (outcome) outcome = copy_aside(name, name);
  if (outcome) outcome = move_aside_if_there(index_name(segment));
  if (outcome) outcome = files_.rename(unfinished, path(name));
  if (outcome) outcome = files_.sync_folder(folder_);
  if (!outcome) return outcome;
  return write_index(rewritten.header(), rewritten.index());
}

IoResult<void> Salvage::write_index(const SegmentHeader& header, const SegmentIndex& index) {
  return replace_file(files_, folder_, index_name(header.segment), index.file_bytes(header));
}

/// The segment is right: its index is made again.
IoResult<void> Salvage::renew_index(std::uint32_t segment) {
  if (auto done = move_aside(index_name(segment)); !done) return done;
  const auto file = files_.open(path(segment_name(segment)), OpenMode::read);
  if (!file) return tl::unexpected(file.error());
  const auto header = read_segment_header(**file, node_, segment);
  if (!header) return tl::unexpected(header.error());
  if (!*header) return {};  // No index can belong to it: it is read as a whole at each start.
  const auto index = load_index(files_, folder_, node_, segment, **file);
  if (!index) return tl::unexpected(index.error());
  return write_index(**header, *index);
}

// ---- putting aside -------------------------------------------------------------------------

IoResult<void> Salvage::copy_aside(const std::string& name, const std::string& name_aside) {
  const auto from = files_.open(path(name), OpenMode::read);
  if (!from) return tl::unexpected(from.error());
  const auto size = (*from)->size();
  if (!size) return tl::unexpected(size.error());
  auto to = files_.open(path_aside(name_aside), OpenMode::replace);
  if (!to) return tl::unexpected(to.error());
  PatientReader reader(**from, *size);
  for (std::uint64_t at = 0; at < *size;) {
    const auto bytes = reader.at(at, copied_piece_bytes);
    if (bytes.empty()) break;
    if (auto done = (*to)->write_at(at, bytes); !done) return done;
    at += bytes.size();
  }
  if (auto done = (*to)->sync_data(); !done) return done;
  salvaged_.copied.push_back(name_aside);
  return files_.sync_folder(aside_);
}

IoResult<void> Salvage::move_aside(const std::string& name) { return move_aside(name, name); }

IoResult<void> Salvage::move_aside(const std::string& name, const std::string& new_name) {
  if (auto done = files_.rename(path(name), path_aside(new_name)); !done) return done;
  salvaged_.moved.push_back(new_name);
  return files_.sync_folder(aside_);
}

IoResult<void> Salvage::move_aside_if_there(const std::string& name) {
  return files_.open(path(name), OpenMode::read) ? move_aside(name) : IoResult<void>{};
}

// ---- the new checkpoint --------------------------------------------------------------------

/// What should be there and is not is done with: else every start would miss it.
IoResult<void> Salvage::settle_lost(Recovered& recovered) {
  for (auto& [segment, state] : recovered.state.segments()) {
    if (state.live_count == 0) continue;
    const auto file = files_.open(path(segment_name(segment)), OpenMode::read);
    if (!file) return tl::unexpected(file.error());
    const auto index = load_index(files_, folder_, node_, segment, **file);
    if (!index) return tl::unexpected(index.error());
    ReferenceBits found;
    index->for_each([&](const IndexEntry& entry) {
      found.set(entry.first_ordinal, static_cast<std::uint32_t>(entry.queues.size()));
    });
    const std::uint32_t number = segment;
    state.for_each_live_except(found, [&](std::uint32_t first, std::uint32_t count) {
      recovered.state.settle({number, first, count});
    });
    salvaged_.live_reference_count += state.live_count;
  }
  return {};
}

IoResult<void> Salvage::write_checkpoint(Recovered&& recovered) {
  const Checkpoint checkpoint{recovered.next_segment, recovered.epoch, std::move(recovered.state)};
  salvaged_.checkpoint = checkpoint_name(checkpoint.segment);
  if (files_.open(path(salvaged_.checkpoint), OpenMode::read)) {
    // Where the file itself was damaged and put aside, its copy has taken its name since.
    const bool is_copy =
        std::ranges::find(salvaged_.moved, salvaged_.checkpoint) != salvaged_.moved.end();
    const std::string name_aside =
        is_copy ? checkpoint_copy_name(checkpoint.segment) : salvaged_.checkpoint;
    if (auto done = copy_aside(salvaged_.checkpoint, name_aside); !done) return done;
  }
  const auto written =
      replace_file(files_, folder_, salvaged_.checkpoint, encode_checkpoint(checkpoint, node_));
  if (!written) return written;
  if (auto done = move_other_checkpoints_aside(); !done) return done;
  return files_.sync_folder(folder_);
}

/// With what is in them a start would miss again what is lost.
IoResult<void> Salvage::move_other_checkpoints_aside() {
  const auto names = files_.list(folder_);
  if (!names) return tl::unexpected(names.error());
  for (const CheckpointFile& file : checkpoint_files_in(*names)) {
    if (file.name == salvaged_.checkpoint) continue;
    // The place of one that was damaged has been taken by its copy.
    const bool was_damaged = std::ranges::count(verdict_.damaged_checkpoints, file.name) > 0;
    const std::string name_aside = was_damaged ? checkpoint_copy_name(file.segment) : file.name;
    if (auto done = move_aside(file.name, name_aside); !done) return done;
  }
  return {};
}

}  // namespace

Result<Salvaged, std::string> salvage(FileSystem& files, const std::string& folder,
                                      const NodeId& node, const Verdict& verdict,
                                      const std::string& aside) {
  return Salvage(files, folder, node, verdict, aside).run();
}

}  // namespace leveret::storage
