/// What paging needs, in memory: a log that can be read back, and a pager with its page file.
///
/// Thread: the test's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "broker/core/message_pager.hpp"
#include "tests/unit/storage/scratch_files.hpp"

namespace leveret::broker {

/// Keeps messages in the order they are appended. They have a place when submitted, and can be
/// read when written() has been called since.
class ReadableLog final : public storage::LogWriter, public storage::LogReader {
 public:
  std::set<storage::LogReference> settled;
  std::set<std::uint32_t> damaged;  ///< Positions.
  std::size_t reference_count = 0;  ///< Of all messages.
  std::vector<std::uint64_t> published_at_ms;

  /// How many messages there are, and where one lies that was submitted.
  std::size_t size() const { return messages_.size(); }
  storage::LogPlace place_of(std::size_t number) const {
    const auto position = static_cast<std::uint32_t>(number);
    return {1, 10 * position, position, static_cast<std::uint32_t>(messages_[number].size())};
  }

  /// Everything submitted can be read from now on.
  void write_all() { written_count_ = messages_.size(); }

  void append_message(const storage::MessageRecord& record, storage::LogPlace& place) override {
    place.segment = storage::LogPlace::pending;
    pending_.push_back(&place);
    reference_count += record.queues.size();
    published_at_ms.push_back(record.published_at_ms);
    std::vector<std::byte> bytes;
    for (const auto part : record.parts) {
      for (const std::byte byte : part) bytes.push_back(byte);
    }
    messages_.push_back(std::move(bytes));
  }
  void settle(const storage::LogPlace& place, std::uint32_t index) override {
    // A pending one has to stay where it is until submit().
    if (place.segment == storage::LogPlace::pending) {
      settled_pending_.emplace_back(&place, index);
    } else {
      note_settled(place, index);
    }
  }
  void mark_delivered(const storage::LogPlace&, std::uint32_t) override {}
  void mark_returned(const storage::LogPlace&, std::uint32_t, storage::Returns) override {}
  void define(std::string_view, std::string_view) override {}
  void undefine(std::string_view) override {}
  void undefine_all(std::string_view) override {}
  storage::LogTicket awaited_ticket() override { return ticket(); }
  storage::LogTicket ticket() const override { return storage::LogTicket{submitted_ + 1}; }
  void submit() override {
    const auto first = static_cast<std::uint32_t>(messages_.size() - pending_.size());
    for (std::uint32_t i = 0; i < pending_.size(); ++i) {
      *pending_[i] = place_of(first + i);
    }
    pending_.clear();
    for (const auto& [place, index] : settled_pending_) note_settled(*place, index);
    settled_pending_.clear();
    ++submitted_;
  }
  storage::LogTicket committed() const override { return storage::LogTicket{submitted_}; }
  storage::LogTicket written() const override { return storage::LogTicket{submitted_}; }

  bool is_written(const storage::LogPlace& place) const override {
    EXPECT_TRUE(place.is_logged() && place.segment != storage::LogPlace::pending);
    return place.position < written_count_;
  }
  void read(std::span<const storage::LogPlace> places, const Visit& visit) override {
    for (std::size_t i = 0; i < places.size(); ++i) {
      ASSERT_TRUE(is_written(places[i]));
      const auto& bytes = messages_[places[i].position];
      ASSERT_EQ(places[i].size_bytes, bytes.size());
      if (damaged.contains(places[i].position)) {
        visit(i, {});
      } else {
        visit(i, bytes);
      }
    }
  }

 private:
  void note_settled(const storage::LogPlace& place, std::uint32_t index) {
    EXPECT_TRUE(settled.insert(place.reference(index)).second) << "is settled a second time";
  }

  std::vector<std::vector<std::byte>> messages_;
  std::vector<storage::LogPlace*> pending_;
  std::vector<std::pair<const storage::LogPlace*, std::uint32_t>> settled_pending_;
  std::size_t written_count_ = 0;
  std::uint64_t submitted_ = 0;
};

/// A pager that pages everything out as soon as it is asked.
struct Paging {
  explicit Paging(storage::LogWriter& log, storage::LogReader* reader = nullptr,
                  PagingLimits limits = {3, 1000, 1, 1})
      : pages(files, "pages", 0, 10'000),
        pager(pages, reader, log, [this](const std::string& text) { reports.push_back(text); },
              limits) {
    pager.set_budget(0);
  }

  /// Turns until nothing more can leave memory.
  void page_out(Instant now = Instant{1}) {
    MessageMemory::flush();
    while (pager.page_out(now)) {
    }
  }

  storage::ScratchFiles files;
  storage::PageFile pages;
  std::vector<std::string> reports;
  MessagePager pager;
};

}  // namespace leveret::broker
