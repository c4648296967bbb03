"""Channels: opening, closing, reopening, numbers, flow, access."""

from harness import wire
from harness.stage import script


@script("a channel opens with an empty channel id")
def _(stage):
    stage.connect().raw_channel(1).open()


@script("an out-of-band text is ignored at channel.open")
def _(stage):
    channel = stage.connect().raw_channel(1)
    channel.is_open = True
    channel.call("channel.open", out_of_band="something")


@script("a second open of an open channel closes the connection")
def _(stage):
    channel = stage.channel()
    channel.send("channel.open")
    channel.connection.expect_close()


@script("a channel opens again after its close")
def _(stage):
    channel = stage.channel()
    channel.close()
    channel.open()
    channel.call("basic.qos", prefetch_count=1)


@script("a channel opens again at once after the server closed it")
def _(stage):
    channel = stage.channel()
    channel.answers_close = False
    channel.call("queue.declare", queue=stage.name("missing"), passive=True)
    data = wire.frame(1, 1, wire.method_payload("channel.close-ok")) + wire.frame(1, 1, wire.method_payload("channel.open"))
    channel.connection.send_bytes(data, "channel.close-ok, channel.open in one write")
    channel.receive()
    channel.is_open = True


@script("a method on a channel that was never opened closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send(1, "basic.qos")
    connection.expect_close()


@script("a publish on a channel that was never opened closes the connection")
def _(stage):
    connection = stage.connect()
    connection.raw_channel(4).publish("x", "body")
    connection.expect_close()


@script("a content header on a channel that was never opened closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send_frame(wire.HEADER, 4, wire.header_payload(0))
    connection.expect_close()


@script("a body frame on a channel that was never opened closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send_frame(wire.BODY, 4, b"abc")
    connection.expect_close()


@script("channel.close on a channel that was never opened")
def _(stage):
    connection = stage.connect()
    connection.send(4, "channel.close", reply_code=200)
    connection.expect_close()


@script("channel.close-ok on a channel that was never opened")
def _(stage):
    connection = stage.connect()
    connection.send(4, "channel.close-ok")
    connection.expect_close()


@script("a method on a closed channel closes the connection")
def _(stage):
    channel = stage.channel()
    channel.close()
    channel.send("basic.qos")
    channel.connection.expect_close()


@script("a close-ok on an open channel is refused")
def _(stage):
    channel = stage.channel()
    channel.send("channel.close-ok")
    channel.connection.expect_close()


@script("channel.open on channel 0 closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send(0, "channel.open")
    connection.expect_close()


@script("channel.close on channel 0 closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send(0, "channel.close", reply_code=200)
    connection.expect_close()


@script("a basic method on channel 0 closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send(0, "basic.qos")
    connection.expect_close()


@script("a publish on channel 0 closes the connection")
def _(stage):
    connection = stage.connect()
    connection.send(0, "basic.publish", routing_key="x")
    connection.expect_close()


@script("a channel number above channel_max is accepted, since only the count matters")
def _(stage):
    connection = stage.connect(channel_max=10)
    connection.send(11, "channel.open")
    connection.receive(11)


@script("the channel number channel_max is usable")
def _(stage):
    connection = stage.connect(channel_max=10)
    connection.channel(10).call("basic.qos")


@script("one channel more than channel_max closes the connection")
def _(stage):
    connection = stage.connect(channel_max=3)
    for number in (1, 2, 3):
        connection.channel(number)
    connection.send(4, "channel.open")
    connection.receive(4)


@script("closed channels do not count for channel_max")
def _(stage):
    connection = stage.connect(channel_max=2)
    for _ in range(5):
        channel = connection.channel(1)
        channel.close()
    connection.channel(1).call("basic.qos")
    connection.channel(2).call("basic.qos")


@script("a high channel number works")
def _(stage):
    stage.connect().channel(2047).call("basic.qos", prefetch_count=1)


@script("channel number 65535 is accepted, since only the count matters")
def _(stage):
    connection = stage.connect()
    connection.send(65535, "channel.open")
    connection.receive(65535)


@script("channel.flow on is answered")
def _(stage):
    stage.channel().call("channel.flow", active=True)


@script("channel.flow off closes the connection")
def _(stage):
    stage.channel().call("channel.flow", active=False)


@script("access.request is answered with ticket 1")
def _(stage):
    stage.channel().call("access.request", realm="/data", active=True, write=True, read=True)


@script("access.request for an exclusive passive ticket is answered with ticket 1")
def _(stage):
    stage.channel().call("access.request", realm="", exclusive=True, passive=True)


@script("commands after the server's channel.close are ignored until close-ok")
def _(stage):
    channel = stage.channel()
    other = channel.connection.channel(2)
    queue = stage.name("q")
    channel.answers_close = False
    channel.call("queue.declare", queue=stage.name("missing"), passive=True)
    channel.send("queue.declare", queue=queue)
    channel.publish(queue, "lost")
    channel.send("basic.ack", delivery_tag=77)
    channel.send("tx.commit")
    channel.send("channel.close-ok")
    channel.open()
    other.counts(queue)


@script("a publish pipelined behind a channel error is dropped and the connection stays")
def _(stage):
    channel = stage.channel()
    other = channel.connection.channel(2)
    queue = stage.name("q")
    other.call("queue.declare", queue=queue)
    data = b"".join([
        wire.frame(1, 1, wire.method_payload("queue.bind", queue=queue, exchange=stage.name("missing"))),
        wire.frame(1, 1, wire.method_payload("basic.publish", routing_key=queue)),
        wire.frame(2, 1, wire.header_payload(4)), wire.frame(3, 1, b"lost")])
    channel.connection.send_bytes(data, "bind to a missing exchange and publish in one write")
    channel.receive()
    other.settle(queue)
    other.counts(queue)


@script("channel.close crossing the server's channel.close is answered")
def _(stage):
    channel = stage.channel()
    channel.answers_close = False
    channel.call("queue.declare", queue=stage.name("missing"), passive=True)
    channel.send("channel.close", reply_code=200)
    channel.receive()
    channel.send("channel.close-ok")
    channel.open()


@script("channel.close with unacknowledged messages returns them to the queue")
def _(stage):
    channel = stage.channel()
    other = channel.connection.channel(2)
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue)
    for number in range(3):
        channel.publish(queue, f"m{number}")
    for _ in range(2):
        channel.call("basic.get", queue=queue)
    channel.close()
    for _ in range(3):
        other.call("basic.get", queue=queue, no_ack=True)


@script("the last queue name of a channel is forgotten when it is opened again")
def _(stage):
    channel = stage.channel()
    channel.call("queue.declare", queue=stage.name("q"))
    channel.close()
    channel.open()
    channel.call("queue.purge", queue="")


@script("an error on one channel leaves the others alone")
def _(stage):
    channel = stage.channel()
    other = channel.connection.channel(2)
    channel.call("basic.get", queue=stage.name("missing"))
    other.call("queue.declare", queue=stage.name("q"))


@script("channel.close with a code and a text of the client is answered")
def _(stage):
    channel = stage.channel()
    channel.send("channel.close", reply_code=541, reply_text="I do not feel well", class_id=60, method_id=40)
    channel.receive()


@script("channel.close in the middle of a content")
def _(stage):
    channel = stage.channel()
    channel.send("basic.publish", routing_key=stage.name("q"))
    channel.send("channel.close", reply_code=200)
    channel.connection.expect_close()
