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

struct ProcessFigures {
  std::uint64_t process_id = 0;
  std::uint64_t processor_count = 0;  ///< That it may use.
  std::uint64_t thread_count = 0, threads_max = 0;
  std::uint64_t descriptor_count = 0, descriptors_max = 0;
};
/// What the system knows of this process now; 0 where it does not tell.
ProcessFigures process_figures();
/// Physical memory that the process occupies.
std::uint64_t resident_bytes();

/// Whether another client may have a descriptor without touching the reserve.
bool has_descriptor_for_client();

}  // namespace leveret::server
