"""Policies and operator policies that are set while queues and exchanges are there.

Nothing waits for what must stay: a message that keeps its place is fetched after another one has gone for certain.
"""

from harness.stage import script


def ready_count(channel, queue):
    """Ready messages."""
    return channel.call("queue.declare", queue=queue, passive=True).values["message_count"]


def fill(channel, queue, first, last):
    """Publishes messages that are numbered."""
    for number in range(first, last + 1):
        channel.publish(queue, str(number))


def come_to(stage, channel, queue, count):
    """The queue has so many messages, sooner or later."""
    stage.until(channel, f"{count} messages", lambda: ready_count(channel, queue) == count)


# Length

@script("a policy's limit shortens a queue that is there, from its head")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    fill(channel, queue, 1, 6)
    stage.policy("p", "q", {"max-length": 2})
    come_to(stage, channel, queue, 2)
    channel.call("basic.get", queue=queue, no_ack=True)
    fill(channel, queue, 7, 9)
    channel.counts(queue)
    stage.no_policy("p")
    fill(channel, queue, 10, 12)
    channel.counts(queue)


@script("of two limits in bytes the smaller one holds")
def _(stage):
    channel = stage.channel()
    narrow, wide = stage.names("narrow wide")
    channel.call("queue.declare", queue=narrow, arguments={"x-max-length-bytes": 2})
    channel.call("queue.declare", queue=wide, arguments={"x-max-length-bytes": 9})
    stage.policy("p", ".*", {"max-length-bytes": 4})
    for queue in (narrow, wide):
        fill(channel, queue, 1, 9)
        channel.counts(queue)
        channel.call("basic.get", queue=queue, no_ack=True)


@script("the smallest of argument, policy and operator policy holds")
def _(stage):
    channel = stage.channel()
    by_argument, by_policy, by_operator = stage.names("by-argument by-policy by-operator")
    stage.policy("a", "by-argument", {"max-length": 4})
    stage.policy("p", "by-policy", {"max-length": 2})
    stage.policy("o", "by-operator", {"max-length": 4})
    stage.operator_policy("op", "by-.*", {"max-length": 3})
    for queue in (by_argument, by_policy, by_operator):
        channel.call("queue.declare", queue=queue,
                     arguments={"x-max-length": 1 if queue == by_argument else 5})
        fill(channel, queue, 1, 9)
        channel.counts(queue)


@script("an argument says what a full queue does, whatever a policy says")
def _(stage):
    channel = stage.channel()
    with_argument, without = stage.names("with without")
    channel.call("queue.declare", queue=with_argument, arguments={"x-max-length": 2, "x-overflow": "drop-head"})
    channel.call("queue.declare", queue=without, arguments={"x-max-length": 2})
    stage.policy("p", ".*", {"overflow": "reject-publish"})
    for queue in (with_argument, without):
        fill(channel, queue, 1, 4)
        channel.counts(queue)
        channel.call("basic.get", queue=queue, no_ack=True)


@script("a policy that limits and refuses makes room first")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    fill(channel, queue, 1, 6)
    channel.counts(queue)
    stage.policy("p", "q", {"max-length": 4, "overflow": "reject-publish"})
    come_to(stage, channel, queue, 4)
    stage.policy("p", "q", {"max-length": 2, "overflow": "reject-publish"})
    channel.call("confirm.select")
    fill(channel, queue, 7, 7)
    channel.confirms(1)
    channel.call("basic.get", queue=queue, no_ack=True)
    channel.counts(queue)


# Time

@script("a policy's time to live is for what comes")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "before")
    channel.counts(queue)
    stage.policy("p", "q", {"message-ttl": 0})
    tag = channel.call("basic.get", queue=queue).values["delivery_tag"]
    channel.publish(queue, "after")
    come_to(stage, channel, queue, 0)
    channel.send("basic.reject", delivery_tag=tag, requeue=True)
    channel.counts(queue)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("what came under a policy's time to live keeps it when the policy goes")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    stage.policy("p", "q", {"message-ttl": 300})
    channel.publish(queue, "short")
    channel.publish(queue, "long", expiration="100")
    stage.no_policy("p")
    channel.publish(queue, "for ever")
    come_to(stage, channel, queue, 1)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("an unused queue goes when a policy says so")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    stage.policy("p", "q", {"expires": 100})

    def is_gone():
        # A mandatory publish does not use the queue, and comes back when that has gone.
        channel.publish(queue, "", mandatory=True)
        channel.send("basic.qos")
        event = channel.connection.receive(1)
        if event.name == "basic.qos-ok":
            return False
        channel.connection.receive(1)
        return True
    stage.until(channel, "the queue has gone", is_gone)


# Dead letters

