"""Who does not speak AMQP, or not to the end: deadlines, limits, other protocols."""

import socket
import ssl
import time

from harness import wire
from harness.connection import ConnectionClosed
from support import Client, DaemonTest, connect, on_each_shard_count

OUR_HEADER = b"AMQP\x00\x00\x09\x01"


def read_to_end(one):
    """Everything until the other side closes."""
    data = b""
    while True:
        try:
            piece = one.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


@on_each_shard_count
class HandshakeTest(DaemonTest):
    """From the first byte to connection.open-ok."""

    def dial(self, daemon):
        """A TCP connection, closed at the end of the test."""
        one = socket.create_connection(daemon.address, timeout=15)
        self.addCleanup(one.close)
        return one

    def test_another_protocol_is_answered_with_our_header_and_closed(self):
        daemon = self.start()
        for header in (b"AMQP\x00\x01\x00\x00", b"AMQP\x00\x00\x09\x02", b"AMQP\x03\x01\x00\x00", b"AMQP\x02\x01\x00\x00",
                       b"GET / HT", b"\x00" * 8, b"\xff" * 8, b"amqp\x00\x00\x09\x01"):
            with self.subTest(header=header):
                one = self.dial(daemon)
                one.sendall(header)
                one.shutdown(socket.SHUT_WR)
                self.assertEqual(read_to_end(one), OUR_HEADER)

    def test_http_is_answered_and_closed_without_harm(self):
        daemon = self.start()
        neighbours = self.neighbours(daemon)
        one = self.dial(daemon)
        one.sendall(b"GET / HTTP/1.1\r\nHost: localhost:5672\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n")
        self.assertEqual(read_to_end(one), OUR_HEADER)
        neighbours.call()
        line = daemon.wait_for_log("does not begin as AMQP")
        self.assertIn("[warning] connection: closing connection 127.0.0.1:", line)

    def test_tls_is_answered_and_closed_without_harm(self):
        daemon = self.start()
        neighbours = self.neighbours(daemon)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with self.assertRaises(ssl.SSLError):
            context.wrap_socket(self.dial(daemon))
        neighbours.call()
        daemon.wait_for_log("does not begin as AMQP")

    def test_the_header_may_come_byte_by_byte(self):
        client = Client(self.start().address)
        self.addCleanup(client.drop)
        for byte in OUR_HEADER:
            client.send_bytes(bytes([byte]))
        self.assertEqual(client.receive().name, "connection.start")

    def test_whoever_does_not_finish_in_time_is_hung_up_on(self):
        daemon = self.start(settings=["limits.handshake_timeout=1s"])
        neighbours = self.neighbours(daemon)
        stages = {"nothing": b"", "half a header": OUR_HEADER[:4], "a header": OUR_HEADER,
                  "a header and half a frame": OUR_HEADER + b"\x01\x00\x00"}
        sockets = {}
        started = time.monotonic()
        for stage, data in stages.items():
            sockets[stage] = self.dial(daemon)
            sockets[stage].sendall(data)
        tuned = Client(daemon.address)
        self.addCleanup(tuned.drop)
        tuned.send_bytes(OUR_HEADER)
        tuned.receive()
        tuned.send(0, "connection.start-ok", mechanism="PLAIN", response="\0guest\0guest", locale="en_US")
        tuned.receive()
        tuned.send(0, "connection.tune-ok", channel_max=1, frame_max=4096, heartbeat=0)
        for stage, one in sockets.items():
            with self.subTest(stage=stage):
                read_to_end(one)
                self.assertGreater(time.monotonic() - started, 0.9)
        with self.assertRaises(ConnectionClosed):
            tuned.receive()
        self.assertLess(time.monotonic() - started, 5)
        neighbours.call()
        self.assertEqual(sum("the handshake has taken too long" in line for line in daemon.log_lines()), 5)

    def test_drip_feeding_the_handshake_does_not_prolong_it(self):
        daemon = self.start(settings=["limits.handshake_timeout=1s"])
        one = self.dial(daemon)
        one.sendall(OUR_HEADER)
        one.recv(4)
        started = time.monotonic()
        one.settimeout(0.1)
        frame = wire.frame(wire.METHOD, 0, wire.method_payload(
            "connection.start-ok", mechanism="PLAIN", response="\0guest\0guest", locale="en_US"))
        ended = False
        for byte in frame * 2:  # Each byte a tenth of a second after the last.
            try:
                one.sendall(bytes([byte]))
                while not ended:
                    ended = one.recv(4096) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
            if ended:
                break
        self.assertTrue(ended)
        self.assertLess(time.monotonic() - started, 5)

    def test_no_more_connections_than_the_limit_and_those_there_are_go_on(self):
        daemon = self.start(settings=["limits.connections=4"])
        neighbours = self.neighbours(daemon)
        others = [connect(daemon.address) for _ in range(2)]
        for _ in range(3):
            client = Client(daemon.address)
            client.answers_close = False
            client.send_bytes(OUR_HEADER)
            client.receive()
            client.send(0, "connection.start-ok", mechanism="PLAIN", response="\0guest\0guest", locale="en_US")
            client.receive()
            client.send(0, "connection.tune-ok", channel_max=1, frame_max=4096, heartbeat=0)
            client.send(0, "connection.open", virtual_host="/")
            close = client.receive()
            self.assertEqual((close.name, close.values["reply_code"]), ("connection.close", 530))
            self.assertEqual(close.values["reply_text"],
                             "NOT_ALLOWED - connection refused: node connection limit (4) is reached")
            client.drop()
        neighbours.call()
        others[0].close()
        others[0] = connect(daemon.address)  # What has gone makes room.
        others[1].drop()
        daemon.wait_for_log("lost without connection.close")
        others[1] = connect(daemon.address)
        for client in others:
            client.close()

    def test_no_more_connections_of_one_user_than_the_limit(self):
        daemon = self.start(settings=["limits.connections_per_user=2", "auth.users=[{name: nova, password: nova, "
                                      "permissions: [{vhost: /, configure: '.*', write: '.*', read: '.*'}]}]"])
        first, second = (connect(daemon.address, user="nova") for _ in range(2))
        with self.assertRaises(ConnectionClosed):
            connect(daemon.address, user="nova")
        connect(daemon.address).close()
        first.close()
        connect(daemon.address, user="nova").close()
        second.close()
