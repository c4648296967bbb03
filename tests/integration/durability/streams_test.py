"""Streams over a restart: offsets stay, nothing that was confirmed is lost, and readers go on where they were."""

import os
import random

from support import on_each_shard_count
from support.durable import DurableTest, on_each_end

STREAM = {"x-queue-type": "stream"}
#: More of it by hand: CYCLES=100 run.py --only streams_test
CYCLES = int(os.environ.get("CYCLES", "5"))


@on_each_shard_count
class StreamsTest(DurableTest):
    """Each test writes a stream, ends the broker in one way or the other, and reads."""

    def stream(self, node, name="s", **arguments):
        """A confirming channel, and a stream."""
        channel = self.channel(node, confirms=True)
        event = channel.call("queue.declare", queue=name, durable=True, arguments={**STREAM, **arguments})
        self.assertEqual(event.name, "queue.declare-ok", event)
        return channel

    def reader(self, node, offset, name="s", prefetch=1000):
        """A channel that reads from an offset."""
        channel = self.channel(node)
        channel.call("basic.qos", prefetch_count=prefetch)
        answer = channel.call("basic.consume", queue=name, consumer_tag="c", arguments={"x-stream-offset": offset})
        self.assertEqual(answer.name, "basic.consume-ok", answer)
        return channel

    def read(self, channel, count):
        """(offset, body) of the next deliveries, which are acknowledged."""
        got = []
        for _ in range(count):
            event = channel.receive()
            self.assertEqual((event.name, event.values["redelivered"]), ("basic.deliver", False), event)
            letter, offset = dict(event.properties["headers"])["x-stream-offset"]
            self.assertEqual(letter, "l", "the type of the offset")
            got.append((offset, event.body))
            channel.send("basic.ack", delivery_tag=event.values["delivery_tag"])
        return got

    def count(self, node, name="s"):
        """How many messages the stream has."""
        return self.assert_there(node, "queue", name)["message_count"]

    @on_each_end
    def test_offsets_stay_and_a_reader_goes_on_behind_the_last_one_it_saw(self, node, kill):
        channel = self.stream(node)
        self.publish(channel, "s", *(f"{number}" for number in range(700)), delivery_mode=None)
        reader = self.reader(node, "first")
        last = self.read(reader, 300)[-1]
        self.assertEqual(last, (299, b"299"))
        node.restart(kill)
        self.assertEqual(self.count(node), 700)
        reader = self.reader(node, last[0] + 1)
        self.assertEqual(self.read(reader, 400), [(number, b"%d" % number) for number in range(300, 700)])
        self.publish(self.stream(node), "s", "next")
        self.assertEqual(self.read(reader, 1), [(700, b"next")])
        self.assertEqual(self.read(self.reader(node, "first"), 701)[0], (0, b"0"))

    @on_each_end
    def test_a_message_keeps_all_of_its_properties(self, node, kill):
        channel = self.stream(node)
        channel.call("exchange.declare", exchange="x", type="topic", durable=True)
        channel.call("queue.bind", queue="s", exchange="x", routing_key="#")
        self.publish(channel, "some.key", b"\x00" * 100_000, exchange="x", headers=[("n", 1)], message_id="m", priority=7,
                     delivery_mode=None)
        node.restart(kill)
        event = self.reader(node, "first").receive()
        self.assertEqual((event.values["exchange"], event.values["routing_key"]), ("x", "some.key"))
        self.assertEqual(dict(event.properties["headers"])["n"].value, 1)
        self.assertEqual((event.properties["message_id"], event.properties["priority"]), ("m", 7))
        self.assertNotIn("delivery_mode", event.properties)
        self.assertTrue(event.body == b"\x00" * 100_000, "bodies differ")

    @on_each_end
    def test_what_retention_has_taken_stays_away(self, node, kill):
        channel = self.stream(node, **{"x-max-length-bytes": 200_000, "x-stream-max-segment-size-bytes": 50_000})
        self.publish(channel, "s", *("x" * 1000 for _ in range(1000)))
        before = self.count(node)
        self.assertLessEqual(before, 200)
        self.assertGreater(before, 140)
        first = self.read(self.reader(node, "first"), 1)[0][0]
        self.assertEqual(first, 1000 - before)
        node.restart(kill)
        after = self.count(node)
        self.assertLessEqual(after, before + 60)
        self.assertEqual(self.read(self.reader(node, "first"), 1)[0][0], 1000 - after)
        self.publish(self.stream(node, **{"x-max-length-bytes": 200_000, "x-stream-max-segment-size-bytes": 50_000}),
                     "s", "y")
        self.assertEqual(self.read(self.reader(node, "last"), 1), [(1000, b"y")])

    @on_each_end
    def test_a_stream_that_was_deleted_leaves_nothing(self, node, kill):
        channel = self.stream(node)
        self.publish(channel, "s", *("x" * 100 for _ in range(20_000)))
        channel.call("queue.delete", queue="s")
        node.restart(kill)
        self.assert_missing(node, "queue", "s")
        channel = self.stream(node)
        self.publish(channel, "s", "new")
        self.assertEqual(self.read(self.reader(node, "first"), 1), [(0, b"new")])

    def test_nothing_confirmed_is_lost_when_it_is_killed_under_load(self):
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        chosen = random.Random(seed)
        node = self.start_node()
        confirmed, published, seen = set(), 0, {}
        for _ in range(CYCLES):
            channel = self.stream(node)
            sent, acked = [], set()
            for _ in range(chosen.randrange(200, 2000)):
                channel.publish("s", f"{published}" + " " * chosen.randrange(500))
                sent.append(published)
                published += 1
            while len(acked) < len(sent) // 2:
                event = channel.receive()
                tag = event.values["delivery_tag"]
                acked |= {seq for seq in range(1, tag + 1) if seq == tag or event.values["multiple"]}
            node.strike()
            confirmed |= {sent[seq - 1] for seq in acked}
            node.start()
            count = self.count(node)
            got = self.read(self.reader(node, "first"), count)
            self.assertEqual([offset for offset, _ in got], list(range(count)), "offsets have no gap")
            numbers = [int(body) for _, body in got]
            self.assertEqual(numbers, sorted(set(numbers)), "in the order of publishing, each once")
            self.assertEqual(confirmed - set(numbers), set(), "confirmed, and lost")
            for offset, body in seen.items():
                self.assertEqual(got[offset], (offset, body), "an offset means another message than before")
            seen = dict(chosen.sample(got, min(50, len(got))))
