"""tune-ok, connection.open, connection.close, update-secret."""

from harness import wire
from harness.stage import CAPABILITIES, script

from .handshake import HEADER, started, tuned


# tune-ok

def tune(stage, channel_max=2047, frame_max=131072, heartbeat=0):
    connection = tuned(stage)
    connection.send(0, "connection.tune-ok", channel_max=channel_max, frame_max=frame_max, heartbeat=heartbeat)
    connection.send(0, "connection.open", virtual_host="/")
    connection.receive(0)
    return connection


@script("tune-ok with the offered values is accepted")
def _(stage):
    tune(stage)


@script("tune-ok with lower values is accepted")
def _(stage):
    tune(stage, channel_max=1, frame_max=4096, heartbeat=600)


@script("tune-ok with a frame_max of 4095 is refused")
def _(stage):
    tune(stage, frame_max=4095)


@script("tune-ok with a frame_max of 1 is refused")
def _(stage):
    tune(stage, frame_max=1)


@script("tune-ok with a frame_max of 0 is refused")
def _(stage):
    tune(stage, frame_max=0)


@script("tune-ok with a frame_max above the offer is refused")
def _(stage):
    tune(stage, frame_max=131073)


@script("tune-ok with a channel_max of 0 is refused")
def _(stage):
    tune(stage, channel_max=0)


@script("tune-ok with a channel_max above the offer is refused")
def _(stage):
    tune(stage, channel_max=2048)


@script("tune-ok with a channel_max of 65535 is refused")
def _(stage):
    tune(stage, channel_max=65535)


@script("a refused tune-ok is answered, or not, before connection.open")
def _(stage):
    connection = tuned(stage)
    connection.send(0, "connection.tune-ok", channel_max=2047, frame_max=100)
    connection.receive(0)


@script("a heartbeat above the offer is accepted")
def _(stage):
    tune(stage, heartbeat=65535)


# connection.open

def open_vhost(stage, vhost, user="full"):
    connection = stage.socket()
    connection.recording = False
    connection.send_bytes(HEADER)
    connection.receive(0)
    connection.send(0, "connection.start-ok", client_properties=CAPABILITIES, mechanism="PLAIN",
                    response=f"\0{user}\0{user}", locale="en_US")
    connection.receive(0)
    connection.send(0, "connection.tune-ok", channel_max=2047, frame_max=131072)
    connection.recording = True
    connection.send(0, "connection.open", virtual_host=vhost)
    connection.receive(0)
    return connection


@script("the default virtual host opens")
def _(stage):
    open_vhost(stage, "/")


@script("another virtual host opens")
def _(stage):
    open_vhost(stage, "other")


@script("an unknown virtual host is refused")
def _(stage):
    open_vhost(stage, "nowhere")


@script("an empty virtual host is refused")
def _(stage):
    open_vhost(stage, "")


@script("the name of a virtual host is not trimmed of its slash")
def _(stage):
    open_vhost(stage, "/other")


@script("a virtual host without permissions is refused")
def _(stage):
    open_vhost(stage, "/", user="none")


@script("permissions in one virtual host do not open another")
def _(stage):
    open_vhost(stage, "other", user="reader")


@script("connection.open with capabilities and insist is accepted")
def _(stage):
    connection = tuned(stage)
    connection.send(0, "connection.tune-ok", channel_max=2047, frame_max=131072)
    connection.send(0, "connection.open", virtual_host="/", capabilities="anything", insist=True)
    connection.receive(0)


@script("the whole handshake sent without waiting is accepted")
def _(stage):
    connection = stage.socket()
    frames = [("connection.start-ok", dict(client_properties=CAPABILITIES, mechanism="PLAIN", response="\0full\0full",
                                           locale="en_US")),
              ("connection.tune-ok", dict(channel_max=2047, frame_max=131072)),
              ("connection.open", dict(virtual_host="/"))]
    data = HEADER + b"".join(wire.frame(1, 0, wire.method_payload(name, **values)) for name, values in frames)
    connection.send_bytes(data, "protocol header, start-ok, tune-ok, open in one write")
    for _ in range(3):
        connection.receive(0)


@script("a handshake byte by byte is accepted")
def _(stage):
    connection = started(stage)
    frames = [("connection.start-ok", dict(client_properties=CAPABILITIES, mechanism="PLAIN", response="\0full\0full",
                                           locale="en_US")),
              ("connection.tune-ok", dict(channel_max=2047, frame_max=131072)),
              ("connection.open", dict(virtual_host="/"))]
    data = b"".join(wire.frame(1, 0, wire.method_payload(name, **values)) for name, values in frames)
    connection.send_in_pieces(data, "start-ok, tune-ok, open byte by byte")
    connection.receive(0)
    connection.receive(0)


# connection.close, update-secret

@script("connection.close is answered and the socket closed")
def _(stage):
    stage.connect().close()


@script("connection.close is answered although a channel is in the middle of a content")
def _(stage):
    connection = stage.connect()
    connection.channel(1)
    connection.send(1, "basic.publish", routing_key="x")
    connection.close()


@script("what follows connection.close in the same write is ignored")
def _(stage):
    connection = stage.connect()
    connection.channel(1)
    queue = stage.name("q")
    data = (wire.frame(1, 0, wire.method_payload("connection.close", reply_code=200))
            + wire.frame(1, 1, wire.method_payload("queue.declare", queue=queue)))
    connection.send_bytes(data, "connection.close, queue.declare in one write")
    connection.receive(0)
    connection.leave()
    stage.channel().call("queue.declare", queue=queue, passive=True)


@script("commands after the server's connection.close are ignored until close-ok")
def _(stage):
    connection = stage.connect()
    connection.answers_close = False
    channel = connection.channel(1)
    queue = stage.name("q")
    channel.send("basic.publish", routing_key="x", immediate=True)
    channel.frame(wire.HEADER, wire.header_payload(0), note="empty content")
    connection.receive(0)
    channel.send("queue.declare", queue=queue)
    connection.send(2, "channel.open")
    connection.send(0, "connection.close-ok")
    connection.expect_end()
    stage.channel().call("queue.declare", queue=queue, passive=True)


@script("connection.close crossing the server's connection.close is answered")
def _(stage):
    connection = stage.connect()
    connection.answers_close = False
    channel = connection.channel(1)
    channel.send("basic.qos", prefetch_size=1)
    connection.receive(0)
    connection.send(0, "connection.close", reply_code=200)
    connection.receive(0)
    connection.leave()


@script("a close-ok that nobody waits for closes nothing but is refused")
def _(stage):
    connection = stage.connect()
    connection.send(0, "connection.close-ok")
    connection.expect_close()


@script("update-secret is answered for a user with a password")
def _(stage):
    connection = stage.connect()
    connection.send(0, "connection.update-secret", new_secret="full", reason="test")
    connection.receive(0)


@script("update-secret takes a wrong password of a local user")
def _(stage):
    connection = stage.connect()
    connection.send(0, "connection.update-secret", new_secret="wrong", reason="test")
    connection.receive(0)


@script("update-secret takes an empty secret of a local user")
def _(stage):
    connection = stage.connect()
    connection.send(0, "connection.update-secret", new_secret="", reason="")
    connection.receive(0)


@script("exclusive queues are gone when close-ok arrives")
def _(stage):
    connection = stage.connect()
    channel = connection.channel(1)
    queue = stage.name("q")
    channel.call("queue.declare", queue=queue, exclusive=True)
    connection.close()
    stage.channel().call("queue.declare", queue=queue, passive=True)
