#include "broker/server/mailbox.hpp"

#include <iterator>
#include <utility>

namespace leveret::server {

using broker::ShardId;
using broker::ShardMessage;

namespace {
constexpr std::int64_t congestion_mark_bytes = 16 * 1024 * 1024;
constexpr std::int64_t drained_mark_bytes = congestion_mark_bytes / 2;
}  // namespace

void Inbox::put(std::vector<ShardMessage>& messages) {
  bool was_empty;
  {
    const std::lock_guard lock(mutex_);
    was_empty = messages_.empty();
    if (was_empty) {
      messages_.swap(messages);
    } else {
      messages_.insert(messages_.end(), std::make_move_iterator(messages.begin()),
                       std::make_move_iterator(messages.end()));
    }
  }
  messages.clear();
  if (was_empty) wake_();
}

void Inbox::take(std::vector<ShardMessage>& messages) {
  const std::lock_guard lock(mutex_);
  messages_.swap(messages);
}

Mailbox::Mailbox(ShardId own, std::vector<std::unique_ptr<Inbox>>& inboxes)
    : own_(own), inboxes_(inboxes), outgoing_(inboxes.size()) {}

std::int64_t Mailbox::load_of(const ShardMessage& message) {
  std::uint64_t body_bytes = 0;
  if (const auto* publish = std::get_if<broker::PublishToQueue>(&message)) {
    body_bytes = publish->message->body_size();
  } else if (const auto* passed_on = std::get_if<broker::PublishToExchange>(&message)) {
    body_bytes = passed_on->publish.message->body_size();
  } else if (const auto* deliver = std::get_if<broker::Deliver>(&message)) {
    body_bytes = deliver->entry.message->body_size();
  } else if (const auto* reply = std::get_if<broker::PublishToReply>(&message)) {
    body_bytes = reply->message->body_size();
  }
  return static_cast<std::int64_t>(sizeof(ShardMessage) + body_bytes);
}

void Mailbox::post(ShardId to, ShardMessage&& message) {
  const auto index = static_cast<std::size_t>(to);
  inboxes_[index]->load_bytes.fetch_add(load_of(message), std::memory_order_relaxed);
  outgoing_[index].push_back(std::move(message));
}

bool Mailbox::congested(ShardId shard) {
  Inbox& inbox = *inboxes_[static_cast<std::size_t>(shard)];
  if (inbox.load_bytes.load(std::memory_order_relaxed) < congestion_mark_bytes) return false;
  inbox.somebody_waits.store(true);
  // It may have been drained in between: then nobody would tell, so look again.
  return inbox.load_bytes.load() >= drained_mark_bytes;
}

void Mailbox::flush() {
  for (std::size_t index = 0; index < outgoing_.size(); ++index) {
    if (!outgoing_[index].empty()) inboxes_[index]->put(outgoing_[index]);
  }
}

void Mailbox::take(std::vector<ShardMessage>& messages) {
  inboxes_[static_cast<std::size_t>(own_)]->take(messages);
}

void Mailbox::unload(std::int64_t load_bytes) {
  Inbox& inbox = *inboxes_[static_cast<std::size_t>(own_)];
  const std::int64_t before = inbox.load_bytes.fetch_sub(load_bytes);
  if (before - load_bytes >= drained_mark_bytes || !inbox.somebody_waits.load()) return;
  inbox.somebody_waits.store(false);
  for (std::size_t index = 0; index < inboxes_.size(); ++index) {
    if (index != static_cast<std::size_t>(own_)) {
      post(ShardId{static_cast<std::uint16_t>(index)}, broker::InboxDrained{own_});
    }
  }
}

}  // namespace leveret::server
