"""basic.ack, nack, reject, recover, get: tags, multiple, order after requeue, the redelivered flag."""

from harness.stage import script


def delivered(stage, count, got=None, **flags):
    """A channel that holds messages m1 to m<count> unacknowledged by basic.get."""
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, **flags)
    for number in range(1, count + 1):
        channel.publish(queue, f"m{number}")
    for _ in range(count if got is None else got):
        channel.call("basic.get", queue=queue)
    return channel, queue


def drain(channel, queue, count):
    """Gets what is there, and one more time."""
    for _ in range(count + 1):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("an acknowledged message is gone")
def _(stage):
    channel, queue = delivered(stage, 1)
    channel.send("basic.ack", delivery_tag=1)
    channel.close()
    channel.open()
    channel.call("basic.get", queue=queue)


@script("an unknown delivery tag is refused")
def _(stage):
    channel, _ = delivered(stage, 1)
    channel.send("basic.ack", delivery_tag=82)
    channel.receive()


@script("a message acknowledged twice is refused")
def _(stage):
    channel, _ = delivered(stage, 2)
    channel.send("basic.ack", delivery_tag=1)
    channel.send("basic.ack", delivery_tag=1)
    channel.receive()


@script("delivery tag 0 without multiple is refused")
def _(stage):
    channel, _ = delivered(stage, 1)
    channel.send("basic.ack", delivery_tag=0)
    channel.receive()


@script("delivery tag 0 with multiple acknowledges everything")
def _(stage):
    channel, queue = delivered(stage, 3)
    channel.send("basic.ack", delivery_tag=0, multiple=True)
    channel.close()
    channel.open()
    drain(channel, queue, 0)


@script("delivery tag 0 with multiple and nothing outstanding is accepted")
def _(stage):
    channel, _ = delivered(stage, 0)
    channel.send("basic.ack", delivery_tag=0, multiple=True)
    channel.sync()
    channel.send("basic.nack", delivery_tag=0, multiple=True, requeue=True)
    channel.sync()


@script("multiple acknowledges all tags up to the one named")
def _(stage):
    channel, queue = delivered(stage, 4)
    channel.send("basic.ack", delivery_tag=3, multiple=True)
    channel.close()
    channel.open()
    drain(channel, queue, 1)


@script("multiple with an unknown tag above all is refused")
def _(stage):
    channel, _ = delivered(stage, 2)
    channel.send("basic.ack", delivery_tag=3, multiple=True)
    channel.receive()


@script("multiple with a tag that was acknowledged, with older ones outstanding")
def _(stage):
    channel, queue = delivered(stage, 3)
    channel.send("basic.ack", delivery_tag=2)
    channel.send("basic.ack", delivery_tag=2, multiple=True)
    channel.sync()


@script("multiple with a tag that was acknowledged, with nothing older outstanding")
def _(stage):
    channel, _ = delivered(stage, 3)
    channel.send("basic.ack", delivery_tag=2, multiple=True)
    channel.send("basic.ack", delivery_tag=1, multiple=True)
    channel.sync()


@script("multiple with nothing outstanding is refused")
def _(stage):
    channel, _ = delivered(stage, 1)
    channel.send("basic.ack", delivery_tag=1)
    channel.send("basic.ack", delivery_tag=1, multiple=True)
    channel.sync()


@script("a delivery tag of another channel is unknown")
def _(stage):
    channel, _ = delivered(stage, 2)
    other = channel.connection.channel(2)
    other.send("basic.ack", delivery_tag=1)
    other.receive()


@script("a delivery tag of a message got without acknowledgement is unknown")
def _(stage):
    channel, queue = delivered(stage, 1, got=0)
    channel.call("basic.get", queue=queue, no_ack=True)
    channel.send("basic.ack", delivery_tag=1)
    channel.receive()


@script("an unknown tag is named as unsigned")
def _(stage):
    channel, _ = delivered(stage, 1)
    channel.send("basic.ack", delivery_tag=2**64 - 1)
    channel.receive()


# Nack and reject

@script("nack without requeue drops the message")
def _(stage):
    channel, queue = delivered(stage, 2)
    channel.send("basic.nack", delivery_tag=1)
    channel.close()
    channel.open()
    drain(channel, queue, 1)


@script("nack with requeue puts the message back")
def _(stage):
    channel, queue = delivered(stage, 1)
    channel.send("basic.nack", delivery_tag=1, requeue=True)
    drain(channel, queue, 1)


@script("nack with multiple and requeue puts all back in their order")
def _(stage):
    channel, queue = delivered(stage, 5, got=3)
    channel.send("basic.nack", delivery_tag=3, multiple=True, requeue=True)
    drain(channel, queue, 5)


@script("nack of tag 0 with multiple and requeue puts everything back")
def _(stage):
    channel, queue = delivered(stage, 3)
    channel.send("basic.nack", delivery_tag=0, multiple=True, requeue=True)
    drain(channel, queue, 3)


@script("messages put back one by one stand in their old places")
def _(stage):
    channel, queue = delivered(stage, 5, got=4)
    for tag in (2, 4, 1, 3):
        channel.send("basic.nack", delivery_tag=tag, requeue=True)
    drain(channel, queue, 5)


