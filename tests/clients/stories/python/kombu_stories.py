"""Stories of kombu, as Celery and others use it."""

import contextlib
import socket

import kombu
from amqp import exceptions as errors
from kombu import pidbox
from kombu.common import maybe_declare
from kombu.mixins import ConsumerProducerMixin
from kombu.pools import producers

from story import (HOST, PASSWORD, PORT, USER, VHOST, expect, expect_equal, story, tell_all, unique, wait_for)


@contextlib.contextmanager
def connection(**changes):
    one = kombu.Connection(**{"hostname": HOST, "port": PORT, "userid": USER, "password": PASSWORD,
                              "virtual_host": VHOST, "transport": "pyamqp", "connect_timeout": 5,
                              "transport_options": {"confirm_publish": True, "read_timeout": 10}, **changes})
    try:
        yield one.ensure_connection(max_retries=1, timeout=10)
    finally:
        with contextlib.suppress(OSError, errors.AMQPError):
            one.release()


def drain(one):
    def step(remaining_s):
        with contextlib.suppress(socket.timeout):
            one.drain_events(timeout=remaining_s)
    return step


@story
def a_simple_queue_gives_back_what_was_put():
    with connection() as one:
        queue = one.SimpleQueue(unique("simple"))
        for payload in ({"text": "grün"}, [1, 2, 3], "text"):
            queue.put(payload)
        first = queue.get(timeout=5)
        expect_equal(first.payload, {"text": "grün"}, "first")
        first.requeue()
        got = [queue.get(timeout=5) for _ in range(3)]
        # The other two had been sent before the first one was put back.
        expect_equal([message.payload for message in got], [[1, 2, 3], "text", {"text": "grün"}], "messages")
        expect_equal([message.delivery_info["redelivered"] for message in got], [False, False, True], "redelivered")
        for message in got:
            message.ack()
        expect_equal(queue.qsize(), 0, "messages left")
        queue.close()
        queue.queue(one.channel()).delete()


@story
def the_broker_is_taken_for_rabbitmq_3():
    with connection(heartbeat=5) as one:
        expect_equal(one.transport.qos_semantics_matches_spec(one.connection), False, "qos semantics")
        expect_equal(one.connection.server_properties["product"], "RabbitMQ", "product")
        expect(one.supports_heartbeats and one.get_heartbeat_interval() == 5, "heartbeats are negotiated")
        one.heartbeat_check()


@story
def topics_reach_consumers_with_callbacks():
    with connection() as one, one.channel() as channel:
        exchange = kombu.Exchange(unique("topic"), "topic", durable=False, auto_delete=True)
        queue = kombu.Queue(unique("queue"), exchange, "logs.#", exclusive=True)
        other = kombu.Queue(unique("queue"), exchange, "*.error", exclusive=True)
        got = []

        def take(body, message):
            got.append((message.delivery_info["routing_key"], body))
            message.ack()

        with kombu.Consumer(channel, [queue, other], callbacks=[take], accept=["json", "pickle"], prefetch_count=5):
            producer = kombu.Producer(channel, exchange)
            for key, serializer, compression in (("logs.info", "json", None), ("logs.error", "pickle", "zlib"),
                                                 ("debug.info", "json", None)):
                producer.publish({"key": key}, routing_key=key, serializer=serializer, compression=compression)
            wait_for(lambda: len(got) == 3, drain(one), "three messages")
        expect_equal(sorted(got), [("logs.error", {"key": "logs.error"}), ("logs.error", {"key": "logs.error"}),
                                   ("logs.info", {"key": "logs.info"})], "messages")


@story
def unroutable_messages_are_returned():
    with connection() as one, one.channel() as channel:
        returned = []
        producer = kombu.Producer(channel, on_return=lambda error, exchange, key, message: returned.append(key))
        missing = unique("missing")
        producer.publish("x", routing_key=missing, mandatory=True)
        wait_for(lambda: returned, drain(one), "the return")
        expect_equal(returned, [missing], "returned keys")


@story
def a_redeclaration_with_other_arguments_is_refused():
    with connection() as one, one.channel() as channel:
        name = unique("queue")
        kombu.Queue(name, expires=60, exclusive=True)(channel).declare()
        try:
            kombu.Queue(name, expires=61, exclusive=True)(channel).declare()
        except errors.PreconditionFailed as refused:
            expect_equal(refused.reply_text,
                         f"PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue '{name}' in vhost '/': "
                         "received '61000' but current is '60000'", "text")
        else:
            expect(False, "the second declaration was accepted")