@script("a policy's dead-letter exchange is for what was delivered before, too")
def _(stage):
    channel = stage.channel()
    queue, dead = stage.names("q dead")
    channel.call("queue.declare", queue=queue)
    channel.call("queue.declare", queue=dead)
    fill(channel, queue, 1, 4)
    first = channel.call("basic.get", queue=queue).values["delivery_tag"]
    second = channel.call("basic.get", queue=queue).values["delivery_tag"]
    stage.policy("p", "q", {"dead-letter-exchange": "", "dead-letter-routing-key": dead})
    channel.send("basic.reject", delivery_tag=first)
    come_to(stage, channel, dead, 1)
    stage.policy("p", "q", {"dead-letter-exchange": "", "dead-letter-routing-key": dead, "max-length": 1})
    come_to(stage, channel, dead, 2)
    stage.no_policy("p")
    channel.send("basic.reject", delivery_tag=second)
    channel.counts(queue)
    for _ in range(3):
        channel.call("basic.get", queue=dead, no_ack=True)


@script("a policy adds a routing key to a dead-letter exchange of the arguments")
def _(stage):
    channel = stage.channel()
    queue, dead = stage.names("q dead")
    channel.call("queue.declare", queue=queue, arguments={"x-dead-letter-exchange": ""})
    channel.call("queue.declare", queue=dead)
    stage.policy("p", "q", {"dead-letter-exchange": stage.name("nowhere"), "dead-letter-routing-key": dead})
    channel.publish(queue, "1")
    tag = channel.call("basic.get", queue=queue).values["delivery_tag"]
    channel.send("basic.reject", delivery_tag=tag)
    come_to(stage, channel, dead, 1)
    channel.call("basic.get", queue=dead, no_ack=True)


# Exchanges

@script("a policy gives an exchange an alternate, and takes it back")
def _(stage):
    channel = stage.channel()
    exchange, other, queue = stage.names("x other q")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("exchange.declare", exchange=other, type="fanout")
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=other)
    for step in (lambda: stage.policy("p", "x", {"alternate-exchange": other}, apply_to="exchanges"),
                 lambda: stage.policy("p", "x", {"alternate-exchange": other}, apply_to="queues"),
                 lambda: stage.policy("p", "x", {"alternate-exchange": other, "max-length": 5}),
                 lambda: stage.no_policy("p")):
        step()
        channel.publish("key", "body", exchange=exchange, mandatory=True)
        channel.sync()
        channel.counts(queue)


@script("an argument's alternate exchange goes before a policy's")
def _(stage):
    channel = stage.channel()
    exchange, own, other, queue = stage.names("x own other q")
    for name in (own, other):
        channel.call("exchange.declare", exchange=name, type="fanout")
    channel.call("exchange.declare", exchange=exchange, type="direct", arguments={"alternate-exchange": own})
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=own)
    stage.policy("p", "x", {"alternate-exchange": other})
    channel.publish("key", "body", exchange=exchange, mandatory=True)
    channel.sync()
    channel.counts(queue)


# Which policy

@script("the policy with the highest priority is the only one")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    stage.policy("low", "q", {"max-length": 2}, priority=1)
    stage.policy("high", "q", {"max-length-bytes": 5}, priority=2)
    fill(channel, queue, 1, 9)
    channel.counts(queue)
    stage.policy("high", "q", {"max-length-bytes": 5}, priority=0)
    come_to(stage, channel, queue, 2)


@script("a policy that says what a classic queue does not have is not for it")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    stage.policy("low", "q", {"max-length": 3}, priority=1)
    for key, value in (("delivery-limit", 3), ("max-age", "1D"), ("dead-letter-strategy", "at-least-once"),
                       ("stream-max-segment-size-bytes", 1000), ("initial-cluster-size", 3)):
        stage.policy("high", "q", {"max-length": 1, key: value}, priority=2)
        fill(channel, queue, 1, 9)
        channel.counts(queue)
    for key, value in (("alternate-exchange", "x"), ("queue-mode", "lazy"), ("max-in-memory-length", 5)):
        stage.policy("high", "q", {"max-length": 1, key: value}, priority=2)
        come_to(stage, channel, queue, 1)
        fill(channel, queue, 1, 9)
        channel.counts(queue)


@script("policies are for exclusive queues")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    stage.policy("p", "q", {"max-length": 2})
    channel.call("queue.declare", queue=queue, exclusive=True)
    fill(channel, queue, 1, 5)
    channel.counts(queue)


@script("a queue with a policy is declared again by its arguments")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    stage.policy("p", "q", {"max-length": 2})
    channel.call("queue.declare", queue=queue, arguments={"x-max-length": 5})
    channel.call("queue.declare", queue=queue, arguments={"x-max-length": 5})
    channel.call("queue.declare", queue=queue, arguments={"x-max-length": 2})
