"""Protocol header, start, tune, open, close: connections that begin well or badly."""

import struct

from harness import wire
from harness.stage import CAPABILITIES, script

HEADER = wire.PROTOCOL_HEADER


def started(stage):
    """A connection that has seen connection.start, not written down."""
    connection = stage.socket()
    connection.recording = False
    connection.send_bytes(HEADER)
    connection.receive(0)
    connection.recording = True
    return connection


def tuned(stage, capabilities=CAPABILITIES):
    """A connection that has seen connection.tune, not written down."""
    connection = started(stage)
    connection.recording = False
    connection.send(0, "connection.start-ok", client_properties=capabilities, mechanism="PLAIN",
                    response="\0full\0full", locale="en_US")
    connection.receive(0)
    connection.recording = True
    return connection


def log_in(connection, mechanism="PLAIN", response="\0full\0full", properties=CAPABILITIES, locale="en_US"):
    """Sends start-ok and takes what comes."""
    connection.send(0, "connection.start-ok", client_properties=properties, mechanism=mechanism, response=response,
                    locale=locale)
    connection.receive(0)


# Protocol header

@script("a good protocol header is answered by connection.start")
def _(stage):
    connection = stage.socket()
    connection.send_bytes(HEADER, "protocol header")
    connection.receive(0)


@script("a protocol header in eight writes is answered by connection.start")
def _(stage):
    connection = stage.socket()
    connection.send_in_pieces(HEADER, "protocol header byte by byte")
    connection.receive(0)


def wrong_header(stage, data):
    connection = stage.socket()
    connection.send_bytes(data, f"bytes {data!r}")
    connection.receive_bytes(8)
    connection.expect_end()


@script("a protocol header of version 0-8 opens a connection of that version")
def _(stage):
    wrong_header(stage, b"AMQP\x01\x01\x08\x00")


@script("a protocol header of version 0-10 is answered by the server's header")
def _(stage):
    wrong_header(stage, b"AMQP\x01\x01\x00\x0a")


@script("a protocol header of version 9.9.9 is answered by the server's header")
def _(stage):
    wrong_header(stage, b"AMQP\x00\x09\x09\x09")


@script("a protocol header of AMQP 1.0 is answered by the server's header")
def _(stage):
    wrong_header(stage, b"AMQP\x00\x01\x00\x00")


@script("a protocol header of AMQP 1.0 with SASL is answered by the server's header")
def _(stage):
    wrong_header(stage, b"AMQP\x03\x01\x00\x00")


@script("eight bytes that are no AMQP are answered by the server's header")
def _(stage):
    wrong_header(stage, b"XMPP\x00\x00\x09\x01")


