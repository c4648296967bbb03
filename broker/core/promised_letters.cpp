#include "broker/core/promised_letters.hpp"

#include <algorithm>
#include <utility>

#include "broker/core/dead_letters.hpp"
#include "broker/core/shard_state.hpp"

namespace leveret::broker {

namespace {
// RabbitMQ looks again after three minutes. Looking is cheap here, and waiting is not.
constexpr std::chrono::milliseconds retry_interval{5000};
// So many are tried at once, so that a long list does not keep the shard from other things.
constexpr std::size_t retried_at_once_max = 256;
}  // namespace

PromisedLetters::Amount PromisedLetters::of(std::uint64_t durable_number) const {
  const auto found = amounts_.find(durable_number);
  return found == amounts_.end() ? Amount{} : found->second;
}

bool PromisedLetters::add(DeadLetter letter) {
  if (self_.slot.generation == 0) self_ = shard_.endpoint_ref(shard_.add_endpoint(*this));
  Amount& amount = amounts_[letter.queue->durable_number];
  ++amount.count;
  amount.body_bytes += letter.entry.message->body_size();
  if (letter.reason == DeathReason::rejected) {
    // Of what has expired, or come back too often, a start finds that out again; not of this.
    letter.entry.delivery_count = delivery_count_max;
    shard_.mark_returned_in_log(letter.entry, false);
  }
  const LetterId id{++last_id_};
  promises_[last_id_].letter = std::move(letter);
  return send(id);
}

/// Publishes a letter to those of its queues that do not have it yet.
bool PromisedLetters::send(LetterId id) {
  Promise& promise = promises_.at(static_cast<std::uint64_t>(id));
  std::vector<RouteTarget> targets;
  const DeadLetters::Routed routed = dead_letters_.route(promise.letter, targets);
  const bool leads_nowhere = targets.empty();
  std::erase_if(targets, [&](const RouteTarget& target) {
    return std::ranges::find(promise.safe_in, target.queue) != promise.safe_in.end();
  });
  if (leads_nowhere && promise.safe_in.empty()) {
    hold(id);
    return true;
  }
  promise.was_refused = false;
  promise.missing_count = targets.size();
  if (targets.empty()) {
    finish(id);
    return true;
  }
  bool has_room = true;
  for (const RouteTarget& target : targets) {
    has_room = publish(id, routed.message, target, routed.persistent) && has_room;
  }
  return has_room;
}

bool PromisedLetters::publish(LetterId id, const MessageRef& message, const RouteTarget& target,
                              bool is_persistent) {
  const PublishSeq seq{++last_seq_};
  attempts_[last_seq_] = {id, target.queue, target.is_logged(is_persistent) ? 2 : 1, false};
  // Each queue by itself, for its answer does not say which queue gives it.
  return shard_.publish({message, std::span(&target, 1), is_persistent, std::nullopt, self_, seq});
}

void PromisedLetters::receive(const PublishVerdict& verdict) {
  note_answer(verdict.seq, verdict.verdict);
}

void PromisedLetters::note_answer(PublishSeq seq, Verdict verdict) {
  const auto found = attempts_.find(static_cast<std::uint64_t>(seq));
  if (found == attempts_.end()) return;
  Attempt& attempt = found->second;
  attempt.was_refused |= verdict == Verdict::rejected;
  if (--attempt.missing_answers > 0) return;
  const Attempt done = attempt;
  attempts_.erase(found);
  Promise& promise = promises_.at(static_cast<std::uint64_t>(done.letter));
  if (done.was_refused) {
    promise.was_refused = true;
  } else {
    promise.safe_in.push_back(done.queue);
  }
  if (--promise.missing_count > 0) return;
  if (promise.was_refused) {
    hold(done.letter);
  } else {
    finish(done.letter);
  }
}

void PromisedLetters::finish(LetterId id) {
  const auto found = promises_.find(static_cast<std::uint64_t>(id));
  const DeadLetter& letter = found->second.letter;
  shard_.settle_in_log(letter.entry);
  const auto amount = amounts_.find(letter.queue->durable_number);
  amount->second.body_bytes -= letter.entry.message->body_size();
  if (--amount->second.count == 0) amounts_.erase(amount);
  promises_.erase(found);
}

// ---- what waits ----------------------------------------------------------------------------

void PromisedLetters::hold(LetterId id) {
  held_.push_back(id);
  if (!armed()) arm_timer();
}

void PromisedLetters::arm_timer() {
  shard_.timers().arm(*this, shard_.now() + retry_interval);
}

void PromisedLetters::on_timer(Instant) {
  for (std::size_t left = std::min(held_.size(), retried_at_once_max); left > 0; --left) {
    const LetterId id = held_.front();
    held_.pop_front();
    try_again(id);
  }
  if (!held_.empty()) arm_timer();
}

void PromisedLetters::try_again(LetterId id) {
  DeadLetter& letter = promises_.at(static_cast<std::uint64_t>(id)).letter;
  // Deleted, with all that was in it.
  if (!shard_.has_queue(letter.queue->ref)) return finish(id);
  // A policy may send its dead letters elsewhere by now.
  Vhost* vhost = shard_.topology().find_vhost(letter.queue->vhost);
  const QueueRecord* now =
      vhost == nullptr ? nullptr : shard_.topology().find_queue(*vhost, letter.queue->name);
  if (now != nullptr && now->definition->ref == letter.queue->ref &&
      now->definition->settings.dead_letter_exchange) {
    letter.queue = now->definition;
  }
  (void)send(id);  // Few enough not to be stopped by a shard that is behind.
}

}  // namespace leveret::broker
