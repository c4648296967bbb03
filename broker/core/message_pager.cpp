#include "broker/core/message_pager.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "broker/core/resource_name.hpp"

namespace leveret::broker {

namespace {
// A call's share of a turn: more than a turn can publish, and not so much that others wait long.
constexpr std::uint64_t paged_per_call_bytes = 8 << 20;
constexpr int visits_per_call = 1024;
constexpr std::chrono::milliseconds retry_interval{1000};
// What is kept for the next chunk to be read.
constexpr std::size_t kept_buffer_max_bytes = 4 << 20;
// Chunks that were kept in memory. The page file's numbers begin with 1.
constexpr std::uint32_t kept_in_memory = 0;
}  // namespace

MessagePager::MessagePager(storage::PageFile& pages, storage::LogReader* reader,
                           storage::LogWriter& log, Report report, PagingLimits limits)
    : pages_(pages), reader_(reader), log_(log), report_(std::move(report)), limits_(limits) {}

MessagePager::~MessagePager() = default;

// ---- out of memory -------------------------------------------------------------------------

bool MessagePager::page_out_some(Instant now) {
  now_ = now;
  std::uint64_t paged_bytes = 0;
  const PagedQueue* first_without_work = nullptr;
  for (int visit = 0; visit < visits_per_call && !queues_.empty(); ++visit) {
    // Queues take turns.
    PagedQueue& queue = queues_.front();
    queues_.splice(queues_.end(), queues_, queues_.begin());
    const std::uint64_t bytes = queue.page_out(pressing());
    if (now < retry_at_) return false;
    if (bytes == 0) {
      if (first_without_work == &queue) break;
      if (first_without_work == nullptr) first_without_work = &queue;
      continue;
    }
    first_without_work = nullptr;
    paged_bytes += bytes;
    MessageMemory::flush();
    if (!over_budget()) return false;
    if (paged_bytes >= paged_per_call_bytes) break;
  }
  return paged_bytes > 0;
}

bool MessagePager::is_written(const Message& message) const {
  const storage::LogPlace& place = message.log_place();
  return place.segment != storage::LogPlace::pending && reader_ != nullptr &&
         reader_->is_written(place);
}

std::optional<PagedChunk> MessagePager::end_chunk() {
  const auto address = pages_.write(builder_.parts());
  if (!address) {
    retry_at_ = now_ + retry_interval;
    if (!std::exchange(write_has_failed_, true)) {
      report_("messages stay in memory, they cannot be paged out: " + address.error().text());
    }
    return std::nullopt;
  }
  write_has_failed_ = false;
  PagedChunk chunk = builder_.chunk();
  chunk.address = *address;
  return chunk;
}

void MessagePager::free(const PagedChunk& chunk) {
  if (chunk.address.file == kept_in_memory) {
    kept_.erase(chunk.address.position);
  } else {
    pages_.free(chunk.address);
  }
}

// ---- recovery ------------------------------------------------------------------------------

PagedChunk MessagePager::write_recovered(ChunkBuilder& builder) {
  PagedChunk chunk = builder.chunk();
  const auto parts = builder.parts();
  if (const auto address = pages_.write(parts)) {
    chunk.address = *address;
    return chunk;
  } else if (!std::exchange(write_has_failed_, true)) {
    report_("the list of recovered messages stays in memory: " + address.error().text());
  }
  chunk.address = {kept_in_memory, ++last_kept_, static_cast<std::uint32_t>(parts[0].size())};
  kept_.emplace(last_kept_, std::vector(parts[0].begin(), parts[0].end()));
  return chunk;
}

void MessagePager::end_recovery() {
  for (PagedQueue& queue : queues_) queue.write_recovered();
  recovered_count_ = 0;
}

// ---- back into memory ----------------------------------------------------------------------

storage::IoResult<std::span<const std::byte>> MessagePager::read(const PagedChunk& chunk,
                                                                 Part part) {
  if (chunk.address.file == kept_in_memory) return kept_.at(chunk.address.position);
  if (part == Part::all) return pages_.read(chunk.address, buffer_);
  return pages_.read_first(chunk.address, {chunk.entries_size_bytes, chunk.entries_sum}, buffer_);
}

template <class Visit>
storage::IoResult<void> MessagePager::for_entries(const PagedChunk& chunk, Part part,
                                                  Visit&& visit) {
  const auto bytes = read(chunk, part);
  if (!bytes) return tl::unexpected(bytes.error());
  LEVERET_ASSERT(bytes->size() >= chunk.entries_size_bytes, "a chunk has all its entries");
  auto messages = bytes->subspan(chunk.entries_size_bytes);
  for (std::uint32_t i = 0; i < chunk.all_count(); ++i) {
    PagedEntry entry;
    std::memcpy(&entry, bytes->data() + i * sizeof(entry), sizeof(entry));
    const std::size_t size =
        part == Part::entries || entry.place.is_logged() ? 0 : entry.place.size_bytes;
    if (i >= chunk.loaded_count && !chunk.is_taken(i) &&
        !visit(i, std::as_const(entry), messages.first(size))) {
      break;
    }
    messages = messages.subspan(size);
  }
  if (buffer_.size() > kept_buffer_max_bytes) buffer_ = {};
  return {};
}

void MessagePager::begin_loading() {
  loading_.clear();
  places_.clear();
  places_of_.clear();
}

void MessagePager::add_to_loading(const PagedEntry& paged, std::span<const std::byte> bytes) {
  MessageRef message;
  if (paged.place.is_logged()) {
    places_.push_back(paged.place);
    places_of_.push_back(static_cast<std::uint32_t>(loading_.size()));
  } else {
    message = Message::parse(bytes);
  }
  QueueEntry& entry = loading_.emplace_back();
  entry.message = std::move(message);
  entry.position = paged.position;
  entry.expires_at = paged.expires_at;
  entry.redelivered = paged.redelivered != 0;
  entry.delivery_count = paged.delivery_count & delivery_count_max;
  entry.log_index = paged.log_index;
}

/// Reads entries, with those messages that the log does not have, and takes them off the chunk.
storage::IoResult<void> MessagePager::read_entries(PagedChunk& chunk) {
  const bool is_part = pressing();
  std::uint64_t bytes_count = 0;
  std::uint32_t end = chunk.all_count();
  begin_loading();
  const auto read = for_entries(
      chunk, Part::all,
      [&](std::uint32_t index, const PagedEntry& paged, std::span<const std::byte> bytes) {
        if (is_part && (loading_.size() >= limits_.small_entries ||
                        bytes_count >= limits_.small_bytes)) {
          chunk.first_position = paged.position;
          chunk.first_expires_at = paged.expires_at;
          end = index;
          return false;
        }
        bytes_count += paged.place.size_bytes;
        add_to_loading(paged, bytes);
        return true;
      });
  chunk.loaded_count = end;
  chunk.count -= read ? static_cast<std::uint32_t>(loading_.size()) : chunk.count;
  return read;
}

std::uint64_t MessagePager::load(PagedChunk& chunk, const QueueDefinition& of, EntryFifo& to) {
  const std::uint32_t count = chunk.count;
  const auto read = read_entries(chunk);
  if (chunk.count == 0) free(chunk);
  if (!read) {
    report_unreadable(of, count,
                      "could not be read back; what the log has comes again with the next start; " +
                          read.error().text());
    return 0;
  }
  drop_damaged(of);
  std::uint64_t body_bytes = 0;
  for (QueueEntry& entry : loading_) {
    body_bytes += entry.message->body_size();
    to.push_back(std::move(entry));
  }
  loading_.clear();
  return body_bytes;
}

void MessagePager::drop_damaged(const QueueDefinition& of) {
  if (!places_.empty()) read_from_log();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    // Nobody can ever have a damaged message: the log may forget it.
    const QueueEntry& entry = loading_[places_of_[i]];
    if (entry.message == nullptr) log_.settle(places_[i], entry.log_index);
  }
  const auto damaged_count =
      std::erase_if(loading_, [](const QueueEntry& entry) { return entry.message == nullptr; });
  if (damaged_count > 0) report_unreadable(of, damaged_count, "lost, damaged in the log");
}

