// What the disk itself can do: writes batches with one pwritev and one fdatasync each, and does
// nothing else.
//
// A log that groups commits cannot confirm faster than this with as many messages in a batch as
// there are in flight. "zeroed" writes into a file that was filled with zeros before, as Leveret's
// segments are; "growing" appends to an empty one.
//
//   raw_log_limit [FOLDER] [SECONDS]

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr std::size_t file_size_bytes = 256ull << 20;
constexpr std::size_t pieces_max = 1024;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

void fill(int descriptor) {
  const std::vector<char> zeros(1 << 20);
  for (std::size_t at = 0; at < file_size_bytes; at += zeros.size()) {
    if (::pwrite(descriptor, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) fail("fill");
  }
  if (::fdatasync(descriptor) != 0) fail("fdatasync");
}

struct Outcome {
  double messages_per_s = 0;
  double p50_us = 0;
  double p99_us = 0;
};

Outcome measure(const std::string& path, bool zeroed, std::size_t message_size,
                std::size_t batch, double duration_s) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) fail(path.c_str());
  if (zeroed) fill(descriptor);
  std::vector<char> content(std::min<std::size_t>(message_size * batch, 64 << 20), 'x');
  std::vector<double> took_us;
  std::uint64_t count = 0;
  std::size_t position = 0;
  const auto start = std::chrono::steady_clock::now();
  while (seconds_since(start) < duration_s) {
    const std::size_t size = message_size * batch;
    if (position + size > file_size_bytes) {
      position = 0;
      if (!zeroed && ::ftruncate(descriptor, 0) != 0) fail("ftruncate");
    }
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t done = 0; done < size;) {
      std::vector<iovec> pieces;
      while (pieces.size() < pieces_max && done < size) {
        const std::size_t piece = std::min(message_size, size - done);
        pieces.push_back({content.data() + done % content.size(), piece});
        done += piece;
      }
      const ssize_t written = ::pwritev(descriptor, pieces.data(), static_cast<int>(pieces.size()),
                                        static_cast<off_t>(position));
      if (written < 0) fail("pwritev");
      position += static_cast<std::size_t>(written);
    }
    if (::fdatasync(descriptor) != 0) fail("fdatasync");
    took_us.push_back(seconds_since(begin) * 1e6);
    count += batch;
  }
  const double took_s = seconds_since(start);
  ::close(descriptor);
  ::unlink(path.c_str());
  std::sort(took_us.begin(), took_us.end());
  return {static_cast<double>(count) / took_s, took_us[took_us.size() / 2],
          took_us[took_us.size() * 99 / 100]};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  const double duration_s = argc > 2 ? std::atof(argv[2]) : 2.0;
  const std::string path = folder + "/raw-log-limit.tmp";
  std::printf("%-8s %8s %8s %14s %10s %10s\n", "file", "bytes", "batch", "messages/s", "p50 us",
              "p99 us");
  for (const bool zeroed : {true, false}) {
    for (const std::size_t size : {100, 1024, 65536}) {
      for (const std::size_t batch : {1, 64, 1024}) {
        const Outcome outcome = measure(path, zeroed, size, batch, duration_s);
        std::printf("%-8s %8zu %8zu %14.0f %10.1f %10.1f\n", zeroed ? "zeroed" : "growing", size,
                    batch, outcome.messages_per_s, outcome.p50_us, outcome.p99_us);
        std::fflush(stdout);
      }
    }
  }
  return 0;
}
