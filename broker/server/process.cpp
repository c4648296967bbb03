#include "broker/server/process.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace leveret::server {

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  rlimit wanted = limit;
  wanted.rlim_cur = wanted.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &wanted) == 0 ? wanted.rlim_cur : limit.rlim_cur;
}

bool has_descriptor_for_client() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return true;
  // The system gives the lowest number that is free: when that is high, few are.
  const int lowest_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (lowest_free < 0) return false;
  ::close(lowest_free);
  return static_cast<std::uint64_t>(lowest_free) + reserved_descriptor_count < limit.rlim_cur;
}

}  // namespace leveret::server
