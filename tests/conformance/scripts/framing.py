"""Frames as such: kinds, ends, sizes, splits, unknown and malformed methods, field tables."""

import struct

from harness import wire
from harness.stage import script


def ping(channel):
    """Shows that the channel still works."""
    channel.call("basic.qos")


# Frame heads and ends

def bad_end(stage, end):
    channel = stage.channel()
    channel.frame(wire.METHOD, wire.method_payload("basic.qos"), end=end, note=f"basic.qos with end octet {end}")
    channel.connection.expect_close()


@script("a wrong end octet closes the connection")
def _(stage):
    bad_end(stage, 0)


@script("a wrong end octet of 205 closes the connection")
def _(stage):
    bad_end(stage, 205)


@script("a wrong end octet on channel 0 closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send_frame(wire.HEARTBEAT, 0, b"", end=1)
    connection.expect_close()


@script("a wrong end octet during the handshake closes the connection")
def _(stage):
    connection = stage.socket()
    connection.send_bytes(wire.PROTOCOL_HEADER)
    connection.receive(0)
    payload = wire.method_payload("connection.start-ok", mechanism="PLAIN", response="\0full\0full", locale="en_US")
    connection.send_frame(wire.METHOD, 0, payload, end=0, note="start-ok with end octet 0")
    connection.expect_close()


@script("a wrong end octet after a body frame closes the connection")
def _(stage):
    channel = stage.channel()
    channel.send("basic.publish", routing_key=stage.name("q"))
    channel.frame(wire.HEADER, wire.header_payload(5))
    channel.frame(wire.BODY, b"hello", end=0)
    channel.connection.expect_close()


def unknown_kind(stage, kind, channel=1, payload=b"abc"):
    connection = stage.channel().connection
    connection.send_frame(kind, channel, payload)
    connection.expect_close()


@script("a frame of type 0 closes the connection")
def _(stage):
    unknown_kind(stage, 0)


@script("a frame of type 4 closes the connection")
def _(stage):
    unknown_kind(stage, 4)


@script("a frame of type 9 closes the connection")
def _(stage):
    unknown_kind(stage, 9)


@script("a frame of type 255 closes the connection")
def _(stage):
    unknown_kind(stage, 255)


@script("a frame of an unknown type with a long payload shows only its beginning")
def _(stage):
    unknown_kind(stage, 9, payload=bytes(range(64)))


@script("a frame of an unknown type with printable payload shows it as text")
def _(stage):
    unknown_kind(stage, 9, payload=b"hello world, this is a long printable text that goes on and on for a while")


@script("a frame of an unknown type on channel 0 closes the connection")
def _(stage):
    unknown_kind(stage, 9, channel=0)


@script("a frame of an unknown type on a channel that is not open closes the connection")
def _(stage):
    unknown_kind(stage, 9, channel=7)


@script("a heartbeat on channel 0 is accepted")
def _(stage):
    channel = stage.channel()
    channel.connection.send_frame(wire.HEARTBEAT, 0, b"")
    ping(channel)


@script("a heartbeat on an open channel closes the connection")
def _(stage):
    channel = stage.channel()
    channel.frame(wire.HEARTBEAT, b"")
    channel.connection.expect_close()


@script("a heartbeat on a channel that is not open")
def _(stage):
    connection = stage.connect()
    connection.send_frame(wire.HEARTBEAT, 5, b"")
    connection.expect_close()


@script("a heartbeat with a payload on channel 0")
def _(stage):
    channel = stage.channel()
    channel.connection.send_frame(wire.HEARTBEAT, 0, b"abc")
    channel.connection.expect_close()


@script("a header frame on channel 0 closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send_frame(wire.HEADER, 0, wire.header_payload(0))
    connection.expect_close()


@script("a body frame on channel 0 closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send_frame(wire.BODY, 0, b"abc")
    connection.expect_close()


@script("an empty method frame closes the connection")
def _(stage):
    channel = stage.channel()
    channel.frame(wire.METHOD, b"")
    channel.connection.expect_close()


@script("a method frame of three bytes closes the connection")
def _(stage):
    channel = stage.channel()
    channel.frame(wire.METHOD, b"\x00\x3c\x00")
    channel.connection.expect_close()


@script("an empty method frame on channel 0 closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send_frame(wire.METHOD, 0, b"")
    connection.expect_close()


# Sizes

@script("a frame of exactly frame_max is accepted")
def _(stage):
    channel = stage.channel(frame_max=4096)
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "x" * 4088)
    channel.counts(queue)


@script("a frame eight bytes above frame_max is accepted")
def _(stage):
    channel = stage.channel(frame_max=4096)
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "x" * 4096, frame_size=4096)
    channel.counts(queue)


@script("a frame nine bytes above frame_max closes the connection")
def _(stage):
    channel = stage.channel(frame_max=4096)
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "x" * 4097, frame_size=4097)
    channel.connection.expect_close()


@script("a method frame above frame_max closes the connection")
def _(stage):
    channel = stage.channel(frame_max=4096)
    channel.send("queue.declare", queue=stage.name("q"), arguments={"pad": "x" * 5000})
    channel.connection.expect_close()


@script("the head alone of a frame above frame_max closes the connection")
def _(stage):
    connection = stage.channel().connection
    connection.send_bytes(struct.pack(">BHI", 3, 1, 0xFFFFFFFF), "head of a body frame of 4294967295 bytes")
    connection.expect_close()


@script("a large body comes back in frames of frame_max")
def _(stage):
    channel = stage.channel(frame_max=4096)
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "y" * 10000)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a body of exactly one frame comes back in one frame")
def _(stage):
    channel = stage.channel(frame_max=4096)
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "y" * 4088)
    channel.call("basic.get", queue=queue, no_ack=True)
    channel.publish(queue, "y" * 4089)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a body published with a small frame_max is delivered with the consumer's large one")
