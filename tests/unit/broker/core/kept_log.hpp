/// A log for definitions only: keeps what is defined, tells what happened, and commits when told.
///
/// Thread: the test's.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/durable_definitions.hpp"
#include "storage/log.hpp"

namespace leveret::broker {

class KeptLog final : public storage::LogWriter {
 public:
  void append_message(const storage::MessageRecord&, storage::LogPlace&) override {
    ADD_FAILURE() << "no message is logged here";
  }
  void settle(const storage::LogPlace&, std::uint32_t) override {}
  void mark_delivered(const storage::LogPlace&, std::uint32_t) override {}
  void mark_returned(const storage::LogPlace&, std::uint32_t, storage::Returns) override {}

  void define(std::string_view key, std::string_view value) override {
    const auto definition = decode_definition(key, value);
    if (!definition) ADD_FAILURE() << definition.error();
    note("+ ", key, value);
    kept_.insert_or_assign(std::string(key), std::string(value));
  }
  void undefine(std::string_view key) override {
    has_records_ = true;
    const auto place = kept_.find(key);
    if (place == kept_.end()) return;
    note("- ", place->first, place->second);
    kept_.erase(place);
  }
  void undefine_all(std::string_view key_prefix) override {
    has_records_ = true;
    for (auto place = kept_.lower_bound(key_prefix);
         place != kept_.end() && place->first.starts_with(key_prefix);) {
      note("- ", place->first, place->second);
      place = kept_.erase(place);
    }
  }

  storage::LogTicket awaited_ticket() override {
    has_records_ = true;
    return ticket();
  }
  storage::LogTicket ticket() const override { return storage::LogTicket{submitted_ + 1}; }
  void submit() override {
    if (std::exchange(has_records_, false)) ++submitted_;
    if (commits_at_once_) commit();
  }
  storage::LogTicket committed() const override { return storage::LogTicket{committed_}; }
  storage::LogTicket written() const override { return storage::LogTicket{committed_}; }

  /// What was submitted is safe.
  void commit() { committed_ = submitted_; }
  void commit_at_once(bool at_once) { commits_at_once_ = at_once; }

  storage::LogTicket ticket_of_last_submission() const { return storage::LogTicket{submitted_}; }
  bool has_unsubmitted() const { return has_records_; }

  const KeptDefinitions& kept() const { return kept_; }
  /// What was defined (+) and what is no longer (-) since the last call, a line each.
  std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }

 private:
  void note(const std::string& sign, std::string_view key, std::string_view value) {
    has_records_ = true;
    lines_.push_back(sign + describe_definition(*decode_definition(key, value)));
  }

  KeptDefinitions kept_;
  std::vector<std::string> lines_;
  std::uint64_t submitted_ = 0;
  std::uint64_t committed_ = 0;
  bool has_records_ = false;
  bool commits_at_once_ = false;
};

}  // namespace leveret::broker
