"""Stories of py-amqp, the protocol library below kombu, Celery and oslo.messaging."""

import contextlib
import socket

import amqp
from amqp import exceptions as errors

from story import (HOST, PASSWORD, PORT, USER, VHOST, expect, expect_equal, story, tell_all, unique, wait_for)


@contextlib.contextmanager
def connection(**changes):
    one = amqp.Connection(**{"host": f"{HOST}:{PORT}", "userid": USER, "password": PASSWORD, "virtual_host": VHOST,
                             "connect_timeout": 5, "read_timeout": 10, "write_timeout": 10, **changes})
    one.connect()
    try:
        yield one
    finally:
        with contextlib.suppress(OSError, errors.AMQPError):
            one.close()


@contextlib.contextmanager
def channel(**changes):
    with connection(confirm_publish=True, **changes) as one:
        yield one.channel()


def temporary_queue(on, **arguments):
    return on.queue_declare("", exclusive=True, auto_delete=False, arguments=arguments or None).queue


def expect_raised(kind, code, text, action):
    try:
        action()
    except kind as raised:
        expect_equal((raised.reply_code, raised.reply_text), (code, text), "reason")
    else:
        expect(False, f"nothing was raised, expected {code} {text}")


@story
def both_login_mechanisms_work():
    for method in ("PLAIN", "AMQPLAIN"):
        with connection(login_method=method) as one:
            expect(one.connected, f"connected by {method}")
            expect(method in [name.decode() for name in one.mechanisms], f"{method} is offered")
            expect_equal(one.server_properties["product"], "RabbitMQ", "product")
    expect_raised(errors.AccessRefused, 403,
                  "ACCESS_REFUSED - Login was refused using authentication mechanism AMQPLAIN. For details see the "
                  "broker logfile.", lambda: connection(login_method="AMQPLAIN", password="wrong").__enter__())
    expect_raised(errors.NotAllowed, 530, "NOT_ALLOWED - vhost nowhere not found",
                  lambda: connection(virtual_host="nowhere").__enter__())


@story
def heartbeats_are_negotiated_and_sent():
    with connection(heartbeat=1) as one:
        expect_equal(one.heartbeat, 1, "heartbeat")
        first = one.bytes_recv

        def step(_):
            one.heartbeat_tick(rate=2)
            with contextlib.suppress(socket.timeout):
                one.drain_events(timeout=0.3)

        # A heartbeat is 8 bytes.
        wait_for(lambda: one.bytes_recv - first >= 3, step, "three frames from an idle broker")
        one.channel().close()


@story
def published_messages_are_confirmed_and_come_back_whole():
    with channel() as one:
        queue = temporary_queue(one)
        headers = {"text": "grün", "number": 3, "nested": {"list": [1, "two", True]}}
        sent = amqp.Message("grün", content_type="text/plain", content_encoding="utf-8", delivery_mode=2, priority=0,
                            application_headers=headers, correlation_id="c", reply_to="r", message_id="m",
                            expiration="60000", type="kind", app_id="stories")
        one.basic_publish(sent, routing_key=queue)
        got = one.basic_get(queue)
        expect_equal((got.body, got.headers), ("grün", headers), "body and headers")
        expect_equal(got.properties, sent.properties, "properties")
        one.basic_ack(got.delivery_tag)
        expect_equal(one.basic_get(queue), None, "an empty queue")
        big = b"\x00\xff" * (2 << 20)
        one.basic_publish(amqp.Message(big), routing_key=queue)
        expect(one.basic_get(queue, no_ack=True).body == big, "4 MiB come back")


@story
def an_unroutable_mandatory_message_is_returned():
    with channel() as one:
        returned = []
        one.events["basic_return"].add(lambda error, exchange, key, message: returned.append((error, key, message)))
        missing = unique("missing")
        one.basic_publish(amqp.Message("lost"), routing_key=missing, mandatory=True)
        wait_for(lambda: returned, lambda remaining_s: one.connection.drain_events(timeout=remaining_s), "the return")
        error, key, message = returned[0]
        expect_equal((error.reply_code, error.reply_text, key, message.body), (312, "NO_ROUTE", missing, "lost"))
        one.basic_publish(amqp.Message("x"), routing_key=temporary_queue(one))


