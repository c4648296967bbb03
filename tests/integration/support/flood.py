"""A client that sends as fast as its socket takes it, whatever comes back."""

import socket
import threading
import time

from .daemon import PATIENCE_S, wait_for


class Flood:
    """Sends the same bytes over and over from a thread of its own; reads nothing.

    `data` is whole frames: when the flood stops in order, it ends with a whole copy of them.
    """

    def __init__(self, client, data, count_max=None):
        self._socket = client.socket
        self._data = data
        self._count_max = count_max
        self._stopping = threading.Event()
        self.sent_bytes = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._socket.settimeout(0.1)
        self._thread.start()

    @property
    def sent_count(self):
        """Whole copies that have left."""
        return self.sent_bytes // len(self._data)

    def is_running(self):
        """Whether it still has something to send, and a socket to send it to."""
        return self._thread.is_alive()

    def wait_sent(self, size):
        """Waits until so many bytes have left."""
        wait_for(lambda: self.sent_bytes >= size or not self.is_running(), f"{size} sent bytes")

    def wait_stalled(self, duration_s=0.5):
        """Waits until nothing has been taken for that long: nobody reads it any more."""
        deadline = time.monotonic() + PATIENCE_S
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < duration_s:
            if self.sent_bytes != seen:
                seen, since = self.sent_bytes, time.monotonic()
            assert time.monotonic() < deadline, f"still taken after {PATIENCE_S} s: {seen} bytes"
            time.sleep(0.02)
        return seen

    def finish(self):
        """Ends with a whole copy: waits until it has been taken. Returns how many there were."""
        self._stopping.set()
        self._thread.join(PATIENCE_S)
        assert not self.is_running(), f"the last copy was not taken within {PATIENCE_S} s"
        self._socket.settimeout(15)
        return self.sent_count

    def join(self):
        """Waits until all of `count_max` copies have been taken."""
        self._thread.join(PATIENCE_S)
        assert not self.is_running(), f"{self.sent_count} of {self._count_max} copies were taken within {PATIENCE_S} s"
        self._socket.settimeout(15)

    def abandon(self, client):
        """Ends wherever it is, and the client with it."""
        client.reset()
        self._thread.join(PATIENCE_S)

    def _run(self):
        view = memoryview(self._data)
        while True:
            at_start = self.sent_bytes % len(self._data) == 0
            if at_start and (self._stopping.is_set() or self.sent_count == self._count_max):
                return
            try:
                sent = self._socket.send(view[self.sent_bytes % len(self._data):])
            except socket.timeout:
                continue
            except OSError:
                return
            self.sent_bytes += sent
