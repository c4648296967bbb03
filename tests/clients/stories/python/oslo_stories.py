"""Stories of oslo.messaging with its rabbit driver: what OpenStack's services do all day.

Servers run in threads of this program, or as a process of their own where one has to die: then this program
is started as `oslo_stories.py serve TOPIC NAME` and answers until it is killed.

OSLO_OPTIONS are options of the driver, as an URL's query: `rabbit_quorum_queue=true` plays all of it on quorum queues.
"""

import concurrent.futures
import contextlib
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import oslo_messaging
from oslo_config import cfg
from oslo_messaging import exceptions as errors

from story import (HOST, PASSWORD, PORT, USER, VHOST, expect, expect_equal, story, tell_all, unique, wait_for)

logging.disable(logging.CRITICAL)
cfg.CONF([], project="stories", prog="stories")
# What was played on this broker before may have left exchanges that are declared otherwise.
SUFFIX = "_otherwise" if os.environ.get("OSLO_OPTIONS") else ""
oslo_messaging.set_transport_defaults(f"openstack{SUFFIX}")


def transport_url(password=PASSWORD):
    quote = urllib.parse.quote
    vhost = "" if VHOST == "/" else quote(VHOST, safe="")
    options = os.environ.get("OSLO_OPTIONS")
    query = f"?{options}" if options else ""
    return f"rabbit://{quote(USER, safe='')}:{quote(password, safe='')}@{HOST}:{PORT}/{vhost}{query}"


@contextlib.contextmanager
def transport(kind=oslo_messaging.get_rpc_transport, password=PASSWORD):
    one = kind(cfg.CONF, url=transport_url(password))
    try:
        yield one
    finally:
        one.cleanup()


class Endpoint:
    """Answers calls and writes down what it was asked."""

    def __init__(self, name):
        self.name = name
        self.seen = queue.Queue()

    def add(self, _, x, y):
        self.seen.put(("add", x, y))
        return x + y

    def who(self, _):
        self.seen.put(("who",))
        return self.name

    def note(self, _, text):
        self.seen.put(("note", text))

    def echo(self, _, text):
        return text

    def fail(self, _, text):
        raise ValueError(text)


@contextlib.contextmanager
def serving(topic, name, kind=oslo_messaging.get_rpc_server, endpoint=None):
    """An RPC server in threads of this program. It consumes already when the block begins."""
    endpoint = endpoint or Endpoint(name)
    with transport() as one:
        server = kind(one, oslo_messaging.Target(topic=topic, server=name), [endpoint], executor="threading")
        server.start()
        try:
            yield endpoint
        finally:
            server.stop()
            server.wait()


def client(one, topic, timeout_s=10, **target):
    return oslo_messaging.get_rpc_client(one, oslo_messaging.Target(topic=topic, **target), timeout=timeout_s)


def taken(endpoint):
    """Everything that the endpoint has written down until now."""
    notes = []
    with contextlib.suppress(queue.Empty):
        while True:
            notes.append(endpoint.seen.get_nowait())
    return notes


def pause():
    """The step of `wait_for` where no event tells: looks again soon."""
    time.sleep(0.02)


def barrier(one, topic, *names):
    """Returns when each server has answered a call: what was cast to it before has been taken from its queue."""
    for name in names:
        expect_equal(client(one, topic, server=name).call({}, "echo", text=name), name, "answer")


@story
def a_call_brings_back_the_result():
    topic = unique("topic")
    with serving(topic, "one"), transport() as one:
        caller = client(one, topic)
        expect_equal(caller.call({}, "add", x=2, y=3), 5, "sum")
        expect_equal(caller.prepare(server="one").call({}, "who"), "one", "server")


@story
def an_exception_travels_to_the_caller():
    topic = unique("topic")
    with serving(topic, "one"), transport() as one:
        try:
            client(one, topic).call({}, "fail", text="no such luck")
        except ValueError as remote:
            expect(str(remote).startswith("no such luck"), f"the server's words in {remote}")
        else:
            expect(False, "the call did not fail")


