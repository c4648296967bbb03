"""The daemon under test as a process: its signals, its memory, its descriptors, its log."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

from peers import BrokerFailure, Leveret

#: How long anything may take that has to come. Reaching it is a failure.
PATIENCE_S = 30


def binary():
    """Path of the program under test."""
    return os.path.abspath(os.environ.get("LEVERET_BIN", ""))


def clean_environment(**additional):
    """This program's environment without what would configure Leveret, and something in addition."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEVERET_", "RABBITMQ_"))}
    return {**kept, **additional}


@contextlib.contextmanager
def fresh_data_dir():
    """A path for node.data_dir, where nothing is yet and nothing is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="leveret-data-") as folder:
        yield os.path.join(folder, "data")


def run_leveret(*arguments, **environment):
    """Runs the program until it ends by itself; returns what subprocess.run does.

    A broker keeps its data apart. Where a configuration is only checked or printed, it is left as it is.
    """
    with contextlib.ExitStack() as stack:
        is_broker = arguments[:1] == ("serve",)
        if is_broker and not any(argument.startswith(("--check", "--print")) for argument in arguments):
            environment.setdefault("LEVERET_NODE__DATA_DIR", stack.enter_context(fresh_data_dir()))
        return subprocess.run([binary(), *arguments], env=clean_environment(**environment), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False)


def is_sanitized():
    """Whether the program's memory is not its own: the address sanitizer keeps what was freed."""
    with open(binary(), "rb") as file:
        return b"__asan_init" in file.read()


class StartRefused(BrokerFailure):
    """The program ended instead of becoming ready."""

    def __init__(self, code, log):
        super().__init__(f"ended with exit code {code} instead of becoming ready:\n{log[-4000:]}")
        self.code = code
        self.log = log


class Daemon(Leveret):
    """A Leveret whose process can be looked into."""

    def __init__(self, shards=1, settings=(), data_dir=None, **common):
        """`data_dir` outlives the daemon; without it there is one for this process alone."""
        own_settings = [] if data_dir is None else [f"node.data_dir={data_dir}"]
        super().__init__(settings=[f"node.threads={shards}", *settings, *own_settings], **common)
        self.start_duration_s = 0.0
        self.expects_exit = False

    @property
    def address(self):
        """Host and port of its first listener."""
        return self.host, self.port

    @property
    def config_path(self):
        """Its configuration file."""
        return os.path.join(self.folder, "leveret.yaml")

    def readiness_line(self):
        """The line on standard output."""
        return self._output[0].rstrip("\n")

    def urls(self):
        """The URLs of the readiness line."""
        return re.findall(r"amqp://\S+", self.readiness_line())

    # The process

    def signal(self, number):
        """Sends it a signal."""
        self._process.send_signal(number)

    def has_ended(self):
        """Whether the process has ended by itself."""
        return self._process.poll() is not None

    def wait_exit(self, patience_s=PATIENCE_S):
        """Waits for its end and returns the exit code."""
        self.expects_exit = True
        return self._process.wait(patience_s)

    def terminate(self, patience_s=PATIENCE_S):
        """Ends it as an operator does, and returns the exit code. None when it had to be killed."""
        if not self.has_ended():
            self.signal(signal.SIGTERM)
        try:
            return self.wait_exit(patience_s)
        except subprocess.TimeoutExpired:
            return None

    def resident_bytes(self):
        """Memory that it occupies."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def peak_resident_bytes(self):
        """The most memory that it has occupied since the last call of forget_peak()."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) * 1024

    def forget_peak(self):
        """Measures peak_resident_bytes() from now on."""
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def descriptor_count(self):
        """Descriptors that it holds: sockets, and files that its log opens and closes whenever it likes."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def socket_count(self):
        """Sockets that it holds, the listening ones among them."""
        folder = f"/proc/{self.pid}/fd"
        count = 0
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # Closed in the meantime.
                count += os.readlink(os.path.join(folder, name)).startswith("socket:")
        return count

    def processor_time_s(self):
        """CPU time that it has used."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # Its log

    def log_lines(self):
        """What it logged so far."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read().removesuffix("\n").split("\n")

    def find_in_log(self, pattern):
        """The first line that matches the regular expression, or None."""
        return next((line for line in self.log_lines() if re.search(pattern, line)), None)

    def wait_for_log(self, pattern, patience_s=PATIENCE_S):
        """The first line that matches the regular expression, which must come."""
        wait_for(lambda: self.find_in_log(pattern), f"a line with {pattern!r} in the log", patience_s,
                 lambda: self.log_text()[-2000:])
        return self.find_in_log(pattern)

    def reload(self, outcome="definitions imported$"):
        """Sends SIGHUP and waits for a new line of the log that matches; returns all new ones."""
        before = len(self.log_lines())
        self.signal(signal.SIGHUP)
        wait_for(lambda: any(re.search(outcome, line) for line in self.log_lines()[before:]),
                 f"line with {outcome!r} in the log", explain=self.log_text)
        return self.log_lines()[before:]

    def _start(self):
        started = time.monotonic()
        try:
            super()._start()
        except BrokerFailure as failure:
            if self._process is None or self._reader.is_alive():
                raise  # It is still there, only not ready.
            raise StartRefused(self._process.wait(PATIENCE_S), self.log_text()) from failure
        self.start_duration_s = time.monotonic() - started


def wait_for(condition, what, patience_s=PATIENCE_S, explain=lambda: ""):
    """Polls what no event announces until it is true."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise BrokerFailure(f"no {what} within {patience_s} s {explain()}")
        time.sleep(0.01)


def taken_port(host="127.0.0.1", family=socket.AF_INET):
    """A socket that listens on a port of its own, and the port; for tests of a port that is taken."""
    taken = socket.socket(family)
    taken.bind((host, 0))
    taken.listen(1)
    return taken, taken.getsockname()[1]