@story
def consumers_acknowledge_refuse_and_requeue():
    with channel() as one:
        queue, got = temporary_queue(one), []
        one.basic_qos(0, 2, False)
        for number in range(4):
            one.basic_publish(amqp.Message(str(number)), routing_key=queue)
        tag = one.basic_consume(queue, callback=got.append)
        drain = lambda remaining_s: one.connection.drain_events(timeout=remaining_s)  # noqa: E731
        wait_for(lambda: len(got) == 2, drain, "two messages")
        expect_equal(one.queue_declare(queue, passive=True).message_count, 2, "messages left")
        one.basic_reject(got[0].delivery_tag, requeue=False)
        wait_for(lambda: len(got) == 3, drain, "the third message")
        one.basic_cancel(tag)
        one.basic_recover(requeue=True)
        back = [one.basic_get(queue, no_ack=True) for _ in range(3)]
        expect_equal([(message.body, message.delivery_info["redelivered"]) for message in back],
                     [("1", True), ("2", True), ("3", False)], "recovered messages")


@story
def a_channel_number_is_used_again_at_once_after_an_error():
    with connection() as one:
        on = one.channel(1)
        for _ in range(20):
            expect_raised(errors.NotFound, 404, "NOT_FOUND - no queue 'nowhere' in vhost '/'",
                          lambda: on.queue_declare("nowhere", passive=True))
            expect(on.is_open, "py-amqp opens the same channel again by itself")
            temporary_queue(on)


