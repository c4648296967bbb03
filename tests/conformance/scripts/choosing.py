"""Exchanges that choose one destination for a message: x-consistent-hash, x-random, x-modulus-hash.

Which destination gets which hash is a broker's own business; the scripts show what follows whatever that is.
"""

from harness.stage import script
from harness.wire import Typed

TYPES = ("x-consistent-hash", "x-random", "x-modulus-hash")
HASHING = ("x-consistent-hash", "x-modulus-hash")
KEYS = [(f"key {number}", {}) for number in range(100)]


def bound(stage, kind, weights, arguments=None):
    """A channel, an exchange, and a queue for each weight: {queue: key}. Not written down."""
    channel = stage.channel()
    channel.connection.recording = False
    exchange = stage.name("x")
    channel.call("exchange.declare", exchange=exchange, type=kind, arguments=arguments or {})
    for queue, weight in weights.items():
        channel.call("queue.declare", queue=stage.name(queue))
        channel.call("queue.bind", queue=stage.name(queue), exchange=exchange, routing_key=weight)
    channel.connection.recording = True
    return channel, exchange


def spread(stage, exchange, queues, messages):
    """Publishes messages, (key, properties) each. Returns the numbers of those that each queue got."""
    connection = stage.connect()
    connection.recording = False
    channel = connection.channel(1)
    channel.call("confirm.select")
    for number, (key, properties) in enumerate(messages):
        channel.publish(key, str(number), exchange=exchange, **properties)
    channel.confirms(len(messages))
    got = {queue: [] for queue in queues}
    for queue, numbers in got.items():
        while (event := channel.call("basic.get", queue=stage.name(queue), no_ack=True)).name == "basic.get-ok":
            numbers.append(int(event.body))
    return got


def copies(got, count):
    """How often each message was delivered, in words."""
    numbers = [number for queue in got.values() for number in queue]
    return "each once" if sorted(numbers) == list(range(count)) else f"{len(numbers)} of {count}"


# Declaring and binding

@script("exchanges that choose one destination are declared")
def _(stage):
    channel = stage.channel()
    for kind in TYPES:
        for _ in range(2):
            channel.call("exchange.declare", exchange=stage.name(kind), type=kind, durable=True)


@script("an exchange that chooses at random is not one that hashes")
def _(stage):
    channel = stage.channel()
    channel.call("exchange.declare", exchange=stage.name("x"), type="x-consistent-hash")
    channel.call("exchange.declare", exchange=stage.name("x"), type="x-random")


@script("what to hash may be given as a header or as a property")
def _(stage):
    channel = stage.channel()
    for name, arguments in (("header", {"hash-header": "h"}), ("empty", {"hash-header": ""}),
                            ("id", {"hash-property": "message_id"}), ("correlation", {"hash-property": "correlation_id"}),
                            ("time", {"hash-property": "timestamp"})):
        channel.call("exchange.declare", exchange=stage.name(name), type="x-consistent-hash", arguments=arguments)


@script("what to hash makes no difference to a second declaration")
def _(stage):
    channel = stage.channel()
    for arguments in ({"hash-header": "h"}, {"hash-header": "other"}, {"hash-property": "message_id"}, {"hash-property": "app_id"},
                      {"hash-header": 1}, {}):
        channel.call("exchange.declare", exchange=stage.name("x"), type="x-consistent-hash", arguments=arguments)


@script("a header and a property to hash exclude each other")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="x-consistent-hash",
                         arguments={"hash-header": "h", "hash-property": "nonsense"})


@script("only three properties can be hashed")
def _(stage):
    for name in ("app_id", "", "Message_id", "message-id"):
        stage.channel().call("exchange.declare", exchange=stage.name("x"), type="x-consistent-hash",
                             arguments={"hash-property": name})


@script("a property to hash that is no text is refused")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="x-consistent-hash",
                         arguments={"hash-property": Typed("I", 1)})


