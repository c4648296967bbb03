"""Moving from RabbitMQ without downtime, as the README tells: a real RabbitMQ beside, and clients that move."""

import threading

from peers import RabbitMQ, rabbitmq_is_installed
from support import on_each_shard_count
from support.daemon import wait_for
from support.linked import GUEST, LinkedTest, parameter, plain, shovel


def policy(name, pattern, apply_to, **definition):
    """A policy as a definitions file has it."""
    return {"vhost": "/", "name": name, "pattern": pattern, "apply-to": apply_to, "priority": 0,
            "definition": {key.replace("_", "-"): value for key, value in definition.items()}}


class RabbitMQBeside(LinkedTest):
    """One RabbitMQ for all tests of a class; each has names of its own."""

    timeout_s = 300
    plugins = ()

    @classmethod
    def setUpClass(cls):
        if not rabbitmq_is_installed():
            return
        cls.rabbitmq = RabbitMQ(plugins=cls.plugins)
        cls.rabbitmq.__enter__()
        cls.addClassCleanup(cls.rabbitmq.stop)

    def setUp(self):
        if not rabbitmq_is_installed():
            self.skipTest("RabbitMQ is not installed")
        super().setUp()
        self.uri = f"amqp://{GUEST}@127.0.0.1:{self.rabbitmq.port}"

    def name(self, word):
        """A name that no other test uses: the broker outlives them."""
        return f"{word}.{self.id().rpartition('.')[2]}.{self.shards}"


@on_each_shard_count
class MigrationTest(RabbitMQBeside):
    """Clients move while messages flow; each number arrives once."""

    message_count = 6000

    def publish_and_move(self, old, new, queue):
        """Publishes half of the messages at the old broker and the rest at the new one, in the background."""
        mailboxes = [self.mailbox(old), self.mailbox(new)]
        half = self.message_count // 2

        def publish():
            for at in range(0, self.message_count, 200):
                mailboxes[at >= half].publish(range(at, at + 200), queue)

        thread = threading.Thread(target=publish)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def test_a_shovel_empties_the_old_broker_while_clients_move(self):
        queue = self.name("work")
        before = self.mailbox(self.rabbitmq)
        before.declare(queue)
        before.publish(range(-100, 0), queue)
        taken = before.take(queue, 50)  # The consumer has begun at the old broker.
        daemon = self.start_linked(shovel("move", src_uri=self.uri, src_queue=queue, dest_queue=queue))
        self.wait_until_running(daemon, "move")
        thread = self.publish_and_move(self.rabbitmq, daemon, queue)
        after = self.mailbox(daemon)
        taken += after.take(queue, self.message_count + 50, 120)
        thread.join()
        self.assertEqual(sorted(taken), list(range(-100, self.message_count)))
        self.assertEqual((before.count(queue), after.count(queue)), (0, 0))

    def test_federation_of_a_queue_feeds_those_who_have_moved(self):
        queue = self.name("work")
        before = self.mailbox(self.rabbitmq)
        before.declare(queue)
        before.publish(range(-100, 0), queue)
        daemon = self.start_linked(parameter("federation-upstream", "old", {"uri": self.uri, "reconnect-delay": 0.2}),
                                   policies=[policy("move", "^work", "queues", federation_upstream="old")])
        after = self.mailbox(daemon)
        after.declare(queue)
        self.wait_until_running(daemon, queue)
        self.assertEqual((before.count(queue), after.count(queue)), (100, 0))  # Nobody asks here.
        taken = before.take(queue, 50)
        consumer = self.consumer(daemon, queue)
        thread = self.publish_and_move(self.rabbitmq, daemon, queue)
        thread.join()
        taken += consumer.take(self.message_count + 50)
        self.assertEqual(sorted(taken), list(range(-100, self.message_count)))
        self.assertEqual((before.count(queue), after.count(queue)), (0, 0))

    def test_federation_of_a_queue_writes_what_rabbitmq_writes(self):
        queue = self.name("work")
        before = self.mailbox(self.rabbitmq)
        before.declare(queue)
        before.call("queue.bind", queue=queue, exchange="amq.direct", routing_key="key")
        before.publish([5], "key", "amq.direct", headers={"CC": ["elsewhere"]}, user_id="guest")
        daemon = self.start_linked(parameter("federation-upstream", "old", {"uri": self.uri, "reconnect-delay": 0.2}),
                                   policies=[policy("move", "^work", "queues", federation_upstream="old")])
        self.mailbox(daemon).declare(queue)
        event = self.consumer(daemon, queue).receive()
        self.assertNotIn("user_id", event.properties)
        self.assertEqual(plain(event.properties["headers"]), {
            "x-original-cc": ["elsewhere"], "x-original-exchange": "amq.direct", "x-original-routing-key": "key",
            "x-received-from": [{"uri": f"amqp://127.0.0.1:{self.rabbitmq.port}", "queue": queue, "redelivered": False,
                                 "visit-count": 1}]})

    def consumer(self, broker, queue, prefetch=100):
        """Somebody who waits for messages."""
        mailbox = self.mailbox(broker)
        mailbox.call("basic.qos", prefetch_count=prefetch)
        mailbox.call("basic.consume", queue=queue)
        return Consumer(mailbox.channel)

    def test_federation_of_an_exchange_brings_what_is_bound_here(self):
        exchange, queue = self.name("news"), self.name("private")
        before = self.mailbox(self.rabbitmq)
        before.call("exchange.declare", exchange=exchange, type="topic", durable=True)
        daemon = self.start_linked(parameter("federation-upstream", "old", {"uri": self.uri, "reconnect-delay": 0.2}),
                                   policies=[policy("move", "^news", "exchanges", federation_upstream_set="all")])
        after = self.mailbox(daemon)
        after.call("exchange.declare", exchange=exchange, type="topic", durable=True)
        after.declare(queue)
        after.call("queue.bind", queue=queue, exchange=exchange, routing_key="a.#")
        self.wait_until_running(daemon, exchange)
        before.publish([1], "a.b", exchange)
        before.publish([2], "b.b", exchange)
        self.assertEqual(after.take(queue, 1), [1])
        after.call("queue.bind", queue=queue, exchange=exchange, routing_key="b.#")
        after.call("queue.unbind", queue=queue, exchange=exchange, routing_key="a.#")
        federation_queue = f"federation: {exchange} -> links"
        bound = self.rabbitmq_bindings

        wait_for(lambda: bound(exchange) == ["b.#"], "bindings at the upstream", 60, lambda: str(bound(exchange)))
        before.publish([3], "a.b", exchange)
        before.publish([4], "b.b", exchange, headers={"mine": "kept"}, user_id="guest")
        wait_for(lambda: after.count(queue) == 1, "message")
        event = after.get(queue)
        self.assertEqual(event.body, b"4")
        self.assertNotIn("user_id", event.properties)
        headers = plain(event.properties["headers"])
        self.assertEqual(headers.pop("mine"), "kept")
        came_from, = headers.pop("x-received-from")
        self.assertTrue(came_from.pop("cluster-name"))
        self.assertEqual(came_from, {"uri": f"amqp://127.0.0.1:{self.rabbitmq.port}", "exchange": exchange,
                                     "redelivered": False, "vhost": "/"})
        self.assertEqual(before.count(federation_queue), 0)
        # What is published while the link is away waits at the upstream.
        after.drop()
        self.assertEqual(daemon.terminate(), 0)
        before.publish([5], "b.b", exchange)
        wait_for(lambda: before.count(federation_queue) == 1, "message in the upstream's queue")
        daemon = self.start(data_dir=self.data_dir("links"), settings=["node.cluster_name=links"])
        self.assertEqual(self.mailbox(daemon).take(queue, 1), [5])
        # Whoever goes takes his bindings with him.
        self.mailbox(daemon).call("queue.delete", queue=queue)
        wait_for(lambda: bound(exchange) == [], "bindings to go", 60, lambda: str(bound(exchange)))

    def rabbitmq_bindings(self, exchange):
        """Keys that an exchange is bound by."""
        lines = self.rabbitmq.ctl("-q", "list_bindings", "source_name", "routing_key", "--no-table-headers").splitlines()
        return sorted(line.partition("\t")[2] for line in lines if line.startswith(exchange + "\t"))


