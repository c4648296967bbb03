#include "storage/identity_search.hpp"

#include <optional>

#include "storage/format.hpp"

namespace leveret::storage {

namespace {

constexpr std::string_view identity_name = "identity";

/// The node that all right headers of segments name. Nothing when there are none, or they differ.
std::optional<NodeId> node_in_segments(FileSystem& files, const std::string& folder) {
  std::optional<NodeId> node;
  const auto names = files.list(folder);
  if (!names) return std::nullopt;
  for (const std::string& name : *names) {
    const auto segment = number_in_segment_name(name);
    const auto file = segment ? files.open(folder + "/" + name, OpenMode::read)
                              : IoResult<std::unique_ptr<File>>(nullptr);
    std::array<std::byte, sizeof(SegmentHeader)> bytes{};
    if (!file || *file == nullptr || (*file)->read_at(0, bytes).value_or(0) < bytes.size()) {
      continue;
    }
    const auto header = read_struct<SegmentHeader>(bytes);
    if (!header_is_valid(header, segment_seed(header.node, *segment))) continue;
    if (node && *node != header.node) return std::nullopt;
    node = header.node;
  }
  return node;
}

}  // namespace

Result<FoundIdentity, std::string> find_identity(FileSystem& files, const std::string& path) {
  const std::string file = path + "/" + std::string(identity_name);
  const auto bytes = read_file(files, file, identity_size_max_bytes);
  FoundIdentity found;
  if (bytes) {
    const auto identity = decode_identity(*bytes);
    if (identity) return FoundIdentity{*identity, ""};
    found.problem = identity.error();
    if (found.problem.starts_with("has format")) {
      return tl::unexpected("data directory " + path + " " + found.problem);
    }
  } else if (bytes.error().is_missing()) {
    found.problem = "has no file identity";
  } else {
    found.problem = "has a file identity that cannot be read: " + bytes.error().text();
  }
  const auto node = node_in_segments(files, path + "/log");
  if (!node && bytes) return tl::unexpected("data directory " + path + " " + found.problem);
  if (!node) {
    return tl::unexpected(path + " is no data directory of Leveret's: it " + found.problem);
  }
  // There is a log: the first boot was over, or the next start would take it for a new directory.
  found.identity = Identity{*node, true};
  return found;
}

Result<void, std::string> restore_identity(FileSystem& files, const std::string& path,
                                           const Identity& identity) {
  const auto written =
      replace_file(files, path, std::string(identity_name), encode_identity(identity));
  if (!written) return tl::unexpected(written.error().text());
  return {};
}

}  // namespace leveret::storage
