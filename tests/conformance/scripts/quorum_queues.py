"""Quorum queues: deliveries and their counts, limits, expiry, dead letters."""

from harness.stage import script

from .dead_lettering import fetch


def setting(stage, count=0, **arguments):
    """A channel with confirms, and a quorum queue with messages m1 to m<count> that it has confirmed."""
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, durable=True, arguments={"x-queue-type": "quorum", **arguments})
    channel.call("confirm.select")
    publish(channel, queue, count)
    return channel, queue


def publish(channel, queue, count, **properties):
    """Messages m1 to m<count>, one by one."""
    for number in range(1, count + 1):
        publish_body(channel, queue, f"m{number}", **properties)


def publish_body(channel, queue, body, **properties):
    """A message, and its confirm."""
    channel.confirmed = getattr(channel, "confirmed", 0) + 1
    channel.publish(queue, body, **properties)
    channel.confirms(1, first=channel.confirmed)


def dead_setting(stage, count=0, **arguments):
    """As setting(), with a classic queue for dead letters."""
    dead = stage.name("dead")
    stage.channel().call("queue.declare", queue=dead)
    channel, queue = setting(stage, count, **{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead,
                                              **arguments})
    return channel, queue, dead


def consume(channel, queue, tag="c", **fields):
    """A consumer."""
    channel.call("basic.consume", queue=queue, consumer_tag=tag, **fields)


@script("a quorum queue keeps order and counts what is ready")
def _(stage):
    channel, queue = setting(stage, 3)
    channel.counts(queue)
    for _ in range(4):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("a message of a quorum queue that was never delivered has no count for a consumer")
def _(stage):
    channel, queue = setting(stage, 1)
    consume(channel, queue)
    channel.receive()


@script("basic.get of a quorum queue shows the count from the first time")
def _(stage):
    channel, queue = setting(stage, 1)
    fetch(channel, queue, no_ack=False)
    channel.send("basic.nack", delivery_tag=1, requeue=True)
    fetch(channel, queue, no_ack=False)
    channel.send("basic.reject", delivery_tag=2, requeue=True)
    fetch(channel, queue, no_ack=False)


@script("each return of a message is counted for its consumer")
def _(stage):
    channel, queue = setting(stage, 1)
    consume(channel, queue)
    for tag in range(1, 4):
        channel.receive()
        channel.send("basic.nack", delivery_tag=tag, requeue=True)
    channel.receive()


@script("a count goes beside the headers that a message has")
def _(stage):
    channel, queue = setting(stage)
    publish_body(channel, queue, "body", headers={"mine": 1}, content_type="text/plain", delivery_mode=1)
    consume(channel, queue)
    channel.receive()
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    channel.receive()


@script("the count of a quorum queue replaces one that the publisher wrote")
def _(stage):
    channel, queue = setting(stage)
    publish_body(channel, queue, "body", headers={"x-delivery-count": "many", "other": True})
    consume(channel, queue)
    channel.receive()
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    channel.receive()


@script("basic.recover counts as a return")
def _(stage):
    channel, queue = setting(stage, 2)
    consume(channel, queue)
    channel.take(2)
    channel.send("basic.recover", requeue=True)
    channel.take(3)


@script("a channel that closes returns what it had, and that counts")
def _(stage):
    channel, queue = setting(stage, 2)
    other = stage.channel()
    consume(other, queue)
    other.take(2)
    other.call("channel.close")
    consume(channel, queue)
    channel.take(2)


@script("a cancelled consumer's messages stay with the channel of a quorum queue")
def _(stage):
    channel, queue = setting(stage, 1)
    consume(channel, queue)
    channel.receive()
    channel.call("basic.cancel", consumer_tag="c")
    channel.settle(queue)
    channel.send("basic.nack", delivery_tag=1, requeue=True)
    fetch(channel, queue)


def give_back(stage, *tags, **arguments):
    """Gets three of five messages, gives them back, and gets all."""
    channel, queue = setting(stage, 5, **arguments)
    for _ in range(3):
        channel.call("basic.get", queue=queue)
    for tag in tags:
        channel.send("basic.nack", delivery_tag=tag, multiple=tag == 0, requeue=True)
    channel.settle(queue)  # RabbitMQ counts whoever has got a message as a consumer
    for _ in range(5):
        channel.call("basic.get", queue=queue, no_ack=True)


@script("what is given back to a quorum queue without a limit goes to its end")
def _(stage):
    give_back(stage, 3, 1, 2)


@script("what is given back at once to a quorum queue without a limit goes to its end in its order")
def _(stage):
    give_back(stage, 0)


@script("what is given back to a quorum queue with a limit comes before others, in the order of its return")
def _(stage):
    give_back(stage, 3, 1, 2, **{"x-delivery-limit": 5})


