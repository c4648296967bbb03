// The second half of a start: which messages there are, from the tables of contents.

#include <utility>

#include "storage/frame_scanner.hpp"
#include "storage/recovery.hpp"

namespace leveret::storage {

namespace {

constexpr std::uint64_t index_size_max_bytes = 4ull << 30;

IoResult<SegmentIndex> index_from_frames(const File& file, const NodeId& node,
                                         std::uint32_t segment) {
  const auto size = file.size();
  if (!size) return tl::unexpected(size.error());
  FrameScanner scanner(file, *size, node, segment);
  SegmentIndex index;
  while (true) {
    const auto frame = scanner.next();
    if (!frame) return tl::unexpected(frame.error());
    if (!*frame) {
      // What is missing is found out by whoever counts; what follows is still good.
      const auto found = scanner.find_next(scanner.position() + 8);
      if (!found) return tl::unexpected(found.error());
      if (!*found) return index;
      continue;
    }
    std::uint64_t position = (*frame)->position + sizeof(FrameHeader);
    for (const RecordView& record : (*frame)->records) {
      const auto message = record.header.kind == RecordKind::message
                               ? read_message(record.payload)
                               : std::nullopt;
      if (message) {
        index.add(record.header.first_ordinal,
                  static_cast<std::uint32_t>(position / LogPlace::position_unit_bytes),
                  record.header.size_bytes, *message);
      }
      position += aligned(record.header.size_bytes);
    }
    if ((*frame)->is_seal()) return index;
  }
}

/// Visits the live references of one segment.
void visit_segment(std::uint32_t segment, const SegmentIndex& index, const SegmentState& state,
                   const std::function<void(const LiveReference&)>& visit) {
  index.for_each([&](const IndexEntry& entry) {
    LiveReference live;
    live.place = {segment, entry.first_ordinal, entry.position, entry.size_bytes};
    live.published_at_ms = entry.published_at_ms;
    live.expiration_ms = entry.expiration_ms;
    live.body_size_bytes = entry.body_size_bytes;
    for (std::uint32_t i = 0; i < entry.queues.size(); ++i) {
      const std::uint32_t ordinal = entry.first_ordinal + i;
      if (ordinal >= state.reference_count || state.settled.test(ordinal)) continue;
      live.index = i;
      live.queue = entry.queues[i];
      live.delivered = state.delivered.test(ordinal);
      live.return_count = state.return_count(ordinal);
      visit(live);
    }
  });
}

/// One that had to be made is written, so that the next start need not make it again.
IoResult<SegmentIndex> load_index_at_start(FileSystem& files, const std::string& folder,
                                           const NodeId& node, std::uint32_t segment,
                                           const RecoveryOptions& options) {
  const auto file = files.open(folder + "/" + segment_name(segment), OpenMode::read);
  if (!file) return tl::unexpected(file.error());
  bool is_made = false;
  auto index = load_index(files, folder, node, segment, **file, &is_made);
  if (!index || !is_made || options.read_only) return index;
  const auto header = read_segment_header(**file, node, segment);
  if (!header || !*header) return index;
  if (auto to = files.open(folder + "/" + index_name(segment), OpenMode::replace)) {
    (void)(*to)->write_at(0, index->file_bytes(**header));
  }
  return index;
}

}  // namespace

IoResult<SegmentIndex> load_index(FileSystem& files, const std::string& folder, const NodeId& node,
                                  std::uint32_t segment, const File& file, bool* is_made) {
  const auto header = read_segment_header(file, node, segment);
  if (!header) return tl::unexpected(header.error());
  if (is_made != nullptr) *is_made = false;
  const auto bytes = read_file(files, folder + "/" + index_name(segment), index_size_max_bytes);
  if (bytes && *header) {
    auto index = SegmentIndex::parse(*bytes, **header);
    if (index) return std::move(*index);
  }
  if (is_made != nullptr) *is_made = true;
  return index_from_frames(file, node, segment);
}

Result<void, std::string> for_each_live_reference(
    FileSystem& files, const std::string& folder, const NodeId& node, Recovered& recovered,
    const RecoveryOptions& options, const std::function<bool(const LiveReference&)>& visit) {
  std::uint64_t total = 0;
  std::uint64_t done = 0;
  for (const auto& [segment, state] : recovered.state.segments()) total += state.live_count;
  for (const auto& [segment, state] : recovered.state.segments()) {
    if (state.live_count == 0) continue;
    const std::string name = folder + "/" + segment_name(segment);
    const auto index = load_index_at_start(files, folder, node, segment, options);
    if (!index) return tl::unexpected(index.error().text());
    const std::uint64_t live_count = state.live_count;
    ReferenceBits found;
    visit_segment(segment, *index, state, [&](const LiveReference& live) {
      const LogReference reference = live.place.reference(live.index);
      found.set(reference.ordinal, 1);
      if (!visit(live)) add_reference(recovered.forgotten, reference);
    });
    const std::uint64_t found_count = found.count(state.reference_count);
    if (found_count < live_count) {
      const std::string sentence = name + ": " + std::to_string(live_count - found_count) + " of " +
                                   std::to_string(live_count) +
                                   " references to messages cannot be found";
      if (!options.skip_damaged) return tl::unexpected(sentence);
      recovered.notes.push_back(sentence);
      const std::uint32_t number = segment;
      state.for_each_live_except(found, [&](std::uint32_t first, std::uint32_t count) {
        recovered.forgotten.push_back({number, first, count});
      });
    }
    done += live_count;
    if (options.progress) options.progress(done, total);
  }
  return {};
}

}  // namespace leveret::storage
