"""Quorum queues and streams: how they are declared, refused and compared."""

from harness.stage import script
from harness.wire import Typed

from .queue_arguments import WRONG_TYPES

QUORUM = {"x-queue-type": "quorum"}
STREAM = {"x-queue-type": "stream"}


def declare_each(stage, argument, values, queue_type=None, **more):
    """Declares a queue of the type with each of the values, opening the channel again after a refusal."""
    channel = stage.channel()
    for number, value in enumerate(values):
        channel.call("queue.declare", queue=stage.name(f"q{number}"), durable=True,
                     arguments={**(queue_type or QUORUM), argument: value, **more})
        if not channel.is_open:
            channel.open()


for argument in ("x-expires", "x-message-ttl", "x-max-length", "x-max-length-bytes", "x-max-in-memory-length",
                 "x-max-in-memory-bytes", "x-quorum-initial-group-size"):
    @script(f"a quorum queue takes {argument} in every integer width")
    def _(stage, argument=argument):
        declare_each(stage, argument, [Typed(letter, 100) for letter in "bBsuIil"])

    @script(f"a quorum queue refuses {argument} when it is no integer, or judges its sign")
    def _(stage, argument=argument):
        declare_each(stage, argument, WRONG_TYPES + [-1, Typed("l", -2**62), 0])


@script("a quorum queue takes x-delivery-limit in every integer width, and zero")
def _(stage):
    declare_each(stage, "x-delivery-limit", [Typed(letter, 100) for letter in "bBsuIil"] + [0])


@script("a quorum queue takes the words of x-overflow")
def _(stage):
    declare_each(stage, "x-overflow", ["drop-head", "reject-publish", "reject-publish-dlx", "drop-tail", 5])


@script("a quorum queue takes x-single-active-consumer as a boolean")
def _(stage):
    declare_each(stage, "x-single-active-consumer", [True, False, "true", 1])


@script("a quorum queue takes two words for x-dead-letter-strategy")
def _(stage):
    declare_each(stage, "x-dead-letter-strategy", ["at-most-once", "at-least-once", "sometimes", "", 5],
                 **{"x-dead-letter-exchange": "", "x-overflow": "reject-publish"})


@script("a quorum queue takes a strategy without a dead-letter exchange")
def _(stage):
    declare_each(stage, "x-dead-letter-strategy", ["at-least-once"])


@script("a quorum queue takes a dead-letter key only with an exchange")
def _(stage):
    declare_each(stage, "x-dead-letter-routing-key", ["k"])
    declare_each(stage, "x-dead-letter-routing-key", ["k", 5], **{"x-dead-letter-exchange": ""})


@script("the places of a queue's leader are checked")
def _(stage):
    declare_each(stage, "x-queue-leader-locator", ["client-local", "balanced", "random", "least-leaders", "here", "", 5])


@script("a quorum queue refuses the arguments of other types")
def _(stage):
    for argument, value in (("x-max-priority", 5), ("x-queue-mode", "lazy"), ("x-queue-version", 2),
                            ("x-queue-master-locator", "min-masters"), ("x-max-age", "1h"),
                            ("x-stream-max-segment-size-bytes", 1000000), ("x-initial-cluster-size", 3)):
        declare_each(stage, argument, [value])


@script("a quorum queue takes arguments that nobody knows")
def _(stage):
    declare_each(stage, "x-nonsense", [1], **{"x-ha-policy": "all"})


@script("a bad value is told before a wrong flag, and a wrong flag only then")
def _(stage):
    channel = stage.channel()
    for flags in ({"exclusive": True}, {"auto_delete": True}, {"exclusive": True, "auto_delete": True}, {}):
        for arguments in ({"x-expires": -1}, {"x-max-priority": 5}, {}):
            channel.call("queue.declare", queue=stage.name("q"), arguments={**QUORUM, **arguments}, **flags)
            channel.open()


@script("a server names no quorum queue, whatever else is wrong")
def _(stage):
    channel = stage.channel()
    for flags in ({"durable": True}, {}, {"exclusive": True}):
        channel.call("queue.declare", queue="", arguments={**QUORUM, "x-expires": -1}, **flags)
        channel.open()


def redeclare(stage, first, second, **flags):
    """Declares a durable queue with the first arguments, then with the second."""
    channel = stage.channel()
    stage.redeclared = getattr(stage, "redeclared", 0) + 1
    queue = stage.name(f"q{stage.redeclared}")
    channel.call("queue.declare", queue=queue, durable=True, arguments=first)
    channel.call("queue.declare", queue=queue, arguments=second, **{"durable": True, **flags})


@script("a second declaration of a quorum queue must say the same")
def _(stage):
    limited = {**QUORUM, "x-delivery-limit": 5}
    redeclare(stage, QUORUM, QUORUM)
    redeclare(stage, QUORUM, {})
    redeclare(stage, QUORUM, {"x-queue-type": "classic"})
    redeclare(stage, limited, QUORUM)
    redeclare(stage, QUORUM, limited)
    redeclare(stage, limited, {**limited, "x-delivery-limit": Typed("b", 5)})
    redeclare(stage, limited, {**limited, "x-delivery-limit": 6})
    redeclare(stage, limited, {**limited, "x-max-priority": 6, "x-nonsense": 1})
    redeclare(stage, QUORUM, QUORUM, durable=False)
    redeclare(stage, QUORUM, QUORUM, auto_delete=True)
    redeclare(stage, QUORUM, QUORUM, exclusive=True)


@script("the arguments of a quorum queue are compared in its type's order")
def _(stage):
    redeclare(stage, QUORUM, {"x-expires": 60000, "x-dead-letter-exchange": "x", "x-max-length": 5})
    redeclare(stage, {**QUORUM, "x-message-ttl": 5, "x-delivery-limit": 5}, {"x-message-ttl": 6})


@script("a classic queue does not compare the arguments of a quorum queue")
def _(stage):
    redeclare(stage, {}, {"x-delivery-limit": 5, "x-dead-letter-strategy": "at-least-once"})


for flags in ({"if_unused": True}, {"if_empty": True}, {"if_unused": True, "if_empty": True}):
    @script(f"a quorum queue refuses deletion with {' and '.join(flags)}")
    def _(stage, flags=flags):
        channel = stage.channel()
        queue = stage.name("q")
        channel.call("queue.declare", queue=queue, durable=True, arguments=QUORUM)
        channel.call("queue.delete", queue=queue, **flags)


@script("a quorum queue is deleted")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, durable=True, arguments=QUORUM)
    channel.call("queue.delete", queue=queue)
    channel.call("queue.delete", queue=queue, if_empty=True)


@script("a quorum queue refuses consumers under a shared prefetch")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, durable=True, arguments=QUORUM)
    channel.call("basic.qos", prefetch_count=5, **{"global": True})
    channel.call("basic.consume", queue=queue, consumer_tag="c")


@script("a quorum queue takes consumers after a shared prefetch was taken back")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, durable=True, arguments=QUORUM)
    channel.call("basic.qos", prefetch_count=5, **{"global": True})
    channel.call("basic.qos", prefetch_count=0, **{"global": True})
    channel.call("basic.consume", queue=queue, consumer_tag="c")
