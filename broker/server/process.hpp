/// What the process asks of the operating system for itself.
///
/// Thread: any.
#pragma once

#include <cstdint>

namespace leveret::server {

/// Lets the process open as many descriptors as its hard limit allows: a client is one each, and
/// the soft limit that shells give, mostly 1024, is for programs that use select(). Returns how
/// many may be open now.
std::uint64_t raise_descriptor_limit();

/// Descriptors that clients do not get: the log must be able to open its files whenever it has to.
inline constexpr std::uint64_t reserved_descriptor_count = 64;

/// Whether another client may have a descriptor without touching the reserve.
bool has_descriptor_for_client();

}  // namespace leveret::server
