"""Stories of pika: connections, channels, errors, and the asynchronous connection."""

import pika
from pika import exceptions as errors

from pika_client import channel, connection, expect_closed, parameters, ready_count, temporary_queue
from story import USER, expect, expect_equal, story, unique, wait_for


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
