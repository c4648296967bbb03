"""Sockets that end in every way, at every moment."""

import random
import socket

from harness import wire
from harness.connection import ConnectionClosed
from support import Client, DaemonTest, connect, on_each_shard_count, publish_frames
from support.daemon import wait_for

OUR_HEADER = b"AMQP\x00\x00\x09\x01"


def method(channel, name, **values):
    """A method frame."""
    return wire.frame(wire.METHOD, channel, wire.method_payload(name, **values))


def session():
    """A valid session of a client that waits for nothing, as its pieces."""
    return [
        OUR_HEADER,
        method(0, "connection.start-ok", mechanism="PLAIN", response="\0guest\0guest", locale="en_US"),
        method(0, "connection.tune-ok", channel_max=2047, frame_max=131072, heartbeat=10),
        method(0, "connection.open", virtual_host="/"),
        method(1, "channel.open"),
        method(1, "confirm.select"),
        method(1, "queue.declare", queue="q", exclusive=True),
        method(1, "queue.bind", queue="q", exchange="amq.topic", routing_key="a.#"),
        method(1, "basic.qos", prefetch_count=3),
        method(1, "basic.consume", queue="q", consumer_tag="c"),
        publish_frames("a.b", bytes(5000), exchange="amq.topic", frame_size=4088),
        publish_frames("q", b"second", delivery_mode=2, headers={"a": 1}),
        method(1, "basic.ack", delivery_tag=1),
        method(2, "channel.open"),
        method(2, "tx.select"),
        publish_frames("q", b"held", channel=2),
        method(2, "tx.commit"),
        method(1, "basic.get", queue="q"),
        method(2, "channel.close", reply_code=200),
        method(0, "connection.close", reply_code=200),
    ]


@on_each_shard_count
class SocketsTest(DaemonTest):
    """The other end goes, in part or as a whole."""

    def settle(self, daemon, socket_count):
        """Waits until the daemon holds no more sockets than it did."""
        wait_for(lambda: daemon.socket_count() <= socket_count, "end of all sockets", explain=daemon.log_text)

    def test_what_a_client_asked_before_it_finished_sending_is_done(self):
        daemon = self.start()
        client = self.client(daemon)
        channel = client.channel()
        channel.send("queue.declare", queue="q")
        channel.publish("q", "last words")
        client.finish_sending()
        with self.assertRaises(ConnectionClosed):
            while True:
                channel.receive()  # The answer may come or not: the end of the stream is the end of the client.
        other = self.client(daemon).channel()
        self.assertEqual(other.call("basic.get", queue="q", no_ack=True).body, b"last words")

    def test_it_may_end_after_any_piece_of_a_session_by_end_or_reset(self):
        daemon = self.start()
        neighbours = self.neighbours(daemon)
        before = daemon.socket_count()
        pieces = session()
        for count in range(len(pieces) + 1):
            for reset in (False, True):
                client = Client(daemon.address)
                client.send_bytes(b"".join(pieces[:count]))
                if reset:
                    client.reset()
                else:
                    client.drop()
        neighbours.call()
        self.settle(daemon, before)

    def test_it_may_end_at_any_byte_with_answers_unread(self):
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        chosen = random.Random(seed)
        daemon = self.start()
        neighbours = self.neighbours(daemon)
        before = daemon.socket_count()
        data = b"".join(session())
        for _ in range(300):
            client = Client(daemon.address)
            client.send_bytes(data[:chosen.randrange(len(data))])
            if chosen.random() < 0.5:
                client.socket.settimeout(0.01)
                try:
                    client.socket.recv(chosen.randrange(1, 3000))
                except OSError:
                    pass
            (client.reset if chosen.random() < 0.5 else client.drop)()
        neighbours.call()
        self.settle(daemon, before)

    def test_a_session_that_comes_all_at_once_is_answered_to_the_end(self):
        daemon = self.start()
        client = Client(daemon.address)
        self.addCleanup(client.drop)
        client.send_bytes(b"".join(session()))
        names = []
        while names[-1:] != ["connection.close-ok"]:
            names.append(client.receive(0).name)
        self.assertEqual(names, ["connection.start", "connection.tune", "connection.open-ok", "connection.close-ok"])
        self.assertEqual(client.receive(1).name, "channel.open-ok")
        # Its exclusive queue has gone with it.
        channel = self.client(daemon).channel()
        self.assertEqual(channel.call("queue.declare", queue="q", passive=True).values["reply_code"], 404)

    def test_a_consumer_that_is_reset_gives_its_messages_back(self):
        daemon = self.start()
        channel = self.client(daemon).channel()
        channel.call("queue.declare", queue="work")
        for number in range(10):
            channel.publish("work", f"{number}")
        for _ in range(20):
            victim = connect(daemon.address)
            taker = victim.channel()
            taker.call("basic.consume", queue="work")
            taker.take(10)
            victim.reset()
            wait_for(lambda: channel.call("queue.declare", queue="work").values["message_count"] == 10, "requeue")
        channel.call("basic.consume", queue="work", no_ack=True)
        events = channel.take(10)
        self.assertEqual([event.body for event in events], [b"%d" % number for number in range(10)])
        self.assertTrue(all(event.values["redelivered"] for event in events))

    def test_a_reset_in_the_middle_of_a_large_delivery_leaves_nothing(self):
        daemon = self.start()
        neighbours = self.neighbours(daemon)
        channel = self.client(daemon).channel()
        channel.call("queue.declare", queue="large")
        body = bytes(8 * 2**20)
        channel.publish("large", body)
        before = daemon.socket_count()
        for _ in range(10):
            victim = connect(daemon.address)
            taker = victim.channel()
            taker.send("basic.get", queue="large")
            victim.socket.recv(100_000)
            victim.reset()
            neighbours.call(5)
            wait_for(lambda: channel.call("queue.declare", queue="large").values["message_count"] == 1, "requeue")
        self.settle(daemon, before)
        self.assertEqual(channel.call("basic.get", queue="large").body, body)

    def test_many_half_open_sockets_cost_little_and_go_with_the_deadline(self):
        daemon = self.start(settings=["limits.handshake_timeout=2s"])
        neighbours = self.neighbours(daemon)
        before = daemon.socket_count()
        resident = daemon.resident_bytes()
        sockets = [socket.create_connection(daemon.address) for _ in range(500)]
        for one in sockets[::2]:
            one.sendall(OUR_HEADER)
        for one in sockets[::5]:
            one.shutdown(socket.SHUT_WR)
        neighbours.call()
        self.assert_resident_below(daemon, resident / 2**20 + 32)
        self.settle(daemon, before)
        for one in sockets:
            one.close()
