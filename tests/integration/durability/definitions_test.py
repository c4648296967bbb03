"""Queues, exchanges and bindings over a restart: those that were promised are there, and do what they did."""

from harness.wire import Typed
from peers import User
from support import on_each_shard_count
from support.client import supports_arguments
from support.durable import ORACLE, DurableTest, on_each_end

#: One field value of every type that a table can hold.
EVERY_TYPE = {
    "text": "Grüße", "bytes": Typed("x", b"\0\xff"), "true": True, "octet": Typed("b", -5), "short": Typed("s", -300),
    "int": 70_000, "long": Typed("l", -2**40), "float": Typed("f", 0.5), "double": 2.25, "nothing": None,
    "time": Typed("T", 1_700_000_000), "decimal": Typed("D", (2, 314)), "table": {"inner": [1, "two", {"three": 3}]},
    "array": [True, "x", 2**40]}


@on_each_shard_count
class DefinitionsTest(DurableTest):
    """Each test declares, ends the broker in one way or the other, and looks."""

    is_for_rabbitmq = True

    def declare(self, channel, queue, **options):
        """queue.declare that must succeed, durable unless said otherwise."""
        event = channel.call("queue.declare", queue=queue, **{"durable": True, **options})
        self.assertEqual(event.name, "queue.declare-ok", event)

    def declare_exchange(self, channel, exchange, kind, **options):
        """exchange.declare that must succeed, durable unless said otherwise."""
        event = channel.call("exchange.declare", exchange=exchange, type=kind, **{"durable": True, **options})
        self.assertEqual(event.name, "exchange.declare-ok", event)

    def bind(self, channel, queue, exchange, routing_key="", arguments=None):
        """queue.bind that must succeed."""
        event = channel.call("queue.bind", queue=queue, exchange=exchange, routing_key=routing_key,
                             arguments=arguments or {})
        self.assertEqual(event.name, "queue.bind-ok", event)

    def assert_equivalent(self, node, method, **values):
        """A second declaration with these values is the same as the first, one with other arguments is not."""
        event = self.channel(node).call(method, **values)
        self.assertEqual(event.name, f"{method}-ok", event)
        changed = {**values, "durable": not values["durable"]}
        event = self.channel(node).call(method, **changed)
        self.assertEqual(event.values.get("reply_code"), 406, event)

    @on_each_end
    def test_a_queue_is_there_the_moment_its_declare_ok_has_come(self, node, kill):
        if ORACLE and kill:
            self.skipTest("RabbitMQ 3.10 loses what it has just declared")
        for number in range(3 if ORACLE else 20):
            self.declare(self.channel(node), f"q{number}")
            node.restart(kill)
            for earlier in range(number + 1):
                self.assert_there(node, "queue", f"q{earlier}")

    @on_each_end
    def test_queues_and_exchanges_keep_their_flags_and_arguments(self, node, kill):
        queue = {"queue": "q", "durable": True, "auto_delete": True,
                 "arguments": {"x-message-ttl": Typed("l", 3_600_000), "x-expires": 1_800_000, **EVERY_TYPE}}
        for name, value in (("x-max-length", 1000), ("x-dead-letter-exchange", "dead"),
                            ("x-overflow", "reject-publish"), ("x-max-priority", Typed("b", 7))):
            if supports_arguments(node.address, {name: value}):
                queue["arguments"][name] = value
        exchange = {"exchange": "e", "type": "topic", "durable": True, "auto_delete": True, "internal": True,
                    "arguments": {"alternate-exchange": "other", **EVERY_TYPE}}
        channel = self.channel(node)
        for method, values in (("queue.declare", queue), ("exchange.declare", exchange)):
            event = channel.call(method, **values)
            self.assertEqual(event.name, f"{method}-ok", event)
        node.restart(kill)
        self.assert_equivalent(node, "queue.declare", **queue)
        self.assert_equivalent(node, "exchange.declare", **exchange)
        # A missing argument is a difference as well.
        fewer = {**queue, "arguments": {**queue["arguments"]}}
        del fewer["arguments"]["x-message-ttl"]
        event = self.channel(node).call("queue.declare", **fewer)
        self.assertEqual(event.values.get("reply_code"), 406, event)

    @on_each_end
    def test_names_of_any_length_and_bytes(self, node, kill):
        names = ["q" * 255, "ü" * 127, "zero \0 bell \a", "a/b c%25", "{\"json\": true}"]
        channel = self.channel(node, confirms=True)
        for name in names:
            self.declare(channel, name)
            self.declare_exchange(channel, name, "direct")
            self.bind(channel, name, name, name)
        node.restart(kill)
        channel = self.channel(node, confirms=True)
        for name in names:
            self.publish(channel, name, f"for {name[:10]}", exchange=name)
            self.assertEqual(self.bodies(node, name), [f"for {name[:10]}".encode()])

    @on_each_end
    def test_all_kinds_of_bindings_route_as_before(self, node, kill):
        channel = self.channel(node, confirms=True)
        for kind in ("direct", "fanout", "topic", "headers"):
            self.declare_exchange(channel, kind, kind)
        for queue in ("one", "two"):
            self.declare(channel, queue)
        self.bind(channel, "one", "direct", "red")
        self.bind(channel, "one", "direct", "green")
        self.bind(channel, "two", "direct", "red")
        self.bind(channel, "one", "fanout")
        self.bind(channel, "one", "topic", "a.*.c")
        self.bind(channel, "two", "topic", "a.#")
        self.bind(channel, "one", "headers", "", {"x-match": "all", "size": 5, "colour": "red", **EVERY_TYPE})
        self.bind(channel, "two", "headers", "", {"x-match": "any", "size": 5, "colour": "red"})
        self.bind(channel, "two", "amq.topic", "built.in")
        for source, destination, key in (("fanout", "direct", "red"), ("topic", "fanout", "through")):
            event = channel.call("exchange.bind", source=source, destination=destination, routing_key=key)
            self.assertEqual(event.name, "exchange.bind-ok", event)
        self.assert_routes(node)
        node.restart(kill)
        self.assert_routes(node)

    @on_each_end
    def test_hashes_route_as_before(self, node, kill):
        if ORACLE:
            self.skipTest("RabbitMQ 3.10 numbers its buckets anew")
        channel = self.channel(node)
        queues = [f"q{number}" for number in range(7)]
        self.declare_exchange(channel, "modulus", "x-modulus-hash")
        self.declare_exchange(channel, "by-key", "x-consistent-hash")
        self.declare_exchange(channel, "by-header", "x-consistent-hash", arguments={"hash-header": "h"})
        for queue in queues:
            self.declare(channel, queue)
        for number in (3, 0, 6, 1, 5, 2, 4):  # Not in the order of their names.
            for exchange in ("modulus", "by-key", "by-header"):
                self.bind(channel, queues[number], exchange, str(1 + number % 3))
        # What is bound twice, and what has come and gone, makes no difference either.
        self.bind(channel, "q0", "by-key", "20")
        self.bind(channel, "q5", "by-key", "1")
        self.declare(channel, "gone")
        self.bind(channel, "gone", "by-key", "5")
        channel.call("queue.delete", queue="gone")
        before = self.hash_routes(node, queues)
        self.assertEqual({len(set(route)) for route in before.values()}, {len(queues)})
        node.restart(kill)
        self.assertEqual(self.hash_routes(node, queues), before)
        self.assert_equivalent(node, "exchange.declare", exchange="modulus", type="x-modulus-hash", durable=True)

    def hash_routes(self, node, queues):
        """The queue of each of many messages, for each exchange of the test above."""
        routes = {}
        for exchange in ("modulus", "by-key", "by-header"):
            channel = self.channel(node, confirms=True)
            for number in range(100):
                channel.publish(f"key {number}", str(number), exchange=exchange, headers={"h": number})
            self.wait_confirms(channel, 100)
            found = {}
            for queue in queues:
                while (event := channel.call("basic.get", queue=queue, no_ack=True)).name == "basic.get-ok":
                    found[int(event.body)] = queue
            routes[exchange] = [found.get(number) for number in range(100)]
        return routes

    def assert_routes(self, node):
        """Publishes through every binding of the test above."""
        channel = self.channel(node)
        for queue in ("one", "two"):
            channel.call("queue.purge", queue=queue)  # What was taken last time may be back.
        everything = {"size": 5, "colour": "red", **EVERY_TYPE}
        for exchange, key, headers, expected in (
                ("direct", "red", {}, "one two"), ("direct", "green", {}, "one"), ("direct", "blue", {}, ""),
                ("fanout", "red", {}, "one two"), ("fanout", "nothing", {}, "one"),
                ("topic", "a.b.c", {}, "one two"), ("topic", "a", {}, "two"), ("topic", "b", {}, ""),
                ("topic", "through", {}, "one"),
                ("headers", "", everything, "one two"), ("headers", "", {"size": 5, "colour": "blue"}, "two"),
                ("headers", "", {"size": 6}, ""), ("amq.topic", "built.in", {}, "two")):
            channel = self.channel(node, confirms=True)
            self.publish(channel, key, "x", exchange=exchange, headers=headers)
            got = [queue for queue in ("one", "two")
                   if channel.call("basic.get", queue=queue, no_ack=True).name == "basic.get-ok"]
            self.assertEqual(" ".join(got), expected, f"{exchange} {key} {headers}")

    @on_each_end
    def test_what_was_deleted_stays_deleted_and_takes_its_bindings_along(self, node, kill):
        channel = self.channel(node, confirms=True)
        for exchange in ("kept", "gone", "upper"):
            self.declare_exchange(channel, exchange, "fanout")
        for queue in ("kept", "gone", "unbound"):
            self.declare(channel, queue)
            for exchange in ("kept", "gone"):
                self.bind(channel, queue, exchange)
        channel.call("exchange.bind", source="upper", destination="gone")
        channel.call("exchange.bind", source="upper", destination="kept")
        self.publish(channel, "gone", "old content")
        self.assertEqual(channel.call("queue.unbind", queue="unbound", exchange="kept").name, "queue.unbind-ok")
        self.assertEqual(channel.call("exchange.unbind", source="upper", destination="kept").name,
                         "exchange.unbind-ok")
        self.assertEqual(channel.call("queue.delete", queue="gone").name, "queue.delete-ok")
        self.assertEqual(channel.call("exchange.delete", exchange="gone").name, "exchange.delete-ok")
        node.restart(kill)
        self.assert_missing(node, "queue", "gone")
        self.assert_missing(node, "exchange", "gone")
        # Those of the same name are new: nothing of the old ones comes with them.
        channel = self.channel(node, confirms=True)
        self.declare(channel, "gone")
        self.declare_exchange(channel, "gone", "fanout")
        node.restart(kill)
        channel = self.channel(node, confirms=True)
        for exchange in ("kept", "gone", "upper"):
            self.publish(channel, "", f"to {exchange}", exchange=exchange)
        self.assertEqual(self.bodies(node, "kept"), [b"to kept"])
        self.assertEqual(self.bodies(node, "gone"), [])
        self.assertEqual(self.bodies(node, "unbound"), [])

    @on_each_end
    def test_transient_and_exclusive_things_are_gone_and_so_are_their_bindings(self, node, kill):
        channel = self.channel(node, confirms=True)
        self.declare_exchange(channel, "durable", "fanout")
        self.declare_exchange(channel, "transient", "fanout", durable=False)
        self.declare(channel, "durable")
        self.declare(channel, "transient", durable=False)
        self.declare(channel, "exclusive", exclusive=True)
        for queue in ("durable", "transient", "exclusive"):
            self.bind(channel, queue, "durable")
        self.bind(channel, "durable", "transient")
        channel.call("exchange.bind", source="durable", destination="transient")
        node.restart(kill)
        self.assert_missing(node, "exchange", "transient")
        for queue in ("transient", "exclusive"):
            self.assert_missing(node, "queue", queue)
        channel = self.channel(node, confirms=True)
        for queue in ("transient", "exclusive"):
            self.declare(channel, queue)
        self.declare_exchange(channel, "transient", "fanout")
        self.publish(channel, "", "x", exchange="durable")
        self.publish(channel, "", "y", exchange="transient")
        self.assertEqual(self.bodies(node, "durable"), [b"x"])
        self.assertEqual(self.bodies(node, "transient") + self.bodies(node, "exclusive"), [])

    @on_each_end
    def test_arguments_of_queues_and_exchanges_mean_what_they_meant(self, node, kill):
        channel = self.channel(node)
        self.declare(channel, "brief", arguments={"x-message-ttl": 0})
        self.declare(channel, "stray")
        self.declare_exchange(channel, "strays", "fanout")
        self.bind(channel, "stray", "strays")
        self.declare_exchange(channel, "narrow", "direct", arguments={"alternate-exchange": "strays"})
        self.declare_exchange(channel, "inner", "direct", internal=True)
        node.restart(kill)
        channel = self.channel(node, confirms=True)
        self.publish(channel, "brief", "x")
        self.publish(channel, "nowhere", "lost", exchange="narrow")
        self.assertEqual(self.bodies(node, "brief"), [])
        self.assertEqual(self.bodies(node, "stray"), [b"lost"])
        channel.publish("x", "x", exchange="inner")
        self.assertEqual(channel.receive().values["reply_code"], 403)

    @on_each_end
    def test_limits_and_ranks_of_queues_mean_what_they_meant(self, node, kill):
        self.require_arguments(node, x_max_length=2, x_dead_letter_exchange="", x_overflow="reject-publish",
                               x_max_priority=5)
        channel = self.channel(node, confirms=True)
        self.declare(channel, "short", arguments={"x-max-length": 2, "x-dead-letter-exchange": "",
                                                  "x-dead-letter-routing-key": "dead"})
        self.declare(channel, "dead")
        self.declare(channel, "full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        self.declare(channel, "ranked", arguments={"x-max-priority": 5})
        node.restart(kill)
        channel = self.channel(node, confirms=True)
        self.publish(channel, "short", "1", "2", "3")
        self.publish(channel, "full", "1")
        for priority in (1, 5, 3):
            self.publish(channel, "ranked", f"{priority}", priority=priority)
        self.assertEqual(self.bodies(node, "short"), [b"2", b"3"])
        self.assertEqual(self.bodies(node, "dead"), [b"1"])
        self.assertEqual(self.bodies(node, "ranked"), [b"5", b"3", b"1"])
        channel.publish("full", "2", delivery_mode=2)
        self.assertEqual(channel.receive().name, "basic.nack")

    def test_auto_delete_over_a_kill(self):
        node = self.start_node()
        channel = self.channel(node)
        for queue in ("never used", "in use"):
            self.declare(channel, queue, auto_delete=True)
        self.declare_exchange(channel, "in use", "fanout", auto_delete=True)
        self.bind(channel, "in use", "in use")
        self.assertEqual(channel.call("basic.consume", queue="in use").name, "basic.consume-ok")
        node.restart(kill=True)
        # Nobody has left them: they wait for the next consumer, and go with him.
        self.assert_there(node, "queue", "never used")
        self.assert_there(node, "queue", "in use")
        self.assert_there(node, "exchange", "in use")
        channel = self.channel(node)
        tag = channel.call("basic.consume", queue="in use").values["consumer_tag"]
        channel.call("basic.cancel", consumer_tag=tag)
        self.assert_missing(node, "queue", "in use")
        self.assert_missing(node, "exchange", "in use")
        node.restart(kill=True)
        self.assert_missing(node, "queue", "in use")
        self.assert_missing(node, "exchange", "in use")

    def test_virtual_hosts_are_apart(self):
        node = self.start_node(vhosts=("/", "other"), users=[
            User("guest", permissions={vhost: (".*", ".*", ".*") for vhost in ("/", "other")})])
        for vhost in ("/", "other"):
            channel = self.channel(node, confirms=True, vhost=vhost)
            self.declare(channel, "q")
            self.declare_exchange(channel, "e", "fanout")
            self.bind(channel, "q", "e")
            self.publish(channel, "", f"in {vhost}", exchange="e")
        node.restart(kill=True)
        for vhost in ("/", "other"):
            self.publish(self.channel(node, confirms=True, vhost=vhost), "", f"again in {vhost}", exchange="e")
            self.assertEqual(self.bodies(node, "q", vhost=vhost),
                             [f"in {vhost}".encode(), f"again in {vhost}".encode()])
        self.assertEqual(self.channel(node, vhost="other").call("queue.delete", queue="q").name, "queue.delete-ok")
        node.restart(kill=True)
        self.assert_missing(node, "queue", "q", vhost="other")
        self.assertEqual(len(self.bodies(node, "q")), 2)

    def test_thousands_of_declarations_and_deletions(self):
        count = 300 if ORACLE else 2000
        node = self.start_node()
        channel = self.channel(node)
        for number in range(count):
            channel.send("queue.declare", queue=f"q{number}", durable=True, nowait=True)
            channel.send("queue.bind", queue=f"q{number}", exchange="amq.direct", routing_key=f"{number % 7}",
                         nowait=True)
            if number % 3 == 0:
                channel.send("queue.delete", queue=f"q{number}", nowait=True)
        self.declare(channel, "last")  # On one channel things happen in their order.
        for kill in (True, False):
            node.restart(kill)
            channel = self.channel(node, confirms=True)
            self.publish(channel, "3", "x", exchange="amq.direct")
            held = 0
            for number in range(count):
                if number % 3 != 0:
                    event = channel.call("queue.declare", queue=f"q{number}", passive=True)
                    self.assertEqual(event.name, "queue.declare-ok", event)
                    held += event.values["message_count"]
            bound = [number for number in range(count) if number % 3 and number % 7 == 3]
            self.assertEqual(held, len(bound) * (1 if kill else 2))
            for number in range(0, count, 501):
                self.assert_missing(node, "queue", f"q{number}")
