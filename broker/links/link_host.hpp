/// What links need of the broker that they are in.
///
/// Owner: the shell.   Thread: called on that of the links; an implementation hands over.
#pragma once

#include <string>

#include "broker/core/durable_definitions.hpp"
#include "broker/core/ids.hpp"

namespace leveret::links {

enum class LinkLogLevel { info, warning, error };

class LinkHost {
 public:
  /// A connected socket to this very broker, whose other end trusts whoever has it: PLAIN without
  /// a password logs in as any user, and without a name as the broker itself. -1: out of sockets.
  virtual int connect_locally() = 0;
  /// A shovel has done its work.
  virtual void delete_parameter(const broker::ParameterKey& key) = 0;
  /// Begins or ends to watch the hunger of a queue, which may be gone.
  virtual void watch_queue(broker::QueueRef queue, bool is_watched) = 0;
  virtual void log(LinkLogLevel level, const std::string& text) = 0;

 protected:
  ~LinkHost() = default;
};

}  // namespace leveret::links
