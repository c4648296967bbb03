"""Client style: what users of pika (package python3-pika) see, calls and exceptions."""

import functools

from harness.stage import script

try:
    import pika
    import pika.exceptions
except ImportError:
    pika = None


def pika_script(sentence):
    """A script that is skipped where pika is missing."""
    def register(function):
        @functools.wraps(function)
        def run(stage):
            with connect(stage) as connection:
                function(stage, connection)
        registered = script(sentence)(run)
        if pika is None:
            run.skip_reason = "python3-pika is not installed"
        return registered
    return register


def connect(stage, user="full", **options):
    """A blocking connection."""
    host, port = stage.address
    return pika.BlockingConnection(pika.ConnectionParameters(
        host, port, "/", pika.PlainCredentials(user, user), heartbeat=0, blocked_connection_timeout=15, **options))


def seen(stage, what, call):
    """Writes down what a call returns or raises."""
    try:
        result = call()
    except pika.exceptions.AMQPError as error:
        stage.note(f"{what} raises {type(error).__name__} {error.args}")
        return None
    stage.note(f"{what} returns {describe(result)}")
    return result


def describe(result):
    """A result without addresses of objects."""
    if isinstance(result, tuple):
        return "(" + ", ".join(map(describe, result)) + ")"
    if isinstance(result, pika.BasicProperties):
        return f"properties {sorted((name, value) for name, value in vars(result).items() if value is not None)}"
    if hasattr(result, "method") and hasattr(result.method, "NAME"):
        result = result.method
    if hasattr(result, "NAME"):
        return f"{result.NAME} {sorted(vars(result).items())}"
    return repr(result)


@pika_script("pika declares, publishes, gets and deletes")
def _(stage, connection):
    channel = connection.channel()
    queue = stage.name("q")
    seen(stage, "declare", lambda: channel.queue_declare(queue, durable=True, arguments={"x-expires": 60000}))
    seen(stage, "publish", lambda: channel.basic_publish("", queue, b"body", pika.BasicProperties(
        content_type="text/plain", delivery_mode=2, headers={"a": 1, "b": [True, None, "x"], "c": {"d": 15}})))
    seen(stage, "get", lambda: channel.basic_get(queue, auto_ack=True))
    seen(stage, "get", lambda: channel.basic_get(queue, auto_ack=True))
    seen(stage, "delete", lambda: channel.queue_delete(queue))


@pika_script("pika sees confirms, returns and the lack of them")
def _(stage, connection):
    channel = connection.channel()
    queue = stage.name("q")
    channel.queue_declare(queue)
    channel.confirm_delivery()
    seen(stage, "publish", lambda: channel.basic_publish("", queue, b"body", mandatory=True))
    seen(stage, "unroutable", lambda: channel.basic_publish("", stage.name("missing"), b"body", mandatory=True))
    seen(stage, "not mandatory", lambda: channel.basic_publish("", stage.name("missing"), b"body"))


@pika_script("pika sees a nack of a full queue")
def _(stage, connection):
    channel = connection.channel()
    queue = stage.name("q")
    seen(stage, "declare", lambda: channel.queue_declare(queue, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}))
    seen(stage, "confirm", channel.confirm_delivery)
    for _ in range(2):
        seen(stage, "publish", lambda: channel.basic_publish("", queue, b"body"))


@pika_script("pika sees the channel closed by the broker, with code and text")
def _(stage, connection):
    queue = stage.name("q")
    for what, call in {
            "passive declare": lambda channel: channel.queue_declare(queue, passive=True),
            "consume": lambda channel: channel.basic_consume(queue, print),
            "get": lambda channel: channel.basic_get(queue),
            "bind": lambda channel: channel.queue_bind(queue, "amq.direct", "k"),
            "inequivalent": lambda channel: (channel.queue_declare(queue), channel.queue_declare(queue, durable=True)),
            "reserved": lambda channel: channel.queue_declare("amq.mine"),
            "exchange": lambda channel: channel.exchange_declare("", "direct"),
    }.items():
        channel = connection.channel()
        seen(stage, what, lambda call=call, channel=channel: call(channel))
        stage.note(f"open: {channel.is_open}, connection open: {connection.is_open}")


@pika_script("pika consumes with a generator and acknowledges")
def _(stage, connection):
    channel = connection.channel()
    queue = stage.name("q")
    channel.queue_declare(queue)
    for number in range(3):
        channel.basic_publish("", queue, f"m{number}".encode())
    channel.basic_qos(prefetch_count=1)
    for count, (method, _, body) in enumerate(channel.consume(queue), 1):
        stage.note(f"{body} tag {method.delivery_tag} redelivered {method.redelivered}")
        channel.basic_ack(method.delivery_tag)
        if count == 3:
            break
    seen(stage, "cancel", channel.cancel)
    seen(stage, "declare", lambda: channel.queue_declare(queue, passive=True))