@script("what to hash means nothing to other types")
def _(stage):
    channel = stage.channel()
    for kind in ("direct", "x-random", "x-modulus-hash"):
        channel.call("exchange.declare", exchange=stage.name(kind), type=kind,
                     arguments={"hash-header": 1, "hash-property": "nonsense"})


@script("a consistent hash exchange takes positive integers as keys")
def _(stage):
    channel = stage.channel()
    channel.call("exchange.declare", exchange=stage.name("x"), type="x-consistent-hash")
    channel.call("exchange.declare", exchange=stage.name("e"), type="fanout")
    for number, key in enumerate(("1", "10", "+2", "007")):
        channel.call("queue.declare", queue=stage.name(f"q{number}"))
        channel.call("queue.bind", queue=stage.name(f"q{number}"), exchange=stage.name("x"), routing_key=key)
    channel.call("exchange.bind", source=stage.name("x"), destination=stage.name("e"), routing_key="3")


@script("a consistent hash exchange refuses keys that are no positive integers")
def _(stage):
    stage.channel().call("exchange.declare", exchange=stage.name("x"), type="x-consistent-hash")
    stage.channel().call("queue.declare", queue=stage.name("q"))
    for key in ("0", "-0", "-1", "-20", "key", "1.5", "1e3", " 1", "1 ", "+", "-", "--1", "0x10", "1_000", "q\"q", "é"):
        stage.channel().call("queue.bind", queue=stage.name("q"), exchange=stage.name("x"), routing_key=key)


@script("a consistent hash exchange refuses an empty key")
def _(stage):
    channel = stage.channel()
    channel.call("exchange.declare", exchange=stage.name("x"), type="x-consistent-hash")
    channel.call("queue.declare", queue=stage.name("q"))
    channel.call("queue.bind", queue=stage.name("q"), exchange=stage.name("x"), routing_key="")


@script("a consistent hash exchange refuses to be bound to an exchange without a weight")
def _(stage):
    channel = stage.channel()
    channel.call("exchange.declare", exchange=stage.name("x"), type="x-consistent-hash")
    channel.call("exchange.bind", source=stage.name("x"), destination="amq.fanout", routing_key="key")


@script("a missing queue is told before a key that is no weight")
def _(stage):
    channel = stage.channel()
    channel.call("exchange.declare", exchange=stage.name("x"), type="x-consistent-hash")
    channel.call("queue.bind", queue=stage.name("q"), exchange=stage.name("x"), routing_key="key")


@script("unbinding with a key that is no weight is accepted")
def _(stage):
    channel, exchange = bound(stage, "x-consistent-hash", {"q": "1"})
    channel.call("queue.unbind", queue=stage.name("q"), exchange=exchange, routing_key="key")


@script("other exchanges that choose one destination take any keys")
def _(stage):
    for kind in ("x-random", "x-modulus-hash"):
        channel = stage.channel()
        channel.call("exchange.declare", exchange=stage.name(kind), type=kind)
        channel.call("queue.declare", queue=stage.name("q"))
        for key in ("", "key", "#", "-1"):
            channel.call("queue.bind", queue=stage.name("q"), exchange=stage.name(kind), routing_key=key)
        channel.call("exchange.bind", source=stage.name(kind), destination="amq.fanout", routing_key="key")
        channel.call("exchange.unbind", source=stage.name(kind), destination="amq.fanout", routing_key="key")


# Routing

@script("a message goes to one destination, and all of them get some")
def _(stage):
    for kind in TYPES:
        exchange = bound(stage, kind, {"one": "1", "two": "1", "three": "1"})[1]
        got = spread(stage, exchange, ("one", "two", "three"), KEYS)
        stage.note(f"{kind}: {copies(got, len(KEYS))}, {sum(bool(queue) for queue in got.values())} queues")
        stage.channel().call("exchange.delete", exchange=exchange)


