"""What a user may do: configure, write and read patterns on every operation that RabbitMQ checks."""

from harness.stage import script


class Names:
    """An exchange, a queue and a second exchange made by the user `full`."""

    def __init__(self, stage):
        self.exchange, self.queue, self.other = stage.names("x q y")
        channel = stage.channel()
        channel.connection.recording = False
        for exchange in (self.exchange, self.other):
            channel.call("exchange.declare", exchange=exchange, type="direct")
        channel.call("queue.declare", queue=self.queue)
        channel.publish(self.queue, "body")
        channel.settle(self.queue)


OPERATIONS = {
    "exchange.declare": lambda names: ("exchange.declare", dict(exchange=names.exchange, type="direct")),
    "exchange.declare passive": lambda names: ("exchange.declare", dict(exchange=names.exchange, passive=True)),
    "exchange.delete": lambda names: ("exchange.delete", dict(exchange=names.exchange)),
    "exchange.bind": lambda names: ("exchange.bind", dict(destination=names.exchange, source=names.other, routing_key="k")),
    "exchange.unbind": lambda names: ("exchange.unbind", dict(destination=names.exchange, source=names.other, routing_key="k")),
    "queue.declare": lambda names: ("queue.declare", dict(queue=names.queue)),
    "queue.declare passive": lambda names: ("queue.declare", dict(queue=names.queue, passive=True)),
    "queue.declare server-named": lambda names: ("queue.declare", dict(queue="", exclusive=True)),
    "queue.bind": lambda names: ("queue.bind", dict(queue=names.queue, exchange=names.exchange, routing_key="k")),
    "queue.unbind": lambda names: ("queue.unbind", dict(queue=names.queue, exchange=names.exchange, routing_key="k")),
    "queue.purge": lambda names: ("queue.purge", dict(queue=names.queue)),
    "queue.delete": lambda names: ("queue.delete", dict(queue=names.queue)),
    "basic.consume": lambda names: ("basic.consume", dict(queue=names.queue, consumer_tag="c", no_ack=True)),
    "basic.get": lambda names: ("basic.get", dict(queue=names.queue, no_ack=True)),
}

for user in ("reader", "writer", "configurer", "own"):
    for operation, make in OPERATIONS.items():
        @script(f"{operation} by a user with the permissions of {user}")
        def _(stage, user=user, make=make):
            names = Names(stage)
            name, values = make(names)
            channel = stage.channel(user=user)
            channel.call(name, **values)

    @script(f"basic.publish to an exchange by a user with the permissions of {user}")
    def _(stage, user=user):
        names = Names(stage)
        channel = stage.channel(user=user)
        channel.publish("k", "body", exchange=names.exchange)
        channel.sync()

    @script(f"basic.publish to the default exchange by a user with the permissions of {user}")
    def _(stage, user=user):
        names = Names(stage)
        channel = stage.channel(user=user)
        channel.publish(names.queue, "body")
        channel.sync()


@script("a user owns what matches its pattern")
def _(stage):
    channel = stage.channel(user="own")
    queue, exchange = (stage.forget("own-" + stage.name(bare)) for bare in ("q", "x"))
    channel.call("queue.declare", queue=queue)
    channel.call("exchange.declare", exchange=exchange, type="fanout")
    channel.call("queue.bind", queue=queue, exchange=exchange)
    channel.publish("", "body", exchange=exchange)
    channel.call("basic.get", queue=queue, no_ack=True)
    channel.call("queue.purge", queue=queue)
    channel.call("queue.unbind", queue=queue, exchange=exchange)
    channel.call("exchange.delete", exchange=exchange)
    channel.call("queue.delete", queue=queue)


@script("a pattern is not anchored at the end")
def _(stage):
    channel = stage.channel(user="own")
    channel.call("queue.declare", queue=stage.forget("own-" + stage.name("anything at all")))


@script("a name that only contains the pattern's text does not match its anchor")
def _(stage):
    stage.channel(user="own").call("queue.declare", queue=stage.name("own-q"))


@script("binding an own queue to another's exchange is refused")
def _(stage):
    channel = stage.channel(user="own")
    queue = stage.forget("own-" + stage.name("q"))
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange="amq.direct", routing_key="k")


