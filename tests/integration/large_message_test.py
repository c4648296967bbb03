"""Messages up to the limit of 128 MiB, and messages that are never finished."""

import hashlib
import random
import socket
import time

from harness import wire
from support import DaemonTest, on_each_shard_count, publish_frames
from support.daemon import wait_for

MIB = 2**20
LIMIT = 128 * MIB


@on_each_shard_count
class LargeMessageTest(DaemonTest):
    """Frames of 131072 bytes."""

    def setUp(self):
        self.daemon = self.start(settings=["memory.high_watermark=3GiB"])
        self.channel = self.client(self.daemon).channel()
        self.channel.call("queue.declare", queue="large")

    def receive_raw(self, client, size, on_piece=lambda: None):
        """Reads the frames of one basic.get-ok from the socket; returns the digest and the sizes of the body frames."""
        data = client.socket.makefile("rb", buffering=2**20)
        digest, sizes, received = hashlib.sha256(), [], 0
        while received < size:
            kind, _, _, length = data.read(1)[0], data.read(1), data.read(1), int.from_bytes(data.read(4), "big")
            payload = data.read(length)
            self.assertEqual(data.read(1), b"\xce")
            if kind == wire.BODY:
                digest.update(payload)
                received += length
                sizes.append(length + 8)
                on_piece()
        self.assertEqual(received, size)
        return digest.hexdigest(), sizes

    def test_the_largest_message_goes_in_and_out_unchanged_and_its_memory_comes_back(self):
        before = self.daemon.resident_bytes()
        body = random.Random(1).randbytes(MIB) * (LIMIT // MIB)
        self.channel.publish("large", body)
        self.channel.settle("large")
        client = self.client(self.daemon)
        client.channel().send("basic.get", queue="large")
        digest, sizes = self.receive_raw(client, LIMIT)
        self.assertEqual(digest, hashlib.sha256(body).hexdigest())
        self.assertEqual(set(sizes[:-1]), {131072})
        client.drop()
        wait_for(lambda: self.channel.call("queue.purge", queue="large").values["message_count"] == 1, "requeued message")
        self.assert_comes_below(before / MIB + 32)

    def assert_comes_below(self, limit_mib):
        """The daemon's memory has been given back, soon."""
        self.skip_when_sanitized()
        wait_for(lambda: self.daemon.resident_bytes() / MIB < limit_mib, f"fewer than {limit_mib:.0f} MiB resident",
                 explain=lambda: f"{self.daemon.resident_bytes() / MIB:.0f} MiB")

    def test_one_byte_more_closes_the_channel_and_not_the_connection(self):
        self.channel.send("basic.publish", routing_key="large")
        self.channel.frame(wire.HEADER, wire.header_payload(LIMIT + 1))
        close = self.channel.receive()
        self.assertEqual((close.name, close.values["reply_code"]), ("channel.close", 406))
        self.assertEqual(close.values["reply_text"], f"PRECONDITION_FAILED - message size {LIMIT + 1} is larger than "
                                                     f"configured max size {LIMIT}")
        self.channel.connection.channel(2).sync()

    def test_small_messages_do_not_wait_behind_a_large_one_that_comes_in(self):
        good = self.neighbours(self.daemon)
        sender = self.client(self.daemon)
        channel = sender.channel()
        frames = publish_frames("large", bytes(LIMIT))
        for position in range(0, len(frames), MIB):
            sender.send_bytes(frames[position:position + MIB])
            good.call(1)  # While a MiB of the large one is in the sockets or being read.
        print(f"calls beside 128 MiB in, the slowest {good.slowest_s * 1000:.1f} ms")
        self.assertLess(good.slowest_s, 1.0)
        channel.settle("large")
        self.assertEqual(self.channel.call("queue.purge", queue="large").values["message_count"], 1)

    def test_small_messages_do_not_wait_behind_a_large_one_that_goes_out(self):
        self.channel.publish("large", bytes(LIMIT))
        self.channel.settle("large")
        good = self.neighbours(self.daemon)
        client = self.client(self.daemon)
        client.channel().send("basic.get", queue="large")
        digest, _ = self.receive_raw(client, LIMIT, on_piece=lambda: good.call(1))
        self.assertEqual(digest, hashlib.sha256(bytes(LIMIT)).hexdigest())
        print(f"calls beside 128 MiB out, the slowest {good.slowest_s * 1000:.1f} ms")
        self.assertLess(good.slowest_s, 1.0)

    def test_a_small_message_passes_a_large_one_on_another_channel_of_the_same_connection(self):
        client = self.client(self.daemon)
        first, second = client.channel(1), client.channel(2)
        second.call("queue.declare", queue="small")
        body = bytes(10 * MIB)
        frames = publish_frames("large", body)
        middle = len(frames) // 2 // 131072 * 131072
        # A cut between two frames: after method and header frames come body frames of one size.
        head = frames.index(b"\xce\x03") + 1
        cut = head + (middle - head) // 131072 * 131072
        client.send_bytes(frames[:cut])
        second.publish("small", "passes")
        self.assertEqual(second.call("basic.get", queue="small", no_ack=True).body, b"passes")
        client.send_bytes(frames[cut:])
        first.settle("large")
        self.assertEqual(first.call("basic.get", queue="large", no_ack=True).body, body)

    def test_messages_that_are_never_finished_cost_what_has_come_of_them(self):
        before = self.daemon.resident_bytes() / MIB
        self.daemon.forget_peak()
        client = self.client(self.daemon)
        for number in range(1, 1001):
            client.send_bytes(wire.frame(wire.METHOD, number, wire.method_payload("channel.open")) +
                              wire.frame(wire.METHOD, number, wire.method_payload("basic.publish", routing_key="large")) +
                              wire.frame(wire.HEADER, number, wire.header_payload(LIMIT)) +
                              wire.frame(wire.BODY, number, bytes(1000)))
        client.channel(1001).sync()
        # A thousand times 128 MiB were promised, a thousand times 1000 bytes have come.
        self.assert_peak_below(self.daemon, before + 1000 * 0.3 + 32)
        # Each channel gives its own back.
        client.drop()
        self.assert_comes_below(before + 32)

    def test_a_message_is_still_whole_when_its_frames_come_slowly_and_in_odd_sizes(self):
        chosen = random.Random(5)
        body = chosen.randbytes(300_000)
        client = self.client(self.daemon)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        channel = client.channel()
        channel.send("basic.publish", routing_key="large")
        channel.frame(wire.HEADER, wire.header_payload(len(body)))
        position = 0
        while position < len(body):
            size = chosen.randrange(1, 20_000)
            frame = wire.frame(wire.BODY, 1, body[position:position + size])
            cut = chosen.randrange(len(frame))
            client.send_bytes(frame[:cut])
            client.send_bytes(frame[cut:])
            position += size
        channel.settle("large")
        self.assertEqual(channel.call("basic.get", queue="large").body, body)

    def test_the_connection_of_a_half_sent_message_can_be_closed_in_order(self):
        client = self.client(self.daemon)
        channel = client.channel()
        channel.send("basic.publish", routing_key="large")
        channel.frame(wire.HEADER, wire.header_payload(1000))
        started = time.monotonic()
        client.close()
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(self.channel.call("queue.declare", queue="large").values["message_count"], 0)
