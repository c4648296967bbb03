"""Messages over a restart: which of them are there, in which order, with which marks."""

import os
import time

from harness.wire import Typed
from support import on_each_shard_count
from support.daemon import wait_for
from support.durable import ORACLE, DurableTest, named_arguments, on_each_end

MIB = 2**20
#: How long a daemon's process may be away in tests of expiry; RabbitMQ takes longer to start.
TTL_S = 20 if ORACLE else 3


@on_each_shard_count
class MessagesTest(DurableTest):
    """Each test publishes, ends the broker in one way or the other, and looks."""

    is_for_rabbitmq = True

    @staticmethod
    def unseen(kill):
        """`redelivered` of what nobody had: after a kill RabbitMQ says true of everything."""
        return bool(ORACLE) and kill

    def with_queue(self, node, queue="q", **arguments):
        """A confirming channel, and a durable queue."""
        channel = self.channel(node, confirms=True)
        self.declare(channel, queue, **arguments)
        return channel

    def declare(self, channel, queue, **arguments):
        """A durable queue; x_message_ttl=5 is its argument x-message-ttl."""
        event = channel.call("queue.declare", queue=queue, durable=True, arguments=named_arguments(arguments))
        self.assertEqual(event.name, "queue.declare-ok", event)

    def barrier(self, node):
        """Something that is confirmed after all that was done before: then the log has that, too."""
        channel = self.channel(node, confirms=True)
        for _ in range(3):  # From shard to shard things take a turn each.
            channel.sync()
            self.publish(channel, "amq.nowhere", "x", exchange="amq.fanout")
        self.declare(channel, "barrier")
        self.publish(channel, "barrier", "x")
        time.sleep(0.6 if ORACLE else 0)  # RabbitMQ has no such order; it writes acknowledgements now and then.

    @on_each_end
    def test_everything_confirmed_is_there_in_order_with_all_of_its_properties(self, node, kill):
        channel = self.with_queue(node)
        properties = {"content_type": "text/plain", "content_encoding": "utf-8", "priority": 3,
                      "correlation_id": "c" * 255, "reply_to": "somebody", "message_id": "m", "type": "t",
                      "timestamp": 1_700_000_000, "app_id": "a", "cluster_id": "k", "user_id": "guest"}
        headers = [("n", Typed("I", 1)),
                   ("deep", Typed("F", [("list", Typed("A", [Typed("b", 1), Typed("V", None)]))]))]
        self.publish(channel, "q", "first", **properties, headers=headers)
        self.publish(channel, "q", *(f"{number}" for number in range(1000)))
        self.publish(channel, "q", "", bytes(range(256)) * 5000)
        node.restart(kill)
        channel = self.channel(node)
        event = channel.call("basic.get", queue="q")
        self.assertEqual(event.body, b"first")
        self.assertEqual((event.values["exchange"], event.values["routing_key"], event.values["redelivered"]),
                         ("", "q", self.unseen(kill)))
        self.assertEqual(event.properties, {"delivery_mode": 2, **properties, "headers": headers})
        channel.send("basic.ack", delivery_tag=event.values["delivery_tag"])
        channel.sync()
        rest = self.contents(node, "q")
        self.assertEqual([body for body, _ in rest[:1000]], [f"{number}".encode() for number in range(1000)])
        self.assertTrue([body for body, _ in rest[1000:]] == [b"", bytes(range(256)) * 5000], "bodies differ")
        self.assertEqual({redelivered for _, redelivered in rest}, {self.unseen(kill)})

    @on_each_end
    def test_transient_messages_are_gone_and_the_others_close_up(self, node, kill):
        channel = self.with_queue(node)
        self.with_queue(node, "lazy", x_queue_mode="lazy")
        for number in range(10):
            for queue in ("q", "lazy"):
                self.publish(channel, queue, f"{number}", delivery_mode=1 + number % 2)
        self.publish(channel, "q", "without a mode", delivery_mode=None)
        node.restart(kill)
        for queue in ("q", "lazy"):
            self.assertEqual(self.bodies(node, queue), [b"1", b"3", b"5", b"7", b"9"])

    @on_each_end
    def test_what_was_delivered_but_not_settled_comes_first_again_and_redelivered(self, node, kill):
        channel = self.with_queue(node)
        self.publish(channel, "q", *(f"{number}" for number in range(10)))
        consumer = self.channel(node)
        events = [consumer.call("basic.get", queue="q") for _ in range(5)]
        consumer.send("basic.ack", delivery_tag=events[1].values["delivery_tag"])
        consumer.send("basic.reject", delivery_tag=events[3].values["delivery_tag"])
        consumer.send("basic.nack", delivery_tag=events[4].values["delivery_tag"], requeue=True)
        consumer.sync()
        self.barrier(node)
        node.restart(kill)
        self.assertEqual(self.contents(node, "q"), [
            (b"0", True), (b"2", True), (b"4", True),
            *((f"{number}".encode(), self.unseen(kill)) for number in range(5, 10))])
        # Whoever looked has taken all of it.
        self.barrier(node)
        node.restart(kill)
        left = (0, 2, 4, 5, 6, 7, 8, 9)
        self.assertEqual(self.contents(node, "q"), [(f"{number}".encode(), True) for number in left])

    @on_each_end
    def test_what_was_settled_stays_away(self, node, kill):
        channel = self.with_queue(node, "purged")
        for queue in ("acked", "committed", "taken"):
            self.declare(channel, queue)
            self.publish(channel, queue, *(f"{number}" for number in range(10)))
        self.publish(channel, "purged", "a", "b")
        self.assertEqual(channel.call("queue.purge", queue="purged").values["message_count"], 2)
        consumer = self.channel(node)
        tags = [consumer.call("basic.get", queue="acked").values["delivery_tag"] for _ in range(7)]
        consumer.send("basic.ack", delivery_tag=tags[-1], multiple=True)
        for _ in range(7):
            consumer.call("basic.get", queue="taken", no_ack=True)
        self.publish(channel, "purged", "after the purge")
        transaction = self.channel(node)
        transaction.call("tx.select")
        tags = [transaction.call("basic.get", queue="committed").values["delivery_tag"] for _ in range(7)]
        transaction.send("basic.ack", delivery_tag=tags[3], multiple=True)
        self.assertEqual(transaction.call("tx.commit").name, "tx.commit-ok")
        transaction.send("basic.ack", delivery_tag=tags[6])
        transaction.sync()  # Never committed.
        consumer.sync()
        self.barrier(node)
        node.restart(kill)
        self.assertEqual(self.bodies(node, "acked"), [b"7", b"8", b"9"])
        self.assertEqual(self.bodies(node, "taken"), [b"7", b"8", b"9"])
        self.assertEqual(self.bodies(node, "committed"), [b"4", b"5", b"6", b"7", b"8", b"9"])
        self.assertEqual(self.bodies(node, "purged"), [b"after the purge"])

    @on_each_end
    def test_what_fell_out_of_a_full_queue_stays_away(self, node, kill):
        self.require_arguments(node, x_max_length=3)
        channel = self.with_queue(node, x_max_length=3)
        self.publish(channel, "q", *(f"{number}" for number in range(10)))
        self.barrier(node)
        node.restart(kill)
        self.assertEqual(self.bodies(node, "q"), [b"7", b"8", b"9"])

    @on_each_end
    def test_transactions_are_there_when_they_were_committed(self, node, kill):
        channel = self.channel(node)
        for queue in ("one", "two"):
            self.declare(channel, queue)
        channel.call("tx.select")
        for end in ("tx.commit", "tx.rollback", "tx.commit"):
            for number in range(5):
                for queue in ("one", "two"):
                    channel.publish(queue, f"{end} {number}", delivery_mode=2)
            self.assertEqual(channel.call(end).name, f"{end}-ok")
        channel.publish("one", "never committed", delivery_mode=2)
        channel.sync()
        node.restart(kill)
        for queue in ("one", "two"):
            self.assertEqual(self.bodies(node, queue), [f"tx.commit {number}".encode() for number in range(5)] * 2)

    @on_each_end
    def test_priorities_rank_after_a_restart_as_before(self, node, kill):
        self.require_arguments(node, x_max_priority=9)
        channel = self.with_queue(node, x_max_priority=9)
        for number in range(20):
            self.publish(channel, "q", f"{number}", priority=number % 4)
        node.restart(kill)
        self.publish(self.channel(node, confirms=True), "q", "new", priority=2)
        expected = [f"{number}".encode() for priority in (3, 2, 1, 0) for number in range(20) if number % 4 == priority]
        expected.insert(10, b"new")
        self.assertEqual(self.bodies(node, "q"), expected)

    @on_each_end
    def test_dead_letters_are_where_they_went_with_their_history(self, node, kill):
        self.require_arguments(node, x_dead_letter_exchange="", x_max_length=3)
        channel = self.with_queue(node, "dead")
        self.declare(channel, "q", x_dead_letter_exchange="", x_dead_letter_routing_key="dead", x_max_length=3)
        self.publish(channel, "q", *(f"{number}" for number in range(4)))
        consumer = self.channel(node)
        tag = consumer.call("basic.get", queue="q").values["delivery_tag"]
        consumer.send("basic.reject", delivery_tag=tag)
        consumer.sync()
        wait_for(lambda: self.assert_there(node, "queue", "dead")["message_count"] == 2, "dead letters")
        self.barrier(node)
        node.restart(kill)
        channel = self.channel(node)
        for body, reason in ((b"0", "maxlen"), (b"1", "rejected")):
            event = channel.call("basic.get", queue="dead")
            self.assertEqual(event.body, body)
            headers = repr(event.properties["headers"])
            self.assertIn("x-death", headers)
            self.assertIn(f"value='{reason}'", headers)
            self.assertIn("x-first-death-queue', Typed(letter='S', value='q')", headers)
        self.assertEqual(self.bodies(node, "q"), [b"2", b"3"])

    @on_each_end
    def test_deadlines_go_on_while_the_broker_is_away(self, node, kill):
        channel = self.with_queue(node, "by message")
        self.declare(channel, "by queue", x_message_ttl=TTL_S * 1000)
        self.declare(channel, "long", x_message_ttl=3_600_000)
        published_at = time.monotonic()
        self.publish(channel, "by message", "short", expiration=f"{TTL_S * 1000}")
        self.publish(channel, "by message", "long", expiration="3600000")
        self.publish(channel, "by queue", "short")
        self.publish(channel, "long", "long")
        node.restart(kill)
        held = [self.assert_there(node, "queue", queue)["message_count"] for queue in ("by message", "by queue")]
        if time.monotonic() - published_at < TTL_S:
            self.assertEqual(held, [2, 1])
        # A deadline that had begun anew with the restart would be later.
        time.sleep(max(0.0, published_at + TTL_S - time.monotonic()) + 0.1)
        self.assertEqual(self.bodies(node, "by queue"), [])
        self.assertEqual(self.bodies(node, "by message"), [b"long"])
        self.assertEqual(self.bodies(node, "long"), [b"long"])

    @on_each_end
    def test_what_expired_while_the_broker_was_away_is_not_seen_again(self, node, kill):
        channel = self.with_queue(node)
        self.publish(channel, "q", "short", expiration="1000")
        self.publish(channel, "q", "long")
        self.assertEqual(self.assert_there(node, "queue", "q")["message_count"], 2)
        node.strike(kill)
        time.sleep(1.2)
        node.start()
        self.assertEqual(self.bodies(node, "q"), [b"long"])
        node.restart(kill)
        self.assertEqual(self.bodies(node, "q"), [b"long"])

    @on_each_end
    def test_what_is_over_in_the_middle_of_a_backlog_does_not_count(self, node, kill):
        channel = self.with_queue(node)
        published_at = time.monotonic()
        for number in range(300):
            expiration = {1: f"{TTL_S * 1000}", 2: "3600000"}.get(number % 3)
            channel.publish("q", f"{number}", delivery_mode=2, **({"expiration": expiration} if expiration else {}))
        self.wait_confirms(channel, 300)
        node.restart(kill)
        time.sleep(max(0.0, published_at + TTL_S - time.monotonic()) + 1.5)
        left = [b"%d" % number for number in range(300) if number % 3 != 1]
        if not ORACLE:  # RabbitMQ counts what is behind the head.
            self.assertEqual(self.assert_there(node, "queue", "q")["message_count"], len(left))
            node.restart(kill)
            self.assertEqual(self.assert_there(node, "queue", "q")["message_count"], len(left))
        self.assertEqual(self.bodies(node, "q"), left)

    @on_each_end
    def test_what_expired_while_the_broker_was_away_dies_as_others_do(self, node, kill):
        self.require_arguments(node, x_dead_letter_exchange="")
        channel = self.with_queue(node, "q", x_dead_letter_exchange="", x_dead_letter_routing_key="dead")
        self.declare(channel, "dead")
        self.publish(channel, "q", "short", expiration="1000")
        self.publish(channel, "q", "long")
        node.strike(kill)
        time.sleep(1.2)
        for _ in range(2):
            node.start()
            self.assertEqual(self.bodies(node, "q"), [b"long"])
            self.assertEqual(self.bodies(node, "dead"), [b"short"])
            node.strike(kill)
        node.start()


