"""basic.publish and its content: errors, returns, properties, CC and BCC, content frames out of order."""

from harness import wire
from harness.stage import script


def queue_of(stage, **options):
    """A channel and an empty queue."""
    channel = stage.channel(**options)
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    return channel, queue


@script("a publish to a missing exchange closes the channel")
def _(stage):
    channel = stage.channel()
    channel.publish("k", "body", exchange=stage.name("x"))
    channel.receive()


@script("a mandatory publish to a missing exchange closes the channel")
def _(stage):
    channel = stage.channel()
    channel.publish("k", "body", exchange=stage.name("x"), mandatory=True)
    channel.receive()


@script("a publish to a missing queue is dropped without a word")
def _(stage):
    channel = stage.channel()
    channel.publish(stage.name("q"), "body")
    channel.sync()


@script("a mandatory publish that finds no queue is returned with all properties")
def _(stage):
    channel = stage.channel()
    channel.publish(stage.name("q"), "body", mandatory=True, content_type="text/plain", headers={"a": 1}, delivery_mode=2,
                    priority=7, correlation_id="corr", reply_to="reply", expiration="1000", message_id="id",
                    timestamp=1700000000, type="type", app_id="app")
    channel.receive()


@script("a mandatory publish without a body is returned without a body")
def _(stage):
    channel = stage.channel()
    channel.publish(stage.name("q"), "", mandatory=True)
    channel.receive()


@script("a mandatory publish with a large body is returned in frames")
def _(stage):
    channel = stage.channel(frame_max=4096)
    channel.publish(stage.name("q"), "r" * 9000, mandatory=True)
    channel.receive()


@script("a mandatory publish that finds a queue is not returned")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body", mandatory=True)
    channel.counts(queue)


@script("returns come in the order of the publishes")
def _(stage):
    channel = stage.channel()
    for number in range(3):
        channel.publish(stage.name(f"q{number}"), f"m{number}", exchange="amq.direct", mandatory=True)
    channel.take(3)


@script("immediate is not implemented")
def _(stage):
    channel = stage.channel()
    channel.publish(stage.name("q"), "body", immediate=True)
    channel.connection.expect_close()


@script("immediate and mandatory are not implemented")
def _(stage):
    channel = stage.channel()
    channel.publish(stage.name("q"), "body", immediate=True, mandatory=True)
    channel.connection.expect_close()


@script("immediate to a missing exchange")
def _(stage):
    channel = stage.channel()
    channel.publish("k", "body", exchange=stage.name("x"), immediate=True)
    channel.receive()


@script("the default exchange takes the queue's name as key")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body")
    channel.call("basic.get", queue=queue, no_ack=True)


@script("an empty routing key finds no queue on the default exchange")
def _(stage):
    channel, _ = queue_of(stage)
    channel.publish("", "body", mandatory=True)
    channel.receive()


@script("line ends are kept in the routing key and in an exchange name of publish")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue + "\n", "body", mandatory=True)
    channel.receive()


@script("all properties come back as they were sent")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body", content_type="text/plain", content_encoding="utf-8", headers={"a": 1, "b": "two"},
                    delivery_mode=2, priority=7, correlation_id="corr", reply_to="reply", expiration="100000", message_id="id",
                    timestamp=1700000000, type="type", user_id="full", app_id="app", cluster_id="cluster")
    channel.call("basic.get", queue=queue, no_ack=True)


@script("each property alone comes back as it was sent")
def _(stage):
    channel, queue = queue_of(stage)
    for name, value in {"content_type": "a", "content_encoding": "b", "headers": {}, "delivery_mode": 1, "priority": 0,
                        "correlation_id": "", "reply_to": "c", "expiration": "100000", "message_id": "d", "timestamp": 0,
                        "type": "e", "user_id": "full", "app_id": "f", "cluster_id": "g"}.items():
        channel.publish(queue, name, **{name: value})
        channel.call("basic.get", queue=queue, no_ack=True)


@script("a delivery mode other than 1 and 2 is refused")
def _(stage):
    channel, queue = queue_of(stage)
    for mode in (0, 3, 255):
        channel.publish(queue, "body", delivery_mode=mode)
        channel.call("basic.get", queue=queue, no_ack=True)
        if not channel.is_open:
            channel.open()


@script("extreme property values come back as they were sent")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body", priority=255, timestamp=2**64 - 1, message_id="m" * 255,
                    correlation_id="naïve/名前", headers={"long": "x" * 300})
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a message without properties comes back without properties")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body")
    channel.call("basic.get", queue=queue, no_ack=True)


@script("an empty body is delivered without body frames")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "")
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a body in many frames of different sizes comes back whole")
def _(stage):
    channel, queue = queue_of(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, wire.header_payload(15), note="header of 15 bytes")
    for piece in (b"a", b"bcd", b"efghijklmn", b"o"):
        channel.frame(wire.BODY, piece)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("body frames without bytes are accepted")
