"""Events and the firehose beside a real RabbitMQ: the same session on both, the same facts of the same types."""

import json
import os
import tempfile

from harness.wire import Typed
from peers import RabbitMQ, rabbitmq_is_installed
from support import DaemonTest, connect
from support.daemon import wait_for

#: Keys that RabbitMQ has and Leveret has not.
MISSING_KEYS = {
    "parameter.set",      # While RabbitMQ deletes an exchange there is a parameter for it.
    "parameter.cleared",
}
#: Routing key of a binding that goes along with its queue: RabbitMQ says that it did that itself, Leveret who deleted the
#: queue.
GONE_ALONG = "along"
#: Facts by key that Leveret tells beside those of RabbitMQ: a channel's end says whose it was.
MORE_FACTS = {
    "channel.closed": {"name": "S", "number": "l", "vhost": "S"},
}
#: Facts by key whose type differs: RabbitMQ lists the characters of this text by their numbers.
OTHER_TYPES = {
    ("user.authentication.failure", "error"): ("A", "S"),
}
#: Facts whose values are of this broker, process or moment.
OWN_VALUES = {
    "channel", "connected_at", "connection", "connection_name", "error", "node", "owner_pid", "peer_port", "pid", "port",
    "timestamp_in_ms",
}


class Seen:
    """What came to a queue: (key, headers) in order."""

    def __init__(self, messages):
        self.messages = messages

    def types(self):
        """By routing key the types of the facts, of all messages with that key together."""
        types = {}
        for key, headers in self.messages:
            of_key = types.setdefault(key, {})
            for name, value in headers:
                of_key.setdefault(name, set()).add(shape(value))
        return types

    def facts(self, key):
        """The facts of all messages with this key, as dictionaries, without those that may differ."""
        return [{name: value for name, value in headers if name not in OWN_VALUES and not names_connection(key, name)}
                for seen, headers in self.messages if seen == key]

    def keys(self):
        """All routing keys."""
        return [key for key, _ in self.messages]


def names_connection(key, name):
    """Whether this fact is the name of a connection, or of a channel."""
    return name == "name" and key.startswith(("connection.", "channel."))


def shape(value):
    """The type of a field, with those of the fields within a table."""
    if value.letter == "F":
        return ("F", tuple(sorted((name, shape(field)) for name, field in value.value)))
    return value.letter


def session(address):
    """What both brokers are asked for: everything that clients can do and events tell."""
    client = connect(address, properties={
        "connection_name": "namely", "n": 5, "f": 1.5, "deep": [1, {"x": True}, None]})
    channel = client.channel()
    channel.call("exchange.declare", exchange="e", type="topic", arguments={"alternate-exchange": "amq.fanout"})
    channel.call("queue.declare", queue="q", arguments={
        "x-expires": 100000, "text": "te'xt\"ö\\\n", "bytes": "ß\x00", "empty": "", "a": [1, "z"], "t": {"k": "v"},
        "none": None, "b": True, "f": 1.5, "small": 1e-7, "large": 1e22, "whole": 100.0})
    channel.call("queue.declare", queue="own", exclusive=True, auto_delete=True)
    channel.call("queue.declare", queue="quorum", durable=True, arguments={"x-queue-type": "quorum"})
    channel.call("queue.bind", queue="q", exchange="e", routing_key="x", arguments={"why": "so"})
    channel.call("queue.bind", queue="q", exchange="e", routing_key="along")
    channel.call("exchange.bind", destination="e", source="amq.topic", routing_key="x")
    channel.call("basic.qos", prefetch_count=7)
    channel.call("basic.consume", queue="q", consumer_tag="tag", arguments={"x-priority": 3})
    channel.call("basic.consume", queue="own", consumer_tag="own", no_ack=True, exclusive=True)
    channel.call("basic.cancel", consumer_tag="tag")
    channel.call("queue.unbind", queue="q", exchange="e", routing_key="x", arguments={"why": "so"})
    channel.call("queue.delete", queue="q")  # With a binding that goes along.
    channel.call("queue.declare", queue="auto", auto_delete=True)
    channel.call("basic.consume", queue="auto", consumer_tag="auto")
    channel.call("basic.cancel", consumer_tag="auto")
    channel.call("queue.delete", queue="quorum")
    channel.call("exchange.delete", exchange="e")
    client.close()  # With a consumer and an exclusive queue.


def traced_session(address):
    """What the firehose shows: publishes, deliveries, something that comes again."""
    client = connect(address, properties={"connection_name": "tracer"})
    channel = client.channel()
    # RabbitMQ also lists queues that do not exist among those that the default exchange routes to; here all do.
    for queue in ("traced", "k.b", "k.c"):
        channel.call("queue.declare", queue=queue, exclusive=True)
    channel.publish("traced", b"hello", content_type="text/plain", content_encoding="none", delivery_mode=1, priority=3,
                    correlation_id="c", reply_to="r", expiration="60000", message_id="m", timestamp=1500000000,
                    type="t", user_id="guest", app_id="a", headers={"h": "x", "CC": ["k.b"], "BCC": ["k.c"], "n": 1})
    channel.publish("nowhere", b"", exchange="amq.topic")
    got = channel.call("basic.get", queue="traced")
    channel.send("basic.nack", delivery_tag=got.values["delivery_tag"], requeue=True)
    channel.call("basic.get", queue="traced", no_ack=True)
    client.close()