@story
def arguments_of_every_kind_are_accepted():
    with connection() as one, one.channel() as channel:
        queue = kombu.Queue(unique("queue"), exclusive=True, expires=60, message_ttl=30,
                            queue_arguments={"x-unknown": "kept", "x-ha-policy": "all"})(channel)
        queue.declare()
        queue.declare()
        kombu.Producer(channel).publish("x", routing_key=queue.name, priority=3, expiration=30)
        expect_equal(queue.get(no_ack=True).payload, "x", "message")


@story
def a_stream_fans_out_as_oslo_messaging_uses_it():
    """What its driver does with rabbit_stream_fanout: one stream for all servers, first read from "last"."""
    exchange = kombu.Exchange(unique("fanout"), "fanout", durable=True, auto_delete=False)
    queue = kombu.Queue(exchange.name, exchange, durable=True, auto_delete=False,
                        queue_arguments={"x-queue-type": "stream", "x-max-age": "1800s"})

    class Server:
        """Reads from "last" at first, and after a reconnect behind the last message it has seen."""

        def __init__(self):
            self.got, self.offset = [], "last"

        def take(self, message):
            self.got.append(message.payload)
            self.offset = message.headers["x-stream-offset"] + 1
            message.ack()

        @contextlib.contextmanager
        def listening(self):
            with connection() as one, one.channel() as channel:
                channel.basic_qos(0, 50, False)
                kombu.Queue(queue.name, exchange, durable=True, auto_delete=False,
                            queue_arguments=queue.queue_arguments)(channel).declare()
                consumer = kombu.Consumer(channel, [queue], on_message=self.take, no_ack=False)
                consumer.queues[0].consumer_arguments = {"x-stream-offset": self.offset}
                consumer.consume()
                yield one

    servers = [Server(), Server()]
    with connection() as one, one.channel() as channel:
        producer = kombu.Producer(channel, exchange)

        def cast(number):
            producer.publish({"cast": number}, retry=True)

        with servers[0].listening() as first, servers[1].listening() as second:
            for number in range(3):
                cast(number)
            for server, listener in zip(servers, (first, second)):
                wait_for(lambda s=server: len(s.got) == 3, drain(listener), "three casts")
        cast(3)
        with servers[0].listening() as again:
            wait_for(lambda: len(servers[0].got) == 4, drain(again), "the cast of the pause")
            cast(4)
            wait_for(lambda: len(servers[0].got) == 5, drain(again), "one more cast")
        expect_equal([body["cast"] for body in servers[0].got], [0, 1, 2, 3, 4], "casts of one server")
        expect_equal([body["cast"] for body in servers[1].got], [0, 1, 2], "casts of the other")
        queue(channel).delete()
        exchange(channel).delete()


@story
def priorities_overtake():
    with connection() as one, one.channel() as channel:
        queue = kombu.Queue(unique("queue"), exclusive=True, max_priority=5)(channel)
        queue.declare()
        for priority in (0, 5, 3, 5, 9):
            kombu.Producer(channel).publish(priority, routing_key=queue.name, priority=priority)
        expect_equal([queue.get(no_ack=True).payload for _ in range(5)], [5, 5, 9, 3, 0], "order")


@story
def a_mailbox_broadcasts_and_collects_replies():
    mailbox = pidbox.Mailbox(unique("mailbox"), type="fanout")
    with connection() as serving, connection() as asking:
        handled = []
        for name in ("one", "two"):
            node = mailbox.Node(name, state=name, handlers={"whoami": lambda state, **_: state},
                                channel=serving.channel())
            node.listen(callback=node.handle_message)
            node.reply = lambda *args, reply=node.reply, **kwargs: (handled.append(1), reply(*args, **kwargs))
        bound = mailbox(asking)
        # The replies come to a queue of the asking process; the nodes are served in between.
        channel = asking.channel()
        bound.get_reply_queue()(channel).declare()
        ticket = unique("ticket")
        bound._publish("whoami", {}, reply_ticket=ticket, channel=channel)
        wait_for(lambda: len(handled) == 2, drain(serving), "both nodes")
        answers = bound._collect(ticket, limit=2, timeout=5, channel=channel)
        expect_equal(sorted(key for answer in answers for key in answer), ["one", "two"], "replies")
        bound.get_reply_queue()(asking.channel()).delete()


