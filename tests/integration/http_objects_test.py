"""Queues, exchanges, bindings and messages by HTTP: as rabbitmqadmin and others ask for them, and as AMQP clients see it."""

import json
import os
import shutil
import subprocess
import unittest

from peers import User
from support import DaemonTest, on_each_shard_count
from support.daemon import wait_for
from support.http import Api, quote


@on_each_shard_count
class HttpObjectsTest(DaemonTest):
    """What one interface does the other one sees."""

    def test_a_queue_from_its_declaration_to_its_end(self):
        daemon = self.start()
        api = Api(daemon)
        channel = self.client(daemon).channel()
        path = "/api/queues/%2F/" + quote("ü/ %x")
        declaration = {"durable": True, "arguments": {"x-max-priority": 5, "x-message-ttl": 60000}}
        self.assertEqual(api.status("GET", path), 404)
        self.assertEqual(api.status("PUT", path, json.dumps(declaration)), 201)
        self.assertEqual(api.status("PUT", path, json.dumps(declaration)), 204)
        self.assertEqual(api.error("PUT", path, '{"durable": false}'), (
            400, "bad_request",
            "inequivalent arg 'durable' for queue 'ü/ %x' in vhost '/': received 'false' but current is 'true'"))
        self.assertEqual(channel.call("queue.declare", queue="ü/ %x", passive=True).name, "queue.declare-ok")
        channel.publish("ü/ %x", b"one")
        channel.publish("ü/ %x", b"two")
        held = channel.call("basic.get", queue="ü/ %x", no_ack=False)
        queue = api.get(path)
        self.assertEqual({name: queue[name] for name in (
            "name", "vhost", "type", "durable", "auto_delete", "exclusive", "arguments", "messages", "messages_ready",
            "messages_unacknowledged", "consumers", "policy", "x_paused")}, {
                "name": "ü/ %x", "vhost": "/", "type": "classic", "durable": True, "auto_delete": False,
                "exclusive": False, "arguments": declaration["arguments"], "messages": 2, "messages_ready": 1,
                "messages_unacknowledged": 1, "consumers": 0, "policy": None, "x_paused": False})
        channel.send("basic.ack", delivery_tag=held.values["delivery_tag"])
        self.assertEqual(api.error("DELETE", path + "?if-empty=true")[0], 400)
        self.assertEqual(api.status("DELETE", path + "/contents"), 204)
        self.assertEqual(api.get(path)["messages"], 0)
        self.assertEqual(api.status("DELETE", path + "?if-empty=true&if-unused=true"), 204)
        self.assertEqual(api.status("DELETE", path), 404)

    def test_lists_have_pages_order_and_columns(self):
        api = Api(self.start())
        for number in range(7):
            kind = '{"arguments": {"x-queue-type": "quorum"}, "durable": true}' if number == 3 else None
            self.assertEqual(api.status("PUT", f"/api/queues/%2F/q{number}", kind), 201)
        self.assertEqual([queue["name"] for queue in api.get("/api/queues")], [f"q{number}" for number in range(7)])
        page = api.get("/api/queues/%2F?page=2&page_size=3&sort=name&sort_reverse=true&columns=name,type")
        self.assertEqual(page, {
            "total_count": 7, "item_count": 3, "filtered_count": 7, "page": 2, "page_size": 3, "page_count": 3,
            "items": [{"name": "q3", "type": "quorum"}, {"name": "q2", "type": "classic"},
                      {"name": "q1", "type": "classic"}]})
        found = api.get("/api/queues?page=1&name=%5Eq%5B0-2%5D$&use_regex=true&pagination=false&columns=name")
        self.assertEqual((found["filtered_count"], [one["name"] for one in found["items"]]), (3, ["q0", "q1", "q2"]))
        self.assertEqual(api.error("GET", "/api/queues?page=9")[:2], (400, "page_out_of_range"))
        self.assertEqual(api.error("GET", "/api/queues?page=1&page_size=501")[:2], (400, "invalid_pagination_parameters"))
        self.assertEqual(api.error("GET", "/api/queues?page=x")[:2], (400, "bad_request"))

    def test_exchanges_bindings_and_messages(self):
        daemon = self.start()
        api = Api(daemon)
        channel = self.client(daemon).channel()
        self.assertEqual(api.status("PUT", "/api/exchanges/%2F/e", '{"type": "topic", "auto_delete": "false"}'), 201)
        self.assertEqual(api.status("PUT", "/api/queues/%2F/q"), 201)
        status, headers, _ = api.call("POST", "/api/bindings/%2F/e/e/q/q", '{"routing_key": "a.# b", "arguments": {"x": 1}}')
        self.assertEqual(status, 201)
        [_, binding] = api.get("/api/queues/%2F/q/bindings")
        self.assertEqual({name: binding[name] for name in ("source", "destination", "routing_key", "arguments")},
                         {"source": "e", "destination": "q", "routing_key": "a.# b", "arguments": {"x": 1}})
        self.assertEqual(headers["Location"], "q/" + quote(binding["properties_key"]))
        self.assertEqual(api.status("POST", "/api/bindings/%2F/e/e/q/q", '{"routing_key": "k.*"}'), 201)
        self.assertEqual([one["properties_key"] for one in api.get("/api/exchanges/%2F/e/bindings/source")],
                         [binding["properties_key"], "k.%2A"])

        message = {"properties": {"delivery_mode": 2, "headers": {"n": 1}, "priority": 4, "timestamp": 5},
                   "routing_key": "k.x", "payload": "aGk=", "payload_encoding": "base64"}
        self.assertEqual(api.post("/api/exchanges/%2F/e/publish", message), {"routed": True})
        self.assertEqual(api.post("/api/exchanges/%2F/amq.default/publish", message), {"routed": False})
        self.assertEqual(api.error("POST", "/api/exchanges/%2F/none/publish", json.dumps(message)),
                         (400, "bad_request", "404 NOT_FOUND - no exchange 'none' in vhost '/'"))
        wanted = {"count": "5", "ackmode": "ack_requeue_true", "encoding": "auto"}
        [got] = api.post("/api/queues/%2F/q/get", wanted)
        self.assertEqual(got, {"payload_bytes": 2, "redelivered": False, "exchange": "e", "routing_key": "k.x",
                               "message_count": 0, "properties": message["properties"], "payload": "hi",
                               "payload_encoding": "string"})
        [got] = api.post("/api/queues/%2F/q/get", wanted | {"ackmode": "reject_requeue_false", "encoding": "base64",
                                                            "truncate": 1})
        self.assertEqual((got["payload"], got["payload_bytes"], got["redelivered"]), ("aA==", 2, True))
        self.assertEqual(channel.call("queue.declare", queue="q", passive=True).values["message_count"], 0)

        key = quote(binding["properties_key"])
        self.assertEqual(api.get(f"/api/bindings/%2F/e/e/q/q/{key}")["routing_key"], "a.# b")
        self.assertEqual(api.status("DELETE", f"/api/bindings/%2F/e/e/q/q/{key}"), 204)
        self.assertEqual(api.status("DELETE", f"/api/bindings/%2F/e/e/q/q/{key}"), 404)
        self.assertEqual(api.error("DELETE", "/api/exchanges/%2F/e?if-unused=true")[0], 400)
        self.assertEqual(api.status("DELETE", "/api/exchanges/%2F/e"), 204)
        self.assertEqual(api.error("DELETE", "/api/exchanges/%2F/amq.topic"), (401, "not_authorised", "Access refused."))

    def test_permissions_are_those_of_the_user_who_asks(self):
        daemon = self.start(users=[User("guest", "guest", tags=("administrator",)),
                                   User("own", "own", tags=("management",), permissions={"/": ("^own", "^own", "^own")}),
                                   User("none", "none", tags=("management",), permissions={})])
        own, none = Api(daemon, "own", "own"), Api(daemon, "none", "none")
        self.assertEqual(own.status("PUT", "/api/queues/%2F/own.q"), 201)
        self.assertEqual(own.error("PUT", "/api/queues/%2F/other"), (401, "not_authorised", "Access refused."))
        self.assertEqual(own.status("DELETE", "/api/queues/%2F/own.q/contents"), 204)
        self.assertEqual([queue["name"] for queue in own.get("/api/queues")], ["own.q"])
        self.assertEqual(none.get("/api/queues"), [])
        self.assertEqual(none.error("GET", "/api/queues/%2F"),
                         (401, "not_authorised", "User not authorised to access virtual host"))
        self.assertEqual(none.error("PUT", "/api/queues/%2F/own.q"),
                         (401, "not_authorised", "User not authorised to access virtual host"))
        self.assertEqual(Api(daemon).status("GET", "/api/queues/nowhere"), 404)

    def test_a_paused_queue_delivers_nothing_until_it_is_resumed(self):
        daemon = self.start()
        api = Api(daemon)
        channel = self.client(daemon).channel()
        channel.call("queue.declare", queue="q")
        channel.call("basic.consume", queue="q", no_ack=True)
        for prefix in ("/api/queues/%2F/q", "/api/x/queues/%2F/q"):
            self.assertEqual(api.status("PUT", f"{prefix}/pause"), 204)
            self.assertTrue(api.get("/api/queues/%2F/q")["x_paused"])
            channel.publish("q", b"waits")
            wait_for(lambda: api.get("/api/queues/%2F/q")["messages_ready"] == 1, "message that waits")
            self.assertEqual(api.status("PUT", f"{prefix}/resume"), 204)
            self.assertEqual(channel.receive().body, b"waits")
        self.assertEqual(api.status("PUT", "/api/queues/%2F/none/pause"), 404)

    def test_how_many_messages_are_delayed_can_be_seen(self):
        daemon = self.start()
        api = Api(daemon)
        channel = self.client(daemon).channel()
        channel.call("exchange.declare", exchange="late", type="x-delayed-message", arguments={"x-delayed-type": "direct"})
        for _ in range(3):
            channel.publish("k", b"later", exchange="late", headers={"x-delay": 3_600_000})
        wait_for(lambda: api.get("/api/exchanges/%2F/late")["messages_delayed"] == 3, "delayed messages")
        self.assertNotIn("messages_delayed", api.get("/api/exchanges/%2F/amq.topic"))


