"""Queues of type stream: reading from anywhere, again and again."""

from harness import wire
from harness.stage import script

STREAM = {"x-queue-type": "stream"}


def stream_with(stage, count, **arguments):
    """A channel with a prefetch, one in confirm mode, and a stream with confirmed messages m0 to m<count - 1>.

    Each is confirmed before the next is published: RabbitMQ then has each in a chunk of its own. Deliveries and
    confirms are not ordered, so each side has a connection of its own.
    """
    channel, publisher = stage.channel(), stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, durable=True, arguments={**STREAM, **arguments})
    channel.call("basic.qos", prefetch_count=10)
    publisher.call("confirm.select")
    for number in range(count):
        publish(publisher, queue, number)
    return channel, publisher, queue


def publish(channel, queue, number, **properties):
    """The confirmed message m<number>, which is the number-th of its stream and its channel."""
    channel.publish(queue, f"m{number}", **properties)
    channel.confirms(1, number + 1)


def read(channel, queue, offset=None, count=0, tag="c", **fields):
    """A consumer from `offset`, and `count` deliveries."""
    arguments = {} if offset is None else {"x-stream-offset": offset}
    answer = channel.call("basic.consume", queue=queue, consumer_tag=tag, arguments=arguments, **fields)
    if answer.name == "basic.consume-ok":
        channel.take(count)
    return answer


def until_there_are(stage, channel, queue, count):
    """RabbitMQ counts a stream's messages a little after it has confirmed them."""
    def has_them():
        channel.send("queue.declare", queue=queue, passive=True, durable=True)
        return channel.receive().values["message_count"] == count
    stage.until(channel, f"the stream has {count} messages", has_them)


# Declaring

@script("a stream is declared, and declared again")
def _(stage):
    channel, _, queue = stream_with(stage, 0)
    channel.call("queue.declare", queue=queue, durable=True, arguments=STREAM)
    channel.call("queue.declare", queue=queue, passive=True)


@script("a stream counts its messages, and does not say who reads it")
def _(stage):
    channel, _, queue = stream_with(stage, 3)
    until_there_are(stage, channel, queue, 3)
    read(channel, queue, "first", 3)
    channel.call("queue.declare", queue=queue, passive=True)


@script("reading and acknowledging takes nothing from a stream")
def _(stage):
    channel, _, queue = stream_with(stage, 3)
    read(channel, queue, "first", 3)
    channel.send("basic.ack", delivery_tag=3, multiple=True)
    channel.call("basic.cancel", consumer_tag="c")
    until_there_are(stage, channel, queue, 3)
    read(channel, queue, "first", 3, tag="again")


@script("deleting a stream says no number of messages")
def _(stage):
    channel, _, queue = stream_with(stage, 2)
    until_there_are(stage, channel, queue, 2)
    channel.call("queue.delete", queue=queue)


@script("a stream is deleted although it is used and not empty")
def _(stage):
    channel, _, queue = stream_with(stage, 2)
    read(channel, queue, "first", 2)
    channel.call("queue.delete", queue=queue, if_unused=True, if_empty=True)
    channel.receive()


# What a stream refuses

@script("who reads a stream has to set a prefetch")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    channel.call("basic.qos", prefetch_count=0)
    read(channel, queue)


@script("who reads a stream has to acknowledge")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    read(channel, queue, no_ack=True)


@script("without prefetch and acknowledgements a stream complains about the prefetch")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    channel.call("basic.qos", prefetch_count=0)
    read(channel, queue, no_ack=True)


@script("a stream is not read with a prefetch of the channel")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    channel.call("basic.qos", **{"prefetch_count": 10, "global": True})
    read(channel, queue, "first")


@script("a prefetch of the channel alone is none for a stream")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    channel.call("basic.qos", prefetch_count=0)
    channel.call("basic.qos", **{"prefetch_count": 10, "global": True})
    read(channel, queue, "first")


@script("nothing is got from a stream")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    channel.call("basic.get", queue=queue)


@script("nothing is got from a stream without acknowledgement either")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a stream is not purged")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    channel.call("queue.purge", queue=queue)


@script("two exclusive readers of a stream")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    read(channel, queue, "first", 1, exclusive=True)
    read(channel, queue, "first", 1, tag="other")


@script("a reader of a stream has no priority")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    channel.call("basic.consume", queue=queue, consumer_tag="c",
                 arguments={"x-stream-offset": "first", "x-priority": 5})


# Where reading begins

@script("a stream is read from what comes next when nothing is said")
def _(stage):
    channel, publisher, queue = stream_with(stage, 2)
    read(channel, queue)
    publish(publisher, queue, 2)
    channel.receive()


