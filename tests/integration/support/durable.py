"""Brokers whose data outlives their processes, and the base class of tests that kill them."""

import functools
import os
import shutil
import signal
import tempfile
import time

from peers import RabbitMQ

from .cases import DaemonTest
from .client import connect, supports_arguments
from .contents import contents_of
from .daemon import Daemon

#: ORACLE=rabbitmq asks RabbitMQ the same questions: those that are about what it does, too.
ORACLE = os.environ.get("ORACLE", "")


def named_arguments(arguments):
    """x_max_length=3 is the argument x-max-length."""
    return {name.replace("_", "-"): value for name, value in arguments.items()}


def on_each_end(test):
    """Gives a test a running node and whether to kill it, and runs it for both ends."""
    @functools.wraps(test)
    def for_each(self):
        for kill in (True, False):
            with self.subTest(end="SIGKILL" if kill else "SIGTERM"):
                node = self.start_node()
                test(self, node, kill)
                node.clear()
    return for_each


class LeveretNode:
    """A data directory, and at most one daemon on it."""

    def __init__(self, shards=1, data_dir=None, settings=(), **options):
        self.shards = shards
        self._is_ours = data_dir is None
        self.data_dir = data_dir or tempfile.mkdtemp(prefix="leveret-data-")
        self.daemon = None
        self.started_at = 0.0
        self.exit_code = None  # Of the last one.
        self.log = ""  # Of all daemons that have ended.
        self._settings = list(settings)
        self._options = options

    @property
    def address(self):
        """Host and port."""
        return self.daemon.address

    def start(self, settings=(), **options):
        """Starts a daemon on the directory and returns it. The arguments hold for this one only."""
        if self.daemon is not None:
            assert self.daemon.has_ended()
            self._forget()
        daemon = Daemon(**{"shards": self.shards, "data_dir": self.data_dir, **self._options, **options},
                        settings=[*self._settings, *settings])
        self.started_at = time.time()
        self.daemon = daemon
        daemon.__enter__()
        return daemon

    def strike(self, kill=True):
        """SIGKILL or SIGTERM, and waits for the end; also from another thread while somebody talks to it."""
        if not self.daemon.has_ended():
            self.daemon.signal(signal.SIGKILL if kill else signal.SIGTERM)
        self.exit_code = self.daemon.wait_exit()

    def kill(self):
        """SIGKILL."""
        self.strike()
        self._forget()

    def end(self):
        """SIGTERM; it must end by itself, without error."""
        self.strike(kill=False)
        said = self.daemon.log_text()
        self._forget()
        assert self.exit_code == 0, f"exit code {self.exit_code}\n{said[-4000:]}"

    def wait_exit(self, patience_s=30):
        """Waits until the daemon has ended by itself; returns its exit code, and what it logged."""
        code = self.daemon.wait_exit(patience_s)
        said = self.daemon.log_text()
        self._forget()
        return code, said

    def restart(self, kill=True):
        """Another daemon on what the last one left."""
        if kill:
            self.kill()
        else:
            self.end()
        return self.start()

    def clear(self):
        """Removes everything."""
        if self.daemon is not None:
            self._forget()
        if self._is_ours:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def _forget(self):
        daemon, self.daemon = self.daemon, None
        self.log += daemon.log_text()
        daemon.stop()


class RabbitNode:
    """The same for RabbitMQ."""

    def __init__(self, **options):
        self._broker = RabbitMQ(**options)
        self.started_at = 0.0
        self.exit_code = 0

    @property
    def address(self):
        """Host and port."""
        return self._broker.host, self._broker.port

    def start(self):
        """Starts it, the second time on what it left."""
        self.started_at = time.time()
        if self._broker.folder:
            self._broker.start_again()
        else:
            self._broker.__enter__()

    def strike(self, kill=True):
        """SIGKILL or SIGTERM, and waits for the end."""
        self.exit_code = self._broker.end_node(signal.SIGKILL if kill else signal.SIGTERM)

    def restart(self, kill=True):
        """Another one on what the last one left."""
        self.strike(kill)
        self.start()

    def clear(self):
        """Removes everything."""
        self._broker.stop()


class DurableTest(DaemonTest):
    """Tests with one node that is killed and started again."""

    #: Tests whose answers are RabbitMQ's as well.
    is_for_rabbitmq = False
    settings = ("storage.segment_size=1MiB", "shutdown.grace=500ms")
    timeout_s = 600 if ORACLE else 180

    def setUp(self):
        if ORACLE and not self.is_for_rabbitmq:
            self.skipTest(f"not a question to {ORACLE}")

    def make_node(self, **options):
        """A node that has not been started; it goes at the end of the test."""
        if ORACLE:
            node = RabbitNode(**{name: options[name] for name in ("vhosts", "users") if name in options})
        else:
            node = LeveretNode(**{"shards": self.shards, **options}, settings=self.settings)
        self.addCleanup(node.clear)
        return node

    def start_node(self, **options):
        """A node that runs."""
        node = self.make_node(**options)
        node.start()
        return node

    def channel(self, node, confirms=False, **options):
        """A channel of a connection of its own."""
        channel = self.client(node, **options).channel()
        if confirms:
            channel.call("confirm.select")
        return channel

    def require_arguments(self, node, **arguments):
        """Skips the test where queues cannot have these arguments: x_max_length=3 is x-max-length."""
        if not supports_arguments(node.address, named_arguments(arguments)):
            self.skipTest(f"queues cannot have {', '.join(named_arguments(arguments))} here")

    def publish(self, channel, routing_key, *bodies, exchange="", **properties):
        """Publishes persistent messages, and waits until all are confirmed."""
        properties = {name: value for name, value in {"delivery_mode": 2, **properties}.items() if value is not None}
        for body in bodies:
            channel.publish(routing_key, body, exchange=exchange, **properties)
        self.wait_confirms(channel, len(bodies))

    def wait_confirms(self, channel, count):
        """Waits for that many verdicts since the channel was opened, all of which must be acks."""
        channel.confirmed = getattr(channel, "confirmed", 0)
        end = getattr(channel, "published", 0) + count
        channel.published = end
        waiting = set(range(channel.confirmed + 1, end + 1))
        while waiting:
            event = channel.receive()
            self.assertEqual(event.name, "basic.ack", event)
            tag = event.values["delivery_tag"]
            waiting -= {seq for seq in waiting if seq == tag or event.values["multiple"] and seq < tag}
        channel.confirmed = end

    def contents(self, node, queue, **options):
        """(body, redelivered) of everything in a queue, which is marked as delivered by that."""
        return contents_of(node.address, [queue], **options)[queue]

    def bodies(self, node, queue, **options):
        """The bodies of everything in a queue."""
        return [body for body, _ in self.contents(node, queue, **options)]

    def assert_missing(self, node, kind, name, **options):
        """There is no such queue or exchange: kind is "queue" or "exchange"."""
        with_channel = connect(node.address, **options)
        event = with_channel.channel().call(f"{kind}.declare", passive=True, **{kind: name})
        with_channel.drop()
        self.assertEqual((event.name, event.values.get("reply_code")), ("channel.close", 404), f"{kind} {name}")

    def assert_there(self, node, kind, name, **options):
        """There is such a queue or exchange. Returns the values of the declare-ok."""
        with_channel = connect(node.address, **options)
        event = with_channel.channel().call(f"{kind}.declare", passive=True, **{kind: name})
        with_channel.drop()
        self.assertEqual(event.name, f"{kind}.declare-ok", f"{kind} {name}: {event.values}")
        return event.values