@story
def a_cast_reaches_one_server_and_a_fanout_cast_all():
    topic = unique("topic")
    with contextlib.ExitStack() as servers, transport() as one:
        endpoints = [servers.enter_context(serving(topic, name)) for name in ("a", "b", "c")]
        for number in range(6):
            client(one, topic).cast({}, "note", text=f"cast {number}")
        for number in range(3):
            client(one, topic, fanout=True).cast({}, "note", text=f"fanout {number}")
        notes = [[endpoint.seen.get(timeout=10)[1] for _ in range(5)] for endpoint in endpoints]
        for each in notes:
            expect_equal(sorted(text for text in each if "fanout" in text), [f"fanout {n}" for n in range(3)], "fanout")
        expect_equal(sorted(text for each in notes for text in each if "cast" in text and "fanout" not in text),
                     [f"cast {number}" for number in range(6)], "casts")


@story
def two_servers_take_turns():
    topic = unique("topic")
    with serving(topic, "a"), serving(topic, "b"), transport() as one:
        answers = [client(one, topic).call({}, "who") for _ in range(20)]
        expect_equal((answers.count("a"), answers.count("b")), (10, 10), "answers")


@story
def a_call_without_a_server_times_out():
    with transport() as one:
        started = time.monotonic()
        try:
            client(one, unique("nobody"), timeout_s=1).call({}, "who")
        except oslo_messaging.MessagingTimeout:
            expect(0.9 < time.monotonic() - started < 5, "it takes the time-out")
        else:
            expect(False, "the call was answered")


@story
def a_mandatory_call_without_a_queue_is_undeliverable():
    with transport() as one:
        caller = oslo_messaging.get_rpc_client(
            one, oslo_messaging.Target(topic=unique("nobody")), timeout=5,
            transport_options=oslo_messaging.TransportOptions(at_least_once=True))
        try:
            caller.call({}, "who")
        except errors.MessageUndeliverable as undeliverable:
            expect_equal(undeliverable.exception.reply_code, 312, "return")
        else:
            expect(False, "the call was answered")


@story
def a_call_whose_caller_gave_up_is_not_run_later():
    topic = unique("topic")
    with transport() as one:
        with serving(topic, "one"):
            barrier(one, topic, "one")
        # The queues stay when the server goes; what is sent now waits in them.
        try:
            client(one, topic, timeout_s=1).call({}, "note", text="expired")
        except oslo_messaging.MessagingTimeout:
            pass
        client(one, topic).cast({}, "note", text="cast")
        with serving(topic, "one") as endpoint:
            expect_equal(endpoint.seen.get(timeout=10), ("note", "cast"), "first message")
            barrier(one, topic, "one")
            expect_equal(taken(endpoint), [], "other messages")


