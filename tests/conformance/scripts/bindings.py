"""Bindings of queues and of exchanges: bind, unbind, what is missing, what is default."""

from harness.stage import script


def setting(stage, kind="direct"):
    """A channel, an exchange and a queue."""
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("exchange.declare", exchange=exchange, type=kind)
    channel.call("queue.declare", queue=queue)
    return channel, exchange, queue


@script("the same binding twice delivers once")
def _(stage):
    channel, exchange, queue = setting(stage)
    for _ in range(2):
        channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k")
    channel.publish("k", "once", exchange=exchange)
    channel.counts(queue)


@script("bindings that differ in the arguments are two, and one message is one copy")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k", arguments={"a": 1})
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k", arguments={"a": 2})
    channel.publish("k", "once", exchange=exchange)
    channel.counts(queue)
    channel.call("queue.unbind", queue=queue, exchange=exchange, routing_key="k", arguments={"a": 1})
    channel.publish("k", "still", exchange=exchange)
    channel.counts(queue)


@script("an unbind with other arguments unbinds nothing")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k", arguments={"a": 1})
    channel.call("queue.unbind", queue=queue, exchange=exchange, routing_key="k")
    channel.publish("k", "body", exchange=exchange)
    channel.counts(queue)


@script("the order of binding arguments has no meaning")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k", arguments={"a": 1, "b": 2})
    channel.call("queue.unbind", queue=queue, exchange=exchange, routing_key="k", arguments={"b": 2, "a": 1})
    channel.publish("k", "body", exchange=exchange)
    channel.counts(queue)


@script("binding a missing queue is not found")
def _(stage):
    stage.channel().call("queue.bind", queue=stage.name("q"), exchange="amq.direct", routing_key="k")


@script("binding to a missing exchange is not found")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("queue.bind", queue=stage.name("q"), exchange=stage.name("x"), routing_key="k")


@script("binding a missing queue to a missing exchange names the one RabbitMQ names")
def _(stage):
    stage.channel().call("queue.bind", queue=stage.name("q"), exchange=stage.name("x"), routing_key="k")


@script("binding to the default exchange is refused")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("queue.bind", queue=stage.name("q"), exchange="", routing_key="k")


@script("unbinding from the default exchange is refused")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("queue.unbind", queue=stage.name("q"), exchange="", routing_key=stage.name("q"))


@script("unbinding a missing binding is accepted")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.unbind", queue=queue, exchange=exchange, routing_key="k")


@script("unbinding a missing queue")
def _(stage):
    stage.channel().call("queue.unbind", queue=stage.name("q"), exchange="amq.direct", routing_key="k")


@script("unbinding from a missing exchange")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("queue.unbind", queue=stage.name("q"), exchange=stage.name("x"), routing_key="k")


@script("queue.bind with nowait is not answered")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k", nowait=True)
    channel.publish("k", "body", exchange=exchange)
    channel.counts(queue)


@script("an error of queue.bind with nowait closes the channel")
def _(stage):
    channel = stage.channel()
    channel.call("queue.bind", queue=stage.name("q"), exchange="amq.direct", nowait=True)
    channel.receive()


@script("an empty queue name in bind is the last declared queue, and its name the routing key")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.bind", queue="", exchange=exchange, routing_key="")
    channel.publish(queue, "by name", exchange=exchange)
    channel.publish("", "by empty key", exchange=exchange)
    channel.counts(queue)


@script("an empty routing key stays empty when the queue is named in bind")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="")
    channel.publish(queue, "by name", exchange=exchange)
    channel.publish("", "by empty key", exchange=exchange)
    channel.call("basic.get", queue=queue, no_ack=True)
    channel.counts(queue)


@script("an empty queue name in bind keeps a routing key that is given")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.bind", queue="", exchange=exchange, routing_key="k")
    channel.publish("k", "by key", exchange=exchange)
    channel.counts(queue)


@script("an empty queue name in unbind is the last declared queue")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key=queue)
    channel.call("queue.unbind", queue="", exchange=exchange, routing_key="")
    channel.publish(queue, "body", exchange=exchange)
    channel.counts(queue)


@script("an empty queue name in bind without a declared queue is not found")
def _(stage):
    stage.channel().call("queue.bind", queue="", exchange="amq.direct", routing_key="k")


@script("an empty queue name in unbind without a declared queue is not found")
def _(stage):
    stage.channel().call("queue.unbind", queue="", exchange="amq.direct", routing_key="k")


@script("a queue unbound gets nothing more")
def _(stage):
    channel, exchange, queue = setting(stage, "fanout")
    channel.call("queue.bind", queue=queue, exchange=exchange)
    channel.publish("", "one", exchange=exchange)
    channel.call("queue.unbind", queue=queue, exchange=exchange)
    channel.publish("", "two", exchange=exchange)
    channel.counts(queue)


@script("a durable queue binds to a transient exchange and the other way round")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("queue.declare", queue=queue, durable=True)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k")
    transient = stage.name("transient")
    channel.call("queue.declare", queue=transient)
    channel.call("queue.bind", queue=transient, exchange="amq.direct", routing_key=transient)
    channel.publish("k", "one", exchange=exchange)
    channel.publish(transient, "two", exchange="amq.direct")
    channel.counts(queue)
    channel.counts(transient)


@script("line ends are taken out of the names in bind")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.bind", queue=queue + "\n", exchange="\r" + exchange, routing_key="k")
    channel.publish("k", "body", exchange=exchange)
    channel.counts(queue)


# Exchange to exchange

def two_exchanges(stage):
    channel = stage.channel()
    source, destination, queue = stage.names("source destination q")
    for exchange in (source, destination):
        channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=destination, routing_key="k")
    return channel, source, destination, queue


