"""basic.qos: prefetch of consumers and of channels."""

from harness.stage import script

from .consuming import queue_with


# Qos

@script("a prefetch size is not implemented")
def _(stage):
    stage.channel().call("basic.qos", prefetch_size=1)


@script("qos is answered for every value")
def _(stage):
    channel = stage.channel()
    for count in (0, 1, 65535):
        for is_global in (False, True):
            channel.call("basic.qos", **{"prefetch_count": count, "global": is_global})


@script("prefetch limits each consumer made afterwards")
def _(stage):
    channel, queue = queue_with(stage, 6)
    channel.call("basic.qos", prefetch_count=2)
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.take(2)
    channel.call("basic.consume", queue=queue, consumer_tag="b")
    channel.take(2)
    channel.settle(queue)
    channel.send("basic.ack", delivery_tag=1)
    channel.receive()
    channel.settle(queue)


@script("prefetch does not touch consumers made before")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.call("basic.qos", prefetch_count=1)
    for number in range(3):
        channel.publish(queue, f"m{number}")
    channel.take(3)


@script("each consumer keeps the prefetch of its time")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="one")
    channel.call("basic.qos", prefetch_count=2)
    channel.call("basic.consume", queue=queue, consumer_tag="two")
    for number in range(5):
        channel.publish(queue, f"m{number}")
    channel.take(3)
    channel.counts(queue)


@script("a prefetch of zero is no limit")
def _(stage):
    channel, queue = queue_with(stage, 10)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.qos", prefetch_count=0)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.take(10)


@script("a global prefetch is shared by the consumers of a channel")
def _(stage):
    channel, queue = queue_with(stage, 6)
    channel.call("basic.qos", **{"prefetch_count": 3, "global": True})
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.take(3)
    channel.call("basic.consume", queue=queue, consumer_tag="b")
    channel.settle(queue)
    channel.counts(queue)
    channel.send("basic.ack", delivery_tag=3, multiple=True)
    received = channel.take(3)
    assert len(received) == 3


@script("a global prefetch limits consumers made before it")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.call("basic.qos", **{"prefetch_count": 1, "global": True})
    for number in range(3):
        channel.publish(queue, f"m{number}")
    channel.receive()
    channel.counts(queue)


@script("a global prefetch of zero takes the limit away")
def _(stage):
    channel, queue = queue_with(stage, 4)
    channel.call("basic.qos", **{"prefetch_count": 1, "global": True})
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.receive()
    channel.settle(queue)
    channel.call("basic.qos", **{"prefetch_count": 0, "global": True})
    channel.take(3)


@script("a global prefetch that is raised delivers more at once")
def _(stage):
    channel, queue = queue_with(stage, 4)
    channel.call("basic.qos", **{"prefetch_count": 1, "global": True})
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.receive()
    channel.settle(queue)
    channel.call("basic.qos", **{"prefetch_count": 3, "global": True})
    channel.take(2)
    channel.counts(queue)


@script("of a consumer's and the channel's prefetch the smaller one counts")
def _(stage):
    channel, queue = queue_with(stage, 6)
    channel.call("basic.qos", prefetch_count=2)
    channel.call("basic.qos", **{"prefetch_count": 3, "global": True})
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.take(2)
    channel.call("basic.consume", queue=queue, consumer_tag="b")
    channel.take(1)
    channel.counts(queue)


@script("messages got by basic.get do not count for a consumer's prefetch")
def _(stage):
    channel, queue = queue_with(stage, 3)
    channel.call("basic.get", queue=queue)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.receive()
    channel.counts(queue)


@script("basic.get passes the prefetch limit")
def _(stage):
    channel, queue = queue_with(stage, 3)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.receive()
    channel.call("basic.get", queue=queue)
    channel.call("basic.get", queue=queue)


@script("a nack with requeue frees the prefetch and the message comes again")
def _(stage):
    channel, queue = queue_with(stage, 1)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.receive()
    channel.send("basic.nack", delivery_tag=1, requeue=True)
    channel.receive()
    channel.send("basic.nack", delivery_tag=2)
    channel.counts(queue)


@script("a message fetched by get takes no room in the prefetch of the channel")
def _(stage):
    channel, queue = queue_with(stage, 3)
    channel.call("basic.qos", **{"prefetch_count": 1, "global": True})
    channel.call("basic.get", queue=queue)
    channel.call("basic.get", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.take(1)


@script("an acknowledgement makes room in the prefetch of the channel when it is committed")
def _(stage):
    channel, queue = queue_with(stage, 3)
    channel.call("tx.select")
    channel.call("basic.qos", **{"prefetch_count": 1, "global": True})
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.take(1)
    channel.send("basic.ack", delivery_tag=1)
    channel.settle(queue)
    channel.call("tx.commit")
    channel.take(1)
