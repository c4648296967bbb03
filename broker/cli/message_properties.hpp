/// The properties that a load's messages have, by the names of PerfTest: `priority`,
/// `contentType`, ...; what is none of them is a header.
///
/// Thread: plain value.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "broker/cli/key_values.hpp"
#include "protocol/basic_properties.hpp"

namespace leveret::cli {

class MessageProperties {
 public:
  MessageProperties() = default;
  /// Error: a sentence, for a number that is none or does not fit.
  static Result<MessageProperties, std::string> parse(const KeyValues& pairs);

  /// With these headers beside its own. Views into this object and into `headers_content`, which
  /// is overwritten.
  protocol::BasicProperties with_headers(const protocol::FieldTable& headers,
                                         std::vector<std::byte>& headers_content) const;

 private:
  KeyValues texts_;  ///< Of properties that are texts.
  protocol::BasicProperties numbers_;
  protocol::FieldTable headers_;
};

}  // namespace leveret::cli
