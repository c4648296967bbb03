#include "storage/patient_reader.hpp"

#include <algorithm>

namespace leveret::storage {

namespace {
constexpr std::uint64_t read_ahead_bytes = 1024 * 1024;
// A disk gives or refuses whole sectors, a file system whole pages.
constexpr std::uint64_t piece_bytes = 4096;
}  // namespace

std::span<const std::byte> PatientReader::at(std::uint64_t position, std::uint64_t size_bytes) {
  if (position >= size_bytes_) return {};
  size_bytes = std::min(size_bytes, size_bytes_ - position);
  const bool is_there = position >= buffer_position_ &&
                        position + size_bytes <= buffer_position_ + buffer_.size();
  if (!is_there) {
    buffer_.assign(std::min(std::max(size_bytes, read_ahead_bytes), size_bytes_ - position),
                   std::byte{0});
    fill(position);
    size_bytes = std::min<std::uint64_t>(size_bytes, buffer_.size());
  }
  return std::span<const std::byte>(buffer_).subspan(position - buffer_position_, size_bytes);
}

/// All at once if that works, else each piece for itself.
void PatientReader::fill(std::uint64_t position) {
  buffer_position_ = position;
  if (const auto count = file_.read_at(position, buffer_)) {
    buffer_.resize(*count);
    return;
  }
  for (std::uint64_t at = position; at < position + buffer_.size();) {
    const std::uint64_t piece = at / piece_bytes;
    const std::uint64_t end = std::min((piece + 1) * piece_bytes, position + buffer_.size());
    const auto bytes = std::span(buffer_).subspan(at - position, end - at);
    if (const auto count = file_.read_at(at, bytes); !count) {
      if (!error_) error_ = count.error();
      unreadable_pieces_.insert(piece);
      std::fill(bytes.begin(), bytes.end(), std::byte{0});
    }
    at = end;
  }
}

std::uint64_t PatientReader::unreadable_bytes() const {
  return std::min(unreadable_pieces_.size() * piece_bytes, size_bytes_);
}

}  // namespace leveret::storage
