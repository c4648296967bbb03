// The messages that a client gets, and what has to hold when the world is at rest.

#include <algorithm>

#include "protocol/basic_properties.hpp"
#include "protocol/bytes.hpp"
#include "protocol/wire_reader.hpp"
#include "tests/session/methods.hpp"
#include "tests/sim/sim_client.hpp"

namespace leveret::broker {

// ---- messages ------------------------------------------------------------------------------

void SimClient::on(const protocol::basic::GetOk& method) {
  fetched_ = true;
  content_ = {channel().wanted_queue, "", method.delivery_tag, channel().wanted_no_ack,
              method.redelivered};
  answered();
}

void SimClient::on(const protocol::basic::Deliver& method) {
  const std::string tag(method.consumer_tag);
  const auto place = channel().consumers.find(tag);
  if (place == channel().consumers.end()) {
    content_ = {};
    return world_.complain("a delivery for a consumer that is not there: " + tag);
  }
  content_ = {place->second.queue, tag, method.delivery_tag, place->second.no_ack,
              method.redelivered};
}

void SimClient::on_header(std::span<const std::byte> payload) {
  constexpr std::size_t size_before_properties_bytes = 12;  // Class, weight, size of the body.
  protocol::WireReader reader(payload);
  (void)reader.read_u32();
  content_.body_size_bytes = reader.read_u64();
  protocol::BasicProperties properties;
  if (!properties.read(payload.subspan(size_before_properties_bytes))) {
    return world_.complain("properties that cannot be read");
  }
  if (!properties.headers) return;
  const auto headers = properties.headers->decode();
  if (!headers) return world_.complain("headers that cannot be read");
  if (const FieldValue* count = headers->find("x-delivery-count")) {
    content_.delivery_count = count->as_integer();
  }
  if (const FieldValue* offset = headers->find("x-stream-offset")) {
    content_.offset = offset->as_integer();
  }
}

void SimClient::on_body(std::span<const std::byte> body) {
  content_.body += protocol::text_of(body);
  if (content_.body.size() < content_.body_size_bytes) return;  // The parser gives what it has.
  const MessageNumber number = std::stoull(content_.body);
  const Content content = std::exchange(content_, {});
  if (content.queue.empty()) {  // It was returned.
    world_.model().for_copies_of(number, [](Copy& copy) { copy.state = Copy::State::done; });
    return;
  }
  world_.note("client " + std::to_string(number_) + " channel " + std::to_string(current_) +
              " gets message " + std::to_string(number) + " of " + content.queue + " by '" +
              content.tag + "' tag " + std::to_string(content.delivery_tag));
  if (sim_queue(content.queue).is_stream()) {
    on_stream_message(number, content);
  } else {
    on_message(number, content);
  }
}

void SimClient::on_message(MessageNumber number, const Content& content) {
  const std::string what = "message " + std::to_string(number) + " of " + content.queue;
  Copy* copy = world_.model().arrive(content.queue, number);
  if (copy == nullptr) return world_.complain(what + " was never sent there");
  last_number_ = number;
  if (world_.model().is_over(sim_queue(content.queue), *copy)) {
    return world_.complain(what + " has come back too often");
  }
  if (copy->state != Copy::State::queued) {
    return world_.complain(what + " comes, but its state is " +
                           std::to_string(static_cast<int>(copy->state)));
  }
  if (copy->seen != content.redelivered) world_.complain(what + ": redelivered is wrong");
  check_delivery_count(*copy, content, what);
  if (sim_queue(content.queue).has_single_active_consumer && has_staying(content.tag)) {
    world_.note_active(content.queue, content.tag);
  }
  if (copy->not_before > world_.now()) world_.complain(what + " comes too soon");
  copy->seen = true;
  copy->is_accepted = true;
  copy->may_have_gone = false;
  if (content.no_ack) {
    copy->state = Copy::State::done;
    return;
  }
  copy->state = Copy::State::held;
  // It has gone back already.
  if (dropped_ || channel().closing) return world_.model().give_back(content.queue, number);
  note_held(number, content);
}

void SimClient::on_stream_message(MessageNumber number, const Content& content) {
  const std::string what = "message " + std::to_string(number) + " of " + content.queue;
  const Copy* copy = world_.model().find(content.queue, number);
  if (copy == nullptr) return world_.complain(what + " was never sent there");
  if (copy->state != Copy::State::queued) return world_.complain(what + " is read, and cannot be");
  if (content.redelivered) world_.complain(what + " is redelivered");
  if (!content.offset) return world_.complain(what + " has no offset");
  const auto offset = static_cast<StreamModel::Offset>(*content.offset);
  const std::string mistake = world_.model().stream().read(offset, number);
  if (!mistake.empty()) return world_.complain(what + ": " + mistake);
  auto& next = channel().consumers.at(content.tag).next_offset;
  if (next && *next != offset) {
    return world_.complain(what + " has offset " + std::to_string(offset) + " and not " +
                           std::to_string(*next));
  }
  next = offset + 1;
  if (!dropped_ && !channel().closing) note_held(number, content);
}

void SimClient::note_held(MessageNumber number, const Content& content) {
  Channel& own = channel();
  if (!content.tag.empty()) {
    Consumer& consumer = own.consumers.at(content.tag);
    ++consumer.held_count;
    if (consumer.prefetch != 0 && consumer.held_count > consumer.prefetch) {
      world_.complain("more than the prefetch of " + content.tag);
    }
    if (global_limit_reached(own)) {
      world_.complain("more than the prefetch of the channel of " + content.tag);
    }
  }
  own.held[content.delivery_tag] = {content.queue, number, content.tag};
}

/// A delivery tells how often the message has come back, if it has; an answer to basic.get always.
void SimClient::check_delivery_count(const Copy& copy, const Content& content,
                                     const std::string& what) {
  if (!sim_queue(content.queue).counts_returns()) return;
  const bool is_told = copy.return_count > 0 || content.tag.empty();
  const auto wanted = is_told ? std::optional<std::int64_t>(copy.return_count) : std::nullopt;
  if (content.delivery_count == wanted) return;
  world_.complain(what + " came back " + std::to_string(copy.return_count) +
                  " times, and its header says " +
                  std::to_string(content.delivery_count.value_or(-1)));
}

bool SimClient::global_limit_reached(const Channel& channel) const {
  if (channel.global_prefetch == 0) return false;
  std::uint64_t count = 0;
  for (const auto& [tag, held] : channel.held) count += held.tag.empty() ? 0 : 1;
  for (const Settled& settled : channel.tx_settled) count += settled.held.tag.empty() ? 0 : 1;
  return count >= channel.global_prefetch;
}

// ---- at rest -------------------------------------------------------------------------------

bool SimClient::busy() const {
  if (!ready_) return true;
  for (const auto& [number, channel] : channels_) {
    if (channel.waits || channel.closing) return true;
  }
  return false;
}

void SimClient::check_at_rest() {
  if (gone_) return;
  const std::string who = "client " + std::to_string(number_);
  if (busy()) world_.complain(who + " still waits for an answer");
  if (!session_->wants_input()) world_.complain(who + " is not heard any more");
  for (const auto& [number, channel] : channels_) {
    if (channel.confirming && !channel.unconfirmed.empty()) {
      world_.complain(who + ": confirm " + std::to_string(channel.unconfirmed.begin()->first) +
                      " on channel " + std::to_string(number) + " does not come");
    }
  }
}

void SimClient::check_readers(StreamModel::Offset end) {
  for (auto& [number, channel] : channels_) {
    for (auto& [tag, consumer] : channel.consumers) {
      if (!consumer.start || consumer.held_count >= consumer.prefetch) continue;
      // Who waits for what comes next has to get just that.
      if (!consumer.next_offset && (*consumer.start == Start::next || end == 0)) {
        consumer.next_offset = end;
      }
      if (consumer.next_offset.value_or(0) >= end) continue;
      world_.complain("reader " + tag + " does not get offset " +
                      std::to_string(consumer.next_offset.value_or(0)) + " of " +
                      std::to_string(end));
    }
  }
}

bool SimClient::has_staying(const std::string& tag) const {
  if (gone_ || dropped_) return false;
  return std::ranges::any_of(channels_, [&](const auto& numbered) {
    const Channel& own = numbered.second;
    const auto consumer = own.consumers.find(tag);
    // An answer may be an error, which closes the channel.
    return !own.closing && !own.waits && consumer != own.consumers.end();
  });
}

void SimClient::add_to(const std::string& queue, QueueView& view) const {
  if (gone_) return;
  for (const auto& [number, channel] : channels_) {
    for (const auto& [tag, consumer] : channel.consumers) {
      if (consumer.queue != queue) continue;
      ++view.consumer_count;
      const bool has_own_credit = consumer.prefetch == 0 || consumer.held_count < consumer.prefetch;
      const bool has_credit =
          consumer.no_ack || (has_own_credit && !global_limit_reached(channel));
      if (has_credit) {
        view.hungry[tag] = tag + " (client " + std::to_string(number_) + ", channel " +
                      std::to_string(number) + ", holds " +
                      std::to_string(consumer.held_count) + " of " +
                      std::to_string(consumer.prefetch) + ", channel " +
                      std::to_string(channel.held.size() + channel.tx_settled.size()) + " of " +
                      std::to_string(channel.global_prefetch) + ")";
      }
    }
  }
}

}  // namespace leveret::broker
