#include "broker/core/stream_queue.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "broker/core/shard_state.hpp"
#include "broker/core/stream_message.hpp"

namespace leveret::broker {

namespace {
// One stream's share of a turn, and one reader's turn among the stream's others.
constexpr std::uint64_t pump_budget_bytes = 1024 * 1024;
constexpr std::uint64_t reader_budget_bytes = 128 * 1024;
constexpr std::uint64_t cost_of_a_message_bytes = 128;
// RabbitMQ's, where nothing is said.
constexpr std::uint64_t usual_segment_size_bytes = 500'000'000;
// The calendar may be set while a timer runs.
constexpr std::chrono::milliseconds age_check_interval_max{60'000};

/// A duration to reckon with: what is beyond the calendar may as well be at half of its end.
std::int64_t milliseconds_of(std::uint64_t duration_ms) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(duration_ms, INT64_MAX / 2));
}
}  // namespace

StreamQueue::StreamQueue(ShardState& shard, QueueDefinitionRef definition)
    : Queue(shard, std::move(definition)), index_(shard, definition_) {}

std::uint64_t StreamQueue::segment_size_bytes() const {
  return definition_->settings.stream_max_segment_size_bytes.value_or(usual_segment_size_bytes);
}

// ---- what comes ----------------------------------------------------------------------------

std::optional<Verdict> StreamQueue::enqueue(PublishToQueue&& publish) {
  if (publish.immediate && !is_awaited(*publish.message)) return Verdict::undelivered;
  const MessageRef message = with_stream_offset(*publish.message, next_offset_);
  next_offset_ = next_offset_ + 1;
  const std::array number{definition_->durable_number};
  shard_.log_message(message, number, std::nullopt);
  const storage::LogTicket ticket = shard_.log().awaited_ticket();
  pending_.push_back({ticket, message, shard_.wall_time(), publish.publisher, publish.seq});
  if (ticket != awaited_) {
    if (endpoint_ == Slot{}) endpoint_ = shard_.add_endpoint(*this);
    shard_.await_log(endpoint_, PublishSeq{});
    awaited_ = ticket;
  }
  return std::nullopt;
}

/// Whether somebody waits for the next message, and wants this one.
bool StreamQueue::is_awaited(const Message& message) const {
  return !paused() && std::ranges::any_of(waiting_, [&](const Reader& reader) {
    return reader.next <= next_offset_ && reader.reading->wants(message.properties());
  });
}

void StreamQueue::on_committed(PublishSeq) {
  const storage::LogTicket committed = shard_.log().committed();
  const StreamOffset batch = index_.end();
  while (!pending_.empty() && pending_.front().ticket <= committed) {
    Pending safe = pending_.pop_front();
    index_.append(std::move(safe.message), safe.time, segment_size_bytes());
    if (safe.seq == PublishSeq{}) continue;
    shard_.send(safe.publisher.shard, PublishVerdict{safe.publisher, safe.seq, Verdict::accepted});
  }
  if (index_.end() == batch) return;
  last_batch_ = batch;
  for (auto place = waiting_.begin(); place != waiting_.end();) {
    Reader& reader = *place++;
    if (reader.next >= index_.end()) continue;
    reader.unlink();
    ready_.push_back(reader);
  }
  mark_dirty();
}

// ---- readers -------------------------------------------------------------------------------

StreamQueue::Reader* StreamQueue::find(ConsumerId id) {
  const auto place = std::ranges::lower_bound(
      readers_, id, {}, [](const auto& reader) { return reader->id; });
  return place != readers_.end() && (*place)->id == id ? place->get() : nullptr;
}

StreamOffset StreamQueue::start_of(const StreamReading& reading) {
  struct Find {
    StreamQueue& stream;
    StreamOffset operator()(StreamStart::Next) { return stream.index_.end(); }
    StreamOffset operator()(StreamStart::First) { return stream.index_.first(); }
    StreamOffset operator()(StreamStart::Last) { return stream.last_batch_; }
    StreamOffset operator()(StreamOffset offset) { return offset; }
    StreamOffset operator()(StreamStart::Time start) { return stream.index_.find(start.time); }
    StreamOffset operator()(StreamStart::Interval start) {
      const auto now = static_cast<std::int64_t>(stream.shard_.wall_time());
      const auto ago = milliseconds_of(start.duration_ms);
      return stream.index_.find(WallTime{now < ago ? 0 : now - ago});
    }
  };
  return std::visit(Find{*this}, reading.start.from);
}

/// Puts a reader where it belongs: behind those who can be served, to those who wait for
/// messages, or aside.
void StreamQueue::place(Reader& reader) {
  if (reader.is_linked()) reader.unlink();
  if (!reader.can_take()) return;
  if (reader.next < index_.end()) {
    ready_.push_back(reader);
    mark_dirty();
  } else {
    waiting_.push_back(reader);
  }
}

Result<ConsumerId, protocol::AmqpError> StreamQueue::add_consumer(Consumer&& consumer) {
  LEVERET_ASSERT(consumer.reading != nullptr, "who reads a stream says from where");
  auto reader = std::make_unique<Reader>(std::move(consumer));
  reader->id = ConsumerId{++last_id_};
  reader->next = start_of(*reader->reading);
  readers_.push_back(std::move(reader));
  place(*readers_.back());
  return readers_.back()->id;
}

