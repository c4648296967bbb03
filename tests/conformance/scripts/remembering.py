"""Exchanges of the type x-recent-history: who binds later gets what was published last."""

from collections import Counter

from harness.stage import script
from harness.wire import Typed

KIND = "x-recent-history"
#: How many messages publish() has confirmed on a channel.
published = Counter()


def history(stage, arguments=None, name="x", **flags):
    """A confirming channel and an exchange. Not written down."""
    channel = stage.channel()
    channel.connection.recording = False
    channel.call("confirm.select")
    channel.call("exchange.declare", exchange=stage.name(name), type=KIND, arguments=arguments or {}, **flags)
    channel.connection.recording = True
    return channel, stage.name(name)


def publish(channel, exchange, *bodies, key="k", **properties):
    """Publishes, and waits until all of it is confirmed. Not written down."""
    connection = channel.connection
    connection.recording = False
    for body in bodies:
        channel.publish(key, str(body), exchange=exchange, **properties)
    channel.confirms(len(bodies), first=published[channel] + 1)
    published[channel] += len(bodies)
    connection.recording = True


def bind(stage, channel, queue, exchange, key="", **flags):
    """A new queue, bound. Only the answer to the binding is written down."""
    connection = channel.connection
    connection.recording = False
    channel.call("queue.declare", queue=stage.name(queue), **flags)
    connection.recording = True
    channel.call("queue.bind", queue=stage.name(queue), exchange=exchange, routing_key=key)


def bodies(stage, channel, queue):
    """What is in a queue, in order, as a note."""
    connection = channel.connection
    connection.recording = False
    got = []
    while (event := channel.call("basic.get", queue=stage.name(queue), no_ack=True)).name == "basic.get-ok":
        got.append(event.body.decode())
    connection.recording = True
    stage.note(f"{queue}: {' '.join(got) or 'nothing'}")


# Declaring

@script("an exchange with a history is declared, and again")
def _(stage):
    channel = stage.channel()
    for arguments in ({}, {"x-recent-history-length": 3}, {"x-recent-history-length": 4}, {"x-recent-history-length": "x"}):
        channel.call("exchange.declare", exchange=stage.name("x"), type=KIND, durable=True, arguments=arguments)


@script("an exchange with a history is not one without")
def _(stage):
    channel = stage.channel()
    channel.call("exchange.declare", exchange=stage.name("x"), type=KIND)
    channel.call("exchange.declare", exchange=stage.name("x"), type="fanout")


@script("the length of a history may be an integer of several widths")
def _(stage):
    for letter in "bslI":
        channel = stage.channel()
        channel.call("exchange.declare", exchange=stage.name(f"x{letter}"), type=KIND,
                     arguments={"x-recent-history-length": Typed(letter, 5)})


@script("the length of a history that is no integer above zero is refused")
def _(stage):
    for value in (0, -1, -100, "5", "", 1.5, True, None):
        stage.channel().call("exchange.declare", exchange=stage.name("x"), type=KIND,
                             arguments={"x-recent-history-length": value})


@script("the length of a history means nothing to other types")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="fanout",
                         arguments={"x-recent-history-length": "nonsense"})


# Routing

@script("an exchange with a history routes whatever the key")
def _(stage):
    channel, exchange = history(stage)
    bind(stage, channel, "a", exchange, "one")
    bind(stage, channel, "b", exchange, "two")
    publish(channel, exchange, 1, 2, key="three")
    for queue in "ab":
        bodies(stage, channel, queue)


@script("a message without a queue is returned, and remembered nevertheless")
def _(stage):
    channel, exchange = history(stage)
    channel.publish("k", "m", exchange=exchange, mandatory=True)
    channel.take(2)
    bind(stage, channel, "q", exchange)
    bodies(stage, channel, "q")
    channel.publish("k", "n", exchange=exchange, mandatory=True)
    channel.take(1)
    bodies(stage, channel, "q")


# History