class FederationPluginTest(MigrationTest):
    """The same beside a RabbitMQ that knows federation itself."""

    plugins = ("rabbitmq_federation",)

    def test_rabbitmq_federates_from_this_broker(self):
        exchange = self.name("back")
        daemon = self.start_linked()
        after = self.mailbox(daemon)
        after.call("exchange.declare", exchange=exchange, type="topic", durable=True)
        self.rabbitmq.ctl("set_parameter", "federation-upstream", "new",
                          f'{{"uri": "amqp://{GUEST}@127.0.0.1:{daemon.port}", "reconnect-delay": 1}}')
        self.rabbitmq.ctl("set_policy", "back", "^back", '{"federation-upstream": "new"}', "--apply-to", "exchanges")
        self.addCleanup(self.rabbitmq.ctl, "clear_policy", "back")
        before = self.mailbox(self.rabbitmq)
        before.call("exchange.declare", exchange=exchange, type="topic", durable=True)
        queue = self.name("private")
        before.declare(queue)
        before.call("queue.bind", queue=queue, exchange=exchange, routing_key="a.#")
        wait_for(lambda: after.publish([1], "a.b", exchange) or before.count(queue) > 0, "message that goes back", 60)
        self.assertEqual(before.take(queue, 1), [1])


class Consumer:
    """Takes messages as they are delivered, and acknowledges them."""

    def __init__(self, channel):
        self._channel = channel

    def receive(self):
        """The next one."""
        event = self._channel.receive()
        assert event.name == "basic.deliver", event
        self._channel.send("basic.ack", delivery_tag=event.values["delivery_tag"])
        return event

    def take(self, count):
        """The numbers of the next ones."""
        return [int(self.receive().body) for _ in range(count)]
