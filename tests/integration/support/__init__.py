"""What the integration tests share: a daemon, clients of it, and a base class that ties them together."""

import sys
from pathlib import Path

_tests = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_tests), str(_tests / "conformance")]

from .cases import DaemonTest, on_each_shard_count  # noqa: E402  (the path has to be set first)
from .client import Client, connect, publish_frames  # noqa: E402
from .daemon import Daemon, run_leveret  # noqa: E402

__all__ = ["Client", "Daemon", "DaemonTest", "connect", "on_each_shard_count", "publish_frames", "run_leveret"]
