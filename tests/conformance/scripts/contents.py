"""Content headers and bodies that are wrong, out of order or odd."""

import struct

from harness import wire
from harness.stage import script

from .publishing import queue_of


# Content errors

HEADER_OF_3 = (wire.HEADER, wire.header_payload(3), "header of 3 bytes")
QOS = (wire.METHOD, wire.method_payload("basic.qos"), "basic.qos")


def content(stage, *frames):
    channel = stage.channel()
    channel.send("basic.publish", routing_key=stage.name("q"))
    for kind, payload, note in frames:
        channel.frame(kind, payload, note=note)
    channel.call("basic.qos")


@script("a body that is longer than announced")
def _(stage):
    content(stage, HEADER_OF_3, (wire.BODY, b"abcd", None))


@script("a body frame after a complete body closes the connection")
def _(stage):
    content(stage, HEADER_OF_3, (wire.BODY, b"abc", None), (wire.BODY, b"d", None))


@script("a body frame after an empty body closes the connection")
def _(stage):
    content(stage, (wire.HEADER, wire.header_payload(0), "header of 0 bytes"), (wire.BODY, b"d", None))


@script("an empty body frame after an empty body closes the connection")
def _(stage):
    content(stage, (wire.HEADER, wire.header_payload(0), "header of 0 bytes"), (wire.BODY, b"", None))


@script("a body frame instead of the header closes the connection")
def _(stage):
    content(stage, (wire.BODY, b"abc", None))


@script("a second header instead of the body closes the connection")
def _(stage):
    content(stage, HEADER_OF_3, HEADER_OF_3)


@script("a method instead of the header closes the connection")
def _(stage):
    content(stage, QOS)


@script("a method instead of the body closes the connection")
def _(stage):
    content(stage, HEADER_OF_3, QOS)


@script("a method in the middle of the body closes the connection")
def _(stage):
    content(stage, HEADER_OF_3, (wire.BODY, b"ab", None),
            QOS)


@script("an unknown method in the middle of the body closes the connection")
def _(stage):
    content(stage, HEADER_OF_3, (wire.METHOD, b"\0\x63\0\1", "method 99.1"))


@script("a header for another class closes the connection")
def _(stage):
    content(stage, (wire.HEADER, wire.header_payload(3, class_id=50), "header of class 50"))


@script("a header for an unknown class closes the connection")
def _(stage):
    content(stage, (wire.HEADER, wire.header_payload(3, class_id=99), "header of class 99"))


@script("a header of class 0 closes the connection")
def _(stage):
    content(stage, (wire.HEADER, wire.header_payload(3, class_id=0), "header of class 0"))


@script("a header of another class that brings its own flags closes the connection")
def _(stage):
    content(stage, (wire.HEADER, wire.header_payload(3, {"content_type": "x"}, class_id=10), "header of class 10"))


@script("a header with a weight closes the connection")
def _(stage):
    channel, queue = queue_of(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, wire.header_payload(3, weight=1), note="header of weight 1")
    channel.frame(wire.BODY, b"abc")
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a header frame that is too short closes the connection")
def _(stage):
    content(stage, (wire.HEADER, b"\0\x3c\0\0\0\0", "header of 6 bytes"))


@script("a header frame without property flags closes the connection")
def _(stage):
    content(stage, (wire.HEADER, struct.pack(">HHQ", 60, 0, 3), "header without flags"))


@script("an empty header frame closes the connection")
def _(stage):
    content(stage, (wire.HEADER, b"", "empty header"))


@script("a header frame without a method closes the connection")
def _(stage):
    channel = stage.channel()
    channel.frame(wire.HEADER, wire.header_payload(3), note="header of 3 bytes")
    channel.call("basic.qos")


@script("a body frame without a method closes the connection")
def _(stage):
    channel = stage.channel()
    channel.frame(wire.BODY, b"abc")
    channel.call("basic.qos")


@script("a header after a method without content closes the connection")
def _(stage):
    channel = stage.channel()
    channel.call("basic.qos")
    channel.frame(wire.HEADER, wire.header_payload(3), note="header of 3 bytes")
    channel.connection.expect_close()


@script("a body size above the limit is refused")
def _(stage):
    channel = stage.channel()
    channel.send("basic.publish", routing_key=stage.name("q"))
    channel.frame(wire.HEADER, wire.header_payload(2**40), note="header of 2^40 bytes")
    channel.call("basic.qos")


@script("a body size of 2^64 - 1 is refused")
def _(stage):
    channel = stage.channel()
    channel.send("basic.publish", routing_key=stage.name("q"))
    channel.frame(wire.HEADER, wire.header_payload(2**64 - 1), note="header of 2^64-1 bytes")
    channel.call("basic.qos")


@script("property values that run over the end of the header")
def _(stage):
    channel, queue = queue_of(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, struct.pack(">HHQH", 60, 0, 0, 0x8000) + b"\xffabc", note="header with a content type of 255 in 3")
    channel.call("basic.qos")


@script("a flag without its property value")
def _(stage):
    channel, queue = queue_of(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, struct.pack(">HHQH", 60, 0, 0, 0x8000), note="header with a flag and no value")
    channel.call("basic.qos")


@script("bytes after the last property value")
def _(stage):
    channel, queue = queue_of(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, struct.pack(">HHQH", 60, 0, 0, 0) + b"abc", note="header with bytes after the flags")
    channel.call("basic.qos")


@script("the continuation bit of the property flags")
def _(stage):
    channel, queue = queue_of(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, struct.pack(">HHQHH", 60, 0, 0, 1, 0), note="header with more flags to come")
    channel.call("basic.qos")


@script("the unused second flag bit")
def _(stage):
    channel, queue = queue_of(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, struct.pack(">HHQH", 60, 0, 0, 2), note="header with flag bit 1")
    channel.call("basic.qos")


@script("a headers table with an unknown value type")
def _(stage):
    channel, queue = queue_of(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, struct.pack(">HHQH", 60, 0, 0, 0x2000) + wire.long_string(b"\x01kZ"),
                  note="header with a value of type Z")
    channel.call("basic.qos")


@script("a headers table that is cut")
def _(stage):
    channel, queue = queue_of(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, struct.pack(">HHQH", 60, 0, 0, 0x2000) + wire.long_string(b"\x01kS\0\0\0\x20abc"),
                  note="header with a string of 32 in 3")
    channel.call("basic.qos")


@script("a property that is no UTF-8")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body", message_id=b"\xff\xfe")
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a routing key that is no UTF-8")
def _(stage):
    channel = stage.channel()
    channel.publish(b"\xff\xfe", "body", exchange="amq.direct", mandatory=True)
    channel.call("basic.qos")


@script("a header name in a table that is no UTF-8")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body", headers=[(b"\xff\xfe", b"\xff\xfe")])
    channel.call("basic.get", queue=queue, no_ack=True)
