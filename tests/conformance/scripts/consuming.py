"""basic.consume, cancel, qos, deliver: tags, exclusivity, prefetch, priorities, cancel notify."""

from harness.stage import CAPABILITIES, script
from harness.wire import Typed


def queue_with(stage, count, name="q", **flags):
    """A channel and a queue with messages m1 to m<count>."""
    channel = stage.channel()
    queue = stage.name(name)
    channel.call("queue.declare", queue=queue, **flags)
    for number in range(1, count + 1):
        channel.publish(queue, f"m{number}")
    return channel, queue


# Tags

@script("an empty consumer tag is answered with a generated one")
def _(stage):
    channel, queue = queue_with(stage, 1)
    tag = channel.call("basic.consume", queue=queue).values["consumer_tag"]
    stage.note(f"length {len(tag)}")
    channel.receive()
    channel.call("basic.cancel", consumer_tag=tag)


@script("a consumer tag that begins with amq. is accepted")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="amq.mine")


@script("a consumer tag used twice on a channel closes the connection")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.call("basic.consume", queue=queue, consumer_tag="c")


@script("a consumer tag used twice for two queues closes the connection")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("queue.declare", queue=stage.name("other"))
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.call("basic.consume", queue=stage.name("other"), consumer_tag="c")


@script("a consumer tag used twice for a missing queue closes the connection")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.call("basic.consume", queue=stage.name("missing"), consumer_tag="c")


@script("the same consumer tag on two channels is two consumers")
def _(stage):
    connection = stage.connect()
    queue = stage.name("q")
    connection.channel(1).call("queue.declare", queue=queue)
    for number in (1, 2):
        connection.channels.get(number) or connection.channel(number)
        connection.channels[number].call("basic.consume", queue=queue, consumer_tag="c")
    connection.channels[1].call("queue.declare", queue=queue, passive=True)


@script("a consumer tag is free again after cancel")
def _(stage):
    channel, queue = queue_with(stage, 0)
    for _ in range(2):
        channel.call("basic.consume", queue=queue, consumer_tag="c")
        channel.call("basic.cancel", consumer_tag="c")


@script("a consumer tag of 255 bytes is accepted")
def _(stage):
    channel, queue = queue_with(stage, 1)
    channel.call("basic.consume", queue=queue, consumer_tag="t" * 255)
    channel.receive()


# Consume

@script("consume-ok comes before the first delivery")
def _(stage):
    channel, queue = queue_with(stage, 3)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.take(3)


@script("consume with nowait delivers without consume-ok")
def _(stage):
    channel, queue = queue_with(stage, 2)
    channel.call("basic.consume", queue=queue, consumer_tag="c", nowait=True)
    channel.take(2)


@script("consuming a missing queue is not found")
def _(stage):
    stage.channel().call("basic.consume", queue=stage.name("q"), consumer_tag="c")


@script("an error of consume with nowait closes the channel")
def _(stage):
    channel = stage.channel()
    channel.call("basic.consume", queue=stage.name("q"), consumer_tag="c", nowait=True)
    channel.receive()


@script("consuming without a queue name takes the last declared queue")
def _(stage):
    channel, _ = queue_with(stage, 1)
    channel.call("basic.consume", queue="", consumer_tag="c")
    channel.receive()


@script("consuming without a queue name and a declared queue is not found")
def _(stage):
    stage.channel().call("basic.consume", queue="", consumer_tag="c")


@script("no-local is ignored")
def _(stage):
    channel, queue = queue_with(stage, 1)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_local=True)
    channel.receive()


@script("a delivery without acknowledgement leaves nothing to acknowledge")
def _(stage):
    channel, queue = queue_with(stage, 1)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    channel.receive()
    channel.send("basic.ack", delivery_tag=1)
    channel.receive()


@script("consumers without acknowledgement get everything at once, whatever the prefetch")
def _(stage):
    channel, queue = queue_with(stage, 5)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    channel.take(5)


@script("messages go round robin to the consumers of a channel")
def _(stage):
    channel, queue = queue_with(stage, 0)
    for tag in ("a", "b", "c"):
        channel.call("basic.consume", queue=queue, consumer_tag=tag, no_ack=True)
    for number in range(6):
        channel.publish(queue, f"m{number}")
        channel.receive()