@on_each_shard_count
class HttpClientsTest(DaemonTest):
    """What is told of AMQP clients, and how they are disconnected."""

    def test_connections_channels_and_consumers(self):
        daemon = self.start()
        api = Api(daemon)
        self.assertEqual(api.get("/api/connections"), [])
        client = self.client(daemon, properties={"connection_name": "namely", "product": "test"})
        channel = client.channel()
        channel.call("queue.declare", queue="q")
        channel.call("confirm.select")
        channel.call("basic.qos", prefetch_count=7)
        channel.call("basic.consume", queue="q", consumer_tag="tag", no_ack=False)
        channel.publish("q", b"held")
        channel.receive()
        [connection] = api.get("/api/connections")
        self.assertEqual({name: connection[name] for name in (
            "vhost", "user", "user_provided_name", "state", "channels", "protocol", "peer_host", "port", "type", "ssl",
            "auth_mechanism")}, {
                "vhost": "/", "user": "guest", "user_provided_name": "namely", "state": "running", "channels": 1,
                "protocol": "AMQP 0-9-1", "peer_host": "127.0.0.1", "port": daemon.port, "type": "network", "ssl": False,
                "auth_mechanism": "PLAIN"})
        self.assertEqual(connection["client_properties"]["product"], "test")
        self.assertRegex(connection["name"], rf"^127\.0\.0\.1:\d+ -> 127\.0\.0\.1:{daemon.port}$")
        for count in ("recv_oct", "send_oct", "recv_cnt", "send_cnt"):
            self.assertGreater(connection[count], 0)
        path = "/api/connections/" + quote(connection["name"])
        self.assertEqual(api.get(path)["user_provided_name"], "namely")
        [one] = api.get(path + "/channels")
        self.assertEqual({name: one[name] for name in (
            "number", "confirm", "transactional", "consumer_count", "prefetch_count", "messages_unacknowledged")}, {
                "number": 1, "confirm": True, "transactional": False, "consumer_count": 1, "prefetch_count": 7,
                "messages_unacknowledged": 1})
        self.assertEqual(api.get("/api/channels/" + quote(one["name"]))["consumer_details"][0]["consumer_tag"], "tag")
        [consumer] = api.get("/api/consumers/%2F")
        self.assertEqual((consumer["queue"], consumer["ack_required"], consumer["prefetch_count"],
                          consumer["channel_details"]["name"]), ({"name": "q", "vhost": "/"}, True, 7, one["name"]))
        totals = api.get("/api/overview")
        self.assertEqual(totals["object_totals"],
                         {"connections": 1, "channels": 1, "exchanges": 7, "queues": 1, "consumers": 1})
        self.assertEqual(totals["queue_totals"], {"messages": 1, "messages_ready": 0, "messages_unacknowledged": 1})
        self.assertEqual({(one["protocol"], one["port"]) for one in totals["listeners"]},
                         {("amqp", daemon.port), ("http", daemon.http_port)})

    def test_the_node_tells_of_itself(self):
        daemon = self.start(settings=["node.name=leveret@here", "disk.free_limit=1KB", "memory.high_watermark=1GiB"])
        api = Api(daemon)
        self.client(daemon)
        [node] = api.get("/api/nodes")
        self.assertEqual({name: node[name] for name in (
            "name", "running", "os_pid", "mem_limit", "mem_alarm", "disk_free_limit", "disk_free_alarm", "sockets_used",
            "partitions", "being_drained")}, {
                "name": "leveret@here", "running": True, "os_pid": str(daemon.pid), "mem_limit": 2**30, "mem_alarm": False,
                "disk_free_limit": 1000, "disk_free_alarm": False, "sockets_used": 1, "partitions": [],
                "being_drained": False})
        for count in ("mem_used", "disk_free", "fd_used", "fd_total", "proc_used", "processors"):
            self.assertGreater(node[count], 0, count)
        self.assertEqual(api.get("/api/nodes/leveret@here?columns=name"), {"name": "leveret@here"})
        self.assertEqual(api.status("GET", "/api/nodes/leveret@there"), 404)

    def test_a_connection_is_closed_with_a_reason(self):
        daemon = self.start(users=[User("guest", "guest", tags=("administrator",)),
                                   User("own", "own", tags=("management",))])
        api, own = Api(daemon), Api(daemon, "own", "own")
        client = self.client(daemon)
        name = quote(api.get("/api/connections")[0]["name"])
        self.assertEqual(own.get("/api/connections"), [])
        self.assertEqual(own.error("DELETE", f"/api/connections/{name}"),
                         (401, "not_authorised", "User not authorised to access object"))
        self.assertEqual(api.status("DELETE", f"/api/connections/{name}", **{"X-Reason": "enough of it"}), 204)
        client.answers_close = False
        close = client.receive()
        self.assertEqual((close.name, close.values["reply_code"], close.values["reply_text"]),
                         ("connection.close", 320, "CONNECTION_FORCED - enough of it"))
        wait_for(lambda: api.status("GET", f"/api/connections/{name}") == 404, "the connection is gone")
        others = [self.client(daemon, user="own", password="own") for _ in range(3)]
        self.assertEqual(len(own.get("/api/connections/username/own")), 3)
        self.assertEqual(own.status("DELETE", "/api/connections/username/own"), 204)
        for other in others:
            other.answers_close = False
            self.assertEqual(other.receive().values["reply_text"], "CONNECTION_FORCED - Closed via management plugin")

    def test_aliveness_is_a_message_there_and_back(self):
        daemon = self.start(users=[User("guest", "guest", tags=("administrator",)),
                                   User("own", "own", tags=("management",), permissions={"/": ("^own", "^own", "^own")})])
        self.assertEqual(Api(daemon).get("/api/aliveness-test/%2F"), {"status": "ok"})
        self.assertEqual(Api(daemon).get("/api/queues"), [])
        self.assertEqual(Api(daemon, "own", "own").status("GET", "/api/aliveness-test/%2F"), 401)
        self.assertEqual(Api(daemon).status("GET", "/api/aliveness-test/none"), 404)