@script("a stream is read from what comes next")
def _(stage):
    channel, publisher, queue = stream_with(stage, 2)
    read(channel, queue, "next")
    publish(publisher, queue, 2)
    channel.receive()


@script("a stream is read from its first message")
def _(stage):
    channel, publisher, queue = stream_with(stage, 3)
    read(channel, queue, "first", 3)
    publish(publisher, queue, 3)
    channel.receive()


@script("a stream is read from the last chunk")
def _(stage):
    channel, publisher, queue = stream_with(stage, 3)
    read(channel, queue, "last", 1)
    publish(publisher, queue, 3)
    channel.receive()


@script("an empty stream is read from its last chunk")
def _(stage):
    channel, publisher, queue = stream_with(stage, 0)
    read(channel, queue, "last")
    publish(publisher, queue, 0)
    channel.receive()


@script("an empty stream is read from its first message")
def _(stage):
    channel, publisher, queue = stream_with(stage, 0)
    read(channel, queue, "first")
    publish(publisher, queue, 0)
    channel.receive()


@script("a stream is read from an offset")
def _(stage):
    channel, _, queue = stream_with(stage, 4)
    read(channel, queue, 2, 2)


@script("a stream is read from offsets of every integer type")
def _(stage):
    channel, _, queue = stream_with(stage, 3)
    for letter in "bBsuIil":
        read(channel, queue, wire.Typed(letter, 2), 1, tag=letter)


@script("an offset that a stream does not have yet is waited for")
def _(stage):
    channel, publisher, queue = stream_with(stage, 1)
    read(channel, queue, 3)
    for number in (1, 2, 3, 4):
        publish(publisher, queue, number)
    channel.take(2)


@script("the offset zero of an empty stream is waited for")
def _(stage):
    channel, publisher, queue = stream_with(stage, 0)
    read(channel, queue, 0)
    publish(publisher, queue, 0)
    channel.receive()


@script("a stream is read from a time long ago")
def _(stage):
    channel, _, queue = stream_with(stage, 2)
    read(channel, queue, wire.Typed("T", 1_000_000_000), 2)


@script("a stream is read from a time to come")
def _(stage):
    channel, publisher, queue = stream_with(stage, 2)
    read(channel, queue, wire.Typed("T", 4_000_000_000))
    publish(publisher, queue, 2)
    channel.receive()


@script("a stream is read from intervals of every unit")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    for interval in ("1Y", "1M", "1D", "1h", "1m", "30s"):
        read(channel, queue, interval, 1, tag=interval)


@script("a stream is not read from a word that is no offset")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    read(channel, queue, "yesterday")


@script("an offset is not negative")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    read(channel, queue, -1)


@script("an offset is not a truth value")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    read(channel, queue, True)


@script("an interval has a unit")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    read(channel, queue, "5")


@script("a classic queue has no offset to read from")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    read(channel, stage.name("q"), "first")


# Credit

@script("a reader of a stream gets as many as its prefetch, and more when it acknowledges")
def _(stage):
    channel, _, queue = stream_with(stage, 6)
    channel.call("basic.qos", prefetch_count=2)
    read(channel, queue, "first", 2)
    channel.sync()
    channel.send("basic.ack", delivery_tag=1)
    channel.receive()
    channel.sync()
    channel.send("basic.ack", delivery_tag=3, multiple=True)
    channel.take(2)


@script("a message that is given back with nack does not come again from a stream")
def _(stage):
    channel, _, queue = stream_with(stage, 2)
    channel.call("basic.qos", prefetch_count=1)
    read(channel, queue, "first", 1)
    channel.send("basic.nack", delivery_tag=1, requeue=True)
    channel.receive()


@script("a message that is given back with reject does not come again from a stream")
def _(stage):
    channel, _, queue = stream_with(stage, 2)
    channel.call("basic.qos", prefetch_count=1)
    read(channel, queue, "first", 1)
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    channel.receive()


@script("a message of a stream that is rejected for good stays in it")
def _(stage):
    channel, _, queue = stream_with(stage, 2)
    channel.call("basic.qos", prefetch_count=1)
    read(channel, queue, "first", 1)
    channel.send("basic.reject", delivery_tag=1)
    channel.receive()


@script("recovering gives back the credit of a stream's readers, not the messages")
def _(stage):
    channel, _, queue = stream_with(stage, 4)
    channel.call("basic.qos", prefetch_count=2)
    read(channel, queue, "first", 2)
    channel.call("basic.recover", requeue=True)
    channel.take(2)