@script("what is given back at once to a quorum queue with a limit comes before others in its order")
def _(stage):
    give_back(stage, 0, **{"x-delivery-limit": 5})


@script("what a closing channel had of a quorum queue comes before others")
def _(stage):
    channel, queue = setting(stage, 5)
    other = stage.channel()
    for _ in range(3):
        other.call("basic.get", queue=queue)
    other.send("basic.nack", delivery_tag=2, requeue=True)
    other.settle(queue)
    other.call("channel.close")
    stage.until(channel, "all are back", lambda: quiet_count(channel, queue) == 5)
    for _ in range(5):
        channel.call("basic.get", queue=queue, no_ack=True)


def quiet_count(channel, queue):
    """The ready messages, not written down."""
    channel.send("queue.declare", queue=queue, passive=True)
    return channel.receive().values["message_count"]


@script("a delivery limit of two means three deliveries, then the message is dropped")
def _(stage):
    channel, queue = setting(stage, 1, **{"x-delivery-limit": 2})
    consume(channel, queue)
    for tag in range(1, 4):
        channel.receive()
        channel.send("basic.nack", delivery_tag=tag, requeue=True)
    stage.channel().publish(queue, "next")
    channel.receive()


@script("a delivery limit of zero means one delivery")
def _(stage):
    channel, queue = setting(stage, 1, **{"x-delivery-limit": 0})
    consume(channel, queue)
    channel.receive()
    channel.send("basic.nack", delivery_tag=1, requeue=True)
    stage.channel().publish(queue, "next")
    channel.receive()


@script("what passes its delivery limit is dead-lettered for that reason")
def _(stage):
    channel, queue, dead = dead_setting(stage, 1, **{"x-delivery-limit": 1})
    consume(channel, queue)
    for tag in (1, 2):
        channel.receive()
        channel.send("basic.nack", delivery_tag=tag, requeue=True)
    fetch(channel, dead)


@script("a closing channel can take a message past its limit")
def _(stage):
    channel, queue, dead = dead_setting(stage, 2, **{"x-delivery-limit": 0})
    other = stage.channel()
    consume(other, queue)
    other.take(2)
    other.call("channel.close")
    fetch(channel, dead)
    fetch(channel, dead)


@script("a rejected message of a quorum queue is dead-lettered with its count untouched")
def _(stage):
    channel, queue, dead = dead_setting(stage, 1)
    consume(channel, queue)
    channel.receive()
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    channel.receive()
    channel.send("basic.reject", delivery_tag=2)
    fetch(channel, dead)


@script("a dead letter begins a new count in the quorum queue that it goes to")
def _(stage):
    channel = stage.channel()
    dead = stage.name("dead")
    channel.call("queue.declare", queue=dead, durable=True, arguments={"x-queue-type": "quorum"})
    channel, queue = setting(stage, 1, **{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead,
                                          "x-delivery-limit": 1})
    consume(channel, queue)
    for tag in (1, 2):
        channel.receive()
        channel.send("basic.nack", delivery_tag=tag, requeue=True)
    consume(channel, dead, "d")
    channel.receive()
    channel.send("basic.nack", delivery_tag=3, requeue=True)
    channel.receive()


@script("an expired message of a quorum queue is dead-lettered")
def _(stage):
    channel, queue, dead = dead_setting(stage, 1, **{"x-message-ttl": 1})
    fetch(channel, dead)
    publish_body(channel, queue, "own", expiration="1")
    fetch(channel, dead)


@script("a full quorum queue drops its oldest message")
def _(stage):
    channel, queue, dead = dead_setting(stage, 3, **{"x-max-length": 2})
    fetch(channel, dead)
    channel.counts(queue)
    channel.call("basic.get", queue=queue, no_ack=True)


@script("a full quorum queue counts bytes")
def _(stage):
    channel, queue, dead = dead_setting(stage, 3, **{"x-max-length-bytes": 5})
    fetch(channel, dead)
    channel.counts(queue)


@script("reject-publish-dlx of a quorum queue drops its oldest message")
def _(stage):
    channel, queue, dead = dead_setting(stage, 3, **{"x-max-length": 2, "x-overflow": "reject-publish-dlx"})
    fetch(channel, dead)
    channel.counts(queue)


@script("a quorum queue hands dead letters on at least once when it is declared to")
def _(stage):
    channel, queue, dead = dead_setting(stage, 1, **{"x-dead-letter-strategy": "at-least-once",
                                                     "x-overflow": "reject-publish"})
    consume(channel, queue)
    channel.receive()
    channel.send("basic.reject", delivery_tag=1)
    fetch(channel, dead)


