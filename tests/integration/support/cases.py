"""The base class of tests that start a daemon."""

import sys
import unittest

from .client import connect
from .daemon import Daemon, is_sanitized
from .neighbours import Neighbours

_shard_counts = (1, 2)


class DaemonTest(unittest.TestCase):
    """Starts daemons and sees that each ends in order, with nothing left of it."""

    shards = 1
    runs_with_more_shards = False  # There is a subclass that has the same tests with more of them.
    longMessage = True

    def start(self, **options):
        """A running daemon, stopped at the end of the test. It must then end by itself, and without error."""
        daemon = Daemon(shards=self.shards, **options)
        daemon.__enter__()
        self.addCleanup(self._stop, daemon)
        return daemon

    def client(self, daemon, **options):
        """A client that has logged in, dropped at the end of the test."""
        client = connect(daemon.address, **options)
        self.addCleanup(client.drop)
        return client

    def neighbours(self, daemon, **options):
        """Two clients that call each other, dropped at the end of the test."""
        neighbours = Neighbours(daemon.address, **options)
        self.addCleanup(neighbours.drop)
        return neighbours

    def assert_resident_below(self, daemon, limit_mib):
        """The daemon occupies less than `limit_mib` now; not asked where a sanitizer keeps freed memory."""
        if not is_sanitized():
            self.assertLess(daemon.resident_bytes() / 2**20, limit_mib, "MiB resident")

    def assert_peak_below(self, daemon, limit_mib):
        """The daemon has never occupied more than `limit_mib` since daemon.forget_peak()."""
        if not is_sanitized():
            self.assertLess(daemon.peak_resident_bytes() / 2**20, limit_mib, "MiB resident at most")

    def skip_when_sanitized(self, reason="the address sanitizer keeps freed memory"):
        """For tests of what a sanitizer changes: memory, mostly."""
        if is_sanitized():
            self.skipTest(reason)

    def _stop(self, daemon):
        try:
            if not daemon.expects_exit:
                code = daemon.terminate()
                self.assertEqual(code, 0, f"exit code of the daemon\n{daemon.log_text()[-4000:]}")
        finally:
            daemon.stop()


def on_each_shard_count(test_class):
    """Runs a class of tests once for each number of shards."""
    module = sys.modules[test_class.__module__]
    for count in _shard_counts[1:]:
        name = f"{test_class.__name__}With{count}Shards"
        setattr(module, name, type(name, (test_class,), {
            "shards": count, "runs_with_more_shards": count != _shard_counts[-1], "__module__": test_class.__module__}))
    test_class.shards = _shard_counts[0]
    test_class.runs_with_more_shards = True
    return test_class
