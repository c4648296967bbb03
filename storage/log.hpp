/// The node's write-ahead log as the broker sees it: append now, learn later that it is safe.
///
/// What the log must keep is opaque to it: a record's kind and bytes. A LogWriter belongs to one
/// shard, which gathers a turn's records, hands them over with submit() and asks committed().
///
/// This version of Leveret has one implementation, VolatileLog: it promises what a broker without
/// a disk can promise, nothing beyond the life of the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace leveret::storage {

/// A place in the log; everything up to a committed offset is safe. 0 is before the first record.
enum class LogOffset : std::uint64_t {};

enum class RecordKind : std::uint8_t {
  message,  ///< A message that was published to durable queues.
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;

  /// Adds a record, given in parts, to the turn's batch. Returns the offset after it: the record
  /// is safe when committed() has reached that.
  virtual LogOffset append(RecordKind kind, std::span<const std::span<const std::byte>> parts) = 0;

  /// Hands over what was appended since the last call. Called once at the end of a turn.
  virtual void submit() = 0;

  /// Everything up to here is as safe as the log makes it.
  virtual LogOffset committed() const = 0;
};

/// Keeps nothing: a record is as safe as the process as soon as it is submitted.
class VolatileLog final : public LogWriter {
 public:
  LogOffset append(RecordKind kind, std::span<const std::span<const std::byte>> parts) override;
  void submit() override;
  LogOffset committed() const override { return committed_; }

 private:
  std::uint64_t appended_bytes_ = 0;
  LogOffset committed_{};
};

}  // namespace leveret::storage
