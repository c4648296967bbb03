"""Stories of pika: messages on their way into queues, and what becomes of them there."""

import pika
from pika import exceptions as errors
from pika.exchange_type import ExchangeType

from pika_client import channel, connection, ready_count, temporary_queue
from story import USER, expect, expect_equal, story, unique, wait_for


@story
def a_published_message_comes_back_with_all_its_properties():
    headers = {"text": "grün", "number": 12, "big": 1 << 40, "yes": True, "nothing": None,
               "list": [1, "two", [3]], "nested": {"deep": {"deeper": "value"}}, "negative": -5}
    sent = pika.BasicProperties(
        content_type="text/plain", content_encoding="utf-8", headers=headers, delivery_mode=2, priority=4,
        correlation_id="c-1", reply_to="somewhere", expiration="60000", message_id="m-1", timestamp=1700000000,
        type="kind", user_id=USER, app_id="stories", cluster_id="")
    with channel() as one:
        queue = temporary_queue(one)
        one.basic_publish("", queue, b"hello", sent)
        method, received, body = one.basic_get(queue, auto_ack=True)
        expect_equal(body, b"hello", "body")
        expect_equal(vars(received), vars(sent), "properties")
        expect_equal((method.exchange, method.routing_key, method.redelivered, method.message_count),
                     ("", queue, False, 0), "get-ok")


@story
def exchanges_of_every_type_route_as_they_should():
    with channel() as one:
        for kind, key, arguments, hits, misses in (
                (ExchangeType.direct, "red", None, [("red", {})], [("green", {})]),
                (ExchangeType.fanout, "", None, [("any", {}), ("", {})], []),
                (ExchangeType.topic, "*.critical.#", None, [("a.critical", {}), ("a.critical.b.c", {})],
                 [("critical", {}), ("a.b.critical", {})]),
                (ExchangeType.headers, "", {"x-match": "all", "a": 1, "b": "x"},
                 [("", {"a": 1, "b": "x", "c": 0})], [("", {"a": 1}), ("", {"a": 1, "b": "y"})])):
            exchange, queue = unique(kind.value), temporary_queue(one)
            one.exchange_declare(exchange, kind, auto_delete=True)
            one.queue_bind(queue, exchange, key, arguments)
            for routing_key, headers in hits + misses:
                one.basic_publish(exchange, routing_key, b"x", pika.BasicProperties(headers=headers))
            expect_equal(ready_count(one, queue), len(hits), f"messages through {kind.value}")
            one.queue_unbind(queue, exchange, key, arguments)


@story
def exchanges_are_bound_to_exchanges_and_have_alternates():
    with channel() as one:
        outer, inner, spare = unique("outer"), unique("inner"), unique("spare")
        one.exchange_declare(spare, "fanout")
        one.exchange_declare(outer, "topic", arguments={"alternate-exchange": spare})
        one.exchange_declare(inner, "direct")
        one.exchange_bind(inner, outer, "#.end")
        routed, unrouted = temporary_queue(one), temporary_queue(one)
        one.queue_bind(routed, inner, "the.end")
        one.queue_bind(unrouted, spare)
        for key in ("the.end", "nothing", "other.end"):  # the last one reaches an exchange, though no queue
            one.basic_publish(outer, key, b"x")
        expect_equal((ready_count(one, routed), ready_count(one, unrouted)), (1, 1), "routed and unrouted")
        one.exchange_unbind(inner, outer, "#.end")
        one.basic_publish(outer, "the.end", b"x")
        expect_equal((ready_count(one, routed), ready_count(one, unrouted)), (1, 2), "after unbinding")
        for exchange in (outer, inner, spare):
            one.exchange_delete(exchange)


@story
def an_unroutable_mandatory_message_is_returned_before_its_confirm():
    with channel() as one:
        try:
            one.basic_publish("", unique("missing"), b"lost", pika.BasicProperties(message_id="m"), mandatory=True)
        except errors.UnroutableError as unroutable:
            expect_equal(len(unroutable.messages), 1, "returned messages")
            returned = unroutable.messages[0]
            expect_equal((returned.method.reply_code, returned.method.reply_text, returned.method.exchange,
                          returned.properties.message_id, returned.body), (312, "NO_ROUTE", "", "m", b"lost"))
        else:
            expect(False, "the message was not returned")
        one.basic_publish("", unique("missing"), b"lost", mandatory=False)


@story
def large_and_empty_bodies_arrive_whole():
    with channel() as one:
        queue = temporary_queue(one)
        bodies = [b"", b"x", bytes(range(256)) * 512, bytes(range(251)) * 41797]
        for body in bodies:
            one.basic_publish("", queue, body)
        for body in bodies:
            _, _, got = one.basic_get(queue, auto_ack=True)
            expect(got == body, f"a body of {len(body)} bytes came back as {len(got)} bytes")


@story
def transactions_commit_and_roll_back():
    with connection() as one:
        working, watching = one.channel(), one.channel()
        queue = temporary_queue(working)
        working.tx_select()
        working.basic_publish("", queue, b"dropped")
        working.tx_rollback()
        working.basic_publish("", queue, b"kept")
        expect_equal(ready_count(watching, queue), 0, "messages before the commit")
        working.tx_commit()
        expect_equal(ready_count(watching, queue), 1, "messages after the commit")
        method, _, _ = working.basic_get(queue)
        working.basic_ack(method.delivery_tag)
        working.tx_rollback()
        working.basic_ack(method.delivery_tag)
        working.tx_commit()
        working.close()
        expect_equal(ready_count(watching, queue), 0, "messages after the acknowledgement")


@story
def messages_and_queues_expire():
    with channel() as one:
        short, own, dying = temporary_queue(one, **{"x-message-ttl": 30}), temporary_queue(one), unique("dying")
        one.basic_publish("", short, b"x")
        one.basic_publish("", own, b"x", pika.BasicProperties(expiration="30"))
        one.queue_declare(dying, arguments={"x-expires": 30})
        wait_for(lambda: ready_count(one, short) + ready_count(one, own) == 0,
                 lambda _: one.connection.process_data_events(0.02),
                 "the messages' end")

        def gone():
            try:
                with channel() as probe:  # a declare, also a passive one, would prolong the queue's life
                    probe.basic_publish("", dying, b"x", mandatory=True)
            except errors.UnroutableError:
                return True
            return False

        wait_for(gone, lambda _: one.connection.process_data_events(0.02), "the queue's end")


@story
def dead_letters_go_where_the_queue_says():
    with channel() as one:
        graveyard = temporary_queue(one)
        queue = temporary_queue(one, **{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": graveyard})
        one.basic_publish("", queue, b"refused")
        method, _, _ = one.basic_get(queue)
        one.basic_reject(method.delivery_tag, requeue=False)
        wait_for(lambda: ready_count(one, graveyard) == 1, lambda _: None, "the dead letter")
        _, properties, body = one.basic_get(graveyard, auto_ack=True)
        death = properties.headers["x-death"][0]
        expect_equal((body, death["queue"], death["reason"], death["count"]), (b"refused", queue, "rejected", 1))
