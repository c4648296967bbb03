/// What is known of a virtual host beside its name: a parameter.
///
/// Thread: values and pure functions, any.
/// Spec:   the metadata of RabbitMQ's virtual hosts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"

namespace leveret::broker {

struct VhostMetadata {
  std::string description;
  std::vector<std::string> tags;
  /// classic, quorum or stream; empty: the node's.
  std::string default_queue_type;
};

/// Reads {"description": "...", "tags": [...], "default_queue_type": "quorum"}; tags may also be a
/// text with commas. Unknown members are passed over. Error: a sentence.
Result<VhostMetadata, std::string> parse_vhost_metadata(std::string_view json);

}  // namespace leveret::broker
