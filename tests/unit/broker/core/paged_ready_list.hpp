/// A ready list that is paged out, and the log that has some of its messages.
///
/// Thread: the test's.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/ready_list.hpp"
#include "protocol/bytes.hpp"
#include "tests/unit/broker/core/paging.hpp"

namespace leveret::broker {

inline MessageRef message(std::string_view body) {
  auto message = Message::create("exchange", "key", protocol::bytes_of("properties"), body.size());
  message->append_body(protocol::bytes_of(body));
  return message;
}

class PagedReadyList : public testing::Test {
 protected:
  PagedReadyList() { of_.name = "q", of_.vhost = "/"; }

  /// Adds a message that the log has as well, on behalf of this queue as the third of three.
  void push_logged(const std::string& body, Instant expires_at = never) {
    auto added = message(body);
    log(added);
    push(added, 2, expires_at);
  }
  void push(const std::string& body, Instant expires_at = never) {
    push(message(body), not_in_log, expires_at);
  }
  void push(MessageRef message, std::uint32_t log_index, Instant expires_at) {
    QueueEntry entry;
    entry.message = std::move(message);
    entry.position = Position{++last_position_};
    entry.expires_at = expires_at;
    entry.log_index = log_index;
    list_.push_back(std::move(entry), &paging_.pager);
  }
  void log(const MessageRef& message) {
    const auto parts = message->log_parts();
    storage::MessageRecord record;
    record.parts = parts;
    log_.append_message(record, message->log_place());
    unsubmitted_.push_back(message);
  }
  void submit() {
    log_.submit();
    unsubmitted_.clear();
  }
  void write_log() {
    submit();
    log_.write_all();
  }
  bool bring_front() {
    while (list_.front_is_paged()) list_.load_front(of_);
    return !list_.empty();
  }
  std::string pop() {
    if (!bring_front()) return "";
    return std::string(protocol::text_of(list_.pop_front().message->body()));
  }
  std::string pop_all() {
    std::string all;
    while (bring_front()) all += (all.empty() ? "" : " ") + pop();
    return all;
  }

  QueueDefinition of_;
  ReadableLog log_;
  Paging paging_{log_, &log_};
  std::vector<MessageRef> unsubmitted_;  ///< Which the log refers to.
  ReadyList list_;
  std::uint64_t last_position_ = 0;
};

}  // namespace leveret::broker
