"""Queues: purge, delete, auto-delete."""

from harness.stage import script


# Purge

@script("purge answers with the number of messages")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    for number in range(3):
        channel.publish(queue, f"m{number}")
    channel.call("queue.purge", queue=queue)
    channel.call("queue.purge", queue=queue)
    channel.call("basic.get", queue=queue)


@script("purge leaves unacknowledged messages alone")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    for number in range(3):
        channel.publish(queue, f"m{number}")
    channel.call("basic.get", queue=queue)
    channel.call("queue.purge", queue=queue)
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    channel.settle(queue)
    channel.counts(queue)


@script("purge of a missing queue is not found")
def _(stage):
    stage.channel().call("queue.purge", queue=stage.name("q"))


@script("purge with nowait is not answered")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "body")
    channel.call("queue.purge", queue=queue, nowait=True)
    channel.counts(queue)


@script("purge without a queue name and a declared queue is not found")
def _(stage):
    stage.channel().call("queue.purge", queue="")


# Delete

@script("delete answers with the number of messages")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    for number in range(3):
        channel.publish(queue, f"m{number}")
    channel.call("basic.get", queue=queue)
    channel.call("queue.delete", queue=queue)
    channel.call("queue.declare", queue=queue, passive=True)


@script("delete of a missing queue is accepted")
def _(stage):
    stage.channel().call("queue.delete", queue=stage.name("q"))


@script("delete of a missing queue if-unused and if-empty is accepted")
def _(stage):
    stage.channel().call("queue.delete", queue=stage.name("q"), if_unused=True, if_empty=True)


@script("delete if-empty of a queue with messages is refused")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "body")
    channel.call("queue.delete", queue=queue, if_empty=True)


@script("delete if-empty of a queue with only unacknowledged messages")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "body")
    channel.call("basic.get", queue=queue)
    channel.call("queue.delete", queue=queue, if_empty=True)


@script("delete if-unused of a queue with a consumer is refused")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.call("queue.delete", queue=queue, if_unused=True)


@script("delete if-unused and if-empty of a queue in use with messages names the messages")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.call("basic.cancel", consumer_tag="c")
    channel.publish(queue, "body")
    channel.call("basic.qos", prefetch_count=1)
    channel.publish(queue, "body")
    channel.call("basic.consume", queue=queue, consumer_tag="d")
    channel.receive()
    channel.call("queue.delete", queue=queue, if_unused=True, if_empty=True)


@script("delete with nowait is not answered")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.call("queue.delete", queue=queue, nowait=True)
    channel.call("queue.declare", queue=queue, passive=True)


@script("an error of delete with nowait closes the channel")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "body")
    channel.call("queue.delete", queue=queue, if_empty=True, nowait=True)
    channel.receive()


@script("delete without a queue name and a declared queue is not found")
def _(stage):
    stage.channel().call("queue.delete", queue="")


@script("a queue with a reserved name that is missing may be deleted")
def _(stage):
    stage.channel().call("queue.delete", queue="amq.mine")


# Auto-delete

@script("an auto-delete queue goes when its last consumer is cancelled")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, auto_delete=True)
    for tag in ("a", "b"):
        channel.call("basic.consume", queue=queue, consumer_tag=tag)
    for tag in ("a", "b"):
        channel.call("basic.cancel", consumer_tag=tag)
        channel.call("queue.declare", queue=queue, passive=True)


@script("an auto-delete queue stays while it never had a consumer")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, auto_delete=True)
    channel.publish(queue, "body")
    channel.call("basic.get", queue=queue, no_ack=True)
    channel.close()
    stage.channel().counts(queue)


@script("an auto-delete queue goes with the channel of its last consumer")
def _(stage):
    connection = stage.connect()
    first, second = connection.channel(1), connection.channel(2)
    queue = stage.name("q")
    first.call("queue.declare", queue=queue, auto_delete=True)
    first.call("basic.consume", queue=queue, consumer_tag="c")
    first.close()
    second.call("queue.declare", queue=queue, passive=True)


@script("an auto-delete queue goes with its messages")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, auto_delete=True)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.publish(queue, "unacknowledged")
    channel.receive()
    channel.call("basic.cancel", consumer_tag="c")
    channel.call("queue.declare", queue=queue, auto_delete=True)
    channel.send("basic.ack", delivery_tag=1)
    channel.sync()


@script("a queue deleted by another connection takes its bindings along")
def _(stage):
    channel, other = stage.channel(), stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("exchange.declare", exchange=exchange, type="fanout")
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=exchange)
    other.call("queue.delete", queue=queue)
    channel.publish("", "body", exchange=exchange, mandatory=True)
    channel.receive()
    channel.call("queue.declare", queue=queue)
    channel.publish("", "body", exchange=exchange, mandatory=True)
    channel.receive()