TakenEntries MessagePager::take_expired(PagedChunk& chunk, Instant limit,
                                        const QueueDefinition& of, std::vector<QueueEntry>* out) {
  TakenEntries taken;
  std::vector<std::uint32_t> expired;
  bool is_first = true;
  chunk.next_expires_at = never;
  begin_loading();
  const auto read = for_entries(
      chunk, out != nullptr ? Part::all : Part::entries,
      [&](std::uint32_t index, const PagedEntry& paged, std::span<const std::byte> bytes) {
        if (paged.expires_at <= limit) {
          ++taken.count;
          taken.body_bytes += paged.body_size_bytes;
          expired.push_back(index);
          if (out != nullptr) {
            add_to_loading(paged, bytes);
          } else if (paged.place.is_logged()) {
            log_.settle(paged.place, paged.log_index);
          }
          return true;
        }
        if (std::exchange(is_first, false)) {
          chunk.first_position = paged.position;
          chunk.first_expires_at = paged.expires_at;
        }
        chunk.next_expires_at = std::min(chunk.next_expires_at, paged.expires_at);
        return true;
      });
  if (!read) {
    taken = {chunk.count, chunk.body_bytes};
    report_unreadable(of, chunk.count,
                      "could not be read back; what the log has comes again with the next start; " +
                          read.error().text());
  }
  for (const std::uint32_t index : expired) chunk.mark_taken(index);
  chunk.count -= taken.count;
  chunk.body_bytes -= taken.body_bytes;
  if (chunk.count == 0) free(chunk);
  if (!read || out == nullptr) return taken;
  drop_damaged(of);
  std::ranges::stable_sort(loading_, {}, &QueueEntry::expires_at);
  for (QueueEntry& entry : loading_) out->push_back(std::move(entry));
  loading_.clear();
  return taken;
}

