"""Expiration, TTL, x-expires, length limits, priorities, dead-lettering.

Times are long for what must stay and zero or short for what must go; what must go is waited for by polling the
broker with the bounded `stage.until`, never by sleeping a fixed time.
"""

from harness.stage import script


def ready_count(channel, queue):
    """Ready messages."""
    return channel.call("queue.declare", queue=queue, passive=True).values["message_count"]


def queue_is_gone_unused(channel, queue):
    """Looks for the queue without using it: a mandatory publish comes back when it is gone."""
    channel.publish(queue, "", mandatory=True)
    channel.send("basic.qos")
    event = channel.connection.receive(1)
    if event.name == "basic.qos-ok":
        return False
    channel.connection.receive(1)
    return True


# Expiration of messages

@script("an expiration that is no number is refused")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    for text in ("abc", "", "-1", "1.5", " 5", "5 ", "5s", "+5", "0x10", "1e3", "99999999999999999999", "315360000001"):
        channel.publish(queue, "body", expiration=text)
        channel.sync()
        if not channel.is_open:
            channel.open()
    channel.connection.recording = False
    channel.settle(queue)


@script("expirations that are numbers are accepted and shown as they were sent")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    for text in ("100000", "00100000", "315360000000"):
        channel.publish(queue, "body", expiration=text)
        channel.sync()
        if channel.is_open:
            channel.call("basic.get", queue=queue, no_ack=True)
        else:
            channel.open()


@script("a bad expiration is refused although no queue is found")
def _(stage):
    channel = stage.channel()
    channel.publish(stage.name("missing"), "body", expiration="abc")
    channel.receive()


@script("a message with an expiration of 0 is not kept")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "body", expiration="0")
    channel.call("basic.get", queue=queue)


@script("a message with an expiration of 0 reaches a waiting consumer")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    channel.publish(queue, "body", expiration="0")
    channel.receive()


@script("a message with an expiration of 0 does not wait for a consumer without credit")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.call("basic.qos", prefetch_count=1)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.publish(queue, "first")
    channel.receive()
    channel.publish(queue, "expired", expiration="0")
    channel.publish(queue, "second")
    channel.settle(queue)
    channel.send("basic.ack", delivery_tag=1)
    channel.receive()


@script("a message with an expiration of 0 behind another is gone when it comes to the head")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "first")
    channel.publish(queue, "expired", expiration="0")
    channel.publish(queue, "third")
    for _ in range(3):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("a message expires")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "body", expiration="50")
    channel.publish(queue, "stays")
    channel.settle(queue)
    stage.until(channel, "one message is left", lambda: ready_count(channel, queue) == 1)
    channel.call("basic.get", queue=queue, no_ack=True)


def wait_for_expiry(stage, channel, milliseconds):
    """Until what was published before with this expiration is over: another queue's message tells."""
    clock = stage.name("clock")
    channel.call("queue.declare", queue=clock)
    channel.publish(clock, "tick", expiration=str(milliseconds))
    channel.settle(clock)
    stage.until(channel, "as much time has passed", lambda: ready_count(channel, clock) == 0)


@script("a message that is over behind one that lives is never delivered")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "lives")
    for number in range(3):
        channel.publish(queue, f"over {number}", expiration="50")
        channel.publish(queue, f"stays {number}", expiration="100000")
    wait_for_expiry(stage, channel, 100)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    for _ in range(4):
        channel.receive()
    channel.settle(queue)


@script("a message that is over behind one that lives does not count")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "lives")
    channel.publish(queue, "over", expiration="50")
    channel.publish(queue, "stays")
    wait_for_expiry(stage, channel, 100)
    channel.counts(queue)
    for _ in range(3):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("a message put back after its time is not delivered again")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    for number in range(3):
        channel.publish(queue, f"m{number}", expiration="50" if number == 1 else "100000")
    channel.call("basic.qos", prefetch_count=3)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    for _ in range(3):
        channel.receive()
    channel.call("basic.cancel", consumer_tag="c")
    wait_for_expiry(stage, channel, 100)
    channel.send("basic.nack", delivery_tag=3, multiple=True, requeue=True)
    for _ in range(3):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("a queue's TTL and smaller expirations: only what lives is delivered")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-message-ttl": 100000})
    for number, expiration in enumerate([None, "50", "200000", "50", "90000"]):
        properties = {} if expiration is None else {"expiration": expiration}
        channel.publish(queue, f"m{number}", **properties)
    wait_for_expiry(stage, channel, 100)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    for _ in range(3):
        channel.receive()
    channel.settle(queue)


@script("what is over is dead-lettered, also from behind one that lives")
def _(stage):
    channel = stage.channel()
    queue, dead = stage.names("q dead")
    channel.call("queue.declare", queue=dead)
    channel.call("queue.declare", queue=queue, arguments={"x-dead-letter-exchange": "",
                                                          "x-dead-letter-routing-key": dead})
    channel.publish(queue, "lives")
    channel.publish(queue, "over", expiration="50")
    wait_for_expiry(stage, channel, 100)
    channel.call("basic.get", queue=queue, no_ack=True)
    stage.until(channel, "it has gone there", lambda: ready_count(channel, dead) == 1)
    channel.call("basic.get", queue=dead, no_ack=True)