@script("an HTTP request is answered by the server's header")
def _(stage):
    wrong_header(stage, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


@script("a TLS hello is answered by the server's header")
def _(stage):
    wrong_header(stage, b"\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03" + bytes(60))


@script("a protocol header of version 0-9 opens a connection")
def _(stage):
    connection = stage.socket()
    connection.send_bytes(b"AMQP\x01\x01\x00\x09", "protocol header of 0-9")
    connection.receive(0)


@script("a client that ends its stream inside the protocol header is closed")
def _(stage):
    connection = stage.socket()
    connection.send_bytes(b"AMQ", "bytes b'AMQ'")
    connection.finish_sending()
    connection.expect_end()


# start-ok

@script("PLAIN with the right password leads to tune")
def _(stage):
    log_in(started(stage))


@script("AMQPLAIN with the right password leads to tune")
def _(stage):
    response = wire.table_content({"LOGIN": "full", "PASSWORD": "full"})
    log_in(started(stage), "AMQPLAIN", response)


@script("AMQPLAIN takes its fields in any order and beside others")
def _(stage):
    response = wire.table_content({"PASSWORD": "full", "EXTRA": 1, "LOGIN": "full"})
    log_in(started(stage), "AMQPLAIN", response)


@script("AMQPLAIN without a password is a syntax error")
def _(stage):
    connection = started(stage)
    log_in(connection, "AMQPLAIN", wire.table_content({"LOGIN": "full"}))


@script("AMQPLAIN with an empty response is a syntax error")
def _(stage):
    log_in(started(stage), "AMQPLAIN", b"")


@script("AMQPLAIN with a broken table is refused")
def _(stage):
    log_in(started(stage), "AMQPLAIN", b"\x05LOGIN")


@script("AMQPLAIN with the wrong password is refused with the mechanism's name")
def _(stage):
    log_in(started(stage), "AMQPLAIN", wire.table_content({"LOGIN": "full", "PASSWORD": "wrong"}))


@script("PLAIN with the wrong password is refused by connection.close when the client can take it")
def _(stage):
    log_in(started(stage), response="\0full\0wrong")


@script("PLAIN with the wrong password only closes the socket when the client cannot take a close")
def _(stage):
    log_in(started(stage), response="\0full\0wrong", properties={})


@script("an authentication_failure_close of false only closes the socket")
def _(stage):
    log_in(started(stage), response="\0full\0wrong", properties={"capabilities": {"authentication_failure_close": False}})


@script("PLAIN with an unknown user is refused as with a wrong password")
def _(stage):
    log_in(started(stage), response="\0nobody\0nobody")


@script("PLAIN with an empty password is refused")
def _(stage):
    log_in(started(stage), response="\0full\0")


@script("PLAIN with an authorisation identity is refused")
def _(stage):
    log_in(started(stage), response="full\0full\0full")


@script("PLAIN with an empty response is refused")
def _(stage):
    log_in(started(stage), response="")


@script("PLAIN with one zero byte only is refused")
def _(stage):
    log_in(started(stage), response="\0full")


@script("PLAIN with a zero byte in the password takes it as a part of the password")
def _(stage):
    log_in(started(stage), response="\0full\0full\0")


@script("an unknown mechanism is refused")
def _(stage):
    log_in(started(stage), mechanism="SCRAM-SHA-256")


@script("an unknown mechanism is refused also without authentication_failure_close")
def _(stage):
    log_in(started(stage), mechanism="SCRAM-SHA-256", properties={})


@script("an empty mechanism is refused")
def _(stage):
    log_in(started(stage), mechanism="")


@script("a mechanism in lower case is refused")
def _(stage):
    log_in(started(stage), mechanism="plain")


@script("EXTERNAL without TLS is refused")
def _(stage):
    log_in(started(stage), mechanism="EXTERNAL", response="")


@script("a locale that is not offered is accepted")
def _(stage):
    log_in(started(stage), locale="fr_FR")


@script("an empty locale is accepted")
def _(stage):
    log_in(started(stage), locale="")


@script("client properties of every field type are accepted")
def _(stage):
    properties = {
        "t": True, "b": wire.Typed("b", -1), "B": wire.Typed("B", 200), "s": wire.Typed("s", -2), "u": wire.Typed("u", 60000),
        "I": -3, "i": wire.Typed("i", 4000000000), "l": wire.Typed("l", -4), "f": wire.Typed("f", 1.5), "d": 2.5,
        "D": wire.Typed("D", (2, 314)), "S": "text", "A": [1, "two", [3]], "T": wire.Typed("T", 1700000000),
        "F": {"inner": {"deep": None}}, "V": None, "x": wire.Typed("x", b"\x00\xff"),
    }
    log_in(started(stage), properties=properties)


@script("client properties with a capability table of a wrong type are accepted")
def _(stage):
    log_in(started(stage), properties={"capabilities": "none"})


@script("client properties with an unknown field type are a syntax error")
def _(stage):
    connection = started(stage)
    content = wire.short_string("k") + b"Z\x00"
    connection.send(0, "connection.start-ok", client_properties=content, mechanism="PLAIN", response="\0full\0full",
                    locale="en_US")
    connection.expect_close()


@script("client properties that end in the middle of a value are a syntax error")
def _(stage):
    connection = started(stage)
    content = wire.short_string("k") + b"S\x00\x00\x00\x09abc"
    connection.send(0, "connection.start-ok", client_properties=content, mechanism="PLAIN", response="\0full\0full",
                    locale="en_US")
    connection.expect_close()


@script("a start-ok of exactly 4096 bytes is accepted before tuning")
def _(stage):
    connection = started(stage)
    payload = wire.method_payload("connection.start-ok", client_properties={"pad": ""}, mechanism="PLAIN",
                                  response="\0full\0full", locale="en_US")
    payload = wire.method_payload("connection.start-ok", client_properties={"pad": "x" * (4088 - len(payload))},
                                  mechanism="PLAIN", response="\0full\0full", locale="en_US")
    connection.send_frame(wire.METHOD, 0, payload, note=f"start-ok of {len(payload)} bytes payload")
    connection.receive(0)


@script("a start-ok of 4096 bytes payload is accepted, eight bytes above the limit")
def _(stage):
    connection = started(stage)
    size = 4096 - len(wire.method_payload("connection.start-ok", client_properties={"pad": ""}, mechanism="PLAIN",
                                          response="\0full\0full", locale="en_US"))
    payload = wire.method_payload("connection.start-ok", client_properties={"pad": "x" * size}, mechanism="PLAIN",
                                  response="\0full\0full", locale="en_US")
    connection.send_frame(wire.METHOD, 0, payload, note=f"start-ok of {len(payload)} bytes payload")
    connection.receive(0)


@script("a start-ok of 4097 bytes payload is refused")
def _(stage):
    connection = started(stage)
    connection.send_frame(wire.METHOD, 0, b"\x00\x0a\x00\x0b" + bytes(4093), note="start-ok of 4097 bytes payload")
    connection.expect_close()


@script("an oversized start-ok is refused before its content is read")
def _(stage):
    connection = started(stage)
    connection.send_bytes(struct.pack(">BHI", 1, 0, 100000), "head of a start-ok of 100000 bytes")
    connection.expect_close()


# Wrong methods at the wrong time

@script("tune-ok instead of start-ok is refused")
def _(stage):
    connection = started(stage)
    connection.send(0, "connection.tune-ok", channel_max=2047, frame_max=131072)
    connection.expect_close()


@script("connection.open instead of start-ok is refused")
def _(stage):
    connection = started(stage)
    connection.send(0, "connection.open", virtual_host="/")
    connection.expect_close()


@script("connection.close before authentication is answered")
def _(stage):
    connection = started(stage)
    connection.send(0, "connection.close", reply_code=200, reply_text="bye")
    connection.receive(0)
    connection.expect_end()


@script("every connection.close is answered, and the client hangs up first")
def _(stage):
    connection = stage.connect()
    for _ in range(3):
        connection.send(0, "connection.close", reply_code=200, reply_text="bye")
    for _ in range(3):
        connection.receive(0)
    connection.send(0, "connection.close", reply_code=200, reply_text="bye")
    connection.receive(0)
    connection.leave()


@script("every connection.close that crosses the broker's own is answered, which still waits for its answer")
def _(stage):
    connection = stage.connect()
    channel = connection.channel()
    connection.answers_close = False
    channel.send("basic.qos", prefetch_size=7)
    connection.receive(0)
    for _ in range(2):
        connection.send(0, "connection.close", reply_code=200, reply_text="bye")
        connection.receive(0)
    connection.send(0, "connection.close-ok")
    connection.expect_end()


@script("a channel method before authentication is refused")
def _(stage):
    connection = started(stage)
    connection.send(1, "channel.open")
    connection.expect_end()


@script("a heartbeat before authentication is ignored")
def _(stage):
    connection = started(stage)
    connection.send_frame(wire.HEARTBEAT, 0, b"")
    log_in(connection)


@script("a second start-ok is refused")
def _(stage):
    connection = tuned(stage)
    connection.send(0, "connection.start-ok", client_properties={}, mechanism="PLAIN", response="\0full\0full", locale="en_US")
    connection.expect_close()


@script("secure-ok that nobody asked for is refused")
def _(stage):
    connection = tuned(stage)
    connection.send(0, "connection.secure-ok", response="x")
    connection.expect_close()


@script("connection.open before tune-ok is refused")
def _(stage):
    connection = tuned(stage)
    connection.send(0, "connection.open", virtual_host="/")
    connection.expect_close()


@script("a channel.open before connection.open is refused")
def _(stage):
    connection = tuned(stage)
    connection.answers_close = False
    connection.send(0, "connection.tune-ok", channel_max=2047, frame_max=131072)
    connection.send(1, "channel.open")
    connection.receive(0)


@script("start from a client is refused")
def _(stage):
    connection = stage.connect()
    connection.send(0, "connection.start", version_minor=9)
    connection.expect_close()


@script("a second connection.open is refused")
def _(stage):
    connection = stage.connect()
    connection.send(0, "connection.open", virtual_host="/")
    connection.expect_close()


@script("tune-ok on an open connection is refused")
def _(stage):
    connection = stage.connect()
    connection.send(0, "connection.tune-ok", channel_max=2047, frame_max=131072)
    connection.expect_close()


@script("connection.blocked from a client is refused")
def _(stage):
    connection = stage.connect()
    connection.send(0, "connection.blocked", reason="why not")
    connection.expect_close()