@script("messages of one key go where their hash says, and anywhere at random")
def _(stage):
    for kind in TYPES:
        exchange = bound(stage, kind, {"one": "1", "two": "1", "three": "1"})[1]
        got = spread(stage, exchange, ("one", "two", "three"), [("key", {})] * 100)
        stage.note(f"{kind}: {copies(got, 100)}, {sum(bool(queue) for queue in got.values())} queues")
        stage.channel().call("exchange.delete", exchange=exchange)


@script("the same keys go the same way again")
def _(stage):
    for kind in HASHING:
        exchange = bound(stage, kind, {"one": "2", "two": "1", "three": "3"})[1]
        first, second = (spread(stage, exchange, ("one", "two", "three"), KEYS) for _ in range(2))
        stage.note(f"{kind}: {first == second}")
        stage.channel().call("exchange.delete", exchange=exchange)


@script("a consistent hash spreads in proportion to the weights")
def _(stage):
    exchange = bound(stage, "x-consistent-hash", {"one": "1", "two": "1", "four": "4"})[1]
    got = spread(stage, exchange, ("one", "two", "four"), [(f"key {number}", {}) for number in range(1200)])
    for queue, share in (("one", 200), ("two", 200), ("four", 800)):
        stage.note(f"{queue} has about {share}: {abs(len(got[queue]) - share) < 80}")


@script("a consistent hash goes by the header that is named")
def _(stage):
    exchange = bound(stage, "x-consistent-hash", {"one": "1", "two": "1"}, {"hash-header": "h"})[1]
    for what, messages in (
            ("one value", [(f"key {number}", {"headers": {"h": "value"}}) for number in range(50)]),
            ("many values", [("key", {"headers": {"h": f"value {number}"}}) for number in range(50)]),
            ("many numbers", [("key", {"headers": {"other": "same", "h": number}}) for number in range(50)]),
            ("no such header", [(f"key {number}", {"headers": {"other": number}}) for number in range(50)]),
            ("no headers", [(f"key {number}", {}) for number in range(50)])):
        got = spread(stage, exchange, ("one", "two"), messages)
        stage.note(f"{what}: {copies(got, 50)}, {sum(bool(queue) for queue in got.values())} queues")


@script("a consistent hash goes by the property that is named")
def _(stage):
    for name, value in (("message_id", str), ("correlation_id", str), ("timestamp", int)):
        exchange = bound(stage, "x-consistent-hash", {"one": "1", "two": "1"}, {"hash-property": name})[1]
        for what, messages in (("one value", [(f"key {number}", {name: value(7)}) for number in range(50)]),
                               ("many values", [("key", {name: value(number)}) for number in range(50)]),
                               ("no value", [(f"key {number}", {}) for number in range(50)])):
            got = spread(stage, exchange, ("one", "two"), messages)
            stage.note(f"{name}, {what}: {copies(got, 50)}, {sum(bool(queue) for queue in got.values())} queues")
        stage.channel().call("exchange.delete", exchange=exchange)


@script("a message with several keys goes to one destination")
def _(stage):
    for kind in TYPES:
        exchange = bound(stage, kind, {"one": "1", "two": "1", "three": "1"})[1]
        messages = [(f"key {number}", {"headers": {"CC": ["a", "b", "c", "d"], "BCC": ["e", "f"]}}) for number in range(50)]
        stage.note(f"{kind}: {copies(spread(stage, exchange, ('one', 'two', 'three'), messages), 50)}")
        stage.channel().call("exchange.delete", exchange=exchange)


@script("several keys are hashed as the first one")
def _(stage):
    exchange = bound(stage, "x-consistent-hash", {"one": "1", "two": "1", "three": "1"})[1]
    plain = spread(stage, exchange, ("one", "two", "three"), KEYS)
    more = [(key, {"headers": {"CC": ["a", "b"]}}) for key, _ in KEYS]
    stage.note(f"the same: {spread(stage, exchange, ('one', 'two', 'three'), more) == plain}")


