"""Queues: declare, passive, exclusive, auto-delete, server-named, purge, delete."""

from harness.stage import script


@script("queue.declare answers with the name and the counts")
def _(stage):
    stage.channel().call("queue.declare", queue=stage.name("q"))


@script("queues with every combination of flags are declared and declared again")
def _(stage):
    channel = stage.channel()
    for number in range(8):
        for _ in range(2):
            channel.call("queue.declare", queue=stage.name(f"q{number}"), durable=bool(number & 1), exclusive=bool(number & 2),
                         auto_delete=bool(number & 4))


@script("an empty queue name is answered with a generated one")
def _(stage):
    channel = stage.channel()
    first = channel.call("queue.declare", queue="", exclusive=True).values["queue"]
    second = channel.call("queue.declare", queue="", exclusive=True).values["queue"]
    stage.note(f"length {len(first)}, different: {first != second}")
    channel.call("queue.declare", queue=first, passive=True)


@script("a generated name is usable as an exclusive queue's own and not by others")
def _(stage):
    channel = stage.channel()
    name = channel.call("queue.declare", queue="", exclusive=True).values["queue"]
    stage.channel().call("queue.declare", queue=name, passive=True)


@script("a generated name may be declared again by its owner")
def _(stage):
    channel = stage.channel()
    name = channel.call("queue.declare", queue="", exclusive=True).values["queue"]
    channel.call("queue.declare", queue=name, exclusive=True)


@script("an empty name in a passive declare is no queue, although one was declared")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("queue.declare", queue="", passive=True)


@script("an empty name in a passive declare without a declared queue is not found")
def _(stage):
    stage.channel().call("queue.declare", queue="", passive=True)


@script("a passive declare counts as the last declared queue")
def _(stage):
    channel = stage.channel()
    first, second = stage.names("first second")
    channel.call("queue.declare", queue=first)
    channel.call("queue.declare", queue=second)
    channel.publish(first, "in first")
    channel.settle(first, second)
    channel.call("queue.declare", queue=first, passive=True)
    channel.call("queue.purge", queue="")


@script("a failed declare does not change the last declared queue, which goes with the channel")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("queue.declare", queue=stage.name("q"), durable=True)
    channel.open()
    channel.call("queue.purge", queue="")


@script("the last declared queue that is gone is not found by its name")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("queue.delete", queue="")
    channel.call("queue.purge", queue="")


@script("a queue name with the reserved prefix is refused")
def _(stage):
    stage.channel().call("queue.declare", queue="amq.mine")


@script("a generated-looking queue name is refused too")
def _(stage):
    stage.channel().call("queue.declare", queue="amq.gen-mine")


@script("a passive declare of a missing queue with the reserved prefix is not found")
def _(stage):
    stage.channel().call("queue.declare", queue="amq.mine", passive=True)


@script("a passive declare of a missing queue is not found")
def _(stage):
    stage.channel().call("queue.declare", queue=stage.name("q"), passive=True)


@script("a passive declare ignores flags and arguments")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("queue.declare", queue=stage.name("q"), passive=True, durable=True, auto_delete=True,
                 arguments={"x-expires": -1, "x-queue-type": "quorum"})


@script("a passive declare with exclusive of a queue that is not")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("queue.declare", queue=stage.name("q"), passive=True, exclusive=True)


@script("queue.declare with nowait is not answered")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"), nowait=True)
    channel.counts(stage.name("q"))


@script("queue.declare with nowait counts as the last declared queue")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"), nowait=True)
    channel.call("queue.purge", queue="")


@script("an error of queue.declare with nowait closes the channel")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue="amq.mine", nowait=True)
    channel.receive()


@script("a passive declare with nowait of a missing queue closes the channel")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"), passive=True, nowait=True)
    channel.receive()


@script("the message count is of ready messages alone, the consumer count of all consumers")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    for number in range(4):
        channel.publish(queue, f"m{number}")
    channel.call("basic.get", queue=queue)
    channel.counts(queue)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.receive()
    channel.call("basic.consume", queue=queue, consumer_tag="b")
    channel.receive()
    channel.counts(queue)


def inequivalent(stage, first, second):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"), **first)
    channel.call("queue.declare", queue=stage.name("q"), **second)


@script("a queue of another durability is inequivalent")
def _(stage):
    inequivalent(stage, {}, {"durable": True})


@script("a durable queue declared transient is inequivalent")
def _(stage):
    inequivalent(stage, {"durable": True}, {})


@script("a queue with another auto-delete is inequivalent")
def _(stage):
    inequivalent(stage, {}, {"auto_delete": True})


@script("a queue with auto-delete declared without is inequivalent")
def _(stage):
    inequivalent(stage, {"auto_delete": True}, {})


@script("a queue declared exclusive although it is not is locked")
def _(stage):
    inequivalent(stage, {}, {"exclusive": True})


@script("an exclusive queue declared not exclusive by its owner is locked")
def _(stage):
    inequivalent(stage, {"exclusive": True}, {})


@script("an exclusive queue forgets that it was declared durable")
def _(stage):
    inequivalent(stage, {"exclusive": True, "durable": True}, {"exclusive": True})


