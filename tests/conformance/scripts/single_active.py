"""x-single-active-consumer: who gets messages, and who follows."""

from harness.stage import script


def setting(stage, count=0, **flags):
    """A channel, and a queue of which a single consumer is active, with messages m1 to m<count>."""
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-single-active-consumer": True}, **flags)
    publish(channel, queue, count)
    return channel, queue


def publish(channel, queue, count):
    """Messages m1 to m<count>."""
    for number in range(1, count + 1):
        channel.publish(queue, f"m{number}")


def consume(channel, queue, *tags, **fields):
    """A consumer of each tag."""
    for tag in tags:
        channel.call("basic.consume", queue=queue, consumer_tag=tag, **fields)


@script("while the single active consumer has no credit nobody gets anything")
def _(stage):
    channel, queue = setting(stage)
    channel.call("basic.qos", prefetch_count=1)
    consume(channel, queue, "a")
    other = stage.channel()
    consume(other, queue, "b")
    publish(channel, queue, 3)
    channel.receive()
    channel.counts(queue)
    other.sync()
    channel.send("basic.ack", delivery_tag=1)
    channel.receive()


@script("a consumer of a higher priority does not replace the single active one")
def _(stage):
    channel, queue = setting(stage)
    consume(channel, queue, "low", no_ack=True, arguments={"x-priority": -5})
    consume(channel, queue, "high", no_ack=True, arguments={"x-priority": 5})
    publish(channel, queue, 2)
    channel.take(2)


@script("the consumer of the highest priority follows the single active one")
def _(stage):
    channel, queue = setting(stage)
    consume(channel, queue, "a", no_ack=True)
    for tag, priority in (("b", -1), ("c", 3), ("d", 7), ("e", 7), ("f", 3)):
        consume(channel, queue, tag, no_ack=True, arguments={"x-priority": priority})
    for tag in "adecfb":
        channel.publish(queue, f"for {tag}")
        channel.receive()
        channel.call("basic.cancel", consumer_tag=tag)
    channel.counts(queue)


@script("a waiting consumer that is cancelled is passed over")
def _(stage):
    channel, queue = setting(stage)
    consume(channel, queue, "a", "b", "c", no_ack=True)
    channel.call("basic.cancel", consumer_tag="b")
    channel.publish(queue, "for a")
    channel.receive()
    channel.call("basic.cancel", consumer_tag="a")
    channel.publish(queue, "for c")
    channel.receive()


@script("who consumes again after a cancel comes last")
def _(stage):
    channel, queue = setting(stage)
    consume(channel, queue, "a", "b", no_ack=True)
    channel.call("basic.cancel", consumer_tag="a")
    consume(channel, queue, "a", no_ack=True)
    channel.publish(queue, "for b")
    channel.receive()
    channel.call("basic.cancel", consumer_tag="b")
    channel.publish(queue, "for a")
    channel.receive()


@script("the next consumer gets what waits as soon as the single active one is cancelled")
def _(stage):
    channel, queue = setting(stage)
    channel.call("basic.qos", prefetch_count=1)
    consume(channel, queue, "a")
    publish(channel, queue, 3)
    channel.receive()
    other = stage.channel()
    consume(other, queue, "b", no_ack=True)
    channel.call("basic.cancel", consumer_tag="a")
    channel.counts(queue)
    channel.send("basic.ack", delivery_tag=1)
    channel.settle(queue)
    other.sync()


@script("what a cancelled single active consumer gives back goes to the next")
def _(stage):
    channel, queue = setting(stage)
    channel.call("basic.qos", prefetch_count=2)
    consume(channel, queue, "a")
    publish(channel, queue, 2)
    channel.take(2)
    channel.call("basic.cancel", consumer_tag="a")
    other = stage.channel()
    consume(other, queue, "b", no_ack=True)
    channel.send("basic.nack", delivery_tag=2, multiple=True, requeue=True)
    other.take(2)


@script("when the channel of the single active consumer closes the next gets all in order")
def _(stage):
    channel, queue = setting(stage)
    channel.call("basic.qos", prefetch_count=2)
    consume(channel, queue, "a")
    other = stage.channel()
    consume(other, queue, "b", no_ack=True)
    publish(other, queue, 4)
    channel.take(2)
    channel.close()
    other.take(4)


@script("when the connection of the single active consumer is lost the next gets all in order")
def _(stage):
    channel, queue = setting(stage)
    channel.call("basic.qos", prefetch_count=2)
    consume(channel, queue, "a")
    other = stage.channel()
    consume(other, queue, "b", no_ack=True)
    publish(other, queue, 4)
    channel.take(2)
    channel.connection.drop()
    other.take(4)


@script("all consumers of a closed channel are passed over")
def _(stage):
    channel, queue = setting(stage)
    consume(channel, queue, "a", "b", no_ack=True)
    other = stage.channel()
    consume(other, queue, "c", no_ack=True)
    channel.close()
    other.publish(queue, "for c")
    other.receive()
    other.counts(queue)


@script("a single active consumer queue refuses an exclusive consumer beside others")
def _(stage):
    channel, queue = setting(stage)
    consume(channel, queue, "a", no_ack=True)
    other = stage.channel()
    other.call("basic.consume", queue=queue, consumer_tag="b", exclusive=True)
    channel.publish(queue, "for a")
    channel.receive()


@script("waiting consumers count as consumers")
def _(stage):
    channel, queue = setting(stage)
    consume(channel, queue, "a", "b", "c")
    channel.counts(queue)
    channel.call("basic.cancel", consumer_tag="a")
    channel.call("basic.cancel", consumer_tag="b")
    other = stage.channel()
    other.call("queue.delete", queue=queue, if_unused=True)


@script("all consumers are told when a single active consumer queue is deleted")
def _(stage):
    channel, queue = setting(stage)
    consume(channel, queue, "a")
    other = stage.channel()
    consume(other, queue, "b")
    stage.channel().call("queue.delete", queue=queue)
    channel.receive()
    other.receive()


@script("an auto-delete queue with a single active consumer goes with the last consumer")
def _(stage):
    channel, queue = setting(stage, auto_delete=True)
    consume(channel, queue, "a", "b")
    channel.call("basic.cancel", consumer_tag="a")
    channel.counts(queue)
    channel.call("basic.cancel", consumer_tag="b")
    channel.call("queue.declare", queue=queue, passive=True)


@script("basic.get beside a single active consumer without credit takes the next message")
def _(stage):
    channel, queue = setting(stage, 3)
    channel.call("basic.qos", prefetch_count=1)
    consume(channel, queue, "a")
    channel.receive()
    stage.channel().call("basic.get", queue=queue, no_ack=True)
    channel.counts(queue)


@script("consumers take turns where x-single-active-consumer is false")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-single-active-consumer": False})
    consume(channel, queue, "a", "b", no_ack=True)
    publish(channel, queue, 4)
    channel.take(4)