class RabbitmqadminTest(DaemonTest):
    """The script that comes with RabbitMQ."""

    script = shutil.which("rabbitmqadmin")

    def admin(self, daemon, *arguments):
        """What it prints."""
        done = subprocess.run([self.script, "-P", str(daemon.http_port), *arguments], capture_output=True, text=True,
                              check=False, env=os.environ | {"HOME": "/nonexistent"})
        self.assertEqual((done.returncode, done.stderr), (0, ""), (arguments, done.stdout, done.stderr))
        return done.stdout

    @unittest.skipUnless(script, "rabbitmqadmin is not installed")
    def test_it_declares_lists_publishes_gets_and_deletes(self):
        daemon = self.start()
        self.assertEqual(self.admin(daemon, "declare", "queue", "name=q", "durable=true"), "queue declared\n")
        self.admin(daemon, "declare", "queue", "name=qq", "queue_type=quorum")
        self.admin(daemon, "declare", "exchange", "name=e", "type=topic")
        self.admin(daemon, "declare", "binding", "source=e", "destination=q", "routing_key=a.#")
        self.assertEqual(self.admin(daemon, "publish", "exchange=e", "routing_key=a.b", "payload=hello"),
                         "Message published\n")
        self.assertEqual(self.admin(daemon, "publish", "routing_key=none", "payload=x"),
                         "Message published but NOT routed\n")
        self.assertEqual(self.admin(daemon, "-f", "tsv", "list", "queues", "name", "messages", "type"),
                         "name\tmessages\ttype\nq\t1\tclassic\nqq\t0\tquorum\n")
        self.assertIn("hello", self.admin(daemon, "-f", "tsv", "get", "queue=q", "ackmode=ack_requeue_false"))
        self.admin(daemon, "purge", "queue", "name=q")
        self.admin(daemon, "delete", "binding", "source=e", "destination_type=queue", "destination=q",
                   "properties_key=a.%23")
        self.assertEqual(self.admin(daemon, "-f", "tsv", "list", "bindings", "source"), 'source\n\n\n')
        self.admin(daemon, "delete", "exchange", "name=e")
        self.admin(daemon, "delete", "queue", "name=q")
        self.admin(daemon, "declare", "vhost", "name=v")
        self.admin(daemon, "declare", "user", "name=u", "password=p", "tags=")
        self.assertEqual(self.admin(daemon, "-f", "tsv", "list", "users", "name"), "name\nguest\nu\n")
        self.admin(daemon, "delete", "user", "name=u")
        self.admin(daemon, "delete", "vhost", "name=v")
