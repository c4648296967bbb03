"""The firehose and the event exchange: what they tell, beside what RabbitMQ 3.10 was seen to tell."""

import json
import os
import tempfile

from support import DaemonTest, connect, on_each_shard_count
from support.daemon import wait_for


def table(entries):
    """A field table as a dictionary of plain values."""
    return {name: plain(value) for name, value in entries}


def plain(typed):
    """A field's value without its type."""
    if typed.letter == "F":
        return table(typed.value)
    if typed.letter == "A":
        return [plain(one) for one in typed.value]
    return typed.value.decode() if isinstance(typed.value, bytes) else typed.value


@on_each_shard_count
class FirehoseTest(DaemonTest):
    """Copies of messages, and messages about what happens."""

    def drain(self, channel, queue, *keys):
        """What has come to the queue, by key, once all of these keys have."""
        seen = []

        def has_all():
            while True:
                got = channel.call("basic.get", queue=queue, no_ack=True)
                if got.name == "basic.get-empty":
                    return set(keys) <= {key for key, _, _ in seen}
                seen.append((got.values["routing_key"], table(got.properties["headers"]), got.body))
        wait_for(has_all, f"messages {keys}", explain=lambda: seen)
        return seen

    def test_a_traced_virtual_host_copies_what_is_published_and_delivered(self):
        daemon = self.start(settings=self.tracing(True))
        channel = self.client(daemon, properties={"connection_name": "tracer"}).channel()
        channel.call("queue.declare", queue="trace")
        channel.call("queue.bind", queue="trace", exchange="amq.rabbitmq.trace", routing_key="#")
        channel.call("queue.declare", queue="q")
        channel.publish("q", b"hello", content_type="text/plain", delivery_mode=2, expiration="60000",
                        headers={"h": "x", "CC": ["k.b"], "BCC": ["k.c"]})
        delivered = channel.call("basic.get", queue="q", no_ack=False)
        channel.send("basic.nack", delivery_tag=delivered.values["delivery_tag"], requeue=True)
        channel.call("basic.get", queue="q", no_ack=True)
        published, first, again = self.drain(channel, "trace", "publish.", "deliver.q")
        for key, headers, body in (published, first, again):
            self.assertEqual(body, b"hello", key)
            self.assertEqual(headers["exchange_name"], "")
            self.assertEqual(headers["routing_keys"], ["q", "k.b", "k.c"])
            self.assertEqual(headers["properties"]["content_type"], "text/plain")
            self.assertEqual(headers["properties"]["delivery_mode"], 2)
            self.assertEqual(headers["properties"]["expiration"], "60000")
            self.assertEqual(headers["properties"]["headers"], {"h": "x", "CC": ["k.b"]})
            self.assertEqual((headers["vhost"], headers["user"], headers["channel"]), ("/", "guest", 1))
            self.assertIn("tracer", headers["connection"])
        self.assertEqual(published[1]["routed_queues"], ["q"])
        self.assertEqual((first[1]["redelivered"], again[1]["redelivered"]), (0, 1))

    def test_consumers_are_traced_and_copies_are_not(self):
        daemon = self.start(settings=self.tracing(True))
        watcher = self.client(daemon).channel()
        watcher.call("queue.declare", queue="trace")
        watcher.call("queue.bind", queue="trace", exchange="amq.rabbitmq.trace", routing_key="deliver.#")
        channel = self.client(daemon).channel()
        channel.call("queue.declare", queue="q")
        channel.call("basic.consume", queue="q", no_ack=True, consumer_tag="c")
        for number in range(3):
            channel.publish("q", f"{number}".encode())
        for _ in range(3):
            self.assertEqual(channel.receive().name, "basic.deliver")
        wait_for(lambda: watcher.call("queue.declare", queue="trace").values["message_count"] == 3, "three copies")
        self.assertEqual([body for _, _, body in self.drain(watcher, "trace", "deliver.q")], [b"0", b"1", b"2"])

    def test_tracing_is_switched_while_clients_work(self):
        daemon = self.start(settings=self.tracing(False))
        channel = self.client(daemon).channel()
        channel.call("queue.declare", queue="trace")
        channel.call("queue.bind", queue="trace", exchange="amq.rabbitmq.trace", routing_key="#")
        channel.publish("nowhere", b"unseen")
        channel.call("queue.declare", queue="trace", passive=True)  # The broker has it by then.
        self.write(True)
        daemon.reload()
        channel.publish("nowhere", b"seen")
        [(key, headers, body)] = self.drain(channel, "trace", "publish.")
        self.assertEqual((key, headers["routed_queues"], body), ("publish.", [], b"seen"))

    def tracing(self, is_on):
        """Settings that import a definition of the virtual host / with tracing, at each start and reload."""
        folder = tempfile.TemporaryDirectory(prefix="leveret-definitions-")
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "definitions.json")
        self.write(is_on)
        return [f"definitions.import=[{self.file}]", "definitions.when=every_boot"]

    def write(self, is_on):
        """Puts the definition into its file."""
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump({"vhosts": [{"name": "/", "tracing": is_on}]}, file)

    def test_the_event_exchange_tells_what_happens(self):
        daemon = self.start(settings=["events.vhost=/"])
        watcher = self.client(daemon).channel()
        watcher.call("queue.declare", queue="events", durable=True)
        watcher.call("queue.bind", queue="events", exchange="amq.rabbitmq.event", routing_key="#")
        client = connect(daemon.address, properties={"connection_name": "namely"})
        channel = client.channel()
        channel.call("exchange.declare", exchange="e", type="topic")
        channel.call("queue.declare", queue="q", arguments={"x-expires": 100000})
        channel.call("queue.bind", queue="q", exchange="e", routing_key="x")
        channel.call("basic.consume", queue="q", consumer_tag="tag", no_ack=False)
        channel.call("basic.cancel", consumer_tag="tag")
        channel.call("queue.unbind", queue="q", exchange="e", routing_key="x")
        channel.call("queue.delete", queue="q")
        channel.call("exchange.delete", exchange="e")
        client.close()
        events = self.drain(watcher, "events", "connection.closed", "channel.closed")
        by_key = {key: headers for key, headers, body in events if body == b""}
        self.assertEqual(by_key.keys(), {
            "binding.created", "binding.deleted", "channel.closed", "channel.created", "connection.closed",
            "connection.created", "consumer.created", "consumer.deleted", "exchange.created", "exchange.deleted",
            "queue.created", "queue.deleted", "user.authentication.success"})
        self.assertEqual({name: by_key["queue.created"][name] for name in ("name", "vhost", "durable", "exclusive")},
                         {"name": "q", "vhost": "/", "durable": False, "exclusive": False})
        self.assertEqual(by_key["queue.created"]["arguments"], ['{<<"x-expires">>,signedint,100000}'])
        self.assertEqual(by_key["queue.deleted"]["user_who_performed_action"], "guest")
        self.assertEqual(by_key["queue.created"]["user_who_performed_action"], "guest")
        self.assertEqual(by_key["connection.created"]["user_provided_name"], "namely")
        self.assertEqual(by_key["connection.created"]["port"], daemon.port)
        self.assertEqual(by_key["connection.created"]["host"], "{127,0,0,1}")
        self.assertIn('{<<"connection_name">>,longstr,<<"namely">>}', by_key["connection.closed"]["client_properties"])
        self.assertEqual(by_key["consumer.created"]["consumer_tag"], "tag")
        self.assertEqual(by_key["consumer.created"]["queue"], "q")
        for key, headers, _ in events:
            self.assertGreater(headers["timestamp_in_ms"], 1_600_000_000_000, key)

    def test_there_is_no_event_exchange_unless_somebody_wants_it(self):
        channel = self.client(self.start()).channel()
        missing = channel.call("exchange.declare", exchange="amq.rabbitmq.event", type="topic", passive=True)
        self.assertEqual(missing.values["reply_code"], 404)
