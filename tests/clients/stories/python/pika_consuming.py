"""Stories of pika: consumers, what they hold and give back, and calls with replies."""

import pika

from pika_client import channel, connection, expect_closed, ready_count, temporary_queue, wait_until
from story import expect, expect_equal, story, unique, wait_for


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
