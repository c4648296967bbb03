"""What pika's stories share: connections, channels, and what they expect of them."""

import contextlib

import pika
from pika import exceptions as errors

from story import HOST, PASSWORD, PORT, USER, VHOST, expect, expect_equal, wait_for


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
