#include "broker/server/process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace leveret::server {

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  rlimit wanted = limit;
  wanted.rlim_cur = wanted.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &wanted) == 0 ? wanted.rlim_cur : limit.rlim_cur;
}

namespace {

std::uint64_t entry_count(const char* folder) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(folder, error);
  if (error) return 0;
  return static_cast<std::uint64_t>(std::distance(begin(entries), end(entries)));
}

std::uint64_t soft_limit(__rlimit_resource resource) {
  rlimit limit{};
  return ::getrlimit(resource, &limit) == 0 ? limit.rlim_cur : 0;
}

}  // namespace

ProcessFigures process_figures() {
  ProcessFigures figures;
  figures.process_id = static_cast<std::uint64_t>(::getpid());
  cpu_set_t processors;
  if (::sched_getaffinity(0, sizeof processors, &processors) == 0) {
    figures.processor_count = static_cast<std::uint64_t>(CPU_COUNT(&processors));
  }
  figures.thread_count = entry_count("/proc/self/task");
  figures.threads_max = soft_limit(RLIMIT_NPROC);
  figures.descriptor_count = entry_count("/proc/self/fd");
  figures.descriptors_max = soft_limit(RLIMIT_NOFILE);
  return figures;
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
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
