"""Clients of the daemon: the raw connections of the conformance tests, without a transcript."""

import socket

from harness import wire
from harness.connection import Connection, ConnectionClosed
from harness.transcript import CAPABILITIES


class _NoTranscript:
    @staticmethod
    def add(line):
        """Nobody reads it."""


class Client(Connection):
    """A raw AMQP connection. Beside what it inherits it can be looked at as a socket."""

    def __init__(self, address):
        super().__init__(_NoTranscript(), "client", address)
        self.recording = False

    @property
    def socket(self):
        """The TCP socket."""
        return self._socket

    def log_in(self, user="guest", password=None, vhost="/", frame_max=131072, channel_max=2047, heartbeat=0,
               properties=None):
        """The whole handshake. Returns itself."""
        self.open(user, password or user, vhost, frame_max, channel_max, heartbeat,
                  {**CAPABILITIES, **(properties or {})})
        return self

    def reset(self):
        """Ends the TCP connection with RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.drop()


def connect(address, **options):
    """A client that has logged in; `options` are those of Client.log_in."""
    client = Client(address)
    try:
        return client.log_in(**options)
    except BaseException:
        client.drop()
        raise


def supports_arguments(address, arguments):
    """Whether queues may have these arguments. There are some that Leveret does not know yet."""
    client = connect(address)
    try:
        event = client.channel().call("queue.declare", exclusive=True, arguments=arguments)
        client.close()
        return event.name == "queue.declare-ok"
    except ConnectionClosed:
        return False


def publish_frames(routing_key, body, channel=1, exchange="", frame_size=131064, **properties):
    """The frames of one basic.publish as bytes, for those who send many."""
    frames = [
        wire.frame(wire.METHOD, channel,
                   wire.method_payload("basic.publish", exchange=exchange, routing_key=routing_key)),
        wire.frame(wire.HEADER, channel, wire.header_payload(len(body), properties))]
    frames += [wire.frame(wire.BODY, channel, body[at:at + frame_size]) for at in range(0, len(body), frame_size)]
    return b"".join(frames)