void StreamQueue::remove_consumer(ConsumerId id) {
  std::erase_if(readers_, [&](const auto& reader) { return reader->id == id; });
}

void StreamQueue::update_consumer(const UpdateConsumer& update) {
  Reader* reader = find(update.consumer);
  if (reader == nullptr) return;
  reader->credit_limit = update.credit_limit;
  reader->blocked = update.blocked;
  place(*reader);
}

void StreamQueue::uncount(ConsumerId id) {
  LEVERET_ASSERT(unacked_count_ > 0, "only a delivered message can be settled");
  --unacked_count_;
  Reader* reader = find(id);
  if (reader == nullptr) return;
  --reader->unacked_count;
  if (!reader->is_linked()) place(*reader);
}

bool StreamQueue::pump() {
  retain();
  if (paused()) return true;
  std::uint64_t spent_bytes = 0;
  Readers held;
  while (!ready_.empty() && spent_bytes < pump_budget_bytes) {
    Reader& reader = ready_.front();
    if (shard_.congested(reader.channel.shard)) {
      held.splice(held.end(), ready_, ready_.begin());
      continue;
    }
    spent_bytes += serve(reader);
  }
  ready_.splice(ready_.end(), held);
  return ready_.empty();
}

/// Gives a reader its share of messages. Returns what that cost.
std::uint64_t StreamQueue::serve(Reader& reader) {
  // Retention may have taken away what it would have had next.
  reader.next = std::max(reader.next, index_.first());
  std::uint64_t spent_bytes = cost_of_a_message_bytes;
  // What the deliveries lead to may come back here.
  std::vector<QueueEntry> run = std::exchange(run_, {});
  while (reader.next < index_.end() && reader.can_take() && spent_bytes < reader_budget_bytes) {
    const StreamIndex::Run found = index_.read(reader.next);
    reader.next = found.next;
    spent_bytes += cost_of_a_message_bytes;
    for (const QueueEntry& entry : found.entries) {
      if (!reader.can_take() || spent_bytes >= reader_budget_bytes) {
        reader.next = offset_of(entry);
        break;
      }
      spent_bytes += cost_of_a_message_bytes;
      if (!reader.reading->wants(entry.message->properties())) continue;
      spent_bytes += entry.message->body_size();
      ++reader.unacked_count;
      QueueEntry& delivered = run.emplace_back();
      delivered.message = entry.message;
      delivered.position = entry.position;
    }
  }
  unacked_count_ += run.size();
  place(reader);
  const ChannelRef channel = reader.channel;
  const ConsumerKey key = reader.key;
  const ConsumerId id = reader.id;
  const AckTimeout timeout = ack_timeout();
  for (QueueEntry& entry : run) {
    shard_.send(channel.shard, Deliver{channel, key, id, definition_->ref, false,
                                       std::move(entry), timeout});
  }
  run.clear();
  run_ = std::move(run);
  return spent_bytes;
}

// ---- retention -----------------------------------------------------------------------------

bool StreamQueue::oldest_segment_is_over() const {
  const QueueSettings& settings = definition_->settings;
  if (settings.max_length_bytes && index_.size_bytes() > *settings.max_length_bytes) return true;
  return settings.max_age_ms &&
         static_cast<std::int64_t>(shard_.wall_time()) -
                 static_cast<std::int64_t>(index_.oldest_segment_time()) >
             milliseconds_of(*settings.max_age_ms);
}

void StreamQueue::retain() {
  while (index_.has_old_segment() && oldest_segment_is_over()) index_.drop_oldest_segment();
  const auto& max_age_ms = definition_->settings.max_age_ms;
  if (!max_age_ms || !index_.has_old_segment()) return cancel();
  const auto over_at = static_cast<std::int64_t>(index_.oldest_segment_time()) +
                       milliseconds_of(*max_age_ms) + 1;
  const std::chrono::milliseconds left{over_at - static_cast<std::int64_t>(shard_.wall_time())};
  shard_.timers().arm(*this, shard_.now() + std::min(left, age_check_interval_max));
}

void StreamQueue::on_timer(Instant) { mark_dirty(); }

// ---- the start and the end -----------------------------------------------------------------

void StreamQueue::recover(const RecoveredEntry& entry) {
  index_.recover(entry, segment_size_bytes());
}

void StreamQueue::end_recovery(storage::LogReader& reader) {
  index_.end_recovery(reader);
  next_offset_ = index_.end();
  // What came together is not known any more: the last message is taken for itself.
  if (index_.end() != index_.first()) last_batch_ = StreamOffset{index_.end() - StreamOffset{1}};
  mark_dirty();  // Some of it may be over.
}

void StreamQueue::end() {
  index_.drop_all();
  while (!pending_.empty()) {
    const Pending pending = pending_.pop_front();
    shard_.log().settle(pending.message->log_place(), 0);
    // Deleted meanwhile: the message counts as accepted (RabbitMQ: handle_eol).
    if (pending.seq == PublishSeq{}) continue;
    shard_.send(pending.publisher.shard,
                PublishVerdict{pending.publisher, pending.seq, Verdict::accepted});
  }
  if (endpoint_ != Slot{}) shard_.remove_endpoint(endpoint_);
  for (const auto& reader : readers_) {
    shard_.send(reader->channel.shard, ConsumerCancelled{reader->channel, reader->key});
  }
}

}  // namespace leveret::broker
