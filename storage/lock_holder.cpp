#include "storage/lock_holder.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdio>
#include <fstream>

namespace leveret::storage {

namespace {

/// What the holder has written down about itself; 0 when that is not there to be read.
int signature_in(const std::string& path) {
  std::ifstream file(path);
  int process = 0;
  return file >> process ? process : 0;
}

}  // namespace

std::optional<int> lock_holder(const std::string& folder) {
  const std::string path = folder + "/lock";
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  const int signature = signature_in(path);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    // "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF"; who waits has "->" behind the colon.
    int process = 0;
    unsigned device_major = 0;
    unsigned device_minor = 0;
    unsigned long inode = 0;
    if (std::sscanf(line.c_str(), "%*d: FLOCK ADVISORY WRITE %d %x:%x:%lu", &process,
                    &device_major, &device_minor, &inode) != 4 ||
        inode != status.st_ino) {
      continue;
    }
    const bool is_device = device_major == major(status.st_dev) &&
                           device_minor == minor(status.st_dev);
    // Some file systems give their files another device than the list does.
    if (is_device || process == signature) return process;
  }
  return std::nullopt;
}

}  // namespace leveret::storage