@script("a new queue gets what was published before it was bound, in order")
def _(stage):
    channel, exchange = history(stage)
    publish(channel, exchange, *range(5))
    bind(stage, channel, "q", exchange)
    publish(channel, exchange, *range(5, 8))
    bodies(stage, channel, "q")


@script("without a length the last twenty are remembered")
def _(stage):
    channel, exchange = history(stage)
    publish(channel, exchange, *range(30))
    bind(stage, channel, "q", exchange)
    bodies(stage, channel, "q")


@script("as many are remembered as the length says")
def _(stage):
    for length in (1, 3, 25):
        channel, exchange = history(stage, {"x-recent-history-length": length}, f"x{length}")
        publish(channel, exchange, *range(30))
        bind(stage, channel, f"q{length}", exchange)
        bodies(stage, channel, f"q{length}")


@script("each binding brings the history again, the same binding does not")
def _(stage):
    channel, exchange = history(stage)
    publish(channel, exchange, 1, 2)
    bind(stage, channel, "q", exchange, "a")
    bind(stage, channel, "q", exchange, "a")
    bodies(stage, channel, "q")
    bind(stage, channel, "q", exchange, "b")
    bodies(stage, channel, "q")
    channel.call("queue.unbind", queue=stage.name("q"), exchange=exchange, routing_key="a")
    bind(stage, channel, "q", exchange, "a")
    bodies(stage, channel, "q")


@script("a message that says so is not remembered")
def _(stage):
    channel, exchange = history(stage)
    for number, value in enumerate((True, False, "true", 1, None)):
        publish(channel, exchange, number, headers=[("x-recent-history-no-store", value)])
    publish(channel, exchange, "none", headers=[])
    bind(stage, channel, "q", exchange)
    bodies(stage, channel, "q")


@script("a message that is not remembered is routed")
def _(stage):
    channel, exchange = history(stage)
    bind(stage, channel, "q", exchange)
    publish(channel, exchange, 1, headers=[("x-recent-history-no-store", True)])
    bodies(stage, channel, "q")


@script("what is remembered keeps its key, its exchange and its properties")
def _(stage):
    channel, exchange = history(stage)
    publish(channel, exchange, "m", key="the.key", content_type="text/plain", message_id="id", priority=3,
            headers=[("h", "v")], delivery_mode=2, expiration="60000")
    bind(stage, channel, "q", exchange)
    channel.call("basic.get", queue=stage.name("q"), no_ack=True)


@script("a consumer gets the history at once")
def _(stage):
    channel, exchange = history(stage)
    publish(channel, exchange, 1, 2)
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("basic.consume", queue=stage.name("q"), consumer_tag="c", no_ack=True)
    channel.send("queue.bind", queue=stage.name("q"), exchange=exchange)
    connection = channel.connection
    connection.recording = False
    events = channel.take(3)
    connection.recording = True
    stage.note(" ".join(event.body.decode() for event in events if event.name == "basic.deliver"))


@script("an exchange that is made again has forgotten")
def _(stage):
    channel, exchange = history(stage)
    publish(channel, exchange, 1, 2)
    channel.call("exchange.delete", exchange=exchange)
    channel.call("exchange.declare", exchange=exchange, type=KIND)
    bind(stage, channel, "q", exchange)
    bodies(stage, channel, "q")


# Exchanges

@script("an exchange that is bound gets the history, the newest first")
def _(stage):
    channel, exchange = history(stage)
    channel.call("exchange.declare", exchange=stage.name("f"), type="fanout")
    bind(stage, channel, "q", stage.name("f"))
    publish(channel, exchange, *range(4))
    channel.call("exchange.bind", source=exchange, destination=stage.name("f"))
    bodies(stage, channel, "q")


@script("of a history a bound exchange routes each message by its key")
def _(stage):
    channel, exchange = history(stage)
    channel.call("exchange.declare", exchange=stage.name("d"), type="direct")
    for key in "ab":
        bind(stage, channel, key, stage.name("d"), key)
    for number, key in enumerate("abba"):
        publish(channel, exchange, number, key=key)
    channel.call("exchange.bind", source=exchange, destination=stage.name("d"))
    for key in "ab":
        bodies(stage, channel, key)