@story
def a_call_is_answered_through_direct_reply_to():
    with connection() as asking, connection() as answering:
        client, server = asking.channel(), answering.channel()
        service, replies = kombu.Queue(unique("service"), exclusive=True), []
        pseudo_queue = kombu.Queue("amq.rabbitmq.reply-to", no_declare=True)

        def answer(request):
            kombu.Producer(server).publish(request.payload * 2, routing_key=request.properties["reply_to"],
                                           correlation_id=request.properties["correlation_id"])

        def take(reply):
            replies.append((reply.properties["correlation_id"], reply.payload))

        with (kombu.Consumer(server, [service], on_message=answer, no_ack=True),
              kombu.Consumer(client, [pseudo_queue], on_message=take, no_ack=True)):
            for number in range(10):
                kombu.Producer(client).publish(number, routing_key=service.name, reply_to=pseudo_queue.name,
                                               correlation_id=str(number))
                wait_for(lambda: len(replies) > number, lambda _: (drain(answering)(0.02), drain(asking)(0.02)),
                         "the reply")
        expect_equal(replies, [(str(number), number * 2) for number in range(10)], "replies")


@story
def a_consumer_hears_that_its_queue_is_gone():
    with connection() as one, connection() as other:
        queue = kombu.Queue(unique("queue"), durable=False, auto_delete=True)
        with contextlib.suppress(errors.NotFound), kombu.Consumer(one.channel(), [queue], prefetch_count=1):
            queue(other.channel()).delete()
            try:
                one.drain_events(timeout=10)
            except one.connection_errors + one.channel_errors as cancelled:
                expect(isinstance(cancelled, errors.ConsumerCancelled), f"the cancel, got {cancelled!r}")
            else:
                expect(False, "the consumer was not cancelled")


@story
def transactions_commit_and_roll_back():
    with connection(transport_options={}) as one, one.channel() as working, one.channel() as watching:
        queue = kombu.Queue(unique("queue"), exclusive=True)(working)
        queue.declare()
        working.tx_select()
        kombu.Producer(working).publish("dropped", routing_key=queue.name)
        working.tx_rollback()
        kombu.Producer(working).publish("kept", routing_key=queue.name)
        expect_equal(queue(watching).get(), None, "message before the commit")
        working.tx_commit()
        expect_equal(queue(watching).get(no_ack=True).payload, "kept", "message")


@story
def a_service_answers_calls_with_a_consumer_mixin():
    name = unique("service")

    class Service(ConsumerProducerMixin):
        def __init__(self, one):
            self.connection = one
            self.answered = 0

        def get_consumers(self, Consumer, channel):  # noqa: N803  (kombu's name)
            return [Consumer([kombu.Queue(name, durable=False, auto_delete=True)], on_message=self.answer,
                             accept=["json"], prefetch_count=1)]

        def on_consume_ready(self, *_, **__):
            for number in range(5):
                kombu.Producer(client.default_channel).publish(
                    {"number": number}, routing_key=name, reply_to=replies.name, correlation_id=str(number))

        def answer(self, message):
            self.producer.publish({"result": message.payload["number"] ** 2}, exchange="",
                                  routing_key=message.properties["reply_to"],
                                  correlation_id=message.properties["correlation_id"])
            message.ack()
            self.answered += 1
            self.should_stop = self.answered == 5

    with connection() as one, connection() as client:
        replies = kombu.Queue(unique("replies"), exclusive=True)(client.default_channel)
        replies.declare()
        Service(one).run()
        got = [replies.get(no_ack=True) for _ in range(5)]
        expect_equal([(message.properties["correlation_id"], message.payload["result"]) for message in got],
                     [(str(number), number ** 2) for number in range(5)], "replies")


@story
def pools_and_retries_publish_after_a_lost_connection():
    with connection() as one:
        queue = kombu.Queue(unique("queue"), durable=True, auto_delete=False)
        with producers[one].acquire(block=True, timeout=5) as producer:
            maybe_declare(queue, producer.channel)
            producer.publish("before", routing_key=queue.name)
            producer.connection.connection.transport.sock.shutdown(socket.SHUT_RDWR)
            producer.publish("after", routing_key=queue.name, retry=True,
                             retry_policy={"max_retries": 3, "interval_start": 0.05, "interval_max": 0.2})
        with connection() as other:
            bound = queue(other.default_channel)
            expect_equal([bound.get(no_ack=True).payload for _ in range(2)], ["before", "after"], "messages")
            bound.delete()


tell_all()
