/// What the process asks of the operating system for itself.
///
/// Thread: start-up only.
#pragma once

#include <cstdint>

namespace leveret::server {

/// Lets the process open as many descriptors as its hard limit allows: a client is one each, and
/// the soft limit that shells give, mostly 1024, is for programs that use select(). Returns how
/// many may be open now.
std::uint64_t raise_descriptor_limit();

}  // namespace leveret::server