@script("every reader of a stream gets everything")
def _(stage):
    channel, publisher, queue = stream_with(stage, 3)
    for tag in "abc":
        read(channel, queue, "first", 3, tag=tag)
    for tag in "abc":
        channel.call("basic.cancel", consumer_tag=tag)
    others = [stage.channel() for _ in range(2)]
    for other in others:
        other.call("basic.qos", prefetch_count=10)
        read(other, queue, 1, 2)
    publish(publisher, queue, 3)
    for other in others:
        other.receive()


@script("a cancelled reader begins anew where it says")
def _(stage):
    channel, _, queue = stream_with(stage, 3)
    read(channel, queue, "first", 3)
    channel.send("basic.ack", delivery_tag=3, multiple=True)
    channel.call("basic.cancel", consumer_tag="c")
    read(channel, queue, 2, 1)


# Messages

@script("a message of a stream keeps its properties")
def _(stage):
    channel, publisher, queue = stream_with(stage, 0)
    publisher.publish(queue, "body", content_type="text/plain", content_encoding="utf-8", priority=3, correlation_id="c",
                    reply_to="r", message_id="i", timestamp=7, type="t", user_id="full", app_id="a", delivery_mode=2,
                    headers={"a": "value", "b": 5, "c": True})
    publisher.confirms(1)
    read(channel, queue, "first", 1)


@script("a message of a stream without properties has its offset")
def _(stage):
    channel, publisher, queue = stream_with(stage, 0)
    publisher.publish(queue, b"")
    publisher.confirms(1)
    read(channel, queue, "first", 1)


@script("the offset of a message is the stream's own, whatever its publisher says")
def _(stage):
    channel, publisher, queue = stream_with(stage, 0)
    publisher.publish(queue, "body", headers={"a": 1, "x-stream-offset": wire.Typed("l", 77), "b": 2})
    publisher.confirms(1)
    read(channel, queue, "first", 1)


@script("an expiration means nothing in a stream")
def _(stage):
    channel, publisher, queue = stream_with(stage, 0)
    publisher.publish(queue, "body", expiration="0")
    publisher.confirms(1)
    read(channel, queue, "first", 1)


@script("a large message goes through a stream")
def _(stage):
    channel, publisher, queue = stream_with(stage, 0)
    publisher.publish(queue, "x" * 300_000)
    publisher.confirms(1)
    read(channel, queue, "first", 1)


@script("a stream gets what exchanges route to it")
def _(stage):
    channel, publisher, queue = stream_with(stage, 0)
    exchange, other = stage.names("x classic")
    channel.call("exchange.declare", exchange=exchange, type="fanout")
    channel.call("queue.declare", queue=other)
    for name in (queue, other):
        channel.call("queue.bind", queue=name, exchange=exchange)
    publisher.publish("key", "body", exchange=exchange, mandatory=True)
    publisher.confirms(1)
    read(channel, queue, "first", 1)
    channel.call("basic.get", queue=other, no_ack=True)


@script("a transaction publishes to a stream when it is committed")
def _(stage):
    channel, _, queue = stream_with(stage, 0)
    transaction = stage.channel()
    transaction.call("tx.select")
    transaction.publish(queue, "one")
    transaction.publish(queue, "two")
    read(channel, queue, "first")
    channel.sync()
    transaction.call("tx.commit")
    channel.take(2)
    transaction.publish(queue, "never")
    transaction.call("tx.rollback")


@script("who reads a stream that is deleted is told")
def _(stage):
    channel, _, queue = stream_with(stage, 1)
    reader = stage.channel()
    reader.call("basic.qos", prefetch_count=5)
    read(reader, queue, "first", 1)
    channel.call("queue.delete", queue=queue)
    reader.receive()
    channel.call("queue.declare", queue=queue, passive=True)


@script("a stream that is declared again after its deletion begins at zero")
def _(stage):
    channel, publisher, queue = stream_with(stage, 2)
    channel.call("queue.delete", queue=queue)
    channel.call("queue.declare", queue=queue, durable=True, arguments=STREAM)
    publish(publisher, queue, 2)
    read(channel, queue, "first", 1)


# Retention

@script("a stream that may have few bytes keeps its newest segment")
def _(stage):
    channel, publisher, queue = stream_with(stage, 0, **{"x-max-length-bytes": 1000, "x-stream-max-segment-size-bytes": 100_000_000,
                                              "x-max-age": "1h"})
    for number in range(3):
        publisher.publish(queue, "x" * 1000)
        publisher.confirms(1, number + 1)
    read(channel, queue, "first", 3)
