"""Heartbeats on real sockets, with real clocks: who is silent is dropped, who is not is kept."""

import signal
import subprocess
import sys
import time

from harness import wire
from harness.connection import ConnectionClosed
from support import Client, DaemonTest, on_each_shard_count

INTERVAL_S = 1
#: By how much a busy machine may be late.
TOLERANCE_S = 0.5

#: A client in a process of its own: takes a message and leaves it unacknowledged, then is stopped.
CONSUMER = """
import sys
sys.path[:0] = {path!r}
from support import connect
client = connect({address!r}, heartbeat={heartbeat})
channel = client.channel()
channel.call("basic.qos", prefetch_count=1)
channel.call("basic.consume", queue="work")
print(channel.receive().body.decode(), flush=True)
sys.stdin.read()
"""


@on_each_shard_count
class HeartbeatTest(DaemonTest):
    """An interval of one second, the shortest there is."""

    def test_the_broker_sends_one_every_half_interval_while_it_has_nothing_else_to_say(self):
        client = self.client(self.start(), heartbeat=INTERVAL_S)
        started = time.monotonic()
        for count in range(1, 5):
            client.receive_heartbeat()
            elapsed_s = time.monotonic() - started
            self.assertGreater(elapsed_s, count * INTERVAL_S / 2 - 0.3)
            self.assertLess(elapsed_s, count * INTERVAL_S / 2 + TOLERANCE_S)
            client.send_frame(wire.HEARTBEAT, 0, b"")

    def test_a_silent_client_is_dropped_between_two_and_three_intervals(self):
        daemon = self.start()
        client = self.client(daemon, heartbeat=INTERVAL_S, properties={"connection_name": "sleepy"})
        started = time.monotonic()
        with self.assertRaises(ConnectionClosed):
            client.receive(0)  # Heartbeats are read over; no close is sent to somebody who does not listen.
        elapsed_s = time.monotonic() - started
        self.assertGreater(elapsed_s, 2 * INTERVAL_S - 0.05)
        self.assertLess(elapsed_s, 3 * INTERVAL_S + TOLERANCE_S)
        line = daemon.wait_for_log("missed heartbeats")
        self.assertRegex(line, r"\[warning\] connection: closing connection 127\.0\.0\.1:\d+ \(sleepy\) \(user 'guest'\)"
                               r": missed heartbeats from the client, silent for 2\d\d\d ms, timeout 1 s")

    def test_any_traffic_is_as_good_as_a_heartbeat(self):
        client = self.client(self.start(), heartbeat=INTERVAL_S)
        channel = client.channel()
        ended = time.monotonic() + 4 * INTERVAL_S
        while time.monotonic() < ended:
            channel.sync()
            client.receive_heartbeat()  # Comes after half an interval without other output.

    def test_one_byte_at_a_time_is_traffic(self):
        client = self.client(self.start(), heartbeat=INTERVAL_S)
        channel = client.raw_channel()
        for byte in wire.frame(wire.METHOD, 1, wire.method_payload("channel.open"))[:8]:
            client.send_bytes(bytes([byte]))
            client.receive_heartbeat()
        client.send_bytes(wire.frame(wire.METHOD, 1, wire.method_payload("channel.open"))[8:])
        self.assertEqual(channel.receive().name, "channel.open-ok")

    def test_zero_switches_them_off_in_both_directions(self):
        client = self.client(self.start(settings=["limits.heartbeat=1s"]), heartbeat=0)
        client.socket.settimeout(3.5 * INTERVAL_S)
        with self.assertRaises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(15)
        client.channel().sync()

    def test_a_stopped_client_is_dropped_and_its_message_goes_to_another(self):
        daemon = self.start()
        channel = self.client(daemon).channel()
        channel.call("queue.declare", queue="work")
        channel.publish("work", "task")
        program = CONSUMER.format(path=sys.path[:3], address=daemon.address, heartbeat=INTERVAL_S)
        stopped = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(stopped.stdout.readline(), "task\n")
            channel.call("basic.consume", queue="work")
            stopped.send_signal(signal.SIGSTOP)
            started = time.monotonic()
            event = channel.receive()
            elapsed_s = time.monotonic() - started
        finally:
            stopped.kill()
            stopped.communicate()
        self.assertEqual((event.name, event.body, event.values["redelivered"]), ("basic.deliver", b"task", True))
        self.assertGreater(elapsed_s, INTERVAL_S)  # It was last heard up to one interval before.
        self.assertLess(elapsed_s, 3 * INTERVAL_S + TOLERANCE_S)

    def test_the_intervals_of_each_client_are_its_own(self):
        daemon = self.start()
        client = Client(daemon.address)
        self.addCleanup(client.drop)
        client.log_in(heartbeat=3)
        quick = self.client(daemon, heartbeat=1)
        with self.assertRaises(ConnectionClosed):
            quick.receive(0)
        client.send_frame(wire.HEARTBEAT, 0, b"")
        client.channel().sync()