def _(stage):
    channel, queue = queue_of(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, wire.header_payload(4), note="header of 4 bytes")
    for piece in (b"", b"ab", b"", b"cd"):
        channel.frame(wire.BODY, piece)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("contents on two channels may be mixed frame by frame")
def _(stage):
    channel, queue = queue_of(stage)
    other = channel.connection.channel(2)
    for one in (channel, other):
        one.send("basic.publish", routing_key=queue)
    for one in (channel, other):
        one.frame(wire.HEADER, wire.header_payload(4), note="header of 4 bytes")
    for piece in (b"ab", b"cd"):
        channel.frame(wire.BODY, piece)
        other.frame(wire.BODY, piece.upper())
    other.sync()
    channel.settle(queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    bodies = sorted(channel.connection.receive_quietly(1).body for _ in range(2))
    stage.note(f"in the queue: {bodies}")


# CC and BCC

def three_queues(stage):
    channel = stage.channel()
    queues = stage.names("one two three")
    for queue in queues:
        channel.call("queue.declare", queue=queue)
    return channel, queues


@script("CC routes to more queues and is delivered")
def _(stage):
    channel, (one, two, three) = three_queues(stage)
    channel.publish(one, "body", headers={"CC": [two, three], "other": 1})
    for queue in (one, two, three):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("BCC routes to more queues and is taken out")
def _(stage):
    channel, (one, two, three) = three_queues(stage)
    channel.publish(one, "body", headers={"BCC": [two], "CC": [three], "other": 1})
    for queue in (one, two, three):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("BCC alone leaves an empty table of headers")
def _(stage):
    channel, (one, two, _) = three_queues(stage)
    channel.publish(one, "body", headers={"BCC": [two]})
    channel.call("basic.get", queue=two, no_ack=True)


@script("CC of the routing key itself makes no second copy")
def _(stage):
    channel, (one, _, _) = three_queues(stage)
    channel.publish(one, "body", headers={"CC": [one, one]})
    channel.counts(one)


@script("CC that is no array is refused")
def _(stage):
    channel, (one, two, _) = three_queues(stage)
    channel.publish(one, "body", headers={"CC": two})
    channel.receive()


@script("BCC that is no array is refused")
def _(stage):
    channel, (one, _, _) = three_queues(stage)
    channel.publish(one, "body", headers={"BCC": 5})
    channel.receive()


@script("CC with values that are no texts")
def _(stage):
    channel, (one, two, _) = three_queues(stage)
    channel.publish(one, "body", headers={"CC": [5, two, None]})
    channel.settle(one, two)
    channel.call("basic.get", queue=two, no_ack=True)


@script("CC in lower case is nothing")
def _(stage):
    channel, (one, two, _) = three_queues(stage)
    channel.publish(one, "body", headers={"cc": [two]})
    channel.counts(two)


@script("mandatory is satisfied by CC alone")
def _(stage):
    channel, (one, _, _) = three_queues(stage)
    channel.publish(stage.name("missing"), "body", mandatory=True, headers={"CC": [one]})
    channel.counts(one)


@script("a returned message shows CC and whether it shows BCC")
def _(stage):
    channel = stage.channel()
    channel.publish(stage.name("missing"), "body", mandatory=True,
                    headers={"CC": [stage.name("m2")], "BCC": [stage.name("m3")]})
    channel.receive()


@script("CC keys are matched by a topic exchange")
def _(stage):
    channel, (one, two, _) = three_queues(stage)
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type="topic")
    channel.call("queue.bind", queue=one, exchange=exchange, routing_key="a.*")
    channel.call("queue.bind", queue=two, exchange=exchange, routing_key="#.z")
    channel.publish("nothing", "body", exchange=exchange, headers={"CC": ["a.b"], "BCC": ["y.z"]})
    channel.call("basic.get", queue=one, no_ack=True)
    channel.call("basic.get", queue=two, no_ack=True)


# user-id

@script("a user-id that is the user's name is accepted")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body", user_id="full")
    channel.call("basic.get", queue=queue, no_ack=True)


@script("another user's user-id is refused")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body", user_id="guest")
    channel.receive()


@script("an empty user-id is refused")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body", user_id="")
    channel.receive()


@script("an impersonator may use another user's user-id")
def _(stage):
    channel, queue = queue_of(stage, user="impersonator")
    channel.publish(queue, "body", user_id="anybody")
    channel.call("basic.get", queue=queue, no_ack=True)


# What is checked first

@script("a missing exchange is named before another user's user-id")
def _(stage):
    channel = stage.channel()
    channel.publish("k", "body", exchange=stage.name("x"), user_id="guest")
    channel.receive()


@script("another user's user-id is named before a bad expiration")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body", user_id="guest", expiration="x")
    channel.receive()


@script("a bad expiration is named before a bad CC")
def _(stage):
    channel, queue = queue_of(stage)
    channel.publish(queue, "body", expiration="x", headers={"CC": 5})
    channel.receive()