@script("a message put back stands between those acknowledged and those ready")
def _(stage):
    channel, queue = delivered(stage, 5, got=3)
    channel.send("basic.ack", delivery_tag=1)
    channel.send("basic.reject", delivery_tag=3, requeue=True)
    drain(channel, queue, 3)
    channel.send("basic.reject", delivery_tag=2, requeue=True)
    drain(channel, queue, 1)


@script("an unknown delivery tag is refused by nack")
def _(stage):
    channel, _ = delivered(stage, 1)
    channel.send("basic.nack", delivery_tag=5, requeue=True)
    channel.receive()


@script("an unknown delivery tag is refused by reject")
def _(stage):
    channel, _ = delivered(stage, 1)
    channel.send("basic.reject", delivery_tag=5, requeue=True)
    channel.receive()


@script("reject of tag 0 is refused")
def _(stage):
    channel, _ = delivered(stage, 1)
    channel.send("basic.reject", delivery_tag=0, requeue=True)
    channel.receive()


@script("reject without requeue drops the message")
def _(stage):
    channel, queue = delivered(stage, 1)
    channel.send("basic.reject", delivery_tag=1)
    drain(channel, queue, 0)


@script("a message rejected twice is refused")
def _(stage):
    channel, _ = delivered(stage, 1)
    channel.send("basic.reject", delivery_tag=1)
    channel.send("basic.reject", delivery_tag=1)
    channel.receive()


@script("a message put back goes to another consumer when its consumer is gone")
def _(stage):
    channel, queue = delivered(stage, 0)
    other = channel.connection.channel(2)
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.publish(queue, "ball")
    channel.receive()
    channel.call("basic.cancel", consumer_tag="a")
    other.call("basic.consume", queue=queue, consumer_tag="b")
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    other.receive()


@script("the redelivered flag stays set")
def _(stage):
    channel, queue = delivered(stage, 1)
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=2, requeue=True)
    channel.call("basic.get", queue=queue)


@script("messages that were never delivered are not redelivered after the channel's end")
def _(stage):
    channel, queue = delivered(stage, 3, got=1)
    channel.connection.close()
    drain(stage.channel(), queue, 3)


@script("the messages of a dropped connection come back in order")
def _(stage):
    watcher = stage.channel()
    channel, queue = delivered(stage, 4, got=2, exclusive=False)
    watcher.call("queue.declare", queue=queue, passive=True)
    channel.connection.drop()
    watcher.call("basic.consume", queue=queue, consumer_tag="w", no_ack=True)
    bodies = sorted(watcher.connection.receive_quietly(1).body for _ in range(4))
    stage.note(f"in the end: {bodies}")


@script("acknowledgements of a transient message count too")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, durable=True)
    for mode in (1, 2):
        channel.publish(queue, f"mode {mode}", delivery_mode=mode)
    for tag in (1, 2):
        channel.call("basic.get", queue=queue)
        channel.send("basic.ack", delivery_tag=tag)
    channel.counts(queue)


# Recover

@script("recover with requeue puts everything back and answers")
def _(stage):
    channel, queue = delivered(stage, 3)
    channel.call("basic.recover", requeue=True)
    drain(channel, queue, 3)


@script("recover delivers again to the same consumer after recover-ok")
def _(stage):
    channel, queue = delivered(stage, 0)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    for number in (1, 2):
        channel.publish(queue, f"m{number}")
    channel.take(2)
    channel.call("basic.recover", requeue=True)
    channel.take(2)


@script("recover without requeue is not implemented")
def _(stage):
    stage.channel().call("basic.recover", requeue=False)


@script("recover with nothing outstanding answers")
def _(stage):
    stage.channel().call("basic.recover", requeue=True)


@script("recover-async with requeue puts everything back and does not answer")
def _(stage):
    channel, queue = delivered(stage, 2)
    channel.send("basic.recover-async", requeue=True)
    drain(channel, queue, 2)


@script("recover-async without requeue is not implemented")
def _(stage):
    channel = stage.channel()
    channel.send("basic.recover-async", requeue=False)
    channel.connection.expect_close()


@script("tags of before recover are unknown afterwards")
def _(stage):
    channel, _ = delivered(stage, 1)
    channel.call("basic.recover", requeue=True)
    channel.send("basic.ack", delivery_tag=1)
    channel.receive()


# Get

@script("basic.get on an empty queue answers get-empty")
def _(stage):
    channel, queue = delivered(stage, 0)
    channel.call("basic.get", queue=queue)


@script("basic.get on a missing queue is not found")
def _(stage):
    stage.channel().call("basic.get", queue=stage.name("q"))


@script("basic.get without a queue name takes the last declared queue")
def _(stage):
    channel, _ = delivered(stage, 1, got=0)
    channel.call("basic.get", queue="")


@script("basic.get without a queue name and a declared queue is not found")
def _(stage):
    stage.channel().call("basic.get", queue="")


@script("basic.get tells how many messages are left")
def _(stage):
    channel, queue = delivered(stage, 3, got=0)
    for _ in range(4):
        channel.call("basic.get", queue=queue)
