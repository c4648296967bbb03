"""Stories of pika: the blocking connection, and one of the asynchronous connection."""

import contextlib

import pika
from pika import exceptions as errors
from pika.exchange_type import ExchangeType

from story import (HOST, PASSWORD, PORT, USER, VHOST, expect, expect_equal, story, tell_all, unique, wait_for)

PERSISTENT = 2


def parameters(**changes):
    return pika.ConnectionParameters(**{
        "host": HOST, "port": PORT, "virtual_host": VHOST,
        "credentials": pika.PlainCredentials(USER, PASSWORD),
        "socket_timeout": 5, "stack_timeout": 10, "blocked_connection_timeout": 10, **changes})


@contextlib.contextmanager
def connection(**changes):
    one = pika.BlockingConnection(parameters(**changes))
    try:
        yield one
    finally:
        if one.is_open:
            one.close()


@contextlib.contextmanager
def channel(confirms=True):
    """A channel on its own connection. With confirms a published message has reached its queues on return."""
    with connection() as one:
        opened = one.channel()
        if confirms:
            opened.confirm_delivery()
        yield opened


def temporary_queue(on, **arguments):
    return on.queue_declare("", exclusive=True, arguments=arguments or None).method.queue


def ready_count(on, queue):
    return on.queue_declare(queue, passive=True).method.message_count


def wait_until(on, condition, what):
    wait_for(condition, lambda remaining_s: on.connection.process_data_events(time_limit=remaining_s), what)


def expect_closed(code, text, action):
    """The action must end the channel, or the connection, with exactly this code and text."""
    try:
        action()
    except (errors.ChannelClosedByBroker, errors.ConnectionClosedByBroker) as closed:
        expect_equal((closed.reply_code, closed.reply_text), (code, text), "reason")
    else:
        expect(False, f"nothing was closed, expected {code} {text}")


@story
def the_handshake_tells_what_the_broker_can_do():
    with connection(heartbeat=7, frame_max=8192, channel_max=33) as one:
        capabilities = one._impl.server_capabilities
        for name in ("publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
                     "connection.blocked", "consumer_priorities", "authentication_failure_close",
                     "per_consumer_qos", "direct_reply_to"):
            expect(capabilities.get(name) is True, f"capability {name}")
        tuned = one._impl.params
        expect_equal((tuned.heartbeat, tuned.frame_max, tuned.channel_max), (7, 8192, 33), "tuning")


@story
def heartbeats_come_while_nothing_happens():
    with connection(heartbeat=1) as one:
        checker = one._impl._heartbeat_checker
        wait_for(lambda: checker._heartbeat_frames_received >= 3,
                 lambda remaining_s: one.process_data_events(time_limit=min(remaining_s, 0.2)), "three heartbeats")
        one.channel().close()


