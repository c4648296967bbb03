/// Connections of the broker to itself, by a socket that nobody else can have.
///
/// Thread: any.
#pragma once

#include "broker/server/shard.hpp"

namespace leveret::server {

/// One end of a socket pair, whose other end `shard` takes as an internal peer: who has it may log
/// in as any user. -1: there is no descriptor for it.
int connect_internally(Shard& shard);

}  // namespace leveret::server
