"""Where messages go: direct, fanout, topic patterns, headers matching, alternate exchanges."""

from harness.stage import script
from harness.wire import Typed


def bound(stage, kind, bindings):
    """A channel, an exchange, and a queue for each binding: {queue: (key, arguments)}."""
    channel = stage.channel()
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type=kind)
    channel.connection.recording = False
    for queue, (key, arguments) in bindings.items():
        channel.call("queue.declare", queue=stage.name(queue))
        channel.call("queue.bind", queue=stage.name(queue), exchange=exchange, routing_key=key, arguments=arguments)
    channel.connection.recording = True
    return channel, exchange


def reached(stage, channel, exchange, queues, key, **properties):
    """Publishes and writes down the queues that got the message."""
    connection = channel.connection
    connection.recording = False
    channel.publish(key, "body", exchange=exchange, **properties)
    found = []
    for queue in queues:
        event = channel.call("basic.get", queue=stage.name(queue), no_ack=True)
        if event.name == "basic.get-ok":
            found.append(queue)
    connection.recording = True
    shown = f"{key!r} {properties}" if properties else repr(key)
    stage.note(f"{shown} reaches {found}")


def table(stage, kind, bindings, messages):
    """Plays many messages against many bindings."""
    channel, exchange = bound(stage, kind, bindings)
    for message in messages:
        key, properties = message if isinstance(message, tuple) else (message, {})
        reached(stage, channel, exchange, bindings, key, **properties)


@script("a direct exchange compares keys as bytes")
def _(stage):
    keys = ["", "a", "A", "a.b", "*", "#", " a", "é"]
    table(stage, "direct", {f"q {key}": (key, {}) for key in keys}, keys + ["b", "a "])


@script("a fanout exchange ignores keys")
def _(stage):
    table(stage, "fanout", {"one": ("", {}), "two": ("key", {}), "three": ("#", {"a": 1})}, ["", "key", "other"])


@script("a topic exchange matches words, stars and hashes")
def _(stage):
    patterns = ["", "a", "a.b", "*", "#", "*.*", "a.*", "*.b", "a.#", "#.b", "a.#.b", "#.a.#", "*.#", "#.*", "*.#.*", "#.#", "a.*.c",
                "a..b", ".", "..", "a.", ".a", "*.", "#."]
    keys = ["", "a", "b", "a.b", "a.b.c", "a.c.b", "b.a", "b.a.c", "a..b", ".", "..", "a.", ".a", "a.b.b", "x.y.z", "a.x.y.b", "A"]
    table(stage, "topic", {pattern: (pattern, {}) for pattern in patterns}, keys)


@script("stars and hashes inside a word are letters")
def _(stage):
    patterns = ["a*", "*a", "a#", "#a", "**", "##", "a.b*", "*"]
    table(stage, "topic", {pattern: (pattern, {}) for pattern in patterns}, ["a*", "a", "ab", "#a", "**", "##", "a.b*", "a.bc", "*", "#"])


@script("a topic key with many words")
def _(stage):
    long_key = ".".join(["w"] * 60)
    patterns = {"all": "#", "head": "w.#", "ends": "w.#.w", "two hashes": "#.w.#.w.#", "other": "#.x", "sixty": ".".join(["*"] * 60),
                "sixty-one": ".".join(["*"] * 61)}
    table(stage, "topic", {name: (pattern, {}) for name, pattern in patterns.items()}, [long_key, long_key + ".x"])


@script("a topic binding that is removed does not match")
def _(stage):
    channel, exchange = bound(stage, "topic", {"one": ("a.#", {}), "two": ("a.#", {})})
    channel.call("queue.unbind", queue=stage.name("one"), exchange=exchange, routing_key="a.#")
    for key in ("a", "a.b", "b"):
        reached(stage, channel, exchange, ("one", "two"), key)


@script("the predeclared exchanges route by their type")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    key = stage.name("k")
    channel.call("queue.declare", queue=queue)
    for exchange in ("amq.direct", "amq.topic"):
        channel.call("queue.bind", queue=queue, exchange=exchange, routing_key=key)
        channel.publish(key, exchange, exchange=exchange)
        channel.call("basic.get", queue=queue, no_ack=True)
    for exchange in ("amq.headers", "amq.match"):
        channel.call("queue.bind", queue=queue, exchange=exchange, arguments={"x-match": "all", "script": key})
        channel.publish("", exchange, exchange=exchange, headers={"script": key})
        channel.call("basic.get", queue=queue, no_ack=True)


def headers(**values):
    return "", {"headers": values}


@script("a headers exchange matches all by default")
def _(stage):
    table(stage, "headers", {
        "none": ("", {}), "all none": ("", {"x-match": "all"}), "any none": ("", {"x-match": "any"}),
        "default": ("", {"a": 1, "b": "x"}), "all": ("", {"x-match": "all", "a": 1, "b": "x"}), "any": ("", {"x-match": "any", "a": 1, "b": "x"}),
    }, [("", {}), headers(), headers(a=1), headers(a=1, b="x"), headers(a=1, b="x", c=3), headers(a=2, b="x"), headers(c=3)])


