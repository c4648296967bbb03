"""Exchanges: declare, passive, equivalence, reserved names, delete."""

from harness import wire
from harness.stage import script

TYPES = ("direct", "fanout", "topic", "headers")


@script("exchanges of the four types are declared")
def _(stage):
    channel = stage.channel()
    for kind in TYPES:
        channel.call("exchange.declare", exchange=stage.name(kind), type=kind)


@script("an exchange declared twice alike is accepted")
def _(stage):
    channel = stage.channel()
    for _ in range(2):
        channel.call("exchange.declare", exchange=stage.name("x"), type="topic", durable=True, auto_delete=True, internal=True,
                     arguments={"k": 1})


@script("an unknown exchange type is refused")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="x-nonsense")


@script("an exchange type is not searched without regard to case")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="Direct")


@script("an empty exchange type is refused")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="")


@script("an unknown exchange type of an existing exchange is refused")
def _(stage):
    channel = stage.channel()
    channel.call("exchange.declare", exchange=stage.name("x"), type="direct")
    channel.call("exchange.declare", exchange=stage.name("x"), type="x-nonsense")


@script("an exchange type that is no type but a word of the server is refused")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="policy")


def inequivalent(stage, first, second):
    channel = stage.channel()
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, **{"type": "direct", **first})
    channel.call("exchange.declare", exchange=exchange, **{"type": "direct", **second})


@script("an exchange of another type is inequivalent")
def _(stage):
    inequivalent(stage, {"type": "direct"}, {"type": "fanout"})


@script("an exchange of another durability is inequivalent")
def _(stage):
    inequivalent(stage, {"durable": True}, {})


@script("a transient exchange declared durable is inequivalent")
def _(stage):
    inequivalent(stage, {}, {"durable": True})


@script("an exchange with another auto-delete is inequivalent")
def _(stage):
    inequivalent(stage, {"auto_delete": True}, {})


@script("an exchange with another internal is inequivalent")
def _(stage):
    inequivalent(stage, {}, {"internal": True})


@script("an exchange that differs in everything names the type first")
def _(stage):
    inequivalent(stage, {}, {"type": "topic", "durable": True, "auto_delete": True, "internal": True})


@script("an exchange that differs in durable and auto-delete names durable first")
def _(stage):
    inequivalent(stage, {}, {"durable": True, "auto_delete": True})


@script("unknown arguments of an exchange are not compared")
def _(stage):
    inequivalent(stage, {"arguments": {"x-one": 1}}, {"arguments": {"x-two": "two"}})


@script("an alternate exchange that is added is inequivalent")
def _(stage):
    inequivalent(stage, {}, {"arguments": {"alternate-exchange": "amq.fanout"}})


@script("an alternate exchange that is left out is inequivalent")
def _(stage):
    inequivalent(stage, {"arguments": {"alternate-exchange": "amq.fanout"}}, {})


@script("another alternate exchange is inequivalent")
def _(stage):
    inequivalent(stage, {"arguments": {"alternate-exchange": "amq.fanout"}}, {"arguments": {"alternate-exchange": "amq.topic"}})


@script("an alternate exchange that is a number is refused")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="direct", arguments={"alternate-exchange": 5})


@script("an alternate exchange that is missing is accepted at declare")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="direct",
                         arguments={"alternate-exchange": stage.name("missing")})


@script("an alternate exchange that is empty is accepted at declare")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="direct", arguments={"alternate-exchange": ""})


@script("a predeclared exchange is declared alike by a client")
def _(stage):
    channel = stage.channel()
    for name, kind in (("amq.direct", "direct"), ("amq.fanout", "fanout"), ("amq.topic", "topic"), ("amq.headers", "headers"),
                       ("amq.match", "headers")):
        channel.call("exchange.declare", exchange=name, type=kind, durable=True)


@script("amq.rabbitmq.trace is an internal durable topic exchange")
def _(stage):
    stage.channel().call("exchange.declare", exchange="amq.rabbitmq.trace", type="topic", durable=True, internal=True)


@script("a predeclared exchange declared otherwise is inequivalent")
def _(stage):
    stage.channel().call("exchange.declare", exchange="amq.direct", type="direct")


@script("an exchange name with the reserved prefix is refused")
def _(stage):
    stage.channel().call("exchange.declare", exchange="amq.mine", type="direct")


@script("a passive declare of a missing exchange with the reserved prefix is not found")
def _(stage):
    stage.channel().call("exchange.declare", exchange="amq.mine", type="direct", passive=True)


@script("the default exchange cannot be declared")
def _(stage):
    stage.channel().call("exchange.declare", exchange="", type="direct", durable=True)


