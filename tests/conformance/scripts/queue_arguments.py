"""Arguments of queue.declare: accepted values, refused values, equivalence."""

from harness.stage import script
from harness.wire import Typed

TEN_YEARS_MS = 315_360_000_000


def declare_each(stage, argument, values, **flags):
    """Declares a queue with each of the values, opening the channel again after a refusal."""
    channel = stage.channel()
    for number, value in enumerate(values):
        channel.call("queue.declare", queue=stage.name(f"q{number}"), arguments={argument: value}, **flags)
        if not channel.is_open:
            channel.open()


WRONG_TYPES = ["5", 5.0, Typed("f", 5.0), True, None, Typed("T", 5), [5], {"n": 5}, Typed("x", b"5"), Typed("D", (0, 5))]

INTEGER_ARGUMENTS = ("x-expires", "x-message-ttl", "x-max-length", "x-max-length-bytes", "x-max-priority")

for argument in INTEGER_ARGUMENTS:
    @script(f"{argument} is accepted in every integer width")
    def _(stage, argument=argument):
        declare_each(stage, argument, [Typed(letter, 100) for letter in "bBsuIil"])

    @script(f"{argument} is refused when it is no integer")
    def _(stage, argument=argument):
        declare_each(stage, argument, WRONG_TYPES)

    @script(f"{argument} is refused when it is negative and judged when it is zero")
    def _(stage, argument=argument):
        declare_each(stage, argument, [-1, Typed("l", -2**62), 0, 1])


@script("x-expires has an upper limit")
def _(stage):
    declare_each(stage, "x-expires", [TEN_YEARS_MS, TEN_YEARS_MS + 1, Typed("l", 2**62)])


@script("x-message-ttl has an upper limit")
def _(stage):
    declare_each(stage, "x-message-ttl", [TEN_YEARS_MS, TEN_YEARS_MS + 1, Typed("l", 2**62)])


@script("x-max-priority has an upper limit")
def _(stage):
    declare_each(stage, "x-max-priority", [255, 256, Typed("l", 2**62)])


@script("x-max-length has no upper limit")
def _(stage):
    declare_each(stage, "x-max-length", [Typed("l", 2**62)])


@script("x-overflow takes three words")
def _(stage):
    declare_each(stage, "x-overflow", ["drop-head", "reject-publish", "reject-publish-dlx", "drop-tail", "", 5, True])


@script("x-queue-mode takes two words")
def _(stage):
    declare_each(stage, "x-queue-mode", ["default", "lazy", "eager", "", 5, True])


@script("x-queue-version takes 1 and 2")
def _(stage):
    declare_each(stage, "x-queue-version", [1, 2, 3, 0, -1, "1", True])


@script("x-queue-type takes the names of the types")
def _(stage):
    declare_each(stage, "x-queue-type", ["classic", "Classic", "nonsense", "", 5, True, None])


@script("x-single-active-consumer takes a boolean")
def _(stage):
    declare_each(stage, "x-single-active-consumer", [True, False, "true", 1, None])


@script("x-dead-letter-exchange takes a text")
def _(stage):
    declare_each(stage, "x-dead-letter-exchange", ["amq.fanout", "", stage.name("missing"), 5, True, None])


@script("x-dead-letter-routing-key needs an exchange")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"), arguments={"x-dead-letter-routing-key": "k"})


@script("x-dead-letter-routing-key takes a text")
def _(stage):
    channel = stage.channel()
    for number, value in enumerate(["k", "", 5, True]):
        channel.call("queue.declare", queue=stage.name(f"q{number}"),
                     arguments={"x-dead-letter-exchange": "amq.fanout", "x-dead-letter-routing-key": value})
        if not channel.is_open:
            channel.open()


@script("x-dead-letter-strategy is not for classic queues")
def _(stage):
    declare_each(stage, "x-dead-letter-strategy", ["at-most-once", "at-least-once"])


@script("arguments of quorum queues are refused by classic queues")
def _(stage):
    channel = stage.channel()
    for argument, value in [("x-delivery-limit", 5), ("x-max-in-memory-length", 5), ("x-max-in-memory-bytes", 5),
                            ("x-quorum-initial-group-size", 3), ("x-queue-leader-locator", "client-local")]:
        channel.call("queue.declare", queue=stage.name(argument), arguments={argument: value})
        if not channel.is_open:
            channel.open()


@script("arguments of streams are refused by classic queues")
def _(stage):
    channel = stage.channel()
    for argument, value in [("x-max-age", "1h"), ("x-stream-max-segment-size-bytes", 1000000), ("x-initial-cluster-size", 3),
                            ("x-stream-filter-size-bytes", 16)]:
        channel.call("queue.declare", queue=stage.name(argument), arguments={argument: value})
        if not channel.is_open:
            channel.open()


@script("unknown arguments of every type are accepted")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"), arguments={
        "x-nonsense": 1, "no-prefix": "text", "x-ha-policy": "all", "table": {"a": [1, 2]}, "none": None, "x-ha-nodes": ["a"],
        "float": 1.5, "bytes": Typed("x", b"\x00")})


@script("unknown arguments are not compared")
def _(stage):
    channel = stage.channel()
    for value in (1, 2, "three"):
        channel.call("queue.declare", queue=stage.name("q"), arguments={"x-nonsense": value})
    channel.call("queue.declare", queue=stage.name("q"))


