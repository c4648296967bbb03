#include "storage/log.hpp"

namespace leveret::storage {

LogOffset VolatileLog::append(RecordKind, std::span<const std::span<const std::byte>> parts) {
  std::uint64_t size = 1;  // The kind.
  for (const auto part : parts) size += part.size();
  appended_bytes_ += size;
  return LogOffset{appended_bytes_};
}

void VolatileLog::submit() { committed_ = LogOffset{appended_bytes_}; }

}  // namespace leveret::storage