@script("a passive declare of the default exchange")
def _(stage):
    stage.channel().call("exchange.declare", exchange="", type="direct", passive=True)


@script("a passive declare of an exchange ignores every attribute")
def _(stage):
    channel = stage.channel()
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("exchange.declare", exchange=exchange, type="nonsense", passive=True, durable=True, auto_delete=True,
                 internal=True, arguments={"alternate-exchange": 5})


@script("a passive declare of a missing exchange is not found")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="direct", passive=True)


@script("a passive declare of a missing exchange of an unknown type is not found")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="nonsense", passive=True)


@script("a passive declare without a type is accepted")
def _(stage):
    stage.channel().call("exchange.declare", exchange="amq.topic", type="", passive=True)


@script("exchange.declare with nowait is not answered")
def _(stage):
    channel = stage.channel()
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type="fanout", nowait=True)
    channel.call("exchange.declare", exchange=exchange, passive=True)


@script("an error of exchange.declare with nowait closes the channel")
def _(stage):
    channel = stage.channel()
    channel.call("exchange.declare", exchange=stage.name("x"), type="nonsense", nowait=True)
    channel.receive()


@script("line ends are taken out of an exchange name")
def _(stage):
    channel = stage.channel()
    channel.call("exchange.declare", exchange=stage.name("a\r\nb\n"), type="direct")
    channel.call("exchange.declare", exchange=stage.name("ab"), passive=True)


@script("an exchange name may have any characters and 255 bytes")
def _(stage):
    channel = stage.channel()
    exchange = stage.name("naïve/名前 * # . %00 \t")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("exchange.declare", exchange=exchange, passive=True)
    long_name = stage.name("l" * (255 - len(stage.prefix)))
    channel.call("exchange.declare", exchange=long_name, type="direct")
    channel.call("exchange.declare", exchange=long_name, type="fanout")


@script("the text about a missing exchange of 255 bytes is cut to 255")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.prefix + "m" * (255 - len(stage.prefix)), passive=True)


@script("the text about a missing exchange with two-byte letters is cut")
def _(stage):
    channel = stage.channel()
    for pad in ("", "x"):
        channel.call("exchange.declare", exchange=stage.prefix + pad + "é" * 120, passive=True)
        channel.open()


@script("a text of exactly 255 bytes is not cut, one of 256 is")
def _(stage):
    channel = stage.channel()
    fixed = len("NOT_FOUND - no exchange '' in vhost '/'") + len(stage.prefix)
    for size in (255 - fixed, 256 - fixed):
        channel.call("exchange.declare", exchange=stage.prefix + "x" * size, passive=True)
        channel.open()


@script("exchanges of the same name in two virtual hosts are two")
def _(stage):
    channel, other = stage.channel(), stage.channel(vhost="other")
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    other.call("exchange.declare", exchange=exchange, passive=True)


@script("every virtual host has the predeclared exchanges")
def _(stage):
    channel = stage.channel(vhost="other")
    for name in ("amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match", "amq.rabbitmq.trace"):
        channel.call("exchange.declare", exchange=name, passive=True)


# Delete

@script("a deleted exchange is gone")
def _(stage):
    channel = stage.channel()
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("exchange.delete", exchange=exchange)
    channel.call("exchange.declare", exchange=exchange, passive=True)


@script("deleting a missing exchange is accepted")
def _(stage):
    stage.channel().call("exchange.delete", exchange=stage.name("x"))


@script("deleting a missing exchange if-unused is accepted")
def _(stage):
    stage.channel().call("exchange.delete", exchange=stage.name("x"), if_unused=True)


@script("exchange.delete with nowait is not answered")
def _(stage):
    channel = stage.channel()
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("exchange.delete", exchange=exchange, nowait=True)
    channel.call("exchange.declare", exchange=exchange, passive=True)


@script("a predeclared exchange cannot be deleted")
def _(stage):
    stage.channel().call("exchange.delete", exchange="amq.direct")


@script("a missing exchange with the reserved prefix cannot be deleted")
def _(stage):
    stage.channel().call("exchange.delete", exchange="amq.mine")


@script("the default exchange cannot be deleted")
def _(stage):
    stage.channel().call("exchange.delete", exchange="")


@script("an exchange bound to a queue is in use")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k")
    channel.call("exchange.delete", exchange=exchange, if_unused=True)


@script("an exchange is unused again after its last unbind")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k")
    channel.call("queue.unbind", queue=queue, exchange=exchange, routing_key="k")
    channel.call("exchange.delete", exchange=exchange, if_unused=True)
    channel.call("exchange.declare", exchange=exchange, passive=True)


