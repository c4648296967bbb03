"""Dead-lettering: reasons, headers, keys, cycles."""

import time

from harness.stage import script


def setting(stage, **arguments):
    """A channel, a queue that dead-letters to `dead` through the default exchange, and that queue."""
    channel = stage.channel()
    queue, dead = stage.names("q dead")
    channel.call("queue.declare", queue=dead)
    channel.call("queue.declare", queue=queue, arguments={
        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead, **arguments})
    return channel, queue, dead


def fetch(channel, queue, patience_s=10, no_ack=True):
    """The next message of the queue. Dead-lettering takes its time, so the queue is asked until it has one."""
    deadline = time.monotonic() + patience_s
    connection = channel.connection
    while True:
        connection.recording = False
        channel.send("basic.get", queue=queue, no_ack=no_ack)
        connection.recording = True
        event = connection.receive_quietly(channel.number)
        if event.name != "basic.get-empty" or time.monotonic() > deadline:
            connection.write_down(event)
            return event


@script("a rejected message is dead-lettered with its history")
def _(stage):
    channel, queue, dead = setting(stage)
    channel.publish(queue, "body", headers={"mine": 1}, message_id="id")
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=1)
    fetch(channel, dead)


@script("a message that is put back is not dead-lettered")
def _(stage):
    channel, queue, dead = setting(stage)
    channel.publish(queue, "body")
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=1, requeue=True)
    channel.counts(queue)
    channel.counts(dead)


@script("nack with multiple dead-letters all in their order")
def _(stage):
    channel, queue, dead = setting(stage)
    for number in range(3):
        channel.publish(queue, f"m{number}")
        channel.call("basic.get", queue=queue)
    channel.send("basic.nack", delivery_tag=3, multiple=True)
    for _ in range(3):
        fetch(channel, dead)


@script("an expired message is dead-lettered")
def _(stage):
    channel, queue, dead = setting(stage, **{"x-message-ttl": 1})
    channel.publish(queue, "body")
    fetch(channel, dead)


@script("an expired message loses its expiration and remembers it")
def _(stage):
    channel, queue, dead = setting(stage)
    channel.publish(queue, "body", expiration="1")
    fetch(channel, dead)


@script("a message dropped from the head is dead-lettered")
def _(stage):
    channel, queue, dead = setting(stage, **{"x-max-length": 1})
    for number in range(2):
        channel.publish(queue, f"m{number}")
    fetch(channel, dead)


@script("a publish rejected with reject-publish-dlx is dead-lettered")
def _(stage):
    channel, queue, dead = setting(stage, **{"x-max-length": 1, "x-overflow": "reject-publish-dlx"})
    channel.call("confirm.select")
    for number in range(2):
        channel.publish(queue, f"m{number}")
    channel.confirms(2)
    fetch(channel, dead)


@script("a publish rejected with reject-publish is not dead-lettered")
def _(stage):
    channel, queue, dead = setting(stage, **{"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.call("confirm.select")
    for number in range(2):
        channel.publish(queue, f"m{number}")
    channel.confirms(2)
    channel.counts(dead)


@script("without a dead-letter key the message keeps its own")
def _(stage):
    channel = stage.channel()
    queue, dead, exchange = stage.names("q dead x")
    channel.call("exchange.declare", exchange=exchange, type="topic")
    channel.call("queue.declare", queue=dead)
    channel.call("queue.bind", queue=dead, exchange=exchange, routing_key="#")
    channel.call("queue.declare", queue=queue, arguments={"x-dead-letter-exchange": exchange})
    channel.publish(queue, "body", headers={"CC": ["cc"], "BCC": ["bcc"]})
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=1)
    fetch(channel, dead)


@script("without a dead-letter key BCC counts as well, death after death")
def _(stage):
    channel = stage.channel()
    queue, middle, dead, exchange = stage.names("q middle dead x")
    channel.call("exchange.declare", exchange=exchange, type="direct")
    channel.call("queue.declare", queue=dead)
    channel.call("queue.declare", queue=middle, arguments={"x-dead-letter-exchange": ""})
    channel.call("queue.bind", queue=middle, exchange=exchange, routing_key=dead)
    channel.call("queue.declare", queue=queue, arguments={"x-dead-letter-exchange": exchange})
    channel.publish(queue, "body", headers={"BCC": [dead]})
    fetch(channel, dead)
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=2)
    fetch(channel, middle, no_ack=False)
    channel.send("basic.reject", delivery_tag=3)
    fetch(channel, dead)


@script("with a dead-letter key CC is taken out")
def _(stage):
    channel, queue, dead = setting(stage)
    channel.publish(queue, "body", headers={"CC": ["cc"], "mine": 1})
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=1)
    fetch(channel, dead)


@script("two deaths of two queues are two entries, the latest first")
def _(stage):
    channel, queue, dead = setting(stage)
    second = stage.name("second")
    channel.call("queue.declare", queue=second, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
    channel.publish(second, "body", message_id="x")
    channel.call("basic.get", queue=second)
    channel.send("basic.reject", delivery_tag=1)
    event = fetch(channel, dead)
    channel.publish(queue, event.body, headers=event.properties["headers"])
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=3)
    fetch(channel, dead)


@script("a second death of the same queue and reason counts on")
def _(stage):
    channel, queue, dead = setting(stage)
    channel.publish(queue, "body")
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=1)
    event = fetch(channel, dead)
    channel.publish(queue, event.body, headers=event.properties["headers"])
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=3)
    fetch(channel, dead)


@script("a missing dead-letter exchange loses the message")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-dead-letter-exchange": stage.name("missing")})
    channel.publish(queue, "body")
    channel.call("basic.get", queue=queue)
    channel.send("basic.reject", delivery_tag=1)
    channel.counts(queue)


@script("a message that expires in a ring is dropped after one round")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-message-ttl": 1, "x-dead-letter-exchange": "",
                                                          "x-dead-letter-routing-key": queue})
    channel.publish(queue, "body")
    stage.until(channel, "the queue is empty", lambda: channel.call(
        "queue.declare", queue=queue, passive=True).values["message_count"] == 0)


@script("a rejected message may go round")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue})
    channel.publish(queue, "body")
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    for turn in range(3):
        event = channel.connection.receive_quietly(1)
        stage.note(f"turn {turn}: redelivered {event.values['redelivered']}")
        channel.send("basic.reject", delivery_tag=event.values["delivery_tag"])
    event = channel.connection.receive_quietly(1)
    death = dict(event.properties["headers"])["x-death"].value[0].value
    stage.note(f"count {dict(death)['count'].value}")


@script("purge and queue deletion dead-letter nothing")
def _(stage):
    channel, queue, dead = setting(stage)
    for number in range(2):
        channel.publish(queue, f"m{number}")
    channel.call("queue.purge", queue=queue)
    channel.publish(queue, "m2")
    channel.settle(queue)
    channel.call("queue.delete", queue=queue)
    channel.counts(dead)