@script("messages go round robin to the channels of two connections")
def _(stage):
    first, queue = queue_with(stage, 0)
    second = stage.channel()
    first.call("basic.consume", queue=queue, consumer_tag="one", no_ack=True)
    second.call("basic.consume", queue=queue, consumer_tag="two", no_ack=True)
    for number in range(4):
        first.publish(queue, f"m{number}")
    first.take(2)
    second.take(2)


@script("unknown consume arguments are accepted")
def _(stage):
    channel, queue = queue_with(stage, 1)
    channel.call("basic.consume", queue=queue, consumer_tag="c",
                 arguments={"x-cancel-on-ha-failover": True, "nonsense": {"a": [1, None]}})
    channel.receive()


@script("a stream offset is refused by a classic queue")
def _(stage):
    channel, queue = queue_with(stage, 1)
    channel.call("basic.consume", queue=queue, consumer_tag="c", arguments={"x-stream-offset": "first"})


@script("delivery tags count all deliveries of a channel")
def _(stage):
    channel, queue = queue_with(stage, 3)
    channel.call("basic.get", queue=queue, no_ack=True)
    channel.call("basic.get", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    channel.receive()


# Exclusive

@script("an exclusive consumer is alone")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="one", exclusive=True)
    channel.call("basic.consume", queue=queue, consumer_tag="two")


@script("an exclusive consumer does not join others")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="one")
    channel.call("basic.consume", queue=queue, consumer_tag="two", exclusive=True)


@script("an exclusive consumer of another connection keeps others out")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="one", exclusive=True)
    stage.channel().call("basic.consume", queue=queue, consumer_tag="two", exclusive=True)


@script("after an exclusive consumer's cancel others may come")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="one", exclusive=True)
    channel.call("basic.cancel", consumer_tag="one")
    channel.call("basic.consume", queue=queue, consumer_tag="two")


@script("after an exclusive consumer's channel others may come")
def _(stage):
    channel, queue = queue_with(stage, 0)
    other = channel.connection.channel(2)
    channel.call("basic.consume", queue=queue, consumer_tag="one", exclusive=True)
    channel.close()
    other.call("basic.consume", queue=queue, consumer_tag="two", exclusive=True)


@script("basic.get works beside an exclusive consumer")
def _(stage):
    channel, queue = queue_with(stage, 2)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="one", exclusive=True)
    channel.receive()
    stage.channel().call("basic.get", queue=queue)


@script("a single active consumer queue refuses exclusive consumers")
def _(stage):
    channel, queue = queue_with(stage, 0, arguments={"x-single-active-consumer": True})
    channel.call("basic.consume", queue=queue, consumer_tag="c", exclusive=True)


@script("a single active consumer gets everything until it is cancelled, then the next does")
def _(stage):
    channel, queue = queue_with(stage, 0, arguments={"x-single-active-consumer": True})
    for tag in ("a", "b", "c"):
        channel.call("basic.consume", queue=queue, consumer_tag=tag, no_ack=True)
    for tag in ("a", "b"):
        for number in range(2):
            channel.publish(queue, f"for {tag} {number}")
            channel.receive()
        channel.call("basic.cancel", consumer_tag=tag)
    channel.publish(queue, "for c")
    channel.receive()


@script("basic.get on a single active consumer queue")
def _(stage):
    channel, queue = queue_with(stage, 1, arguments={"x-single-active-consumer": True})
    channel.call("basic.get", queue=queue)


# Cancel

@script("cancelling an unknown tag is accepted")
def _(stage):
    stage.channel().call("basic.cancel", consumer_tag="never")


@script("cancel with nowait is not answered")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.call("basic.cancel", consumer_tag="c", nowait=True)
    channel.publish(queue, "body")
    channel.counts(queue)


@script("unacknowledged messages outlive cancel and are acknowledged later")
def _(stage):
    channel, queue = queue_with(stage, 2)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.receive()
    channel.call("basic.cancel", consumer_tag="c")
    channel.counts(queue)
    channel.send("basic.ack", delivery_tag=1)
    channel.counts(queue)


@script("after cancel nothing is delivered")
def _(stage):
    channel, queue = queue_with(stage, 1)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    channel.receive()
    channel.call("basic.cancel", consumer_tag="c")
    channel.publish(queue, "left")
    channel.counts(queue)


