"""Direct reply-to: the pseudo queue amq.rabbitmq.reply-to."""

from harness.stage import script

REPLY_TO = "amq.rabbitmq.reply-to"


def caller(stage, tag="reply"):
    """A channel with a reply consumer and a queue for requests."""
    channel = stage.channel()
    queue = stage.name("requests")
    channel.call("queue.declare", queue=queue)
    channel.call("basic.consume", queue=REPLY_TO, consumer_tag=tag, no_ack=True)
    return channel, queue


def token_of(channel, queue, **properties):
    """Publishes a request and fetches the reply address from it."""
    channel.publish(queue, "request", reply_to=REPLY_TO, **properties)
    return channel.call("basic.get", queue=queue, no_ack=True).properties["reply_to"]


@script("a reply reaches the caller")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue, correlation_id="1")
    stage.channel().publish(token, "reply", correlation_id="1")
    channel.receive()


@script("the reply address of a channel stays the same")
def _(stage):
    channel, queue = caller(stage)
    stage.note(f"same: {token_of(channel, queue) == token_of(channel, queue)}")


@script("the reply address of another channel is another")
def _(stage):
    first, queue = caller(stage)
    second = first.connection.channel(2)
    second.call("basic.consume", queue=REPLY_TO, consumer_tag="reply", no_ack=True)
    stage.note(f"different: {token_of(first, queue) != token_of(second, queue)}")


@script("the reply consumer must not acknowledge")
def _(stage):
    stage.channel().call("basic.consume", queue=REPLY_TO, consumer_tag="reply")


@script("a channel has one reply consumer")
def _(stage):
    channel, _ = caller(stage)
    channel.call("basic.consume", queue=REPLY_TO, consumer_tag="second", no_ack=True)


@script("a second reply consumer with the tag of the first is refused")
def _(stage):
    channel, _ = caller(stage)
    channel.call("basic.consume", queue=REPLY_TO, consumer_tag="reply", no_ack=True)


@script("a reply consumer with the tag of a queue's consumer")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.call("basic.consume", queue=queue, consumer_tag="c")
    channel.call("basic.consume", queue=REPLY_TO, consumer_tag="c", no_ack=True)


@script("a queue's consumer with the tag of the reply consumer")
def _(stage):
    channel, queue = caller(stage)
    channel.call("basic.consume", queue=queue, consumer_tag="reply")


@script("a reply consumer without a tag gets a generated one")
def _(stage):
    channel, queue = caller(stage, tag="")
    stage.channel().publish(token_of(channel, queue), "reply")
    channel.receive()


@script("a reply consumer with nowait is not answered")
def _(stage):
    channel = stage.channel()
    queue = stage.name("requests")
    channel.call("queue.declare", queue=queue)
    channel.call("basic.consume", queue=REPLY_TO, consumer_tag="reply", no_ack=True, nowait=True)
    stage.channel().publish(token_of(channel, queue), "reply")
    channel.receive()


@script("a reply consumer that is cancelled may come again")
def _(stage):
    channel, _ = caller(stage)
    channel.call("basic.cancel", consumer_tag="reply")
    channel.call("basic.consume", queue=REPLY_TO, consumer_tag="reply", no_ack=True)


@script("a reply to a cancelled reply consumer is lost")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    channel.call("basic.cancel", consumer_tag="reply")
    other = stage.channel()
    other.publish(token, "lost")
    other.sync()


@script("a request without a reply consumer is refused")
def _(stage):
    channel = stage.channel()
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    channel.publish(queue, "request", reply_to=REPLY_TO)
    channel.receive()


@script("a request on another channel than the reply consumer's is refused")
def _(stage):
    channel, queue = caller(stage)
    other = channel.connection.channel(2)
    other.publish(queue, "request", reply_to=REPLY_TO)
    other.receive()


@script("a request after the reply consumer's cancel is refused")
def _(stage):
    channel, queue = caller(stage)
    channel.call("basic.cancel", consumer_tag="reply")
    channel.publish(queue, "request", reply_to=REPLY_TO)
    channel.receive()


@script("another reply-to is left alone")
def _(stage):
    channel, queue = caller(stage)
    for reply_to in (REPLY_TO + ".", REPLY_TO + ".forged", "amq.rabbitmq", "mine"):
        channel.publish(queue, "request", reply_to=reply_to)
        channel.call("basic.get", queue=queue, no_ack=True)


@script("the pseudo queue is declared passively")
def _(stage):
    stage.channel().call("queue.declare", queue=REPLY_TO, passive=True)