void MessagePager::read_from_log() {
  reader_->read(places_, [this](std::size_t index, std::span<const std::byte> bytes) {
    auto message = Message::parse(bytes);
    if (message == nullptr) return;
    message->log_place() = places_[index];
    loading_[places_of_[index]].message = std::move(message);
  });
}

std::vector<QueueEntry> MessagePager::read_copy(const PagedChunk& chunk,
                                                const QueueDefinition& of) {
  begin_loading();
  const auto read = for_entries(
      chunk, Part::all,
      [&](std::uint32_t, const PagedEntry& paged, std::span<const std::byte> bytes) {
        add_to_loading(paged, bytes);
        return true;
      });
  if (!read) {
    report_unreadable(of, chunk.count,
                      "could not be read back; what the log has comes again with the next start; " +
                          read.error().text());
    return {};
  }
  if (!places_.empty()) read_from_log();
  return std::exchange(loading_, {});
}

void MessagePager::discard(const PagedChunk& chunk, const QueueDefinition& of) {
  if (!chunk.has_logged) return free(chunk);
  const auto read = for_entries(
      chunk, Part::entries,
      [&](std::uint32_t, const PagedEntry& paged, std::span<const std::byte>) {
        if (paged.place.is_logged()) log_.settle(paged.place, paged.log_index);
        return true;
      });
  free(chunk);
  if (!read) {
    report_unreadable(of, chunk.count,
                      "discarded; what the log has comes again with the next start; " +
                          read.error().text());
  }
}

std::vector<MessageRef> MessagePager::read_back(std::span<const storage::LogPlace> places,
                                                const std::string& whose) {
  std::vector<MessageRef> messages(places.size());
  reader_->read(places, [&](std::size_t index, std::span<const std::byte> bytes) {
    auto message = Message::parse(bytes);
    if (message == nullptr) return;
    message->log_place() = places[index];
    messages[index] = std::move(message);
  });
  const auto damaged_count = std::count(messages.begin(), messages.end(), nullptr);
  if (damaged_count > 0) {
    report_unreadable(whose, static_cast<std::uint64_t>(damaged_count), "lost, damaged in the log");
  }
  return messages;
}

void MessagePager::report_unreadable(const QueueDefinition& of, std::uint64_t count,
                                     const std::string& why) {
  report_unreadable(queue_resource(of.name, of.vhost), count, why);
}

void MessagePager::report_unreadable(const std::string& whose, std::uint64_t count,
                                     const std::string& why) {
  unreadable_count_ += count;
  report_(whose + ": " + std::to_string(count) +
          (count == 1 ? " message " : " messages ") + why);
}

}  // namespace leveret::broker