class EventsLikeRabbitMQTest(DaemonTest):
    """One RabbitMQ for all tests of the class."""

    timeout_s = 300

    @classmethod
    def setUpClass(cls):
        if not rabbitmq_is_installed():
            return
        cls.rabbitmq = RabbitMQ(plugins=["rabbitmq_event_exchange"])
        cls.rabbitmq.__enter__()
        cls.addClassCleanup(cls.rabbitmq.stop)

    def setUp(self):
        if not rabbitmq_is_installed():
            self.skipTest("RabbitMQ is not installed")
        super().setUp()

    def watch(self, address, exchange):
        """A channel whose queue `seen` gets all that this exchange does."""
        client = connect(address)
        self.addCleanup(client.drop)
        channel = client.channel()
        channel.call("queue.declare", queue="seen", exclusive=True)
        channel.call("queue.bind", queue="seen", exchange=exchange, routing_key="#")
        return channel

    def drain(self, channel, is_complete):
        """What has come to the queue, once that is complete."""
        seen = Seen([])

        def has_all():
            while (got := channel.call("basic.get", queue="seen", no_ack=True)).name == "basic.get-ok":
                seen.messages.append((got.values["routing_key"], got.properties["headers"]))
            return is_complete(seen.keys())
        wait_for(has_all, "all messages", explain=lambda: "\n".join(map(str, seen.messages)))
        return seen

    def events(self, address):
        """The events of a session, and of somebody who may not come in."""
        channel = self.watch(address, "amq.rabbitmq.event")
        session(address)
        with self.assertRaises(Exception):
            connect(address, password="wrong")
        seen = self.drain(channel, lambda keys: keys.count("queue.deleted") == 4 and
                          {"user.authentication.failure", "connection.closed"} <= set(keys))
        # RabbitMQ tells also of the end of a connection that never came in, Leveret of those that it told the
        # beginning of.
        created = {dict(headers)["pid"] for key, headers in seen.messages if key == "connection.created"}
        return Seen([(key, headers) for key, headers in seen.messages
                     if key != "connection.closed" or dict(headers)["pid"] in created])

    def test_events_tell_what_rabbitmq_tells(self):
        theirs = self.events((self.rabbitmq.host, self.rabbitmq.port))
        ours = self.events(self.start(settings=["events.vhost=/"]).address)
        self.maxDiff = None
        expected = {key: types for key, types in theirs.types().items() if key not in MISSING_KEYS}
        for key, more in MORE_FACTS.items():
            for name, letter in more.items():
                self.assertNotIn(name, expected[key])
                expected[key][name] = {letter}
        for (key, name), (letter, other) in OTHER_TYPES.items():
            self.assertEqual(expected[key][name], {letter})
            expected[key][name] = {other}
        self.assertEqual(ours.types(), expected)
        for key in set(expected) - set(MORE_FACTS):
            of_key = theirs.facts(key)
            for facts in of_key:
                if key == "binding.deleted" and facts["routing_key"].value == GONE_ALONG:
                    self.assertEqual(facts["user_who_performed_action"].value, "rmq-internal")
                    facts["user_who_performed_action"] = Typed("S", "guest")
            self.assertCountEqual(ours.facts(key), of_key, key)

    def test_events_of_one_connection_name_it_and_its_channels_alike(self):
        for address in ((self.rabbitmq.host, self.rabbitmq.port), self.start(settings=["events.vhost=/"]).address):
            by_key = {}
            for key, headers in self.events(address).messages:
                by_key.setdefault(key, []).append(dict(headers))
            [connection], [channel] = by_key["connection.created"], by_key["channel.created"]
            self.assertEqual(channel["connection"], connection["pid"])
            self.assertEqual({one["pid"] for one in by_key["channel.closed"]}, {channel["pid"]})
            self.assertIn(connection["pid"], [one["pid"] for one in by_key["connection.closed"]])
            self.assertNotEqual(channel["pid"], connection["pid"])
            for event in by_key["consumer.created"] + by_key["consumer.deleted"]:
                self.assertEqual(event["channel"], channel["pid"])
            owners = {one["name"].value: one["owner_pid"] for one in by_key["queue.created"] if "owner_pid" in one}
            self.assertEqual(owners["own"], connection["pid"])

    def test_the_firehose_copies_what_rabbitmq_copies(self):
        address = (self.rabbitmq.host, self.rabbitmq.port)
        self.rabbitmq.ctl("trace_on")
        self.addCleanup(self.rabbitmq.ctl, "trace_off")
        theirs = self.copies(address)
        folder = tempfile.TemporaryDirectory(prefix="leveret-definitions-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "definitions.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"vhosts": [{"name": "/", "tracing": True}]}, file)
        ours = self.copies(self.start(settings=[f"definitions.import=[{path}]"]).address)
        self.maxDiff = None
        self.assertEqual(ours.types(), theirs.types())
        for key in theirs.types():
            self.assertCountEqual([in_order(facts) for facts in ours.facts(key)],
                                  [in_order(facts) for facts in theirs.facts(key)], key)

    def copies(self, address):
        """What the firehose shows of a session."""
        channel = self.watch(address, "amq.rabbitmq.trace")
        traced_session(address)
        return self.drain(channel, lambda keys: len(keys) >= 4)


def in_order(facts):
    """Facts with the fields of their tables by name, and with queues by name: their order means nothing."""
    return {name: sorted(value.value, key=lambda field: field[0]) if value.letter == "F" else
            sorted(value.value) if name == "routed_queues" else value for name, value in facts.items()}