@script("an exchange that is only a destination is unused")
def _(stage):
    channel = stage.channel()
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("exchange.bind", destination=exchange, source="amq.topic", routing_key=exchange)
    channel.call("exchange.delete", exchange=exchange, if_unused=True)


@script("an exchange with bindings is deleted without if-unused, and its queues live")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="k")
    channel.call("exchange.delete", exchange=exchange)
    channel.counts(queue)
    channel.publish("k", "lost", exchange=exchange)
    channel.receive()


@script("a new exchange does not have the bindings of a deleted one")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("queue.declare", queue=queue)
    for _ in range(2):
        channel.call("exchange.declare", exchange=exchange, type="fanout")
        channel.publish("k", "body", exchange=exchange, mandatory=True)
        channel.receive()
        channel.call("queue.bind", queue=queue, exchange=exchange)
        channel.publish("k", "body", exchange=exchange, mandatory=True)
        channel.settle(queue)
        channel.call("exchange.delete", exchange=exchange)
    channel.counts(queue)


# Auto-delete

@script("an auto-delete exchange goes with its last queue binding")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("exchange.declare", exchange=exchange, type="direct", auto_delete=True)
    channel.call("queue.declare", queue=queue)
    for key in ("a", "b"):
        channel.call("queue.bind", queue=queue, exchange=exchange, routing_key=key)
    for key in ("a", "b"):
        channel.call("queue.unbind", queue=queue, exchange=exchange, routing_key=key)
        channel.call("exchange.declare", exchange=exchange, passive=True)


@script("an auto-delete exchange goes with its last queue")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("exchange.declare", exchange=exchange, type="fanout", auto_delete=True)
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=exchange)
    channel.call("queue.delete", queue=queue)
    channel.call("exchange.declare", exchange=exchange, passive=True)


@script("an auto-delete exchange stays while it never had a binding")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("exchange.declare", exchange=exchange, type="fanout", auto_delete=True)
    channel.call("queue.declare", queue=queue)
    channel.call("queue.unbind", queue=queue, exchange=exchange)
    channel.call("exchange.declare", exchange=exchange, passive=True)


@script("an auto-delete exchange goes with its last exchange binding as source")
def _(stage):
    channel = stage.channel()
    source, destination = stage.names("source destination")
    channel.call("exchange.declare", exchange=source, type="fanout", auto_delete=True)
    channel.call("exchange.declare", exchange=destination, type="fanout")
    channel.call("exchange.bind", destination=destination, source=source)
    channel.call("exchange.unbind", destination=destination, source=source)
    channel.call("exchange.declare", exchange=source, passive=True)


@script("an auto-delete exchange stays after its last binding as destination")
def _(stage):
    channel = stage.channel()
    source, destination = stage.names("source destination")
    channel.call("exchange.declare", exchange=source, type="fanout")
    channel.call("exchange.declare", exchange=destination, type="fanout", auto_delete=True)
    channel.call("exchange.bind", destination=destination, source=source)
    channel.call("exchange.unbind", destination=destination, source=source)
    channel.call("exchange.declare", exchange=destination, passive=True)


@script("auto-delete goes down a chain of exchanges")
def _(stage):
    channel = stage.channel()
    first, second, queue = stage.names("first second q")
    for exchange in (first, second):
        channel.call("exchange.declare", exchange=exchange, type="fanout", auto_delete=True)
    channel.call("queue.declare", queue=queue)
    channel.call("exchange.bind", destination=second, source=first)
    channel.call("queue.bind", queue=queue, exchange=second)
    channel.call("queue.delete", queue=queue)
    channel.call("exchange.declare", exchange=second, passive=True)
    channel.open()
    channel.call("exchange.declare", exchange=first, passive=True)


# Internal

@script("an internal exchange takes no publish of a client")
def _(stage):
    channel = stage.channel()
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type="fanout", internal=True)
    channel.publish("k", "body", exchange=exchange)
    channel.receive()


@script("an internal exchange is reached through another")
def _(stage):
    channel = stage.channel()
    outer, inner, queue = stage.names("outer inner q")
    channel.call("exchange.declare", exchange=outer, type="fanout")
    channel.call("exchange.declare", exchange=inner, type="fanout", internal=True)
    channel.call("queue.declare", queue=queue)
    channel.call("exchange.bind", destination=inner, source=outer)
    channel.call("queue.bind", queue=queue, exchange=inner)
    channel.publish("k", "body", exchange=outer)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("an exchange type of a plugin that is not there is refused")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="x-jms-topic")


@script("exchange.declare-ok carries nothing")
def _(stage):
    channel = stage.channel()
    channel.frame(wire.METHOD, wire.method_payload("exchange.declare", exchange=stage.name("x"), type="direct"),
                  note="exchange.declare")
    channel.receive()