@script("a queue that is bound twice gets one copy")
def _(stage):
    for kind in TYPES:
        channel, exchange = bound(stage, kind, {"q": "1"})
        channel.connection.recording = False
        channel.call("queue.bind", queue=stage.name("q"), exchange=exchange, routing_key="2")
        channel.call("queue.bind", queue=stage.name("q"), exchange=exchange, routing_key="1", arguments={"a": 1})
        stage.note(f"{kind}: {copies(spread(stage, exchange, ('q',), KEYS), len(KEYS))}")
        channel.call("exchange.delete", exchange=exchange)


@script("one binding of two that is taken away leaves the other")
def _(stage):
    for kind in TYPES:
        channel, exchange = bound(stage, kind, {"q": "1"})
        channel.connection.recording = False
        channel.call("queue.bind", queue=stage.name("q"), exchange=exchange, routing_key="2")
        channel.call("queue.unbind", queue=stage.name("q"), exchange=exchange, routing_key="1")
        stage.note(f"{kind}: {copies(spread(stage, exchange, ('q',), KEYS), len(KEYS))}")
        channel.call("exchange.delete", exchange=exchange)


@script("what goes leaves its messages to the others")
def _(stage):
    for kind in TYPES:
        channel, exchange = bound(stage, kind, {"one": "1", "two": "1", "three": "1"})
        channel.call("queue.unbind", queue=stage.name("one"), exchange=exchange, routing_key="1")
        channel.call("queue.delete", queue=stage.name("three"))
        stage.note(f"{kind}: {copies(spread(stage, exchange, ('one', 'two'), KEYS), len(KEYS))}")
        channel.call("queue.unbind", queue=stage.name("two"), exchange=exchange, routing_key="1")
        channel.publish("key", "nowhere", exchange=exchange, mandatory=True)
        channel.receive()
        channel.call("exchange.delete", exchange=exchange)


@script("a destination that is chosen may be an exchange")
def _(stage):
    for kind in TYPES:
        channel, exchange = bound(stage, kind, {})
        channel.connection.recording = False
        fanout = stage.name("fanout")
        channel.call("exchange.declare", exchange=fanout, type="fanout")
        channel.call("exchange.bind", source=exchange, destination=fanout, routing_key="1")
        for queue in ("one", "two"):
            channel.call("queue.declare", queue=stage.name(queue))
            channel.call("queue.bind", queue=stage.name(queue), exchange=fanout)
        got = spread(stage, exchange, ("one", "two"), KEYS)
        stage.note(f"{kind}: {len(got['one'])} {len(got['two'])}")
        channel.call("exchange.delete", exchange=exchange)


@script("an exchange that has nothing to choose from asks its alternate exchange")
def _(stage):
    for kind in TYPES:
        channel = stage.channel()
        exchange, alternate, queue = stage.names("x alternate q")
        channel.call("exchange.declare", exchange=alternate, type="fanout")
        channel.call("queue.declare", queue=queue)
        channel.call("queue.bind", queue=queue, exchange=alternate)
        channel.call("exchange.declare", exchange=exchange, type=kind, arguments={"alternate-exchange": alternate})
        channel.publish("key", "rest", exchange=exchange, mandatory=True)
        channel.settle(queue)
        channel.call("basic.get", queue=queue, no_ack=True)
        channel.call("exchange.delete", exchange=exchange)


@script("an exchange that chooses goes with its last binding")
def _(stage):
    for kind in TYPES:
        channel = stage.channel()
        exchange, queue = stage.names("x q")
        channel.call("exchange.declare", exchange=exchange, type=kind, auto_delete=True)
        channel.call("queue.declare", queue=queue)
        channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="1")
        channel.call("queue.unbind", queue=queue, exchange=exchange, routing_key="1")
        channel.call("exchange.declare", exchange=exchange, type=kind, passive=True)