@script("another channel's consumer is not cancelled by its tag")
def _(stage):
    channel, queue = queue_with(stage, 0)
    other = channel.connection.channel(2)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    other.call("basic.cancel", consumer_tag="c")
    channel.counts(queue)


# Cancel notify

@script("a consumer is told when its queue is deleted")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    stage.channel().call("queue.delete", queue=queue)
    channel.receive()


@script("a consumer is told after its own channel has deleted the queue")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.call("queue.delete", queue=queue)
    channel.receive()


@script("every consumer of a deleted queue is told")
def _(stage):
    channel, queue = queue_with(stage, 0)
    for tag in ("a", "b"):
        channel.call("basic.consume", queue=queue, consumer_tag=tag)
    stage.channel().call("queue.delete", queue=queue)
    tags = sorted(channel.connection.receive_quietly(1).values["consumer_tag"] for _ in range(2))
    stage.note(f"cancelled: {tags}")


@script("a consumer that cannot take a cancel is not told")
def _(stage):
    channel = stage.channel(client_properties={})
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    stage.channel().call("queue.delete", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="d")


@script("a consumer that refuses to be told is not told")
def _(stage):
    channel = stage.channel(client_properties={"capabilities": {"consumer_cancel_notify": False}})
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    stage.channel().call("queue.delete", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="d")


@script("a consumer that said so with a number is not told")
def _(stage):
    channel = stage.channel(client_properties={"capabilities": {"consumer_cancel_notify": 1}})
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    stage.channel().call("queue.delete", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="d")


@script("a consumer tag is free again after the server's cancel")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    stage.channel().call("queue.delete", queue=queue)
    channel.receive()
    channel.call("queue.declare", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c")


@script("an acknowledgement for a deleted queue's message is accepted")
def _(stage):
    channel, queue = queue_with(stage, 1)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.receive()
    stage.channel().call("queue.delete", queue=queue)
    channel.receive()
    channel.send("basic.ack", delivery_tag=1)
    channel.sync()


# Consumer priorities

@script("the consumer with the higher priority gets messages first")
def _(stage):
    channel, queue = queue_with(stage, 0)
    channel.call("basic.qos", prefetch_count=2)
    for tag, priority in (("low", -5), ("none", None), ("high", 10)):
        arguments = {} if priority is None else {"x-priority": priority}
        channel.call("basic.consume", queue=queue, consumer_tag=tag, arguments=arguments)
    for number in range(7):
        channel.publish(queue, f"m{number}")
        if number < 6:
            channel.receive()
    channel.counts(queue)


@script("consumers of the same priority take turns")
def _(stage):
    channel, queue = queue_with(stage, 0)
    for tag, priority in (("a", 1), ("b", 1), ("c", 0)):
        channel.call("basic.consume", queue=queue, consumer_tag=tag, no_ack=True, arguments={"x-priority": priority})
    for number in range(4):
        channel.publish(queue, f"m{number}")
        channel.receive()


@script("a consumer priority is taken in every integer width")
def _(stage):
    channel, queue = queue_with(stage, 0)
    for letter in "bBsuIil":
        channel.call("basic.consume", queue=queue, consumer_tag=letter, arguments={"x-priority": Typed(letter, 5)})


@script("a consumer priority that is no integer is refused")
def _(stage):
    channel, queue = queue_with(stage, 0)
    for value in ("high", 1.5, True, None):
        channel.call("basic.consume", queue=queue, consumer_tag="c", arguments={"x-priority": value})
        if not channel.is_open:
            channel.open()
        else:
            channel.call("basic.cancel", consumer_tag="c")


@script("a consumer that said it is usual gets the usual")
def _(stage):
    channel = stage.channel(client_properties=CAPABILITIES)
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, exclusive=True, auto_delete=True)
    channel.call("basic.consume", queue=queue, consumer_tag="c", exclusive=True)
    channel.publish(queue, "body", delivery_mode=2)
    channel.receive()
    channel.send("basic.ack", delivery_tag=1)
    channel.call("basic.cancel", consumer_tag="c")
    channel.call("queue.declare", queue=queue, passive=True)
