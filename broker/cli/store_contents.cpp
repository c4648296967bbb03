#include "broker/cli/store_contents.hpp"

#include <algorithm>
#include <utility>

#include "storage/checkpoint.hpp"
#include "storage/lock_holder.hpp"

namespace leveret::cli {

namespace {

constexpr std::uint64_t checkpoint_size_max_bytes = 4ull << 30;
// Under a running broker files come and go: what looks wrong is looked at again.
constexpr int looks_max = 5;

class Reading {
 public:
  Reading(storage::FileSystem& files, StoreContents& contents)
      : files_(files), contents_(contents) {}

  Result<void, std::string> list_files();
  void read_checkpoints();
  void recover();

 private:
  Result<void, std::string> look(bool skip_damaged);
  std::uint64_t size_of(const std::string& name) const;
  const storage::NodeId& node() const { return contents_.found.identity.node_id; }

  storage::FileSystem& files_;
  StoreContents& contents_;
  std::vector<std::string> checkpoint_names_;
};

std::uint64_t Reading::size_of(const std::string& name) const {
  const auto file = files_.open(contents_.log_folder() + "/" + name, storage::OpenMode::read);
  return file ? (*file)->size().value_or(0) : 0;
}

Result<void, std::string> Reading::list_files() {
  const auto names = files_.list(contents_.log_folder());
  if (!names && names.error().is_missing()) return {};
  if (!names) return tl::unexpected(names.error().text());
  for (const std::string& name : *names) {
    FileGroup* group = nullptr;
    if (const auto segment = storage::number_in_segment_name(name)) {
      contents_.segments.push_back(*segment);
      group = &contents_.segment_files;
    } else if (storage::number_in_index_name(name)) {
      group = &contents_.index_files;
    } else if (storage::number_in_checkpoint_name(name) ||
               storage::number_in_checkpoint_copy_name(name)) {
      checkpoint_names_.push_back(name);
    } else if (name.starts_with("spare-")) {
      group = &contents_.spare_files;
    }
    if (group == nullptr) continue;
    ++group->count;
    group->size_bytes += size_of(name);
  }
  return {};
}

void Reading::read_checkpoints() {
  for (const std::string& name : checkpoint_names_) {
    CheckpointContents found;
    found.file = name;
    const auto bytes = storage::read_file(files_, contents_.log_folder() + "/" + found.file,
                                          checkpoint_size_max_bytes);
    if (!bytes) {
      found.problem = "cannot be read: " + bytes.error().text();
    } else {
      found.size_bytes = bytes->size();
      const auto checkpoint = storage::decode_checkpoint(*bytes, node());
      if (checkpoint) {
        found.segment = checkpoint->segment;
        found.epoch = checkpoint->epoch;
        found.definition_count = checkpoint->state.definitions().size();
        for (const auto& [segment, state] : checkpoint->state.segments()) {
          found.live_reference_count += state.live_count;
        }
      } else {
        found.problem = checkpoint.error();
      }
    }
    contents_.checkpoints.push_back(std::move(found));
  }
}

/// Does as a start would, without writing. Error: a sentence, what it would refuse with.
Result<void, std::string> Reading::look(bool skip_damaged) {
  contents_.queues.clear();
  storage::RecoveryOptions options;
  options.read_only = true;
  options.skip_damaged = skip_damaged;
  auto recovered = storage::recover(files_, contents_.log_folder(), node(), options);
  if (!recovered) return tl::unexpected(recovered.error());
  contents_.recovered = std::move(*recovered);
  return storage::for_each_live_reference(
      files_, contents_.log_folder(), node(), contents_.recovered, options,
      [&](const storage::LiveReference& live) {
        QueueContents& queue = contents_.queues[live.queue];
        ++(live.delivered ? queue.delivered_count : queue.ready_count);
        queue.body_size_bytes += live.body_size_bytes;
        queue.oldest_at_ms = std::min(queue.oldest_at_ms, live.published_at_ms);
        queue.newest_at_ms = std::max(queue.newest_at_ms, live.published_at_ms);
        return true;
      });
}

void Reading::recover() {
  auto looked = look(false);
  for (int i = 1; i < looks_max && !looked && contents_.holder; ++i) looked = look(false);
  if (looked) {
    contents_.notes = contents_.recovered.notes;
    return;
  }
  contents_.refusal = looked.error();
  // If even that does not work there is nothing to show.
  if (!look(true)) contents_.queues.clear();
}

}  // namespace

QueueContents StoreContents::totals() const {
  QueueContents sum;
  for (const auto& [number, queue] : queues) {
    sum.ready_count += queue.ready_count;
    sum.delivered_count += queue.delivered_count;
    sum.body_size_bytes += queue.body_size_bytes;
    sum.oldest_at_ms = std::min(sum.oldest_at_ms, queue.oldest_at_ms);
    sum.newest_at_ms = std::max(sum.newest_at_ms, queue.newest_at_ms);
  }
  return sum;
}

std::string lost_log(storage::FileSystem& files, const std::string& path,
                     const storage::Identity& identity) {
  const auto names = files.list(path + "/log");
  const bool is_empty = names ? names->empty() : names.error().is_missing();
  if (!is_empty || !identity.is_set_up) return "";
  return "data directory " + path + " has lost its log: the folder log is missing or empty; put it "
         "back, or empty the whole folder to begin anew";
}

Result<StoreContents, std::string> read_store(storage::FileSystem& files,
                                              const std::string& path) {
  StoreContents contents;
  contents.path = path;
  while (contents.path.size() > 1 && contents.path.ends_with('/')) contents.path.pop_back();
  auto found = storage::find_identity(files, contents.path);
  if (!found) return tl::unexpected(found.error());
  contents.found = std::move(*found);
  contents.holder = storage::lock_holder(contents.path);
  Reading reading(files, contents);
  if (auto listed = reading.list_files(); !listed) return tl::unexpected(listed.error());
  contents.refusal = lost_log(files, contents.path, contents.found.identity);
  if (!contents.refusal.empty()) return contents;
  reading.read_checkpoints();
  reading.recover();
  return contents;
}

}  // namespace leveret::cli