@story
def a_publish_to_a_missing_exchange_is_404():
    with connection() as one:
        on = one.channel()

        def publish():
            on.basic_publish(amqp.Message("x"), exchange="nowhere", routing_key="key")
            one.drain_events(timeout=5)

        expect_raised(errors.NotFound, 404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'", publish)
        temporary_queue(one.channel())


@story
def inequivalent_declarations_are_refused_in_rabbitmqs_words():
    with channel() as one:
        name = unique("exchange")
        one.exchange_declare(name, "topic", durable=False, auto_delete=True)
        expect_raised(errors.PreconditionFailed, 406,
                      f"PRECONDITION_FAILED - inequivalent arg 'durable' for exchange '{name}' in vhost '/': "
                      "received 'true' but current is 'false'",
                      lambda: one.exchange_declare(name, "topic", durable=True, auto_delete=True))
        one.exchange_delete(name)
        queue = unique("queue")
        one.queue_declare(queue, exclusive=True, auto_delete=False)
        expect_raised(errors.PreconditionFailed, 406,
                      f"PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue '{queue}' in vhost '/': "
                      "received 'true' but current is 'false'",
                      lambda: one.queue_declare(queue, exclusive=True, auto_delete=True))


@story
def deletions_tell_their_counts_and_may_be_repeated():
    with channel() as one:
        queue = unique("queue")
        one.queue_declare(queue, auto_delete=False)
        for _ in range(3):
            one.basic_publish(amqp.Message("x"), routing_key=queue)
        # On another channel: py-amqp opens it again after the error, yet without confirms.
        expect_raised(errors.PreconditionFailed, 406,
                      f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' not empty",
                      lambda: one.connection.channel().queue_delete(queue, if_empty=True))
        expect_equal(one.queue_purge(queue), 3, "purged messages")
        one.basic_publish(amqp.Message("x"), routing_key=queue)
        one.basic_get(queue, no_ack=True)
        expect_equal((one.queue_delete(queue), one.queue_delete(queue)), (0, 0), "deleted messages")
        one.exchange_delete(unique("never"))


@story
def a_consumer_is_cancelled_when_its_queue_goes():
    with connection() as one:
        consuming, deleting = one.channel(), one.channel()
        queue, cancelled = temporary_queue(consuming), []
        tag = consuming.basic_consume(queue, on_cancel=cancelled.append)
        deleting.queue_delete(queue)
        wait_for(lambda: cancelled == [tag], lambda remaining_s: one.drain_events(timeout=remaining_s), "the cancel")


@story
def a_call_is_answered_through_direct_reply_to():
    with connection() as asking, connection() as answering:
        client, server = asking.channel(), answering.channel()
        service, replies = temporary_queue(server), []

        def answer(request):
            expect(request.reply_to.startswith("amq.rabbitmq.reply-to."), f"address {request.reply_to}")
            server.basic_publish(amqp.Message(request.body.upper(), correlation_id=request.correlation_id),
                                 routing_key=request.reply_to)

        server.basic_consume(service, no_ack=True, callback=answer)
        client.basic_consume("amq.rabbitmq.reply-to", no_ack=True,
                             callback=lambda reply: replies.append((reply.correlation_id, reply.body)))
        for number in range(10):
            client.basic_publish(amqp.Message(f"call {number}", reply_to="amq.rabbitmq.reply-to",
                                              correlation_id=str(number)), routing_key=service)
            answering.drain_events(timeout=10)
            asking.drain_events(timeout=10)
        expect_equal(replies, [(str(number), f"CALL {number}") for number in range(10)], "replies")
        expect_raised(errors.PreconditionFailed, 406, "PRECONDITION_FAILED - reply consumer cannot acknowledge",
                      lambda: asking.channel().basic_consume("amq.rabbitmq.reply-to"))


@story
def who_deletes_the_queue_that_he_consumes_from_hears_of_it_afterwards():
    with connection() as one:
        on = one.channel()
        queue = temporary_queue(on)
        on.basic_consume(queue)
        # Without a callback for it, the cancel is an error of the call during which it comes.
        expect_equal(on.queue_delete(queue), 0, "deleted messages")
        try:
            one.drain_events(timeout=10)
        except errors.ConsumerCancelled:
            pass
        else:
            expect(False, "the consumer was not cancelled")


@story
def transactions_commit_and_roll_back():
    with connection() as one:
        working, watching = one.channel(), one.channel()
        queue = temporary_queue(working)
        working.tx_select()
        working.basic_publish(amqp.Message("x"), routing_key=queue)
        working.tx_rollback()
        working.basic_publish(amqp.Message("y"), routing_key=queue)
        expect_equal(watching.queue_declare(queue, passive=True).message_count, 0, "messages before the commit")
        working.tx_commit()
        expect_equal(watching.basic_get(queue, no_ack=True).body, "y", "the message")
        expect_raised(errors.PreconditionFailed, 406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode",
                      working.confirm_select)


@story
def exchanges_are_bound_and_unbound():
    with channel() as one:
        source, target, queue = unique("source"), unique("target"), temporary_queue(one)
        one.exchange_declare(source, "fanout", auto_delete=False)
        one.exchange_declare(target, "fanout", auto_delete=False)
        one.exchange_bind(target, source)
        one.queue_bind(queue, target)
        one.basic_publish(amqp.Message("x"), exchange=source)
        one.exchange_unbind(target, source)
        one.basic_publish(amqp.Message("x"), exchange=source)
        expect_equal(one.queue_declare(queue, passive=True).message_count, 1, "messages")
        one.queue_unbind(queue, target)
        expect_raised(errors.NotFound, 404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'",
                      lambda: one.exchange_bind(target, "nowhere"))
        one.exchange_delete(source)
        one.exchange_delete(target)


@story
def a_full_queue_refuses_a_publish():
    with channel() as one:
        queue = temporary_queue(one, **{"x-max-length": 1, "x-overflow": "reject-publish"})
        one.basic_publish(amqp.Message("first"), routing_key=queue)
        try:
            one.basic_publish(amqp.Message("second"), routing_key=queue)
        except errors.MessageNacked:
            pass
        else:
            expect(False, "the second message was confirmed")
        expect_equal(one.basic_get(queue, no_ack=True).body, "first", "the message")


tell_all()