@story(limit_s=40)
def calls_held_by_a_killed_server_are_answered_by_another():
    topic, count = unique("topic"), 20
    with serving(topic, "other"), transport() as one, server_process(topic, "victim") as victim:
        victim_ready = client(one, topic, server="victim", timeout_s=10)
        expect_equal(victim_ready.call({}, "who"), "victim", "answer")
        victim.send_signal(signal.SIGSTOP)
        with concurrent.futures.ThreadPoolExecutor(count) as callers:
            calls = [callers.submit(client(one, topic, timeout_s=25).call, {}, "who") for _ in range(count)]
            wait_for(lambda: sum(call.done() for call in calls) >= count // 2,
                     lambda _: pause(), "the answers of the other server")
            expect_equal(sum(call.done() for call in calls), count // 2, "answers before the death")
            victim.kill()  # the other half lies in its socket
            answers = [call.result(timeout=20) for call in calls]
        expect_equal(answers, ["other"] * count, "answers")


@contextlib.contextmanager
def server_process(topic, name):
    with subprocess.Popen([sys.executable, __file__, "serve", topic, name], stdout=subprocess.PIPE, text=True) as child:
        try:
            expect_equal(child.stdout.readline().strip(), "serving", "the server process")
            yield child
        finally:
            child.kill()


def serve(topic, name):
    with serving(topic, name):
        print("serving", flush=True)
        signal.pause()


@story
def many_callers_share_a_transport():
    topic = unique("topic")
    with serving(topic, "a"), serving(topic, "b"), transport() as one:
        caller = client(one, topic)
        with concurrent.futures.ThreadPoolExecutor(16) as callers:
            sums = list(callers.map(lambda number: caller.call({}, "add", x=number, y=1), range(200)))
        expect_equal(sums, [number + 1 for number in range(200)], "sums")


@story
def large_arguments_and_results_arrive():
    topic = unique("topic")
    text = "0123456789abcdef" * (1 << 17)
    with serving(topic, "one"), transport() as one:
        expect(client(one, topic, timeout_s=15).call({}, "echo", text=text) == text, "2 MiB come back")


@story
def a_server_that_starts_again_goes_on():
    topic = unique("topic")
    with transport() as one:
        for turn in range(3):
            with serving(topic, "one") as endpoint:
                client(one, topic, fanout=True).cast({}, "note", text=str(turn))
                expect_equal(endpoint.seen.get(timeout=10), ("note", str(turn)), "note")
                expect_equal(client(one, topic).call({}, "who"), "one", "answer")


@story
def topics_and_exchanges_are_kept_apart():
    topic = unique("topic")
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(transport())
        for exchange in (f"left{SUFFIX}", f"right{SUFFIX}"):
            server_transport = stack.enter_context(transport())
            server = oslo_messaging.get_rpc_server(
                server_transport, oslo_messaging.Target(exchange=exchange, topic=f"{topic}.{exchange}", server="same"),
                [Endpoint(exchange)], executor="threading")
            server.start()
            stack.callback(server.wait)
            stack.callback(server.stop)
        for exchange in (f"left{SUFFIX}", f"right{SUFFIX}"):
            caller = client(one, f"{topic}.{exchange}", exchange=exchange)
            expect_equal(caller.call({}, "who"), exchange, "answer")


class Notes:
    """Endpoint of notifications. Those whose payload says so are put back once."""

    def __init__(self):
        self.seen = queue.Queue()
        self._returned = threading.Event()

    def info(self, _, publisher, event, payload, __):
        if payload == "again" and not self._returned.is_set():
            self._returned.set()
            return oslo_messaging.NotificationResult.REQUEUE
        self.seen.put((publisher, event, payload))
        return oslo_messaging.NotificationResult.HANDLED


@contextlib.contextmanager
def listening(topic, pool=None):
    notes = Notes()
    with transport(oslo_messaging.get_notification_transport) as one:
        listener = oslo_messaging.get_notification_listener(
            one, [oslo_messaging.Target(topic=topic)], [notes], executor="threading", allow_requeue=True, pool=pool)
        listener.start()
        try:
            yield notes
        finally:
            listener.stop()
            listener.wait()


def notifier(one, topic):
    return oslo_messaging.Notifier(one, publisher_id="stories", driver="messaging", topics=[topic])


@story
def notifications_wait_for_their_listener():
    topic = unique("notes")
    with transport(oslo_messaging.get_notification_transport) as one:
        for number in range(5):
            notifier(one, topic).info({}, "event", number)
        with listening(topic) as notes:
            got = [notes.seen.get(timeout=10) for _ in range(5)]
        expect_equal(got, [("stories", "event", number) for number in range(5)], "notifications")


@story
def a_notification_may_be_put_back():
    topic = unique("notes")
    with listening(topic) as notes, transport(oslo_messaging.get_notification_transport) as one:
        notifier(one, topic).info({}, "event", "again")
        expect_equal(notes.seen.get(timeout=10), ("stories", "event", "again"), "notification")


@story
def every_pool_of_listeners_gets_all_notifications():
    topic, count = unique("notes"), 12
    with contextlib.ExitStack() as stack:
        pools = {name: [stack.enter_context(listening(topic, unique_name)) for _ in range(2)]
                 for name, unique_name in (("a", unique("pool")), ("b", unique("pool")))}
        one = stack.enter_context(transport(oslo_messaging.get_notification_transport))
        for number in range(count):
            notifier(one, topic).info({}, "event", number)
        for listeners in pools.values():
            wait_for(lambda: sum(notes.seen.qsize() for notes in listeners) >= count,
                     lambda _: pause(), "all notifications in each pool")
            got = [[payload for _, __, payload in taken(notes)] for notes in listeners]
            expect_equal(sorted(got[0] + got[1]), list(range(count)), "notifications")
            expect(got[0] and got[1], "both listeners of a pool take their part")


@story
def a_wrong_password_is_told_at_once():
    topic = unique("topic")
    with transport(password="wrong") as one:
        try:
            client(one, topic, timeout_s=5).cast({}, "note", text="x")
        except Exception as refused:  # pylint: disable=broad-except  (kombu's error or the driver's, by version)
            expect("ACCESS_REFUSED - Login was refused using authentication mechanism AMQPLAIN" in str(refused),
                   f"the error tells why: {refused!r}")
        else:
            expect(False, "the cast was accepted")


if sys.argv[1:2] == ["serve"]:
    serve(*sys.argv[2:4])
else:
    tell_all()