@story
def a_published_message_comes_back_with_all_its_properties():
    headers = {"text": "grün", "number": 12, "big": 1 << 40, "yes": True, "nothing": None,
               "list": [1, "two", [3]], "nested": {"deep": {"deeper": "value"}}, "negative": -5}
    sent = pika.BasicProperties(
        content_type="text/plain", content_encoding="utf-8", headers=headers, delivery_mode=PERSISTENT, priority=4,
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
def consumers_acknowledge_refuse_and_requeue():
    with channel() as one:
        queue = temporary_queue(one)
        for number in range(6):
            one.basic_publish("", queue, b"%d" % number)
        got = []
        tag = one.basic_consume(queue, lambda _, method, __, body: got.append((method, body)))
        wait_until(one, lambda: len(got) == 6, "six messages")
        expect_equal([body for _, body in got], [b"%d" % number for number in range(6)], "order")
        tags = [method.delivery_tag for method, _ in got]
        expect_equal(tags, [1, 2, 3, 4, 5, 6], "delivery tags")
        one.basic_ack(tags[1], multiple=True)
        one.basic_reject(tags[2], requeue=False)
        one.basic_cancel(tag)
        one.basic_nack(tags[5], multiple=True, requeue=True)
        back = [one.basic_get(queue, auto_ack=True) for _ in range(3)]
        expect_equal([(body, method.redelivered) for method, _, body in back],
                     [(b"3", True), (b"4", True), (b"5", True)], "requeued messages")
        expect_equal(one.basic_get(queue), (None, None, None), "an empty queue")


@story
def prefetch_limits_what_is_outstanding():
    with channel() as one:
        queue = temporary_queue(one)
        one.basic_qos(prefetch_count=3)
        for number in range(10):
            one.basic_publish("", queue, b"%d" % number)
        got = []
        one.basic_consume(queue, lambda _, method, __, ___: got.append(method.delivery_tag))
        wait_until(one, lambda: len(got) == 3, "three messages")
        expect_equal(ready_count(one, queue), 7, "messages left")
        one.basic_ack(2, multiple=True)
        wait_until(one, lambda: len(got) == 5, "two more messages")
        expect_equal(ready_count(one, queue), 5, "messages left")
        expect_equal(got, [1, 2, 3, 4, 5], "delivery tags")


@story
def a_global_prefetch_is_shared_by_the_consumers_of_a_channel():
    with channel() as one:
        queues = [temporary_queue(one), temporary_queue(one)]
        one.basic_qos(prefetch_count=3, global_qos=True)
        got = []
        for queue in queues:
            for _ in range(4):
                one.basic_publish("", queue, b"x")
            one.basic_consume(queue, lambda _, method, __, ___: got.append(method.delivery_tag))
        wait_until(one, lambda: len(got) == 3, "three messages")
        expect_equal(sum(ready_count(one, queue) for queue in queues), 5, "messages left")


@story
def two_consumers_take_turns():
    with channel() as one:
        queue = temporary_queue(one)
        taken = {"a": 0, "b": 0}

        def count(tag):
            def take(*_):
                taken[tag] += 1
            return take

        for tag in taken:
            one.basic_consume(queue, count(tag), auto_ack=True, consumer_tag=tag)
        for _ in range(20):
            one.basic_publish("", queue, b"x")
        wait_until(one, lambda: sum(taken.values()) == 20, "twenty messages")
        expect_equal(taken, {"a": 10, "b": 10}, "shares")


@story
def the_consumer_with_the_higher_priority_is_served_first():
    with channel() as one:
        queue = temporary_queue(one)
        taken = []
        one.basic_qos(prefetch_count=2)
        for tag, priority in (("low", 1), ("high", 5)):
            one.basic_consume(queue, lambda _, method, __, ___: taken.append(method.consumer_tag),
                              consumer_tag=tag, arguments={"x-priority": priority})
        for _ in range(3):
            one.basic_publish("", queue, b"x")
        wait_until(one, lambda: len(taken) == 3, "three messages")
        expect_equal(sorted(taken), ["high", "high", "low"], "consumers")


@story
def unacknowledged_messages_come_back_when_the_connection_ends():
    name = unique("back")
    with channel() as keeper:
        keeper.queue_declare(name)
        for number in range(3):
            keeper.basic_publish("", name, b"%d" % number)
        with channel() as other:
            for _ in range(2):
                other.basic_get(name)
        got = [keeper.basic_get(name, auto_ack=True) for _ in range(3)]
        expect_equal([(body, method.redelivered) for method, _, body in got],
                     [(b"0", True), (b"1", True), (b"2", False)], "messages")
        keeper.queue_delete(name)


@story
def a_consumer_hears_that_its_queue_is_gone():
    with connection() as one:
        consuming, deleting = one.channel(), one.channel()
        queue = temporary_queue(consuming)
        cancelled = []
        consuming.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
        tag = consuming.basic_consume(queue, lambda *_: None)
        deleting.queue_delete(queue)
        wait_until(consuming, lambda: cancelled == [tag], "the cancel")
        expect(consuming.is_open, "the channel stays open")


@story
def errors_carry_their_codes_and_texts():
    queue, exchange = unique("queue"), unique("exchange")
    with connection() as one:
        keeper = one.channel()
        keeper.queue_declare(queue, exclusive=True, arguments={"x-expires": 60000})
        keeper.exchange_declare(exchange, "direct", auto_delete=True)

        def closed(code, text, action):
            expect_closed(code, text, lambda: action(one.channel()))

        closed(404, "NOT_FOUND - no queue 'nowhere' in vhost '/'",
               lambda on: on.queue_declare("nowhere", passive=True))
        closed(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'",
               lambda on: on.queue_bind(queue, "nowhere", "key"))
        closed(403, "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
               lambda on: on.exchange_declare("amq.mine"))
        closed(403, "ACCESS_REFUSED - operation not permitted on the default exchange",
               lambda on: on.queue_bind(queue, "", "key"))
        closed(406, f"PRECONDITION_FAILED - inequivalent arg 'type' for exchange '{exchange}' in vhost '/': "
               "received 'fanout' but current is 'direct'",
               lambda on: on.exchange_declare(exchange, "fanout", auto_delete=True))
        closed(406, f"PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue '{queue}' in vhost '/': "
               "received '61000' but current is '60000'",
               lambda on: on.queue_declare(queue, exclusive=True, arguments={"x-expires": 61000}))
        closed(406, "PRECONDITION_FAILED - unknown delivery tag 99",
               lambda on: (on.basic_ack(99), on.connection.process_data_events(5), on.queue_declare("nowhere")))
        closed(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode",
               lambda on: (on.tx_select(), on.confirm_delivery()))
        keeper.basic_consume(queue, lambda *_: None, exclusive=True)
        closed(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use",
               lambda on: on.basic_consume(queue, lambda *_: None))
        expect(keeper.is_open, "other channels are unharmed")
        with channel() as stranger:
            expect_closed(405, f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost "
                          "'/'. It could be originally declared on another connection or the exclusive property "
                          "value does not match that of the original declaration.",
                          lambda: stranger.queue_declare(queue, passive=True))


@story
def a_hard_error_closes_the_connection():
    with channel() as one:
        queue = temporary_queue(one)
        one.basic_consume(queue, lambda *_: None)
        expect_closed(540, "NOT_IMPLEMENTED - prefetch_size!=0 (7)", lambda: one.basic_qos(prefetch_size=7))
        expect(not one.connection.is_open, "the connection is closed")


@story
def wrong_passwords_and_vhosts_are_refused():
    for changes, kind, text in (
            ({"credentials": pika.PlainCredentials(USER, "wrong")}, errors.ProbableAuthenticationError,
             "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker "
             "logfile."),
            ({"virtual_host": "nowhere"}, errors.AMQPConnectionError, "NOT_ALLOWED - vhost nowhere not found")):
        try:
            pika.BlockingConnection(parameters(**changes))
        except kind as refused:
            expect(text in str(refused), f"expected {text!r} in {refused!s}")
        else:
            expect(False, "the connection was accepted")


@story
def a_call_is_answered_through_a_reply_queue():
    with channel() as server, channel() as client:
        def answer(on, method, properties, body):
            on.basic_publish("", properties.reply_to, body.upper(),
                             pika.BasicProperties(correlation_id=properties.correlation_id))
            on.basic_ack(method.delivery_tag)

        service = server.queue_declare(unique("service"), auto_delete=True).method.queue
        server.basic_consume(service, answer)
        replies = {}
        reply_queue = temporary_queue(client)
        client.basic_consume(reply_queue, lambda _, __, properties, body:
                             replies.update({properties.correlation_id: body}), auto_ack=True)
        for number in range(10):
            client.basic_publish("", service, b"call %d" % number,
                                 pika.BasicProperties(reply_to=reply_queue, correlation_id=str(number)))
        wait_for(lambda: len(replies) == 10,
                 lambda _: (server.connection.process_data_events(0), client.connection.process_data_events(0.02)),
                 "ten replies")
        expect_equal(replies, {str(number): b"CALL %d" % number for number in range(10)}, "replies")


@story
def a_call_is_answered_through_direct_reply_to():
    with channel() as server, channel() as client:
        service = temporary_queue(server)  # an exclusive queue takes messages from anybody
        replies = []
        client.basic_consume("amq.rabbitmq.reply-to", lambda _, method, properties, body:
                             replies.append((method.exchange, properties.correlation_id, body)), auto_ack=True)
        client.basic_publish("", service, b"ping", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to",
                                                                        correlation_id="7"))
        requests = []
        wait_for(lambda: requests, lambda _: requests.extend(
            [one for one in [server.basic_get(service, auto_ack=True)] if one[0]]), "the request")
        _, properties, body = requests[0]
        expect(properties.reply_to.startswith("amq.rabbitmq.reply-to."), f"address {properties.reply_to}")
        expect_equal(server.queue_declare(properties.reply_to, passive=True).method.consumer_count, 1, "consumers")
        server.basic_publish("", properties.reply_to, body + b"-pong",
                             pika.BasicProperties(correlation_id=properties.correlation_id))
        wait_until(client, lambda: replies, "the reply")
        expect_equal(replies, [("", "7", b"ping-pong")], "replies")