@on_each_shard_count
class SizesTest(DurableTest):
    """Messages of many sizes, and of many queues, in segments of 1 MiB."""

    def declare(self, channel, *queues):
        """Durable queues."""
        for queue in queues:
            self.assertEqual(channel.call("queue.declare", queue=queue, durable=True).name, "queue.declare-ok")

    @on_each_end
    def test_bodies_of_any_size_larger_than_a_segment_as_well(self, node, kill):
        channel = self.channel(node, confirms=True)
        self.declare(channel, "q")
        sizes = [0, 1, 7, 8, 9, 4095, 4096, 4097, 65535, 65536, MIB - 200, MIB - 1, MIB, MIB + 1, 5 * MIB + 3, 20 * MIB,
                 5]
        bodies = [bytes([number]) * size for number, size in enumerate(sizes)]
        self.publish(channel, "q", *bodies)
        node.restart(kill)
        self.assertTrue(self.bodies(node, "q") == bodies, "bodies differ")

    @on_each_end
    def test_a_fanout_to_a_hundred_queues_is_kept_once(self, node, kill):
        channel = self.channel(node, confirms=True)
        queues = [f"q{number}" for number in range(100)]
        self.declare(channel, *queues)
        for queue in queues:
            channel.call("queue.bind", queue=queue, exchange="amq.fanout")
        before = disk_bytes(node.data_dir)
        mark = b"-one copy of this-"
        body = mark + bytes(MIB)
        self.publish(channel, "", *[body] * 3, exchange="amq.fanout")
        # Three copies, and what is made ready ahead: segments of the size of one.
        self.assertLess(disk_bytes(node.data_dir) - before, 9 * MIB)
        self.assertEqual(occurrences(node.data_dir, mark), 3)
        node.restart(kill)
        for queue in queues[::9]:
            self.assertTrue(self.bodies(node, queue) == [body] * 3, "bodies differ")
        self.assertLess(disk_bytes(node.data_dir) - before, 12 * MIB)

    def test_what_queues_in_memory_hold_never_touches_the_disk(self):
        node = self.start_node()
        channel = self.channel(node, confirms=True)
        self.declare(channel, "durable")
        channel.call("queue.declare", queue="transient")
        channel.call("queue.declare", queue="exclusive", exclusive=True, durable=True)
        for queue in ("transient", "exclusive"):
            channel.call("queue.bind", queue=queue, exchange="amq.fanout")
        self.publish(channel, "durable", "-disk mark-")
        for _ in range(200):
            self.publish(channel, "transient", b"-memory mark-" + bytes(1000))
            self.publish(channel, "", b"-memory mark-" + bytes(1000), exchange="amq.fanout")
        self.publish(channel, "durable", b"-transient mark-", delivery_mode=1)
        self.publish(channel, "durable", "-disk mark-")  # Whatever was before it is written.
        self.assertEqual(occurrences(node.data_dir, b"-disk mark-"), 2)
        self.assertEqual(occurrences(node.data_dir, b"-memory mark-"), 0)
        self.assertEqual(occurrences(node.data_dir, b"-transient mark-"), 0)
        node.end()
        self.assertEqual(occurrences(node.data_dir, b"-memory mark-"), 0)


def files_of(folder):
    """Paths of all files in it."""
    for at, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(at, name)


def disk_bytes(folder):
    """What its files take of the disk."""
    return sum(os.stat(path).st_blocks * 512 for path in files_of(folder))


def occurrences(folder, mark):
    """How often the bytes stand in its files."""
    count = 0
    for path in files_of(folder):
        with open(path, "rb") as file:
            count += file.read().count(mark)
    return count
