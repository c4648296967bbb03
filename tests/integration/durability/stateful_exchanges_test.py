"""What exchanges keep, over a restart: histories, delayed messages, and what has been seen."""

import time

from harness.wire import Typed

from support import on_each_shard_count
from support.daemon import wait_for
from support.durable import DurableTest, on_each_end


@on_each_shard_count
class StatefulExchangesTest(DurableTest):
    """Each test publishes, ends the broker in one way or the other, and looks."""

    def declare(self, channel, kind, exchange="x", durable=True, **arguments):
        """An exchange, with the arguments that are given by name: x_cache_size=3 is x-cache-size."""
        event = channel.call("exchange.declare", exchange=exchange, type=kind, durable=durable,
                             arguments={name.replace("_", "-"): value for name, value in arguments.items()})
        self.assertEqual(event.name, "exchange.declare-ok", event)

    def bind(self, channel, queue="q", exchange="x"):
        """A durable queue, bound."""
        self.assertEqual(channel.call("queue.declare", queue=queue, durable=True).name, "queue.declare-ok")
        self.assertEqual(channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k").name,
                         "queue.bind-ok")

    def send(self, channel, *bodies, exchange="x", **properties):
        """Persistent messages with the key of the binding, confirmed."""
        self.publish(channel, "k", *bodies, exchange=exchange, **properties)

    @on_each_end
    def test_a_history_is_there_again_without_what_was_transient(self, node, kill):
        channel = self.channel(node, confirms=True)
        self.declare(channel, "x-recent-history", x_recent_history_length=3)
        self.bind(channel)
        for body in ("0", "1", "2", "3"):
            self.send(channel, body)
        self.send(channel, "gone", delivery_mode=1)
        self.send(channel, "4", headers=[("x-recent-history-no-store", True)])
        node.restart(kill)
        channel = self.channel(node, confirms=True)
        # The transient one had taken the place of the oldest.
        self.bind(channel, "late")
        self.assertEqual(self.bodies(node, "late"), [b"2", b"3"])
        self.send(channel, "5")
        self.assertEqual(self.bodies(node, "q"), [b"0", b"1", b"2", b"3", b"4", b"5"])
        node.restart(kill)
        channel = self.channel(node, confirms=True)
        self.bind(channel, "last")
        self.assertEqual(self.bodies(node, "last"), [b"2", b"3", b"5"])

    @on_each_end
    def test_what_was_delayed_comes_at_its_time_and_once(self, node, kill):
        channel = self.channel(node, confirms=True)
        self.declare(channel, "x-delayed-message", x_delayed_type="direct")
        self.bind(channel)
        due_at_ms = int(time.time() * 1000) + 3000
        self.send(channel, "soon", headers=[("x-delay", 2000)])
        self.send(channel, "at a time", headers=[("x-deliver-at", due_at_ms)])
        self.send(channel, "late", headers=[("x-delay", 3_600_000)])
        self.send(channel, "transient", delivery_mode=1, headers=[("x-delay", 1000)])
        self.send(channel, "now")
        node.restart(kill)
        channel = self.channel(node)
        wait_for(lambda: self.ready(channel) == 3, "the delayed messages have come", patience_s=30)
        self.assertGreaterEqual(time.time() * 1000, due_at_ms)
        self.assertEqual(self.bodies(node, "q"), [b"now", b"soon", b"at a time"])
        node.restart(kill)
        self.assertEqual(self.bodies(node, "q"), [b"now", b"soon", b"at a time"], "it does not come twice")

    @on_each_end
    def test_a_delay_that_no_clock_can_count_is_waited_for_quietly(self, node, kill):
        # Each alone: the soonest is what the broker sleeps for, and what it counts in decides what overflows to the past.
        for power in (44, 54, 62):
            channel = self.channel(node, confirms=True)
            self.declare(channel, "x-delayed-message", exchange=f"x{power}", x_delayed_type="direct")
            self.bind(channel, exchange=f"x{power}")
            self.send(channel, "at no time", exchange=f"x{power}", headers=[("x-delay", Typed("l", 2**power))])
            node.restart(kill)
            used_before_s = node.daemon.processor_time_s()
            time.sleep(0.5)
            self.assertLess(node.daemon.processor_time_s() - used_before_s, 0.1, f"s of processor time, with 2^{power} ms")
            channel = self.channel(node)
            self.assertEqual(self.ready(channel), 0)
            self.assertEqual(channel.call("exchange.delete", exchange=f"x{power}").name, "exchange.delete-ok")

    @on_each_end
    def test_what_an_exchange_has_seen_stays_seen(self, node, kill):
        channel = self.channel(node, confirms=True)
        self.declare(channel, "x-message-deduplication", x_cache_size=2)
        self.bind(channel)
        for value in "abc":
            self.send(channel, value, headers=[("x-deduplication-header", value)])
        node.restart(kill)
        channel = self.channel(node, confirms=True)
        for value in "bca":
            self.send(channel, f"{value} again", headers=[("x-deduplication-header", value)])
        self.assertEqual(self.bodies(node, "q"), [b"a", b"b", b"c", b"a again"])

    @on_each_end
    def test_a_queue_knows_what_is_in_it(self, node, kill):
        channel = self.channel(node, confirms=True)
        event = channel.call("queue.declare", queue="d", durable=True, arguments={"x-message-deduplication": True})
        self.assertEqual(event.name, "queue.declare-ok")
        for value in "ab":
            self.publish(channel, "d", value, headers=[("x-deduplication-header", value)])
        self.assertEqual(channel.call("basic.get", queue="d", no_ack=True).body, b"a")
        self.publish(channel, "d", "c")  # When it is confirmed the log has what was done before, too.
        node.restart(kill)
        channel = self.channel(node, confirms=True)
        for value in "ab":
            self.publish(channel, "d", f"{value} again", headers=[("x-deduplication-header", value)])
        self.assertEqual(self.bodies(node, "d"), [b"b", b"c", b"a again"])

    @on_each_end
    def test_an_exchange_that_was_deleted_leaves_nothing(self, node, kill):
        channel = self.channel(node, confirms=True)
        self.declare(channel, "x-recent-history")
        self.send(channel, "old")
        self.assertEqual(channel.call("exchange.delete", exchange="x").name, "exchange.delete-ok")
        self.declare(channel, "x-recent-history")
        node.restart(kill)
        channel = self.channel(node, confirms=True)
        self.bind(channel)
        self.assertEqual(self.bodies(node, "q"), [])

    def test_another_count_of_shards_makes_no_difference(self):
        node = self.start_node()
        channel = self.channel(node, confirms=True)
        for number in range(6):
            self.declare(channel, "x-recent-history", exchange=f"x{number}")
            self.send(channel, f"m{number}", exchange=f"x{number}")
        node.kill()
        node.shards = 3 if node.shards == 1 else 1
        node.start()
        channel = self.channel(node, confirms=True)
        for number in range(6):
            self.bind(channel, f"q{number}", f"x{number}")
            self.assertEqual(self.bodies(node, f"q{number}"), [f"m{number}".encode()])

    def ready(self, channel, queue="q"):
        """How many messages wait in a queue."""
        return channel.call("queue.declare", queue=queue, passive=True).values["message_count"]