@story
def direct_replies_need_no_ack_and_a_consumer():
    with connection() as one:
        expect_closed(406, "PRECONDITION_FAILED - reply consumer cannot acknowledge",
                      lambda: one.channel().basic_consume("amq.rabbitmq.reply-to", lambda *_: None))
        lonely = one.channel()
        queue = temporary_queue(lonely)

        def publish():
            lonely.basic_publish("", queue, b"x", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
            lonely.queue_declare(queue, passive=True)

        expect_closed(406, "PRECONDITION_FAILED - fast reply consumer does not exist", publish)


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
def many_channels_live_on_one_connection():
    with connection() as one:
        channels = [one.channel() for _ in range(300)]
        queue = temporary_queue(channels[0])
        for each in channels:
            each.basic_publish("", queue, b"%d" % each.channel_number)
        for each in channels[100:200]:
            each.close()
        reopened = one.channel()
        wait_for(lambda: ready_count(reopened, queue) == 300, lambda _: None, "a message of every channel")


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


@story
def an_asynchronous_connection_streams_confirmed_messages():
    count, received, confirmed, failure = 2000, [], [], []
    queue = unique("stream")
    one = pika.SelectConnection(
        parameters(),
        on_open_callback=lambda opened: opened.channel(on_open_callback=on_channel),
        on_open_error_callback=lambda _, error: (failure.append(error), one.ioloop.stop()),
        on_close_callback=lambda *_: one.ioloop.stop())

    def on_channel(on):
        on.add_on_close_callback(lambda _, reason: (failure.append(reason), one.ioloop.stop()))
        on.confirm_delivery(lambda frame: confirmed.append(frame.method.delivery_tag))
        on.basic_qos(prefetch_count=100)
        on.queue_declare(queue, exclusive=True, callback=lambda _: start(on))

    def start(on):
        on.basic_consume(queue, on_message)
        for number in range(count):
            on.basic_publish("", queue, b"%d" % number)

    def on_message(on, method, _, body):
        received.append(body)
        on.basic_ack(method.delivery_tag)
        stop_when_done()

    def stop_when_done():
        if len(received) < count or not confirmed or confirmed[-1] < count:
            one.ioloop.call_later(0.01, stop_when_done) if len(received) == count else None
            return
        one.ioloop.stop()

    one.ioloop.call_later(15, one.ioloop.stop)
    one.ioloop.start()
    expect_equal(failure, [], "failures")
    expect_equal(received, [b"%d" % number for number in range(count)], "messages")
    expect_equal(confirmed[-1:], [count], "last confirm")
    expect_equal(confirmed, sorted(confirmed), "confirms in order")
    one.close()


tell_all()
