"""Field tables and texts: broken ones, odd ones, and the way back."""

import struct

from harness import wire
from harness.stage import script

from .framing import malformed


# Tables

def declare_with_table(stage, content, note):
    channel = stage.channel()
    payload = (struct.pack(">HHH", 50, 10, 0) + wire.short_string(stage.name("q")) + b"\x00" + wire.long_string(content))
    channel.frame(wire.METHOD, payload, note=f"queue.declare with {note}")
    channel.receive()


@script("a table with an unknown value type closes the connection")
def _(stage):
    declare_with_table(stage, wire.short_string("k") + b"Z1", "value type Z")


@script("a table value that runs over the end closes the connection")
def _(stage):
    declare_with_table(stage, wire.short_string("k") + b"S\x00\x00\x00\x64abc", "a string of 100 in 3 bytes")


@script("a table that ends after a key closes the connection")
def _(stage):
    declare_with_table(stage, wire.short_string("k"), "a key without a value")


@script("a table key that runs over the end closes the connection")
def _(stage):
    declare_with_table(stage, b"\xf0abc", "a key of 240 in 3 bytes")


@script("a table whose nested table runs over the end closes the connection")
def _(stage):
    declare_with_table(stage, wire.short_string("k") + b"F\x00\x00\x00\x50abc", "a nested table of 80 in 3 bytes")


@script("a table whose array holds half a value closes the connection")
def _(stage):
    declare_with_table(stage, wire.short_string("k") + b"A" + wire.long_string(b"I\x00\x00"), "an array with half a number")


@script("a table longer than its frame closes the connection")
def _(stage):
    malformed(stage, struct.pack(">HHH", 50, 10, 0) + wire.short_string("q") + b"\x00" + struct.pack(">I", 500) + b"abc",
              "queue.declare with a table of 500 in 3 bytes")


@script("an empty key is accepted in a table")
def _(stage):
    declare_with_table(stage, wire.table_content({"": 1}), "an empty key")


@script("a key given twice is accepted in a table")
def _(stage):
    declare_with_table(stage, wire.table_content([("k", 1), ("k", 2)]), "a key given twice")


@script("a boolean of 2 is accepted in a table")
def _(stage):
    declare_with_table(stage, wire.short_string("k") + b"t\x02", "a boolean of 2")


@script("a table nested twenty deep is accepted")
def _(stage):
    value = {"end": 1}
    for _ in range(20):
        value = {"t": value}
    declare_with_table(stage, wire.table_content(value), "tables twenty deep")


@script("every field type comes back as it was sent")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    headers = {
        "t": True, "false": False, "b": wire.Typed("b", -1), "B": wire.Typed("B", 200), "s": wire.Typed("s", -2),
        "u": wire.Typed("u", 60000), "I": -3, "i": wire.Typed("i", 4000000000), "l": wire.Typed("l", -4),
        "f": wire.Typed("f", 1.5), "d": 2.5, "D": wire.Typed("D", (2, 314)), "S": "text", "A": [1, "two", [3, None], {"x": True}],
        "T": wire.Typed("T", 1700000000), "F": {"inner": {"deep": None}}, "V": None, "x": wire.Typed("x", b"\x00\xff"),
        "": "empty",
    }
    channel.publish(queue, "body", headers=headers)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("headers with a key given twice come back as they were sent")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "body", headers=[("k", 1), ("other", "x"), ("k", 2)])
    channel.call("basic.get", queue=queue, no_ack=True)


# Texts that are no UTF-8

NOT_UTF8 = b"\xff\xfe"

for method, field, others in [
        ("exchange.declare", "exchange", {"type": "direct"}), ("exchange.declare", "type", {"exchange": "x"}),
        ("exchange.delete", "exchange", {}), ("exchange.bind", "destination", {"source": "amq.fanout"}),
        ("exchange.bind", "source", {"destination": "amq.fanout"}), ("queue.bind", "routing_key", {"queue": "q", "exchange": "amq.direct"}),
        ("queue.bind", "queue", {"exchange": "amq.direct"}), ("queue.delete", "queue", {}), ("queue.purge", "queue", {}),
        ("basic.consume", "queue", {}), ("basic.consume", "consumer_tag", {"queue": "q"}), ("basic.cancel", "consumer_tag", {}),
        ("basic.get", "queue", {}), ("channel.close", "reply_text", {"reply_code": 200}), ("channel.open", "out_of_band", {}),
        ("access.request", "realm", {}), ("queue.declare", "queue", {"passive": True})]:
    @script(f"a text that is no UTF-8 as {field.replace('_', ' ')} of {method}{' passive' if others.get('passive') else ''}")
    def _(stage, method=method, field=field, others=others):
        connection = stage.connect()
        channel = connection.raw_channel(1) if method == "channel.open" else connection.channel(1)
        if "queue" in others:
            channel.call("queue.declare", queue=stage.name(others["queue"]))
        given = {name: stage.name(value) if value in ("q", "x") else value for name, value in others.items()}
        channel.is_open = True
        channel.call(method, **{field: NOT_UTF8, **given})


@script("a text that is no UTF-8 as exchange of basic.publish")
def _(stage):
    channel = stage.channel()
    channel.publish("k", "body", exchange=NOT_UTF8)
    channel.receive()


@script("an argument table with texts that are no UTF-8")
def _(stage):
    stage.channel().call("queue.declare", queue=stage.name("q"), arguments=[(b"\xff\xfe", b"\xff\xfe")])
