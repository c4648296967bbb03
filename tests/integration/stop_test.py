"""Stopping: what clients hear, how long it takes, what a second signal does."""

import signal
import socket
import time

from harness.connection import ConnectionClosed
from support import Client, DaemonTest, connect, on_each_shard_count

SHUTDOWN_TEXT = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"


@on_each_shard_count
class StopTest(DaemonTest):
    """SIGTERM and SIGINT."""

    def clients(self, daemon, count=5):
        """Clients that do not answer connection.close by themselves."""
        clients = [self.client(daemon) for _ in range(count)]
        for client in clients:
            client.channel()
            client.answers_close = False
        return clients

    def assert_told(self, client):
        """It hears connection.close 320 next."""
        event = client.receive(0)
        self.assertEqual(event.name, "connection.close")
        self.assertEqual(event.values, {"reply_code": 320, "reply_text": SHUTDOWN_TEXT, "class_id": 0, "method_id": 0})

    def test_everyone_is_told_320_before_anyone_is_hung_up_on_then_exit_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number.name):
                daemon = self.start()
                clients = self.clients(daemon)
                daemon.signal(number)
                for client in clients:
                    self.assert_told(client)
                # All have heard it while all are still connected, and the daemon waits for them.
                self.assertFalse(daemon.has_ended())
                for client in clients:
                    client.send(0, "connection.close-ok")
                    with self.assertRaises(ConnectionClosed):
                        client.receive(0)
                self.assertEqual(daemon.wait_exit(patience_s=5), 0)

    def test_a_client_that_never_answers_does_not_hold_it_longer_than_the_grace(self):
        daemon = self.start(settings=["shutdown.grace=1s"])
        good, *deaf = self.clients(daemon, 3)
        started = time.monotonic()
        daemon.signal(signal.SIGTERM)
        self.assert_told(good)
        good.send(0, "connection.close-ok")
        self.assertEqual(daemon.wait_exit(), 0)
        duration_s = time.monotonic() - started
        self.assertGreater(duration_s, 0.95)
        self.assertLess(duration_s, 5)
        for client in deaf:
            self.assert_told(client)

    def test_a_client_that_does_not_read_does_not_hold_it_longer_than_the_grace(self):
        daemon = self.start(settings=["shutdown.grace=500ms"])
        client = self.clients(daemon, 1)[0]
        channel = client.channel(2)
        channel.call("queue.declare", queue="q")
        for _ in range(20):
            channel.publish("q", bytes(2**20))
        channel.sync()
        channel.send("basic.consume", queue="q", no_ack=True)  # 20 MiB are more than the socket takes.
        connect(daemon.address).close()
        started = time.monotonic()
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait_exit(), 0)
        self.assertLess(time.monotonic() - started, 5)

    def test_a_second_signal_stops_at_once(self):
        daemon = self.start(settings=["shutdown.grace=60s"])
        client = self.clients(daemon, 1)[0]
        daemon.signal(signal.SIGTERM)
        self.assert_told(client)
        started = time.monotonic()
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait_exit(), 0)
        self.assertLess(time.monotonic() - started, 5)
        self.assertIsNotNone(daemon.find_in_log("told to stop a second time"))

    def test_nobody_new_is_let_in_while_it_stops(self):
        daemon = self.start()
        client = self.clients(daemon, 1)[0]
        daemon.signal(signal.SIGTERM)
        self.assert_told(client)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(daemon.address)
        client.send(0, "connection.close-ok")
        client.drop()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_clients_in_every_state_of_the_handshake_go_too(self):
        daemon = self.start()
        silent, greeted, tuned = (Client(daemon.address) for _ in range(3))
        for client in (silent, greeted, tuned):
            self.addCleanup(client.drop)
        for client in (greeted, tuned):
            client.send_bytes(b"AMQP\0\0\x09\x01")
            client.receive()
        tuned.send(0, "connection.start-ok", mechanism="PLAIN", response="\0guest\0guest", locale="en_US")
        tuned.receive()
        started = time.monotonic()
        daemon.signal(signal.SIGTERM)
        for client in (silent, greeted, tuned):
            with self.assertRaises(ConnectionClosed):
                client.receive()
        self.assertEqual(daemon.wait_exit(), 0)
        self.assertLess(time.monotonic() - started, 5)

    def test_it_stops_in_the_middle_of_traffic(self):
        daemon = self.start()
        client = self.clients(daemon, 1)[0]
        channel = client.channel(2)
        channel.call("queue.declare", queue="q")
        channel.call("basic.qos", prefetch_count=10)
        channel.call("basic.consume", queue="q")
        for number in range(200):
            channel.publish("q", f"{number}")
        daemon.signal(signal.SIGTERM)
        self.assert_told(client)
        client.send(0, "connection.close-ok")
        client.drop()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_clients_notice_when_it_is_killed(self):
        # Nothing can be said after SIGKILL; the system closes all sockets.
        daemon = self.start()
        client = self.clients(daemon, 1)[0]
        daemon.signal(signal.SIGKILL)
        self.assertEqual(daemon.wait_exit(), -signal.SIGKILL)
        with self.assertRaises(ConnectionClosed):
            client.receive(0)