@script("the pseudo queue is declared")
def _(stage):
    stage.channel().call("queue.declare", queue=REPLY_TO)


@script("the pseudo queue is declared with any flags")
def _(stage):
    stage.channel().call("queue.declare", queue=REPLY_TO, durable=True, exclusive=True, auto_delete=True,
                         arguments={"x-expires": -1})


@script("a living reply address is declared passively with one consumer")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    other = stage.channel()
    other.call("queue.declare", queue=token, passive=True)
    other.call("queue.declare", queue=token)


@script("a dead reply address is not found")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    channel.close()
    stage.channel().call("queue.declare", queue=token, passive=True)


@script("a reply address of a cancelled consumer is not found")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    channel.call("basic.cancel", consumer_tag="reply")
    stage.channel().call("queue.declare", queue=token, passive=True)


@script("a changed reply address is not found and reaches nobody")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    forged = token[:-5] + ("AAAAA" if not token.endswith("AAAAA") else "BBBBB")
    other = stage.channel()
    other.publish(forged, "forged")
    other.call("queue.declare", queue=forged, passive=True)
    channel.sync()


@script("an address that is no token is not found")
def _(stage):
    channel = stage.channel()
    for name in (REPLY_TO + ".", REPLY_TO + ".x", REPLY_TO + ".YWJj.ZGVm"):
        channel.call("queue.declare", queue=name, passive=True)
        if not channel.is_open:
            channel.open()


@script("an address that is no token reaches nobody")
def _(stage):
    channel = stage.channel()
    for name in (REPLY_TO, REPLY_TO + ".", REPLY_TO + ".x", REPLY_TO + ".YWJj.ZGVm"):
        channel.publish(name, "lost", mandatory=True)
        channel.receive()


@script("a reply with mandatory to a dead address is returned")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    channel.close()
    other = stage.channel()
    other.publish(token, "late", mandatory=True)
    other.receive()


@script("a reply with mandatory to a living address is delivered and yet returned")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    other = stage.channel()
    other.publish(token, "reply", mandatory=True)
    other.sync()
    channel.receive()


@script("a reply is confirmed")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    other = stage.channel()
    other.call("confirm.select")
    other.publish(token, "reply")
    other.confirms(1)
    channel.receive()


@script("a reply to a dead address is confirmed")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    channel.close()
    other = stage.channel()
    other.call("confirm.select")
    other.publish(token, "reply")
    other.confirms(1)


@script("a reply through CC reaches the caller")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    stage.channel().publish(stage.name("missing"), "reply", headers={"CC": [token]})
    channel.receive()


@script("a reply through another exchange reaches nobody")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    other = stage.channel()
    other.publish(token, "reply", exchange="amq.direct", mandatory=True)
    other.receive()
    channel.sync()


@script("replies arrive in their order")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    other = stage.channel()
    for number in range(5):
        other.publish(token, f"reply {number}")
    channel.take(5)


@script("a reply keeps its properties and its size")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    stage.channel().publish(token, "r" * 200_000, content_type="text/plain", headers={"a": [1, {"b": None}]}, delivery_mode=2,
                            expiration="0")
    channel.receive()


@script("a caller calls itself on one channel")
def _(stage):
    channel, queue = caller(stage)
    token = token_of(channel, queue)
    channel.publish(token, "to myself")
    channel.receive()


@script("basic.get of the pseudo queue")
def _(stage):
    stage.channel().call("basic.get", queue=REPLY_TO, no_ack=True)


@script("basic.get of a reply address")
def _(stage):
    channel, queue = caller(stage)
    stage.channel().call("basic.get", queue=token_of(channel, queue), no_ack=True)


@script("purge, bind and delete of the pseudo queue")
def _(stage):
    channel = stage.channel()
    for name, values in (("queue.purge", {}), ("queue.bind", {"exchange": "amq.direct"}), ("queue.delete", {})):
        channel.call(name, queue=REPLY_TO, **values)
        if not channel.is_open:
            channel.open()


@script("an exclusive reply consumer")
def _(stage):
    stage.channel().call("basic.consume", queue=REPLY_TO, consumer_tag="reply", no_ack=True, exclusive=True)


@script("a mandatory request with a reply-to that finds no queue shows the reply address or the pseudo queue")
def _(stage):
    channel, _ = caller(stage)
    channel.publish(stage.name("missing"), "request", reply_to=REPLY_TO, mandatory=True)
    channel.receive()