@script("an exchange bound to another passes messages on")
def _(stage):
    channel, source, destination, queue = two_exchanges(stage)
    channel.call("exchange.bind", destination=destination, source=source, routing_key="k")
    channel.publish("k", "routed", exchange=source)
    channel.publish("other", "not routed", exchange=source)
    channel.call("basic.get", queue=queue, no_ack=True)
    channel.counts(queue)


@script("exchange.unbind is answered by method 51")
def _(stage):
    channel, source, destination, queue = two_exchanges(stage)
    channel.call("exchange.bind", destination=destination, source=source, routing_key="k")
    channel.call("exchange.unbind", destination=destination, source=source, routing_key="k")
    channel.publish("k", "body", exchange=source)
    channel.counts(queue)


@script("exchange.bind and unbind with nowait are not answered")
def _(stage):
    channel, source, destination, queue = two_exchanges(stage)
    channel.call("exchange.bind", destination=destination, source=source, routing_key="k", nowait=True)
    channel.publish("k", "body", exchange=source)
    channel.counts(queue)
    channel.call("exchange.unbind", destination=destination, source=source, routing_key="k", nowait=True)
    channel.publish("k", "body", exchange=source)
    channel.counts(queue)


@script("exchange.bind with a missing source is not found")
def _(stage):
    stage.channel().call("exchange.bind", destination="amq.fanout", source=stage.name("x"))


@script("exchange.bind with a missing destination is not found")
def _(stage):
    stage.channel().call("exchange.bind", destination=stage.name("x"), source="amq.fanout")


@script("exchange.bind with both missing names the one RabbitMQ names")
def _(stage):
    stage.channel().call("exchange.bind", destination=stage.name("d"), source=stage.name("s"))


@script("exchange.unbind with a missing source")
def _(stage):
    stage.channel().call("exchange.unbind", destination="amq.fanout", source=stage.name("x"))


@script("exchange.unbind with a missing destination")
def _(stage):
    stage.channel().call("exchange.unbind", destination=stage.name("x"), source="amq.fanout")


@script("exchange.unbind of a missing binding is accepted")
def _(stage):
    stage.channel().call("exchange.unbind", destination="amq.fanout", source="amq.direct", routing_key=stage.name("k"))


@script("exchange.bind from the default exchange is refused")
def _(stage):
    stage.channel().call("exchange.bind", destination="amq.fanout", source="", routing_key="k")


@script("exchange.bind to the default exchange is refused")
def _(stage):
    stage.channel().call("exchange.bind", destination="", source="amq.fanout", routing_key="k")


@script("exchange.unbind from the default exchange is refused")
def _(stage):
    stage.channel().call("exchange.unbind", destination="amq.fanout", source="", routing_key="k")


@script("an exchange bound to itself delivers once")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("exchange.declare", exchange=exchange, type="fanout")
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=exchange)
    channel.call("exchange.bind", destination=exchange, source=exchange)
    channel.publish("", "once", exchange=exchange)
    channel.counts(queue)


@script("a ring of exchanges delivers once")
def _(stage):
    channel = stage.channel()
    ring = stage.names("a b c")
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    for exchange in ring:
        channel.call("exchange.declare", exchange=exchange, type="fanout")
        channel.call("queue.bind", queue=queue, exchange=exchange)
    for source, destination in zip(ring, ring[1:] + ring[:1]):
        channel.call("exchange.bind", destination=destination, source=source)
    channel.publish("", "once", exchange=ring[1])
    channel.counts(queue)


@script("a queue reached over two paths gets one copy")
def _(stage):
    channel = stage.channel()
    top, left, right, queue = stage.names("top left right q")
    channel.call("queue.declare", queue=queue)
    for exchange in (top, left, right):
        channel.call("exchange.declare", exchange=exchange, type="fanout")
    for exchange in (left, right):
        channel.call("exchange.bind", destination=exchange, source=top)
        channel.call("queue.bind", queue=queue, exchange=exchange)
    channel.publish("", "once", exchange=top)
    channel.counts(queue)


@script("the delivered exchange is the one published to, whatever the path")
def _(stage):
    channel, source, destination, queue = two_exchanges(stage)
    channel.call("exchange.bind", destination=destination, source=source, routing_key="k")
    channel.publish("k", "body", exchange=source)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("deleting the destination exchange removes its bindings")
def _(stage):
    channel, source, destination, queue = two_exchanges(stage)
    channel.call("exchange.bind", destination=destination, source=source, routing_key="k")
    channel.call("exchange.delete", exchange=destination)
    channel.publish("k", "body", exchange=source, mandatory=True)
    channel.receive()
    channel.call("exchange.delete", exchange=source, if_unused=True)


@script("a binding with an invalid x-match is refused")
def _(stage):
    channel, exchange, queue = setting(stage, "headers")
    channel.call("queue.bind", queue=queue, exchange=exchange, arguments={"x-match": "some", "a": 1})


@script("a binding with an x-match that is a number is refused")
def _(stage):
    channel, exchange, queue = setting(stage, "headers")
    channel.call("queue.bind", queue=queue, exchange=exchange, arguments={"x-match": 1, "a": 1})


@script("an unbind with an invalid x-match")
def _(stage):
    channel, exchange, queue = setting(stage, "headers")
    channel.call("queue.unbind", queue=queue, exchange=exchange, arguments={"x-match": "some", "a": 1})


@script("an invalid x-match is nothing to a direct exchange")
def _(stage):
    channel, exchange, queue = setting(stage)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k", arguments={"x-match": "some"})