@script("a bound exchange that has no queue for the history")
def _(stage):
    channel, exchange = history(stage)
    channel.call("exchange.declare", exchange=stage.name("d"), type="direct")
    bind(stage, channel, "q", stage.name("d"), "known")
    publish(channel, exchange, 1, key="unknown")
    publish(channel, exchange, 2, key="known")
    channel.call("exchange.bind", source=exchange, destination=stage.name("d"))
    bodies(stage, channel, "q")


@script("what comes by way of another exchange is remembered")
def _(stage):
    channel, exchange = history(stage)
    channel.call("exchange.declare", exchange=stage.name("t"), type="topic")
    channel.call("exchange.bind", source=stage.name("t"), destination=exchange, routing_key="#.log")
    publish(channel, stage.name("t"), 1, key="a.log")
    publish(channel, stage.name("t"), 2, key="a.text")
    publish(channel, stage.name("t"), 3, key="b.log")
    bind(stage, channel, "q", exchange)
    bodies(stage, channel, "q")


@script("as an alternate exchange it remembers what others had no place for")
def _(stage):
    channel, exchange = history(stage)
    channel.call("exchange.declare", exchange=stage.name("d"), type="direct", arguments={"alternate-exchange": exchange})
    bind(stage, channel, "known", stage.name("d"), "known")
    publish(channel, stage.name("d"), 1, key="known")
    publish(channel, stage.name("d"), 2, key="unknown")
    bind(stage, channel, "q", exchange)
    bodies(stage, channel, "q")


@script("without a queue an exchange with a history has its alternate exchange")
def _(stage):
    channel, exchange = history(stage, {"alternate-exchange": stage.name("rest")})
    channel.call("exchange.declare", exchange=stage.name("rest"), type="fanout")
    bind(stage, channel, "rest", stage.name("rest"))
    publish(channel, exchange, 1)
    bodies(stage, channel, "rest")
    bind(stage, channel, "q", exchange)
    bodies(stage, channel, "q")


@script("two exchanges with a history that lead to each other")
def _(stage):
    channel, first = history(stage)
    second = history(stage, name="y")[1]
    channel.call("exchange.bind", source=first, destination=second)
    channel.call("exchange.bind", source=second, destination=first)
    bind(stage, channel, "q", second)
    publish(channel, first, 1)
    bodies(stage, channel, "q")
    publish(channel, second, 2)
    bodies(stage, channel, "q")
    bind(stage, channel, "r", first)
    bodies(stage, channel, "r")


@script("dead letters are remembered")
def _(stage):
    channel, exchange = history(stage)
    channel.call("queue.declare", queue=stage.name("source"),
                 arguments={"x-dead-letter-exchange": exchange, "x-max-length": 1})
    publish(channel, "", 1, 2, key=stage.name("source"))
    bind(stage, channel, "before", exchange)
    publish(channel, "", 3, key=stage.name("source"))
    stage.until(channel, "the second dead letter has come",
                lambda: channel.call("queue.declare", queue=stage.name("before"), passive=True).values["message_count"] == 2)
    bind(stage, channel, "after", exchange)
    bodies(stage, channel, "before")
    bodies(stage, channel, "after")


@script("what is published in a transaction is remembered at once, committed or not")
def _(stage):
    exchange = history(stage)[1]
    channel = stage.channel()
    channel.call("tx.select")
    channel.publish("k", "1", exchange=exchange)
    channel.publish("k", "2", exchange=exchange)
    bind(stage, channel, "before", exchange)
    bodies(stage, channel, "before")
    channel.call("tx.commit")
    bind(stage, channel, "after", exchange)
    bodies(stage, channel, "after")
    channel.publish("k", "3", exchange=exchange)
    channel.call("tx.rollback")
    bodies(stage, channel, "after")
    bind(stage, channel, "in the end", exchange)
    bodies(stage, channel, "in the end")