def _(stage):
    small, large = stage.channel(frame_max=4096), stage.channel()
    queue = stage.name("q")
    small.call("queue.declare", queue=queue)
    small.publish(queue, "z" * 9000)
    small.sync()
    large.call("basic.get", queue=queue, no_ack=True)


# Splits

@script("several methods in one write are answered in order")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    frames = [("queue.declare", dict(queue=queue)), ("queue.bind", dict(queue=queue, exchange="amq.direct", routing_key="k")),
              ("basic.qos", {}), ("queue.purge", dict(queue=queue)), ("queue.delete", dict(queue=queue))]
    data = b"".join(wire.frame(1, 1, wire.method_payload(name, **values)) for name, values in frames)
    channel.connection.send_bytes(data, "declare, bind, qos, purge, delete in one write")
    channel.take(5)


@script("a publish byte by byte arrives whole")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    data = (wire.frame(1, 1, wire.method_payload("basic.publish", routing_key=queue))
            + wire.frame(2, 1, wire.header_payload(11, {"content_type": "text/plain", "headers": {"a": 1}}))
            + wire.frame(3, 1, b"hello ") + wire.frame(3, 1, b"world"))
    channel.connection.send_in_pieces(data, "publish byte by byte")
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a publish in writes of three and seven bytes arrives whole")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    body = bytes(range(256)) * 4
    data = (wire.frame(1, 1, wire.method_payload("basic.publish", routing_key=queue))
            + wire.frame(2, 1, wire.header_payload(len(body))) + wire.frame(3, 1, body))
    channel.connection.send_in_pieces(data, "publish in pieces", sizes=(3, 7))
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a connection that ends in the middle of a frame loses only that frame")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "first")
    channel.sync()
    channel.connection.send_bytes(wire.frame(1, 1, wire.method_payload("basic.publish", routing_key=queue))[:9],
                                  "half of a publish")
    channel.connection.finish_sending()
    channel.connection.expect_end()
    stage.channel().counts(queue)


# Unknown and malformed methods

def malformed(stage, payload, note):
    channel = stage.channel()
    channel.frame(wire.METHOD, payload, note=note)
    channel.connection.expect_close()


@script("an unknown class closes the connection")
def _(stage):
    malformed(stage, struct.pack(">HH", 99, 10), "method 99.10")


@script("an unknown method of a known class closes the connection")
def _(stage):
    malformed(stage, struct.pack(">HH", 60, 99), "method 60.99")


@script("an unknown method with arguments closes the connection")
def _(stage):
    malformed(stage, struct.pack(">HH", 60, 99) + b"abc", "method 60.99 with arguments")


@script("class 0 method 0 closes the connection")
def _(stage):
    malformed(stage, bytes(4), "method 0.0")


