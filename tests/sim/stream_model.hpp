/// What is known of a stream: which message has which offset.
///
/// Owner:  one Model.   Thread: the test's.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace leveret::broker {

class StreamModel {
 public:
  using Offset = std::uint64_t;

  /// A reader has got a message. Returns what is wrong with that; nothing: it is right.
  std::string read(Offset offset, std::uint64_t number);
  /// The broker has ended and kept these. Returns what is wrong with that; nothing: it is right.
  std::string restart(std::map<Offset, std::uint64_t> numbers);
  /// How many messages somebody has read.
  std::uint64_t known_count() const { return numbers_.size(); }
  /// Message by offset.
  const std::map<Offset, std::uint64_t>& numbers() const { return numbers_; }

 private:
  std::map<Offset, std::uint64_t> numbers_;
  std::map<std::uint64_t, Offset> offsets_;
};

}  // namespace leveret::broker
