"""Publisher confirms and transactions."""

from harness import wire
from harness.stage import script


def confirming(stage, **flags):
    """A channel in confirm mode and a queue."""
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, **flags)
    channel.call("confirm.select")
    return channel, queue


@script("confirm.select is answered, also a second time")
def _(stage):
    channel = stage.channel()
    channel.call("confirm.select")
    channel.call("confirm.select")


@script("confirm.select with nowait is not answered and works")
def _(stage):
    channel = stage.channel()
    channel.call("confirm.select", nowait=True)
    channel.publish(stage.name("q"), "body")
    channel.confirms(1)


@script("every publish is confirmed")
def _(stage):
    channel, queue = confirming(stage)
    for number in range(10):
        channel.publish(queue, f"m{number}")
    channel.confirms(10)


@script("a persistent publish to a durable queue is confirmed")
def _(stage):
    channel, queue = confirming(stage, durable=True)
    channel.publish(queue, "body", delivery_mode=2)
    channel.confirms(1)


@script("persistent publishes of several sizes to a durable queue are confirmed")
def _(stage):
    channel, queue = confirming(stage, durable=True)
    for size in (0, 1, 5000, 200_000):
        channel.publish(queue, "x" * size, delivery_mode=2)
    channel.confirms(4)
    channel.counts(queue)


@script("a publish that finds no queue is confirmed")
def _(stage):
    channel, _ = confirming(stage)
    channel.publish(stage.name("missing"), "body")
    channel.confirms(1)


@script("a mandatory publish that finds no queue is returned and then confirmed")
def _(stage):
    channel, _ = confirming(stage)
    channel.publish(stage.name("missing"), "body", mandatory=True)
    channel.take(2)


@script("returns come before their confirms in a row of publishes")
def _(stage):
    channel, queue = confirming(stage)
    for number, key in enumerate([queue, stage.name("missing"), queue, stage.name("missing")]):
        channel.publish(key, f"m{number}", mandatory=True)
    channel.confirms(4)


@script("confirms count from the first publish after select")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "before")
    channel.call("confirm.select")
    channel.publish(queue, "after")
    channel.confirms(1)


@script("a second confirm.select does not begin the count anew")
def _(stage):
    channel, queue = confirming(stage)
    channel.publish(queue, "one")
    channel.confirms(1)
    channel.call("confirm.select")
    channel.publish(queue, "two")
    channel.confirms(1, first=2)


@script("a publish to several queues is confirmed once")
def _(stage):
    channel, queue = confirming(stage)
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type="fanout")
    for number in range(3):
        channel.call("queue.declare", queue=stage.name(f"q{number}"), durable=bool(number % 2))
        channel.call("queue.bind", queue=stage.name(f"q{number}"), exchange=exchange)
    channel.publish("", "body", exchange=exchange, delivery_mode=2)
    channel.confirms(1)


@script("a publish is confirmed although its consumer has not acknowledged")
def _(stage):
    channel, queue = confirming(stage)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.publish(queue, "body")
    names = sorted(channel.connection.receive_quietly(1).name for _ in range(2))
    stage.note(f"in any order: {names}")


@script("a publish with an expiration of 0 is confirmed")
def _(stage):
    channel, queue = confirming(stage)
    channel.publish(queue, "body", expiration="0")
    channel.confirms(1)
    channel.counts(queue)