@script("a dead letter that is promised stays until its exchange is there")
def _(stage):
    channel = stage.channel()
    exchange, dead = stage.names("x dead")
    channel.call("queue.declare", queue=dead)
    channel, queue = setting(stage, 1, **{"x-dead-letter-exchange": exchange, "x-dead-letter-strategy": "at-least-once",
                                          "x-overflow": "reject-publish"})
    consume(channel, queue)
    channel.receive()
    channel.send("basic.reject", delivery_tag=1)
    channel.counts(queue)
    channel.call("exchange.declare", exchange=exchange, type="fanout")
    channel.call("queue.bind", queue=dead, exchange=exchange)
    fetch(channel, dead, patience_s=240)


@script("without reject-publish a dead letter is not promised")
def _(stage):
    channel = stage.channel()
    exchange, dead = stage.names("x dead")
    channel.call("queue.declare", queue=dead)
    channel, queue = setting(stage, 2, **{"x-dead-letter-exchange": exchange, "x-dead-letter-strategy": "at-least-once"})
    consume(channel, queue)
    channel.take(2)
    channel.send("basic.reject", delivery_tag=1)
    channel.counts(queue)
    channel.call("exchange.declare", exchange=exchange, type="fanout")
    channel.call("queue.bind", queue=dead, exchange=exchange)
    channel.send("basic.reject", delivery_tag=2)
    fetch(channel, dead)
    channel.counts(dead)


@script("a quorum queue is purged of what is ready")
def _(stage):
    channel, queue = setting(stage, 3)
    channel.call("basic.qos", prefetch_count=1)
    consume(channel, queue)
    channel.receive()
    channel.counts(queue)
    channel.call("queue.purge", queue=queue)
    channel.counts(queue)
    channel.send("basic.nack", delivery_tag=1, requeue=True)
    channel.receive()


@script("basic.get is refused by a quorum queue with a single active consumer")
def _(stage):
    channel, queue = setting(stage, 1, **{"x-single-active-consumer": True})
    channel.call("basic.get", queue=queue)


@script("the single active consumer of a quorum queue is the first that came")
def _(stage):
    publisher, queue = setting(stage, **{"x-single-active-consumer": True})
    channel = stage.channel()
    consume(channel, queue, "a", no_ack=True)
    consume(channel, queue, "b", no_ack=True)
    publish(publisher, queue, 2)
    channel.take(2)
    channel.call("basic.cancel", consumer_tag="a")
    publish(publisher, queue, 1)
    channel.receive()


@script("who follows a single active consumer of a quorum queue is the first that waits")
def _(stage):
    publisher, queue = setting(stage, **{"x-single-active-consumer": True})
    channel = stage.channel()
    consume(channel, queue, "a", no_ack=True)
    for tag, priority in (("b", -1), ("c", 3), ("d", 7), ("e", 7)):
        consume(channel, queue, tag, no_ack=True, arguments={"x-priority": priority})
    for tag in "abcde":
        publish_body(publisher, queue, f"message {tag}")
        channel.receive()
        channel.call("basic.cancel", consumer_tag=f"{tag}")


@script("consumers of a quorum queue are served by priority")
def _(stage):
    publisher, queue = setting(stage)
    channel = stage.channel()
    consume(channel, queue, "low", no_ack=True, arguments={"x-priority": -5})
    consume(channel, queue, "high", no_ack=True, arguments={"x-priority": 5})
    publish(publisher, queue, 2)
    channel.take(2)


@script("a quorum queue has no exclusive consumers")
def _(stage):
    channel, queue = setting(stage)
    consume(channel, queue, "a", exclusive=True)
    consume(channel, queue, "b")
    consume(channel, queue, "c", exclusive=True)


@script("a stream offset is refused by a quorum queue")
def _(stage):
    channel, queue = setting(stage)
    consume(channel, queue, arguments={"x-stream-offset": "first"})


@script("a transaction takes quorum queues along")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, durable=True, arguments={"x-queue-type": "quorum"})
    channel.call("tx.select")
    channel.publish(queue, "kept", delivery_mode=1)
    channel.call("tx.commit")
    fetch(channel, queue, no_ack=False)
    channel.send("basic.ack", delivery_tag=1)
    channel.call("tx.rollback")
    channel.send("basic.nack", delivery_tag=1, requeue=True)
    channel.call("tx.commit")
    fetch(channel, queue)


@script("messages without a delivery mode are confirmed by a quorum queue")
def _(stage):
    channel, queue = setting(stage, 1)
    publish(channel, queue, 1, delivery_mode=1)
    publish(channel, queue, 1, delivery_mode=2)
    channel.counts(queue)
    for _ in range(3):
        channel.call("basic.get", queue=queue, no_ack=True)