@script("a headers exchange looks at the type of a value but not at an integer's width")
def _(stage):
    table(stage, "headers", {
        "int": ("", {"a": 1}), "long": ("", {"a": Typed("l", 1)}), "short": ("", {"a": Typed("s", 1)}), "text": ("", {"a": "1"}),
        "true": ("", {"a": True}), "double": ("", {"a": 1.0}), "float": ("", {"a": Typed("f", 1.0)}), "time": ("", {"a": Typed("T", 1)}),
        "bytes": ("", {"a": Typed("x", b"1")}), "presence": ("", {"a": None}), "table": ("", {"a": {"b": 1}}), "array": ("", {"a": [1]}),
    }, [headers(a=1), headers(a=Typed("l", 1)), headers(a=Typed("b", 1)), headers(a="1"), headers(a=True), headers(a=1.0),
        headers(a=Typed("f", 1.0)), headers(a=Typed("T", 1)), headers(a=Typed("x", b"1")), headers(a=None), headers(a={"b": 1}),
        headers(a=[1]), headers(a=2), headers(b=1)])


@script("a headers exchange skips names that begin with x- unless it is told with-x")
def _(stage):
    table(stage, "headers", {
        "all": ("", {"x-match": "all", "x-a": 1}), "any": ("", {"x-match": "any", "x-a": 1}),
        "all-with-x": ("", {"x-match": "all-with-x", "x-a": 1}), "any-with-x": ("", {"x-match": "any-with-x", "x-a": 1, "b": 2}),
        "mixed": ("", {"x-match": "all", "x-a": 1, "b": 2}),
    }, [("", {}), ("", {"headers": {"x-a": 1}}), ("", {"headers": {"x-a": 2}}), ("", {"headers": {"b": 2}}),
        ("", {"headers": {"x-a": 1, "b": 2}})])


@script("a headers exchange ignores the routing key")
def _(stage):
    table(stage, "headers", {"k": ("k", {"a": 1})}, [("k", {"headers": {"a": 2}}), ("other", {"headers": {"a": 1}})])


# Alternate exchanges

def with_alternate(stage, kind="direct"):
    """A channel, an exchange with an alternate fanout exchange, and a queue bound to that."""
    channel = stage.channel()
    exchange, alternate, queue = stage.names("x alternate rest")
    channel.call("exchange.declare", exchange=alternate, type="fanout")
    channel.call("exchange.declare", exchange=exchange, type=kind, arguments={"alternate-exchange": alternate})
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=alternate)
    return channel, exchange, alternate, queue


@script("what an exchange cannot route goes to its alternate exchange")
def _(stage):
    channel, exchange, _, queue = with_alternate(stage)
    channel.publish("k", "unroutable", exchange=exchange, mandatory=True)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("what an exchange can route does not go to its alternate exchange")
def _(stage):
    channel, exchange, _, queue = with_alternate(stage)
    own = stage.name("own")
    channel.call("queue.declare", queue=own)
    channel.call("queue.bind", queue=own, exchange=exchange, routing_key="k")
    channel.publish("k", "routable", exchange=exchange)
    channel.counts(own)
    channel.counts(queue)


@script("a message that the alternate exchange cannot route is returned")
def _(stage):
    channel, exchange, alternate, queue = with_alternate(stage)
    channel.call("queue.unbind", queue=queue, exchange=alternate)
    channel.publish("k", "unroutable", exchange=exchange, mandatory=True)
    channel.receive()


@script("a missing alternate exchange loses the message, and mandatory returns it")
def _(stage):
    channel, exchange, alternate, _ = with_alternate(stage)
    channel.call("exchange.delete", exchange=alternate)
    channel.publish("k", "unroutable", exchange=exchange, mandatory=True)
    channel.receive()


@script("alternate exchanges make a chain")
def _(stage):
    channel = stage.channel()
    first, second, third, queue = stage.names("first second third q")
    channel.call("exchange.declare", exchange=third, type="fanout")
    channel.call("exchange.declare", exchange=second, type="direct", arguments={"alternate-exchange": third})
    channel.call("exchange.declare", exchange=first, type="topic", arguments={"alternate-exchange": second})
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=third)
    channel.publish("k", "unroutable", exchange=first, mandatory=True)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("alternate exchanges may make a ring")
def _(stage):
    channel = stage.channel()
    first, second = stage.names("first second")
    channel.call("exchange.declare", exchange=first, type="direct", arguments={"alternate-exchange": second})
    channel.call("exchange.declare", exchange=second, type="direct", arguments={"alternate-exchange": first})
    channel.publish("k", "unroutable", exchange=first, mandatory=True)
    channel.receive()


@script("an exchange may be its own alternate exchange")
def _(stage):
    channel = stage.channel()
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type="direct", arguments={"alternate-exchange": exchange})
    channel.publish("k", "unroutable", exchange=exchange, mandatory=True)
    channel.receive()


@script("the default exchange as the alternate exchange")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.names("x q")
    channel.call("queue.declare", queue=queue)
    channel.call("exchange.declare", exchange=exchange, type="direct", arguments={"alternate-exchange": ""})
    channel.publish(queue, "to the queue by its name", exchange=exchange, mandatory=True)
    channel.settle(queue)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("an alternate exchange is used also when the exchange was reached through another")
def _(stage):
    channel, exchange, _, queue = with_alternate(stage)
    source = stage.name("source")
    channel.call("exchange.declare", exchange=source, type="fanout")
    channel.call("exchange.bind", destination=exchange, source=source)
    channel.publish("k", "unroutable", exchange=source, mandatory=True)
    channel.settle(queue)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("an internal alternate exchange is reached")
def _(stage):
    channel = stage.channel()
    exchange, alternate, queue = stage.names("x alternate q")
    channel.call("exchange.declare", exchange=alternate, type="fanout", internal=True)
    channel.call("exchange.declare", exchange=exchange, type="direct", arguments={"alternate-exchange": alternate})
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=alternate)
    channel.publish("k", "unroutable", exchange=exchange)
    channel.call("basic.get", queue=queue, no_ack=True)
