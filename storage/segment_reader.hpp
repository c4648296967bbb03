/// Reads messages back from segments, many at a time, each checked.
///
/// Owner: a shard. Thread: its owner's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "storage/durable_log.hpp"
#include "storage/log.hpp"
#include "storage/segment_files.hpp"

namespace leveret::storage {

class SegmentReader final : public LogReader {
 public:
  /// `log` and `files` must outlive the reader.
  SegmentReader(const DurableLog& log, SegmentFiles& files, LogEvents& events)
      : log_(log), files_(files), events_(events) {}

  bool is_written(const LogPlace& place) const override { return log_.is_written(place); }
  void read(std::span<const LogPlace> places, const Visit& visit) override;

 private:
  std::size_t read_together(std::span<const LogPlace> places, std::size_t first_index,
                            const Visit& visit);
  bool visit_record(std::span<const std::byte> bytes, const LogPlace& place, std::size_t index,
                    const Visit& visit) const;
  void read_alone(const LogPlace& place, std::size_t index, const Visit& visit);

  const DurableLog& log_;
  SegmentFiles& files_;
  LogEvents& events_;
  std::vector<std::byte> buffer_;
  std::vector<std::uint64_t> positions_;  ///< Of the messages that are read together.
};

}  // namespace leveret::storage
