"""System calls that fail: programs that run the daemon under strace, which lets the n-th call of a kind fail."""

import os
import re
import shutil
import stat
import subprocess
from collections import namedtuple

from .daemon import binary

#: A call as strace saw it: when (wall clock), which, whether its failure was ours, and the whole line.
TracedCall = namedtuple("TracedCall", "at name is_injected line")


def missing_tool(*names):
    """Why a test that needs these programs cannot run; empty when it can."""
    missing = [name for name in names if shutil.which(name) is None]
    return f"there is no {', '.join(missing)} here" if missing else ""


class FaultyProgram:
    """A program that stands for the daemon's, and is the daemon with failing calls. Give `path` as its binary."""

    def __init__(self, folder, call, fault="", when="1"):
        """`call`: "fdatasync"; `fault`: "error=EIO", none only counts; `when`: strace's 3, 3+, 3..5, 3+2."""
        self.path = os.path.join(folder, "leveret-under-strace")
        self._trace_path = os.path.join(folder, "trace")
        inject = ["-e", f"inject={call}:{fault}:when={when}"] if fault else []
        command = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-ttt", "-y", "-o", self._trace_path,
                   "-e", "signal=none", "-e", f"trace={call}", *inject, binary()]
        with open(self.path, "w", encoding="utf-8") as script:
            # The leak checker cannot do its work in a process that is traced already.
            script.write("#!/bin/sh\n"
                         "export ASAN_OPTIONS=detect_leaks=0\n"
                         f"exec {' '.join(command)} \"$@\"\n")
        os.chmod(self.path, os.stat(self.path).st_mode | stat.S_IXUSR)
        if os.path.exists(self._trace_path):
            os.remove(self._trace_path)

    def calls(self):
        """What has been traced so far."""
        found = []
        if not os.path.exists(self._trace_path):
            return found
        with open(self._trace_path, encoding="utf-8", errors="replace") as trace:
            for line in trace:
                matched = re.match(r"(?:\d+ +)?(\d+\.\d+) (\w+)\(", line)
                if matched:
                    found.append(TracedCall(float(matched[1]), matched[2], "(INJECTED)" in line, line.rstrip()))
        return found

    def injected(self):
        """Those that failed by our doing."""
        return [call for call in self.calls() if call.is_injected]


_short_writes = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/uio.h>

/* Writes a part only, as the system may: every third call stops after half, or after a few bytes. */
static atomic_uint calls;

static ssize_t shorter(const char* name, int file, const struct iovec* parts, int count, off_t at) {
  ssize_t (*write)(int, const struct iovec*, int, off_t) = dlsym(RTLD_NEXT, name);
  unsigned call = atomic_fetch_add(&calls, 1);
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  if (call % 3 != 2 || size < 2) return write(file, parts, count, at);
  size_t left = call % 2 ? size / 2 : 1 + call % (size < 100 ? size - 1 : 99);
  struct iovec some[IOV_MAX];
  int used = 0;
  for (; used < count && left > 0; ++used) {
    some[used] = parts[used];
    if (some[used].iov_len > left) some[used].iov_len = left;
    left -= some[used].iov_len;
  }
  return write(file, some, used, at);
}

ssize_t pwritev(int file, const struct iovec* parts, int count, off_t at) {
  return shorter("pwritev", file, parts, count, at);
}
ssize_t pwritev64(int file, const struct iovec* parts, int count, off_t at) {
  return shorter("pwritev64", file, parts, count, at);
}
"""


def make_short_writes(folder):
    """Compiles a library for LD_PRELOAD with which pwritev() writes a part only; returns a program to be run."""
    source, library = os.path.join(folder, "short_writes.c"), os.path.join(folder, "short_writes.so")
    with open(source, "w", encoding="utf-8") as file:
        file.write(_short_writes)
    subprocess.run(["g++", "-x", "c", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    path = os.path.join(folder, "leveret-with-short-writes")
    with open(path, "w", encoding="utf-8") as script:
        script.write(f"#!/bin/sh\nLD_PRELOAD={library} exec {binary()} \"$@\"\n")
    os.chmod(path, 0o755)
    return path
