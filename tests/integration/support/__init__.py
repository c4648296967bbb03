"""What the integration tests share: a daemon, clients of it, and a base class that ties them together."""

from .cases import DaemonTest, on_each_shard_count
from .client import Client, connect, publish_frames
from .daemon import Daemon, run_leveret
from .flood import Flood

__all__ = ["Client", "Daemon", "DaemonTest", "Flood", "connect", "on_each_shard_count", "publish_frames", "run_leveret"]
