"""x-max-priority: the order of messages, and what goes first when too much waits or time is over."""

from harness.stage import script

from .dead_lettering import fetch
from .expiring import ready_count


def setting(stage, highest=9, **arguments):
    """A channel and a queue with priorities."""
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-max-priority": highest, **arguments})
    return channel, queue


def publish(channel, queue, *priorities, **properties):
    """Messages of these priorities, numbered."""
    for number, priority in enumerate(priorities):
        channel.publish(queue, f"m{number}", priority=priority, **properties)


def get(channel, queue, count, no_ack=True):
    """Fetches messages."""
    for _ in range(count):
        channel.call("basic.get", queue=queue, no_ack=no_ack)


@script("a consumer gets what waits by priority")
def _(stage):
    channel, queue = setting(stage)
    publish(channel, queue, 1, 9, 0, 9, 5)
    channel.settle(queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    channel.take(5)


@script("what a consumer can take is not overtaken")
def _(stage):
    channel, queue = setting(stage)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    publish(channel, queue, 1, 9, 0, 5)
    channel.take(4)


@script("what waits for credit is overtaken")
def _(stage):
    channel, queue = setting(stage)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    publish(channel, queue, 0, 1, 9, 5, 9)
    channel.receive()
    channel.settle(queue)
    for tag in range(1, 5):
        channel.send("basic.ack", delivery_tag=tag)
        channel.receive()


@script("a queue with the highest priority 0 has only one")
def _(stage):
    channel, queue = setting(stage, 0)
    publish(channel, queue, 0, 9, 0)
    get(channel, queue, 3)


@script("255 priorities are told apart")
def _(stage):
    channel, queue = setting(stage, 255)
    publish(channel, queue, 0, 254, 255, 1, 128)
    get(channel, queue, 5)


@script("messages that are put back together keep their places")
def _(stage):
    channel, queue = setting(stage)
    publish(channel, queue, 1, 3, 1, 3, 2)
    get(channel, queue, 4, no_ack=False)
    channel.send("basic.nack", delivery_tag=4, multiple=True, requeue=True)
    channel.settle(queue)
    get(channel, queue, 5)


@script("recover gives back by priority")
def _(stage):
    channel, queue = setting(stage)
    publish(channel, queue, 1, 3, 2)
    channel.settle(queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.take(3)
    channel.call("basic.cancel", consumer_tag="c")
    channel.publish(queue, "new", priority=2)
    channel.call("basic.recover", requeue=True)
    channel.settle(queue)
    get(channel, queue, 4)


@script("a closed channel's messages go back to their priorities")
def _(stage):
    channel, queue = setting(stage)
    publish(channel, queue, 1, 3, 1, 3)
    get(channel, queue, 3, no_ack=False)
    channel.close()
    other = stage.channel()
    other.settle(queue)
    get(other, queue, 4)


@script("counts, purge and delete are about all priorities")
def _(stage):
    channel, queue = setting(stage)
    publish(channel, queue, 1, 3, 0, 9)
    channel.counts(queue)
    channel.call("queue.purge", queue=queue)
    publish(channel, queue, 2, 4)
    channel.settle(queue)
    channel.call("queue.delete", queue=queue)


@script("a full priority queue drops the highest priority first")
def _(stage):
    channel, queue = setting(stage, **{"x-max-length": 3})
    publish(channel, queue, 1, 5, 0, 5, 2, 0)
    channel.settle(queue)
    get(channel, queue, 4)


@script("a priority queue with too many bytes drops the highest priority first")
def _(stage):
    channel, queue = setting(stage, **{"x-max-length-bytes": 5})
    publish(channel, queue, 1, 5, 3)
    channel.settle(queue)
    get(channel, queue, 3)


@script("a priority queue dead-letters what it drops with its priority")
def _(stage):
    channel = stage.channel()
    queue, dead = stage.names("q dead")
    channel.call("queue.declare", queue=dead)
    channel.call("queue.declare", queue=queue, arguments={
        "x-max-priority": 5, "x-max-length": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    publish(channel, queue, 1, 5)
    fetch(channel, dead)
    get(channel, queue, 2)


@script("dead letters are ranked in a priority queue")
def _(stage):
    channel = stage.channel()
    queue, dead = stage.names("q dead")
    channel.call("queue.declare", queue=dead, arguments={"x-max-priority": 5})
    channel.call("queue.declare", queue=queue, arguments={
        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    publish(channel, queue, 1, 5, 3)
    get(channel, queue, 3, no_ack=False)
    channel.send("basic.nack", delivery_tag=3, multiple=True)
    stage.until(channel, "all are dead", lambda: ready_count(channel, dead) == 3)
    for _ in range(3):
        fetch(channel, dead)


@script("a full priority queue that refuses does so whatever the priority")
def _(stage):
    channel, queue = setting(stage, **{"x-max-length": 2, "x-overflow": "reject-publish"})
    channel.call("confirm.select")
    for priority in (0, 1, 9):
        channel.publish(queue, f"p{priority}", priority=priority)
    channel.confirms(3)
    get(channel, queue, 3)


@script("a message that expires behind a higher priority stays until it is first")
def _(stage):
    channel, queue = setting(stage)
    channel.publish(queue, "long", priority=5)
    for _ in range(2):
        channel.publish(queue, "none", priority=1, expiration="0")
    channel.counts(queue)
    get(channel, queue, 2)


@script("the first of the highest priority expires")
def _(stage):
    channel, queue = setting(stage)
    channel.publish(queue, "short", priority=5, expiration="20")
    channel.publish(queue, "long", priority=1)
    channel.settle(queue)
    stage.until(channel, "one is left", lambda: ready_count(channel, queue) == 1)
    get(channel, queue, 2)


@script("messages expire from the highest priority to the lowest")
def _(stage):
    channel, queue = setting(stage, **{"x-message-ttl": 30})
    publish(channel, queue, 1, 5, 3)
    channel.settle(queue)
    stage.until(channel, "all are gone", lambda: ready_count(channel, queue) == 0)
    get(channel, queue, 1)


@script("a message with an expiration of 0 that comes before all others is not kept")
def _(stage):
    channel, queue = setting(stage)
    channel.publish(queue, "long", priority=1)
    channel.publish(queue, "none", priority=5, expiration="0")
    channel.counts(queue)
    get(channel, queue, 2)


@script("a commit ranks what it publishes")
def _(stage):
    channel, queue = setting(stage)
    channel.call("tx.select")
    publish(channel, queue, 1, 5, 3)
    channel.call("tx.commit")
    channel.settle(queue)
    get(channel, queue, 3)


@script("each queue ranks a message by its own highest priority")
def _(stage):
    channel = stage.channel()
    exchange, *queues = stage.names("x few many none")
    channel.call("exchange.declare", exchange=exchange, type="fanout")
    for queue, highest in zip(queues, (2, 9, None)):
        arguments = {} if highest is None else {"x-max-priority": highest}
        channel.call("queue.declare", queue=queue, arguments=arguments)
        channel.call("queue.bind", queue=queue, exchange=exchange)
    for number, priority in enumerate((1, 3, 5)):
        channel.publish("", f"m{number}", exchange=exchange, priority=priority)
    channel.settle(*queues)
    for queue in queues:
        get(channel, queue, 3)


@script("a single active consumer gets the highest priority first")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-single-active-consumer": True, "x-max-priority": 3})
    for priority in (1, 3, 2):
        channel.publish(queue, f"p{priority}", priority=priority)
    channel.settle(queue)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="a")
    channel.receive()
    channel.call("basic.consume", queue=queue, consumer_tag="b", no_ack=True)
    channel.send("basic.nack", delivery_tag=1, requeue=True)
    channel.receive()
