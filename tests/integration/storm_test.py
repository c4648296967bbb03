"""Very many connections at once, and too few descriptors for them."""

import resource
import socket
import time

from harness import wire
from support import DaemonTest, connect, on_each_shard_count
from support.daemon import wait_for

COUNT = 2000
RESERVED_DESCRIPTORS = 64  # Clients do not get these.
SESSION = (wire.PROTOCOL_HEADER +
           wire.frame(wire.METHOD, 0, wire.method_payload("connection.start-ok", mechanism="PLAIN",
                                                          response="\0guest\0guest", locale="en_US")) +
           wire.frame(wire.METHOD, 0, wire.method_payload("connection.tune-ok", channel_max=2047, frame_max=131072,
                                                          heartbeat=60)) +
           wire.frame(wire.METHOD, 0, wire.method_payload("connection.open", virtual_host="/")) +
           wire.frame(wire.METHOD, 1, wire.method_payload("channel.open")) +
           wire.frame(wire.METHOD, 1, wire.method_payload("queue.declare", exclusive=True)))
DECLARED = b"amq.gen-"


@on_each_shard_count
class StormTest(DaemonTest):
    """Everybody reconnects at once."""

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < COUNT + 100:
            self.skipTest(f"a process may have only {hard} descriptors here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 10_000)), hard))
        self.daemon = self.start(settings=["log.level=warning"])
        self.good = self.neighbours(self.daemon)
        self.good.call()

    def storm(self, count=COUNT):
        """So many connections, all begun before any is answered; returned when each has its queue."""
        started = time.monotonic()
        sockets = []
        for _ in range(count):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self.daemon.address)
            sockets.append(one)
        for one in sockets:
            one.settimeout(30)
            wait_for(lambda one=one: self.send_all(one), "connection")
        for one in sockets:
            answers = b""
            while DECLARED not in answers:
                piece = one.recv(65536)
                self.assertTrue(piece, f"hung up after {answers!r}")
                answers += piece
        return sockets, time.monotonic() - started

    @staticmethod
    def send_all(one):
        """Sends the whole session at once; False while the connection is not there yet."""
        try:
            one.sendall(SESSION)
            return True
        except (BlockingIOError, ConnectionRefusedError, BrokenPipeError):
            return False

    def test_all_are_served_the_others_go_on_and_nothing_is_left(self):
        before = self.daemon.socket_count()
        sockets, duration_s = self.storm()
        print(f"{COUNT} connections with a channel and a queue in {duration_s:.2f} s with {self.shards} shards")
        self.assertGreaterEqual(self.daemon.socket_count(), before + COUNT)
        self.good.slowest_s = 0.0
        self.good.call()
        self.assertLess(self.good.slowest_s, 5.0)
        for one in sockets:
            one.close()
        self.good.call()
        wait_for(lambda: self.daemon.socket_count() <= before, "end of all sockets")

    def test_memory_does_not_grow_from_storm_to_storm(self):
        resident = []
        before = self.daemon.socket_count()
        for _ in range(6):
            sockets, _ = self.storm(1000)
            for one in sockets:
                one.close()
            wait_for(lambda: self.daemon.socket_count() <= before, "end of all sockets")
            resident.append(self.daemon.resident_bytes())
        self.skip_when_sanitized()
        # What the first ones took is used again by the later ones.
        self.assertLess(resident[-1] - resident[1], 8 * 2**20, [size // 2**20 for size in resident])

    def test_a_reset_of_all_at_once(self):
        before = self.daemon.socket_count()
        sockets, _ = self.storm()
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            one.close()
        self.good.call()
        wait_for(lambda: self.daemon.socket_count() <= before, "end of all sockets")

    def test_a_stop_in_the_storm(self):
        sockets, _ = self.storm(1000)
        self.daemon.signal(15)
        for one in sockets:
            # All are told before the first is hung up on.
            self.assertIn(b"broker forced connection closure", one.recv(65536))
            one.close()
        self.good.drop()
        self.assertEqual(self.daemon.wait_exit(), 0)


@on_each_shard_count
class DescriptorsTest(DaemonTest):
    """Too few descriptors."""

    def crowd(self, daemon):
        """So many clients that no more are accepted: those who are served, and those who wait outside."""
        limit = daemon.descriptor_count() + 20 + RESERVED_DESCRIPTORS
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (limit, limit))
        inside = [connect(daemon.address) for _ in range(10)]
        outside = [socket.create_connection(daemon.address) for _ in range(40)]  # The system's queue takes them.
        for one in outside:
            one.sendall(wire.PROTOCOL_HEADER)
        daemon.wait_for_log(r"\[error\] server: cannot accept a connection: too few file descriptors are left")
        return inside, outside

    def test_the_log_has_descriptors_when_clients_have_taken_all_of_theirs(self):
        self.skip_when_sanitized("the undefined behaviour sanitizer needs descriptors of its own")
        daemon = self.start(settings=["storage.segment_size=1MiB"])
        client = connect(daemon.address)
        channel = client.channel()
        channel.call("queue.declare", queue="q", durable=True)
        channel.call("confirm.select")
        inside, outside = self.crowd(daemon)
        body = bytes(300_000)
        for number in range(1, 31):  # Each new segment is a file to open.
            channel.publish("q", body, delivery_mode=2)
            while (event := channel.receive()).name == "basic.ack" and event.values["delivery_tag"] < number:
                pass
            self.assertEqual(event.name, "basic.ack")
        self.assertEqual(channel.call("queue.declare", queue="q", passive=True).values["message_count"], 30)
        for one in inside:
            one.close()
        for one in outside:
            one.close()
        client.close()

    def test_without_descriptors_accepting_pauses_and_goes_on_when_there_are_some_again(self):
        self.skip_when_sanitized("the undefined behaviour sanitizer needs descriptors of its own")
        daemon = self.start()
        good = self.neighbours(daemon)
        inside, outside = self.crowd(daemon)
        good.call()
        used = daemon.processor_time_s()
        lines = len(daemon.log_lines())
        time.sleep(1.0)  # The daemon must be idle meanwhile: that is what is measured.
        self.assertLess(daemon.processor_time_s() - used, 0.3, "CPU seconds while it cannot accept")
        self.assertLess(len(daemon.log_lines()) - lines, 25, "lines while it cannot accept")
        good.call()
        for client in inside:
            client.close()
        for one in outside[:10]:
            one.settimeout(15)
            self.assertIn(b"publisher_confirms", one.recv(4096))
        for one in outside:
            one.close()
        connect(daemon.address).close()