@script("a queue's TTL of 0 keeps nothing")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-message-ttl": 0})
    channel.publish(queue, "body")
    channel.publish(queue, "body", expiration="100000")
    channel.call("basic.get", queue=queue)


@script("a queue's TTL of 0 delivers to waiting consumers")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-message-ttl": 0})
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    channel.publish(queue, "body")
    channel.receive()


@script("a message requeued after its TTL of 0 is gone")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-message-ttl": 0})
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.publish(queue, "body")
    channel.receive()
    channel.call("basic.cancel", consumer_tag="c")
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    channel.call("basic.get", queue=queue)


@script("the smaller of the queue's TTL and the message's expiration counts")
def _(stage):
    channel = stage.channel()
    first, second = stage.names("short long")
    channel.call("queue.declare", queue=first, arguments={"x-message-ttl": 50})
    channel.call("queue.declare", queue=second, arguments={"x-message-ttl": 100000})
    channel.publish(first, "body", expiration="100000")
    channel.publish(second, "body", expiration="50")
    channel.settle(first, second)
    for queue in (first, second):
        stage.until(channel, "expired", lambda queue=queue: ready_count(channel, queue) == 0)


@script("an unacknowledged message does not expire")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-message-ttl": 100})
    channel.publish(queue, "held")
    channel.call("basic.get", queue=queue)
    channel.publish(queue, "waits")
    channel.settle(queue)
    stage.until(channel, "the waiting one expires", lambda: ready_count(channel, queue) == 0)
    channel.send("basic.ack", delivery_tag=1)
    channel.sync()


# x-expires

@script("an unused queue goes")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-expires": 100})
    stage.until(channel, "the queue is gone", lambda: queue_is_gone_unused(channel, queue))


@script("a queue with a consumer does not go, and goes after its cancel")
def _(stage):
    channel = stage.channel()
    queue, other = stage.names("q other")
    channel.call("queue.declare", queue=queue, arguments={"x-expires": 200})
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    channel.call("queue.declare", queue=other, arguments={"x-expires": 400})
    stage.until(channel, "an unused queue is gone", lambda: queue_is_gone_unused(channel, other))
    channel.call("queue.declare", queue=queue, passive=True)
    channel.call("basic.cancel", consumer_tag="c")
    stage.until(channel, "the queue is gone", lambda: queue_is_gone_unused(channel, queue))


@script("the messages of a queue that goes unused are not dead-lettered")
def _(stage):
    channel = stage.channel()
    queue, dead = stage.names("q dead")
    channel.call("queue.declare", queue=dead)
    channel.call("queue.declare", queue=queue, arguments={"x-expires": 100, "x-dead-letter-exchange": "",
                                                          "x-dead-letter-routing-key": dead})
    channel.publish(queue, "body")
    stage.until(channel, "the queue is gone", lambda: queue_is_gone_unused(channel, queue))
    channel.counts(dead)


# Length

@script("a queue with x-max-length keeps the newest")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-max-length": 2})
    for number in range(5):
        channel.publish(queue, f"m{number}")
    for _ in range(3):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("a queue with x-max-length 0 keeps nothing but delivers")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-max-length": 0})
    channel.publish(queue, "dropped")
    channel.call("basic.get", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c", no_ack=True)
    channel.publish(queue, "delivered")
    channel.receive()


@script("x-max-length counts ready messages alone")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-max-length": 1})
    channel.publish(queue, "held")
    channel.call("basic.get", queue=queue)
    channel.publish(queue, "ready")
    channel.counts(queue)
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    channel.counts(queue)


@script("x-max-length-bytes counts body bytes")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-max-length-bytes": 10})
    for body in ("aaaa", "bbbb", "cc", "dddd"):
        channel.publish(queue, body, message_id="x" * 100)
    for _ in range(4):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("a message larger than x-max-length-bytes is dropped with all before it")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-max-length-bytes": 10})
    channel.publish(queue, "small")
    channel.publish(queue, "x" * 11)
    channel.counts(queue)


@script("reject-publish keeps the oldest and drops silently without confirms")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    for number in range(4):
        channel.publish(queue, f"m{number}", mandatory=True)
    for _ in range(3):
        channel.call("basic.get", queue=queue, no_ack=True)


# Priorities

@script("a priority queue gives the highest priority first, and the oldest of it")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-max-priority": 5})
    for number, priority in enumerate([None, 1, 5, 3, 5, 0, 200]):
        properties = {} if priority is None else {"priority": priority}
        channel.publish(queue, f"m{number}", **properties)
    for _ in range(8):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("a message of a priority queue that is put back keeps its place")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-max-priority": 2})
    for number, priority in enumerate([1, 2, 1]):
        channel.publish(queue, f"m{number}", priority=priority)
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    for _ in range(3):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("a priority is nothing to an ordinary queue")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    for number, priority in enumerate([0, 9]):
        channel.publish(queue, f"m{number}", priority=priority)
    for _ in range(2):
        channel.call("basic.get", queue=queue, no_ack=True)