@script("missing and forbidden: the permission is judged first for declare")
def _(stage):
    stage.channel(user="reader").call("queue.declare", queue=stage.name("missing"))


@script("missing and forbidden: consume")
def _(stage):
    stage.channel(user="writer").call("basic.consume", queue=stage.name("missing"), consumer_tag="c")


@script("missing and forbidden: get")
def _(stage):
    stage.channel(user="writer").call("basic.get", queue=stage.name("missing"))


@script("missing and forbidden: purge")
def _(stage):
    stage.channel(user="writer").call("queue.purge", queue=stage.name("missing"))


@script("missing and forbidden: delete of a queue")
def _(stage):
    stage.channel(user="writer").call("queue.delete", queue=stage.name("missing"))


@script("missing and forbidden: delete of an exchange")
def _(stage):
    stage.channel(user="writer").call("exchange.delete", exchange=stage.name("missing"))


@script("missing and forbidden: bind")
def _(stage):
    stage.channel(user="reader").call("queue.bind", queue=stage.name("q"), exchange=stage.name("x"), routing_key="k")


@script("missing and forbidden: publish")
def _(stage):
    channel = stage.channel(user="reader")
    channel.publish("k", "body", exchange=stage.name("missing"))
    channel.receive()


@script("reserved and forbidden: declare of a queue")
def _(stage):
    stage.channel(user="reader").call("queue.declare", queue="amq.mine")


@script("reserved and forbidden: declare of an exchange")
def _(stage):
    stage.channel(user="reader").call("exchange.declare", exchange="amq.mine", type="direct")


@script("an unknown exchange type and no permission")
def _(stage):
    stage.channel(user="reader").call("exchange.declare", exchange=stage.name("x"), type="nonsense")


@script("an alternate exchange needs write permission on it and read on the exchange")
def _(stage):
    channel = stage.channel(user="own")
    exchange = stage.forget("own-" + stage.name("x"))
    channel.call("exchange.declare", exchange=exchange, type="direct", arguments={"alternate-exchange": "own-ae"})
    channel.call("exchange.declare", exchange=stage.forget("own-" + stage.name("x2")), type="direct",
                 arguments={"alternate-exchange": "amq.fanout"})


@script("an alternate exchange needs read permission on the exchange that has it")
def _(stage):
    channel = stage.channel(user="configurer")
    channel.call("exchange.declare", exchange=stage.name("x"), type="direct", arguments={"alternate-exchange": "amq.fanout"})


@script("a dead-letter exchange needs write permission on it and read on the queue")
def _(stage):
    channel = stage.channel(user="own")
    channel.call("queue.declare", queue=stage.forget("own-" + stage.name("q")), arguments={"x-dead-letter-exchange": "own-dlx"})
    channel.call("queue.declare", queue=stage.forget("own-" + stage.name("q2")), arguments={"x-dead-letter-exchange": "amq.fanout"})


@script("a dead-letter exchange needs read permission on the queue that has it")
def _(stage):
    channel = stage.channel(user="configurer")
    channel.call("queue.declare", queue=stage.name("q"), arguments={"x-dead-letter-exchange": "amq.fanout"})


@script("an internal exchange and no permission to write")
def _(stage):
    channel = stage.channel()
    channel.call("exchange.declare", exchange=stage.name("x"), type="fanout", internal=True)
    reader = stage.channel(user="reader")
    reader.publish("", "body", exchange=stage.name("x"))
    reader.receive()


@script("direct reply-to needs no permission to consume")
def _(stage):
    stage.channel(user="writer").call("basic.consume", queue="amq.rabbitmq.reply-to", consumer_tag="c", no_ack=True)


@script("a refused command closes the channel alone")
def _(stage):
    connection = stage.connect(user="reader")
    connection.channel(1).call("queue.declare", queue=stage.name("q"))
    connection.channel(2).call("basic.qos")


@script("nowait and forbidden closes the channel")
def _(stage):
    channel = stage.channel(user="reader")
    channel.call("queue.declare", queue=stage.name("q"), nowait=True)
    channel.receive()
