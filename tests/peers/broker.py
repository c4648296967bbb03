"""What a private RabbitMQ and a private Leveret have in common: users, folder, process, readiness, stop."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

EVERYTHING = (".*", ".*", ".*")


class BrokerFailure(Exception):
    """A broker did not start, or ended by itself. The text holds the end of its log."""


@dataclass
class User:
    """A user of the broker under test.

    `permissions` maps a virtual host to the patterns (configure, write, read). The password is the
    name unless it is given.
    """

    name: str
    password: str = ""
    permissions: dict = field(default_factory=lambda: {"/": EVERYTHING})
    tags: tuple = ()

    def __post_init__(self):
        self.password = self.password or self.name


def default_users():
    """The one user every RabbitMQ starts with."""
    return [User("guest", tags=("administrator",))]


class Broker:
    """A broker process owned by a test. Use it as a context manager."""

    kind = ""
    host = "127.0.0.1"

    def __init__(self, users=None, vhosts=("/",), start_timeout_s=60):
        self.users = list(users) if users is not None else default_users()
        self.vhosts = tuple(vhosts)
        self.start_timeout_s = start_timeout_s
        self.folder = ""
        self.port = 0
        self._process = None
        self._output = []
        self._reader = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix=f"peer-{self.kind}-")
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        """The process whose CPU time and memory are the broker's own."""
        return self._process.pid

    @property
    def pids(self):
        """The broker and its children."""
        return [self.pid, *_descendants(self.pid)]

    @property
    def url(self):
        """AMQP URL of the first user on the first virtual host."""
        return self.url_of(self.users[0], self.vhosts[0])

    def url_of(self, user, vhost="/"):
        """AMQP URL of `user` (a User) on `vhost`."""
        quote = urllib.parse.quote
        return (f"amqp://{quote(user.name, safe='')}:{quote(user.password, safe='')}"
                f"@{self.host}:{self.port}/{quote(vhost, safe='')}")

    def log_text(self):
        """Everything that the broker printed so far."""
        return "".join(self._output)

    def stop(self):
        """Ends the broker and removes its folder. Calling it again does nothing."""
        try:
            self._stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self):
        raise NotImplementedError

    def _stop(self):
        end_process(self._process)
        if self._reader is not None:
            self._reader.join()
            self._reader = None

    def _launch(self, command, environment, is_ready, stderr=subprocess.STDOUT):
        """Starts `command` and returns the first line for which `is_ready(line)` is true."""
        ready = threading.Event()
        found = []
        self._process = subprocess.Popen(
            command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=stderr, text=True, errors="replace", start_new_session=True)

        def read_output(stream):
            with stream:
                for line in stream:
                    self._output.append(line)
                    if not found and is_ready(line):
                        found.append(line)
                        ready.set()
            ready.set()

        self._reader = threading.Thread(target=read_output, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        ready.wait(self.start_timeout_s)
        if not found:
            raise BrokerFailure(f"{self.kind} was not ready within {self.start_timeout_s} s:\n"
                                + self.log_text()[-4000:])
        return found[0]


def stop_when_terminated():
    """Makes SIGTERM end this program as an exception does, so that the brokers it started are stopped, too."""
    def leave(*_):
        raise SystemExit(128 + signal.SIGTERM)
    signal.signal(signal.SIGTERM, leave)


def end_process(process, patience_s=20):
    """Asks a process that we started to end, and insists after `patience_s`."""
    if process is None:
        return
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            pass
    # Whatever is left of the session that we made for it: helpers of a virtual machine, mostly.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def wait_until(condition, timeout_s, what):
    """Polls a condition that no event announces. Fails with `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise BrokerFailure(f"{what} within {timeout_s} s")
        time.sleep(0.01)


def _descendants(pid):
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(entry))
    found, open_pids = [], [pid]
    while open_pids:
        next_pids = children.get(open_pids.pop(), [])
        found.extend(next_pids)
        open_pids.extend(next_pids)
    return found