@script("an exclusive queue declared durable again is accepted")
def _(stage):
    inequivalent(stage, {"exclusive": True}, {"exclusive": True, "durable": True})


@script("a queue that differs in exclusive and durable is locked")
def _(stage):
    inequivalent(stage, {}, {"exclusive": True, "durable": True})


@script("a queue that differs in durable and auto-delete names durable first")
def _(stage):
    inequivalent(stage, {}, {"durable": True, "auto_delete": True})


def locked(stage, name, **values):
    owner, other = stage.channel(), stage.channel()
    queue = stage.name("q")
    owner.call("queue.declare", queue=queue, exclusive=True)
    values = {field: queue if value == "QUEUE" else value for field, value in values.items()}
    other.call(name, **values)
    owner.counts(queue)


@script("another connection's exclusive queue is locked for declare")
def _(stage):
    locked(stage, "queue.declare", queue="QUEUE")


@script("another connection's exclusive queue is locked for an exclusive declare")
def _(stage):
    locked(stage, "queue.declare", queue="QUEUE", exclusive=True)


@script("another connection's exclusive queue is locked for a passive declare")
def _(stage):
    locked(stage, "queue.declare", queue="QUEUE", passive=True)


@script("another connection's exclusive queue is locked for bind")
def _(stage):
    locked(stage, "queue.bind", queue="QUEUE", exchange="amq.direct", routing_key="k")


@script("another connection's exclusive queue is locked for unbind of a binding that exists")
def _(stage):
    owner, other = stage.channel(), stage.channel()
    queue = stage.name("q")
    owner.call("queue.declare", queue=queue, exclusive=True)
    owner.call("queue.bind", queue=queue, exchange="amq.direct", routing_key=queue)
    other.call("queue.unbind", queue=queue, exchange="amq.direct", routing_key=queue)
    owner.publish(queue, "body", exchange="amq.direct")
    owner.counts(queue)


@script("unbinding a missing binding of another connection's exclusive queue is accepted")
def _(stage):
    locked(stage, "queue.unbind", queue="QUEUE", exchange="amq.direct", routing_key="k")


@script("another connection's exclusive queue is locked for purge")
def _(stage):
    locked(stage, "queue.purge", queue="QUEUE")


@script("another connection's exclusive queue is locked for delete")
def _(stage):
    locked(stage, "queue.delete", queue="QUEUE")


@script("another connection's exclusive queue is locked for delete if-unused and if-empty")
def _(stage):
    locked(stage, "queue.delete", queue="QUEUE", if_unused=True, if_empty=True)


@script("another connection's exclusive queue is locked for consume")
def _(stage):
    locked(stage, "basic.consume", queue="QUEUE")


@script("another connection's exclusive queue is locked for get")
def _(stage):
    locked(stage, "basic.get", queue="QUEUE")


@script("another connection's exclusive queue takes publishes")
def _(stage):
    owner, other = stage.channel(), stage.channel()
    queue = stage.name("q")
    owner.call("queue.declare", queue=queue, exclusive=True)
    other.publish(queue, "welcome")
    other.sync()
    owner.settle(queue)
    owner.call("basic.get", queue=queue, no_ack=True)


@script("an exclusive queue is used by all channels of its connection")
def _(stage):
    connection = stage.connect()
    first, second = connection.channel(1), connection.channel(2)
    queue = stage.name("q")
    first.call("queue.declare", queue=queue, exclusive=True)
    second.call("queue.declare", queue=queue, exclusive=True)
    second.call("queue.purge", queue=queue)
    second.call("queue.delete", queue=queue)


@script("an exclusive queue outlives the channel that declared it")
def _(stage):
    connection = stage.connect()
    first, second = connection.channel(1), connection.channel(2)
    queue = stage.name("q")
    first.call("queue.declare", queue=queue, exclusive=True)
    first.close()
    second.counts(queue)


@script("line ends are taken out of a queue name")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("a\r\nb\n"))
    channel.counts(stage.name("ab"))


@script("a queue name may have any characters")
def _(stage):
    channel = stage.channel()
    queue = stage.name("naïve/名前 * # . %00 \t")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "body")
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a queue name that is no UTF-8")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.prefix.encode() + b"\xff\xfe", exclusive=True)


@script("a queue name of 255 bytes is accepted and its errors are cut to 255")
def _(stage):
    channel = stage.channel()
    queue = stage.name("l" * (255 - len(stage.prefix)))
    channel.call("queue.declare", queue=queue)
    channel.call("queue.declare", queue=queue, durable=True)


@script("the text about a missing queue of two-byte letters is cut in the middle of one")
def _(stage):
    stage.channel().call("queue.declare", queue=stage.prefix + "é" * 120, passive=True)


@script("the text about a locked queue with a long name is cut")
def _(stage):
    queue = stage.name("q" * 150)
    stage.channel().call("queue.declare", queue=queue, exclusive=True)
    stage.channel().call("queue.declare", queue=queue)


@script("queues of the same name in two virtual hosts are two")
def _(stage):
    channel, other = stage.channel(), stage.channel(vhost="other")
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    other.call("queue.declare", queue=queue, passive=True)
