"""Stories of pika: streams."""

import contextlib
import datetime

from pika.exceptions import ConnectionClosedByBroker

from pika_client import channel, connection, wait_until
from story import expect, expect_equal, story, unique


@contextlib.contextmanager
def stream(count, **arguments):
    """A channel with a prefetch, and a stream with `count` confirmed messages."""
    with channel() as one:
        name = unique("stream")
        one.confirm_delivery()
        one.basic_qos(prefetch_count=20)
        one.queue_declare(name, durable=True, arguments={"x-queue-type": "stream", **arguments})
        try:
            for number in range(count):
                one.basic_publish("", name, b"%d" % number)
            yield one, name
        finally:
            one.queue_delete(name)


def read(one, name, offset):
    """A list that grows by (offset, body) of what a new reader gets, and the reader's tag."""
    got = []

    def take(_, method, properties, body):
        got.append((properties.headers["x-stream-offset"], body))
        one.basic_ack(method.delivery_tag)
    return got, one.basic_consume(name, take, arguments={"x-stream-offset": offset})


@story
def a_stream_is_read_again_and_again_from_anywhere():
    with stream(50) as (one, name):
        ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        for offset, first in (("first", 0), (30, 30), (49, 49), ("1h", 0), (ago, 0)):
            got, tag = read(one, name, offset)
            wait_until(one, lambda: got and got[-1][0] == 49, f"messages from {offset}")
            expect_equal(got, [(number, b"%d" % number) for number in range(first, 50)], f"messages from {offset}")
            one.basic_cancel(tag)


@story
def readers_of_a_stream_do_not_share():
    with stream(30) as (one, name):
        readers = [read(one, name, "first")[0] for _ in range(10)]
        wait_until(one, lambda: all(len(got) == 30 for got in readers), "all messages for all")
        one.basic_publish("", name, b"new")
        wait_until(one, lambda: all(len(got) == 31 for got in readers), "the new message for all")
        expect_equal({got[-1] for got in readers}, {(30, b"new")}, "the new message")


@story
def a_reader_of_a_stream_goes_on_behind_the_last_message_it_has_seen():
    with stream(10) as (one, name):
        got, tag = read(one, name, "next")
        for number in range(10, 15):
            one.basic_publish("", name, b"%d" % number)
        wait_until(one, lambda: len(got) == 5, "five messages")
        one.basic_cancel(tag)
        one.basic_publish("", name, b"15")
        more, _ = read(one, name, got[-1][0] + 1)
        wait_until(one, lambda: more, "the message after them")
        expect_equal(more, [(15, b"15")], "what comes after them")


@story
def nothing_is_got_from_a_stream():
    with stream(1) as (_, name), connection() as other:
        try:
            other.channel().basic_get(name)
        except ConnectionClosedByBroker as closed:
            expect_equal(closed.reply_code, 540, "reply code")
        else:
            expect(False, "basic.get was answered")
