"""A program under test: its output line by line, and its end by force when its time is over."""

import os
import signal
import subprocess
import threading


class Program:
    """Runs a command in its own process group. Iterate over `lines()`, then read `code` and `timed_out`."""

    def __init__(self, command, environment, limit_s, folder=None):
        self.command = command
        self.environment = environment
        self.limit_s = limit_s
        self.folder = folder
        self.code = None
        self.timed_out = False

    def lines(self):
        """Yields the lines of output and errors as they come."""
        with subprocess.Popen(self.command, env={**os.environ, **self.environment}, cwd=self.folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", start_new_session=True) as process:
            timer = threading.Timer(self.limit_s, self._end, args=(process,))
            timer.start()
            try:
                for line in process.stdout:
                    yield line.rstrip("\n")
                self.code = process.wait()
            finally:
                timer.cancel()
                _kill_group(process.pid)

    def _end(self, process):
        self.timed_out = True
        _kill_group(process.pid)

    def output(self):
        """Runs to the end and returns all of the output."""
        return "\n".join(self.lines())

    def verdict(self):
        """Why the program's end is not a good one; empty when it is."""
        if self.timed_out:
            return f"not finished within {self.limit_s} s"
        return "" if self.code == 0 else f"ended with exit code {self.code}"


def _kill_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