@pika_script("pika makes a call by direct reply-to")
def _(stage, connection):
    client, server = connection.channel(), connection.channel()
    queue = stage.name("rpc")
    server.queue_declare(queue)
    answers = []
    client.basic_consume("amq.rabbitmq.reply-to", lambda *got: answers.append(got[3]), auto_ack=True)
    client.basic_publish("", queue, b"question", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id="7"))
    properties = None
    while properties is None:  # the question comes over another channel and may still be on its way
        _, properties, body = server.basic_get(queue, auto_ack=True)
    server.basic_publish("", properties.reply_to, b"answer to " + body,
                         pika.BasicProperties(correlation_id=properties.correlation_id))
    while not answers:
        connection.process_data_events(time_limit=1)
    stage.note(f"{answers}")


@pika_script("pika is told of a deleted queue")
def _(stage, connection):
    channel, other = connection.channel(), connection.channel()
    queue = stage.name("q")
    channel.queue_declare(queue)
    cancelled = []
    channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    channel.basic_consume(queue, print, consumer_tag="c")
    other.queue_delete(queue)
    while not cancelled:
        connection.process_data_events(time_limit=1)
    stage.note(f"cancelled {cancelled}")


@pika_script("pika uses a transaction")
def _(stage, connection):
    channel, other = connection.channel(), connection.channel()
    queue = stage.name("q")
    channel.queue_declare(queue)
    seen(stage, "select", channel.tx_select)
    channel.basic_publish("", queue, b"one")
    seen(stage, "rollback", channel.tx_rollback)
    channel.basic_publish("", queue, b"two")
    seen(stage, "commit", channel.tx_commit)
    seen(stage, "get", lambda: other.basic_get(queue, auto_ack=True))
    seen(stage, "get", lambda: other.basic_get(queue, auto_ack=True))


@pika_script("pika binds exchanges and routes by headers")
def _(stage, connection):
    channel = connection.channel()
    source, destination, queue = stage.names("source destination q")
    seen(stage, "declare", lambda: channel.exchange_declare(source, "fanout"))
    seen(stage, "declare", lambda: channel.exchange_declare(destination, "headers", durable=True))
    seen(stage, "bind", lambda: channel.exchange_bind(destination, source))
    channel.queue_declare(queue)
    seen(stage, "bind", lambda: channel.queue_bind(queue, destination, arguments={"x-match": "any", "a": 1, "b": 2}))
    for headers in ({"a": 1}, {"b": 3}):
        channel.basic_publish(source, "", b"body", pika.BasicProperties(headers=headers))
    seen(stage, "get", lambda: channel.basic_get(queue, auto_ack=True))
    seen(stage, "unbind", lambda: channel.exchange_unbind(destination, source))


@pika_script("pika with a wrong password or an unknown virtual host is refused with the broker's words")
def _(stage, connection):
    host, port = stage.address
    for what, parameters in {
            "wrong password": pika.ConnectionParameters(host, port, "/", pika.PlainCredentials("full", "wrong")),
            "unknown vhost": pika.ConnectionParameters(host, port, "nowhere", pika.PlainCredentials("full", "full")),
            "no permission": pika.ConnectionParameters(host, port, "/", pika.PlainCredentials("none", "none")),
    }.items():
        seen(stage, what, lambda parameters=parameters: pika.BlockingConnection(parameters))


@pika_script("pika sees the connection closed by the broker, with code and text")
def _(stage, connection):
    with_error = connect(stage)
    channel = with_error.channel()
    seen(stage, "prefetch size", lambda: channel.basic_qos(prefetch_size=1))
    stage.note(f"open: {with_error.is_open}")


@pika_script("pika negotiates a small frame_max and a large body")
def _(stage, connection):
    small = connect(stage, frame_max=4096, channel_max=2)
    channel = small.channel()
    queue = stage.name("q")
    channel.queue_declare(queue)
    channel.basic_publish("", queue, bytes(range(256)) * 200)
    method, _, body = channel.basic_get(queue, auto_ack=True)
    stage.note(f"{len(body)} bytes, whole: {body == bytes(range(256)) * 200}, {method.message_count} left")
    small.channel()
    seen(stage, "a third channel", small.channel)
    small.close()