@script("a publish that a full queue rejects is nacked")
def _(stage):
    channel, queue = confirming(stage, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    for number in range(4):
        channel.publish(queue, f"m{number}")
    channel.confirms(4)
    channel.counts(queue)


@script("a publish that one of two queues rejects is nacked and kept by the other")
def _(stage):
    channel, queue = confirming(stage, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    exchange, other = stage.names("x other")
    channel.call("exchange.declare", exchange=exchange, type="fanout")
    channel.call("queue.declare", queue=other)
    for name in (queue, other):
        channel.call("queue.bind", queue=name, exchange=exchange)
    for number in range(2):
        channel.publish("", f"m{number}", exchange=exchange)
    channel.confirms(2)
    channel.counts(other)


@script("a publish beyond the length of a queue that drops its head is confirmed")
def _(stage):
    channel, queue = confirming(stage, arguments={"x-max-length": 1})
    for number in range(3):
        channel.publish(queue, f"m{number}")
    channel.confirms(3)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a failed publish is not confirmed but closes the channel")
def _(stage):
    channel, queue = confirming(stage)
    channel.publish(queue, "good")
    channel.confirms(1)
    channel.publish("k", "bad", exchange=stage.name("missing"))
    channel.receive()


@script("a channel opened again is not in confirm mode")
def _(stage):
    channel, queue = confirming(stage)
    channel.close()
    channel.open()
    channel.publish(queue, "unconfirmed")
    channel.counts(queue)


@script("a confirming channel may acknowledge and get as usual")
def _(stage):
    channel, queue = confirming(stage)
    channel.publish(queue, "body")
    channel.confirms(1)
    channel.call("basic.get", queue=queue)
    channel.send("basic.ack", delivery_tag=1)
    channel.counts(queue)


# Transactions

def transacting(stage, **flags):
    """A channel with a transaction and a queue; another channel to look from."""
    channel = stage.channel()
    other = channel.connection.channel(2)
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, **flags)
    channel.call("tx.select")
    return channel, other, queue


@script("tx.select is answered, also a second time")
def _(stage):
    channel = stage.channel()
    channel.call("tx.select")
    channel.call("tx.select")


@script("commit and rollback of nothing are answered")
def _(stage):
    channel, _, _ = transacting(stage)
    channel.call("tx.commit")
    channel.call("tx.rollback")


@script("commit without a transaction is refused")
def _(stage):
    stage.channel().call("tx.commit")


@script("rollback without a transaction is refused")
def _(stage):
    stage.channel().call("tx.rollback")


@script("a confirming channel cannot begin a transaction")
def _(stage):
    channel = stage.channel()
    channel.call("confirm.select")
    channel.call("tx.select")


@script("a channel with a transaction cannot confirm")
def _(stage):
    channel = stage.channel()
    channel.call("tx.select")
    channel.call("confirm.select")


@script("a channel with a transaction cannot confirm with nowait")
def _(stage):
    channel = stage.channel()
    channel.call("tx.select")
    channel.call("confirm.select", nowait=True)
    channel.receive()


@script("publishes are seen after commit")
def _(stage):
    channel, other, queue = transacting(stage)
    for number in range(2):
        channel.publish(queue, f"m{number}")
    channel.sync()
    other.counts(queue)
    channel.call("tx.commit")
    other.counts(queue)


@script("publishes are forgotten by rollback")
def _(stage):
    channel, other, queue = transacting(stage)
    channel.publish(queue, "forgotten")
    channel.call("tx.rollback")
    channel.publish(queue, "kept")
    channel.call("tx.commit")
    other.call("basic.get", queue=queue, no_ack=True)
    other.call("basic.get", queue=queue, no_ack=True)


@script("publishes are forgotten by the channel's close")
def _(stage):
    channel, other, queue = transacting(stage)
    channel.publish(queue, "forgotten")
    channel.close()
    other.counts(queue)


@script("acknowledgements count after commit")
def _(stage):
    channel, other, queue = transacting(stage)
    other.publish(queue, "body")
    other.settle(queue)
    channel.call("basic.get", queue=queue)
    channel.send("basic.ack", delivery_tag=1)
    channel.call("tx.commit")
    channel.close()
    other.call("basic.get", queue=queue, no_ack=True)


@script("acknowledgements without commit are undone by the channel's close")
def _(stage):
    channel, other, queue = transacting(stage)
    other.publish(queue, "body")
    other.settle(queue)
    channel.call("basic.get", queue=queue)
    channel.send("basic.ack", delivery_tag=1)
    channel.close()
    other.call("basic.get", queue=queue, no_ack=True)


@script("rollback makes acknowledged messages unacknowledged again")
def _(stage):
    channel, other, queue = transacting(stage)
    other.publish(queue, "body")
    other.settle(queue)
    channel.call("basic.get", queue=queue)
    channel.send("basic.ack", delivery_tag=1)
    channel.call("tx.rollback")
    other.counts(queue)
    channel.send("basic.ack", delivery_tag=1)
    channel.call("tx.commit")
    channel.close()
    other.call("basic.get", queue=queue, no_ack=True)


@script("a message acknowledged twice in a transaction is refused")
def _(stage):
    channel, other, queue = transacting(stage)
    other.publish(queue, "body")
    other.settle(queue)
    channel.call("basic.get", queue=queue)
    channel.send("basic.ack", delivery_tag=1)
    channel.send("basic.ack", delivery_tag=1)
    channel.receive()


@script("an unknown delivery tag in a transaction is refused at once")
def _(stage):
    channel, _, _ = transacting(stage)
    channel.send("basic.ack", delivery_tag=9)
    channel.receive()


@script("a requeue in a transaction counts after commit")
def _(stage):
    channel, other, queue = transacting(stage)
    other.publish(queue, "body")
    other.settle(queue)
    channel.call("basic.get", queue=queue)
    channel.send("basic.nack", delivery_tag=1, requeue=True)
    channel.sync()
    other.counts(queue)
    channel.call("tx.commit")
    other.call("basic.get", queue=queue, no_ack=True)


@script("a mandatory publish in a transaction is returned at commit or before, as RabbitMQ does")
def _(stage):
    channel, _, _ = transacting(stage)
    channel.publish(stage.name("missing"), "body", mandatory=True)
    channel.sync()
    stage.note("before commit")
    channel.call("tx.commit")


@script("a mandatory publish that is rolled back")
def _(stage):
    channel, _, _ = transacting(stage)
    channel.publish(stage.name("missing"), "body", mandatory=True)
    channel.sync()
    stage.note("before rollback")
    channel.call("tx.rollback")


@script("a publish to a missing exchange in a transaction closes the channel at once")
def _(stage):
    channel, other, queue = transacting(stage)
    channel.publish(queue, "body")
    channel.publish("k", "body", exchange=stage.name("missing"))
    channel.receive()
    other.counts(queue)


@script("a commit with a publish that a full queue rejects")
def _(stage):
    channel, other, queue = transacting(stage, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    for number in range(2):
        channel.publish(queue, f"m{number}")
    channel.call("tx.commit")
    other.counts(queue)


@script("a queue deleted before commit")
def _(stage):
    channel, other, queue = transacting(stage)
    channel.publish(queue, "body")
    channel.sync()
    other.call("queue.delete", queue=queue)
    channel.call("tx.commit")


@script("a queue declared in a transaction exists at once")
def _(stage):
    channel, other, _ = transacting(stage)
    channel.call("queue.declare", queue=stage.name("new"))
    other.call("queue.declare", queue=stage.name("new"), passive=True)
    channel.call("tx.rollback")
    other.call("queue.declare", queue=stage.name("new"), passive=True)


@script("a persistent message is there after commit")
def _(stage):
    channel, other, queue = transacting(stage, durable=True)
    channel.publish(queue, "body", delivery_mode=2)
    channel.call("tx.commit")
    other.call("basic.get", queue=queue, no_ack=True)


@script("the body of a publish in a transaction may come in pieces around other channels' commands")
def _(stage):
    channel, other, queue = transacting(stage)
    channel.send("basic.publish", routing_key=queue)
    channel.frame(wire.HEADER, wire.header_payload(4), note="header of 4 bytes")
    other.call("basic.qos")
    channel.frame(wire.BODY, b"abcd")
    channel.call("tx.commit")
    other.call("basic.get", queue=queue, no_ack=True)
