/// The node's write-ahead log as the broker sees it: append now, learn later that it is safe.
///
/// The log keeps three things. Messages, each with references from the queues that it went to; what
/// became of references (delivered, settled); and definitions, which are keys with values. What a
/// message's bytes, a queue's number, a key or a value mean is the broker's affair.
///
/// A LogWriter belongs to one shard, which gathers a turn's records, hands them over with submit()
/// and asks committed().
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace leveret::storage {

/// Names one submission of one writer; those of a writer grow. 0 is before the first.
enum class LogTicket : std::uint64_t {};

/// One queue's reference to a message: the segment of the log that holds the message, and the
/// reference's number in it. In the order of references lies the order of publishing.
struct LogReference {
  std::uint32_t segment = 0;
  std::uint32_t ordinal = 0;
  auto operator<=>(const LogReference&) const = default;
};

/// Where a message's record lies. The n-th queue of the message has the reference n after the
/// first.
struct LogPlace {
  /// Segments have numbers from 1 on.
  static constexpr std::uint32_t not_logged = 0;
  /// The record is appended, and gets its place when the turn's records are submitted.
  static constexpr std::uint32_t pending = UINT32_MAX;
  static constexpr std::uint32_t position_unit_bytes = 8;

  std::uint32_t segment = not_logged;
  std::uint32_t first_ordinal = 0;
  std::uint32_t position = 0;  ///< In the segment's file, in units of 8 bytes.
  std::uint32_t size_bytes = 0;

  bool is_logged() const { return segment != not_logged; }
  LogReference reference(std::uint32_t index) const { return {segment, first_ordinal + index}; }
};

constexpr std::uint64_t no_expiration = UINT64_MAX;

/// How often a message has come back from consumers, and whether one has it now.
struct Returns {
  static constexpr std::uint32_t count_max = (1u << 31) - 1;

  std::uint32_t count = 0;
  bool is_out = false;
  bool operator==(const Returns&) const = default;
};

/// A message that was published to durable queues.
struct MessageRecord {
  std::span<const std::uint64_t> queues;  ///< Their numbers; each gets a reference.
  std::uint64_t published_at_ms = 0;      ///< Wall clock, since 1970.
  std::uint64_t expiration_ms = no_expiration;
  std::uint32_t body_size_bytes = 0;  ///< Kept beside the reference, for the queue's accounts.
  /// The message's bytes, one part after the other. They must stay as they are until written() has
  /// reached the ticket.
  std::span<const std::span<const std::byte>> parts;
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;

  /// Adds a message. `place` is pending until submit() sets it, and has to stay where it is until
  /// then.
  virtual void append_message(const MessageRecord& record, LogPlace& place) = 0;

  /// The message's reference is done with: acknowledged, rejected, expired, purged. Requires: it is
  /// logged; its place stays where it is until submit().
  virtual void settle(const LogPlace& place, std::uint32_t index) = 0;
  /// The message was given to a consumer who may settle it later.
  virtual void mark_delivered(const LogPlace& place, std::uint32_t index) = 0;
  /// How often the message has come back from a consumer, and whether one has it again: from now on
  /// this is what is known, whatever was marked before.
  virtual void mark_returned(const LogPlace& place, std::uint32_t index, Returns returns) = 0;

  virtual void define(std::string_view key, std::string_view value) = 0;
  virtual void undefine(std::string_view key) = 0;
  /// Removes every definition whose key begins so.
  virtual void undefine_all(std::string_view key_prefix) = 0;

  /// The ticket of what has been added since the last submit(), and of all before; somebody waits
  /// for it to be committed.
  virtual LogTicket awaited_ticket() = 0;
  /// The ticket of what has been added since the last submit(); nobody waits for it.
  virtual LogTicket ticket() const = 0;

  /// Hands over what was added since the last call: all of it is there after a crash, or nothing,
  /// unless it is more than 1 GiB, which no frame takes. Called once at the end of a turn.
  virtual void submit() = 0;

  /// Up to here everything is as safe as the log makes it.
  virtual LogTicket committed() const = 0;
  /// Up to here everything has been written, though perhaps not to the disk itself.
  virtual LogTicket written() const = 0;
};

/// Reads messages back. Each shard has one of its own.
class LogReader {
 public:
  virtual ~LogReader() = default;

  /// Whether a place can be read yet. Requires: it is not pending.
  virtual bool is_written(const LogPlace& place) const = 0;

  using Visit = std::function<void(std::size_t index, std::span<const std::byte> bytes)>;
  /// Reads messages, best in the order of their references; blocks while the disk is busy. `visit`
  /// gets the bytes of each, which have been checked and are gone afterwards; no bytes at all when
  /// the record is damaged, which has been reported then.
  virtual void read(std::span<const LogPlace> places, const Visit& visit) = 0;
};

/// Keeps nothing: a record is as safe as the process as soon as it is submitted.
class VolatileLog final : public LogWriter {
 public:
  void append_message(const MessageRecord&, LogPlace&) override { has_records_ = true; }
  void settle(const LogPlace&, std::uint32_t) override {}
  void mark_delivered(const LogPlace&, std::uint32_t) override {}
  void mark_returned(const LogPlace&, std::uint32_t, Returns) override {}
  void define(std::string_view, std::string_view) override { has_records_ = true; }
  void undefine(std::string_view) override { has_records_ = true; }
  void undefine_all(std::string_view) override { has_records_ = true; }
  LogTicket awaited_ticket() override {
    has_records_ = true;
    return ticket();
  }
  LogTicket ticket() const override { return LogTicket{submitted_ + 1}; }
  void submit() override;
  LogTicket committed() const override { return LogTicket{submitted_}; }
  LogTicket written() const override { return LogTicket{submitted_}; }

 private:
  std::uint64_t submitted_ = 0;
  bool has_records_ = false;
};

}  // namespace leveret::storage