@script("an unknown method on channel 0 closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send_frame(wire.METHOD, 0, struct.pack(">HH", 10, 99), note="method 10.99")
    connection.expect_close()


@script("an unknown method on a channel that is not open closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send_frame(wire.METHOD, 3, struct.pack(">HH", 99, 1), note="method 99.1")
    connection.expect_close()


@script("a method that the server sends is refused: queue.declare-ok")
def _(stage):
    malformed(stage, wire.method_payload("queue.declare-ok", queue="x"), "queue.declare-ok")


def content_of_server(stage, name):
    channel = stage.channel()
    channel.send(name)
    channel.frame(wire.HEADER, wire.header_payload(0), note="empty content")
    channel.connection.expect_close()


@script("a method that the server sends is refused: basic.deliver")
def _(stage):
    content_of_server(stage, "basic.deliver")


@script("a method that the server sends is refused: basic.return")
def _(stage):
    content_of_server(stage, "basic.return")


@script("a method that the server sends is refused: channel.open-ok")
def _(stage):
    malformed(stage, wire.method_payload("channel.open-ok"), "channel.open-ok")


@script("a method that the server sends is refused: channel.flow-ok")
def _(stage):
    malformed(stage, wire.method_payload("channel.flow-ok"), "channel.flow-ok")


@script("a method that the server sends is refused: confirm.select-ok")
def _(stage):
    malformed(stage, wire.method_payload("confirm.select-ok"), "confirm.select-ok")


@script("a method that the server sends is refused: basic.consume-ok")
def _(stage):
    malformed(stage, wire.method_payload("basic.consume-ok", consumer_tag="x"), "basic.consume-ok")


@script("a method that the server sends is refused: basic.get-empty")
def _(stage):
    malformed(stage, wire.method_payload("basic.get-empty"), "basic.get-empty")


@script("basic.cancel-ok from a client is refused")
def _(stage):
    channel = stage.channel()
    channel.send("basic.cancel-ok", consumer_tag="never")
    channel.connection.expect_close()


@script("connection methods on a channel are refused")
def _(stage):
    malformed(stage, wire.method_payload("connection.close", reply_code=200), "connection.close")


@script("connection.open on a channel is refused")
def _(stage):
    malformed(stage, wire.method_payload("connection.open", virtual_host="/"), "connection.open")


@script("a method without its arguments closes the connection")
def _(stage):
    malformed(stage, struct.pack(">HH", 50, 10), "queue.declare without arguments")


@script("a method whose shortstr runs over the end closes the connection")
def _(stage):
    malformed(stage, struct.pack(">HHH", 50, 10, 0) + b"\xffabc", "queue.declare with a name of 255 in 3 bytes")


@script("a method without its bit octet closes the connection")
def _(stage):
    malformed(stage, struct.pack(">HHH", 50, 10, 0) + wire.short_string("q"), "queue.declare that ends before its bits")


@script("a method without its table closes the connection")
def _(stage):
    malformed(stage, struct.pack(">HHH", 50, 10, 0) + wire.short_string("q") + b"\x00", "queue.declare without a table")


@script("bytes after a method's last argument close the connection")
def _(stage):
    malformed(stage, wire.method_payload("queue.declare", queue=stage.name("q")) + b"\x00", "queue.declare and one byte more")


@script("bytes after basic.qos close the connection")
def _(stage):
    malformed(stage, wire.method_payload("basic.qos") + b"\x00\x00", "basic.qos and two bytes more")


@script("a connection method without its arguments closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send_frame(wire.METHOD, 0, struct.pack(">HH", 10, 50), note="connection.close without arguments")
    connection.expect_close()


@script("unused bits of a bit octet are ignored")
def _(stage):
    channel = stage.channel()
    payload = struct.pack(">HHIHB", 60, 10, 0, 5, 0xFE)
    channel.frame(wire.METHOD, payload, note="basic.qos with all spare bits set")
    channel.receive()


@script("the ticket is ignored")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", ticket=65535, queue=stage.name("q"))


# Heartbeats

@script("an idle connection gets heartbeats")
def _(stage):
    connection = stage.connect(heartbeat=1)
    connection.receive_heartbeat()
    connection.receive_heartbeat()


@script("a client that is silent for longer than two heartbeats is dropped")
def _(stage):
    connection = stage.connect(heartbeat=1)
    connection.expect_end()


@script("any frame counts as a heartbeat")
def _(stage):
    connection = stage.connect(heartbeat=1)
    channel = connection.channel(1)
    for _ in range(6):
        connection.receive_heartbeat()
        channel.call("basic.qos")