@script("an argument given twice takes the one RabbitMQ takes")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"), arguments=[("x-expires", 50000), ("x-expires", 60000)])
    channel.call("queue.declare", queue=stage.name("q"), arguments={"x-expires": 50000})


def redeclare(stage, first, second, **flags):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"), arguments=first, **flags)
    channel.call("queue.declare", queue=stage.name("q"), arguments=second, **flags)


SAMPLES = {
    "x-expires": (50000, 60000), "x-message-ttl": (50000, 60000), "x-max-length": (5, 6), "x-max-length-bytes": (5, 6),
    "x-max-priority": (5, 6), "x-overflow": ("drop-head", "reject-publish"), "x-dead-letter-exchange": ("amq.fanout", "amq.topic"),
    "x-queue-mode": ("lazy", "default"), "x-single-active-consumer": (True, False), "x-queue-version": (1, 2),
}

for argument, (one, other) in SAMPLES.items():
    @script(f"another {argument} is inequivalent")
    def _(stage, argument=argument, one=one, other=other):
        redeclare(stage, {argument: one}, {argument: other})

    @script(f"{argument} that is added is inequivalent")
    def _(stage, argument=argument, one=one):
        redeclare(stage, {}, {argument: one})

    @script(f"{argument} that is left out is inequivalent")
    def _(stage, argument=argument, one=one):
        redeclare(stage, {argument: one}, {})


@script("another x-dead-letter-routing-key is inequivalent")
def _(stage):
    redeclare(stage, {"x-dead-letter-exchange": "amq.fanout", "x-dead-letter-routing-key": "a"},
              {"x-dead-letter-exchange": "amq.fanout", "x-dead-letter-routing-key": "b"})


@script("x-dead-letter-routing-key that is left out is inequivalent")
def _(stage):
    redeclare(stage, {"x-dead-letter-exchange": "amq.fanout", "x-dead-letter-routing-key": "a"},
              {"x-dead-letter-exchange": "amq.fanout"})


@script("an integer argument of any width is equivalent")
def _(stage):
    channel = stage.channel()
    for letter in "bBsuIil":
        channel.call("queue.declare", queue=stage.name("q"), arguments={"x-max-length": Typed(letter, 100)})


@script("an inequivalent integer in another width is shown by its value")
def _(stage):
    redeclare(stage, {"x-max-length": Typed("s", 100)}, {"x-max-length": Typed("l", 200)})


for letter, word in [("b", "byte"), ("B", "unsigned byte"), ("s", "short"), ("u", "unsigned short"), ("I", "int"),
                     ("i", "unsigned int"), ("l", "long")]:
    @script(f"an argument left out is shown with the type it was declared with: {word}")
    def _(stage, letter=letter):
        redeclare(stage, {"x-max-length": Typed(letter, 100)}, {})

    @script(f"an argument added is shown with its type: {word}")
    def _(stage, letter=letter):
        redeclare(stage, {}, {"x-max-length": Typed(letter, 100)})


@script("the invalid argument is named before the inequivalent one")
def _(stage):
    redeclare(stage, {"x-max-length": 5}, {"x-max-length": 6, "x-expires": -1})


@script("the inequivalent flag is named before the inequivalent argument")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"), arguments={"x-max-length": 5})
    channel.call("queue.declare", queue=stage.name("q"), durable=True, arguments={"x-max-length": 6})


@script("of two inequivalent arguments the one is named that RabbitMQ names")
def _(stage):
    redeclare(stage, {"x-max-length": 5, "x-expires": 50000, "x-message-ttl": 1000},
              {"x-message-ttl": 2000, "x-max-length": 6, "x-expires": 60000})


@script("of two invalid arguments the one is named that RabbitMQ names")
def _(stage):
    stage.channel().call("queue.declare", queue=stage.name("q"), arguments={"x-max-length": -1, "x-expires": -1})


@script("x-queue-type classic equals its absence")
def _(stage):
    redeclare(stage, {}, {"x-queue-type": "classic"})
    redeclare(stage, {"x-queue-type": "classic"}, {})


@script("x-queue-type quorum of an existing classic queue is inequivalent")
def _(stage):
    redeclare(stage, {}, {"x-queue-type": "quorum"}, durable=True)


@script("a quorum queue must be durable, not exclusive, not auto-delete and not server-named")
def _(stage):
    channel = stage.channel()
    for flags in ({}, {"durable": True, "exclusive": True}, {"durable": True, "auto_delete": True}):
        channel.call("queue.declare", queue=stage.name("q"), arguments={"x-queue-type": "quorum"}, **flags)
        channel.open()
    channel.call("queue.declare", queue="", durable=True, arguments={"x-queue-type": "quorum"})


@script("a stream must be durable, not exclusive, not auto-delete and not server-named")
def _(stage):
    channel = stage.channel()
    for flags in ({}, {"durable": True, "exclusive": True}, {"durable": True, "auto_delete": True}):
        channel.call("queue.declare", queue=stage.name("q"), arguments={"x-queue-type": "stream"}, **flags)
        channel.open()
    channel.call("queue.declare", queue="", durable=True, arguments={"x-queue-type": "stream"})


@script("an exclusive queue takes arguments")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"), exclusive=True,
                 arguments={"x-expires": 60000, "x-message-ttl": 1000, "x-max-length": 3})


@script("the text about an invalid argument with a long queue name is cut to 255")
def _(stage):
    stage.channel().call("queue.declare", queue=stage.name("q" * 240), arguments={"x-expires": -1})
