"""Limits of virtual hosts and users, and the type of queues that name none: set by definitions, changed by a reload."""

import json
import os
import tempfile

from harness.connection import ConnectionClosed
from support import Client, DaemonTest, on_each_shard_count
from support.daemon import wait_for


@on_each_shard_count
class LimitsTest(DaemonTest):
    """What clients hear who are too many. The texts are RabbitMQ's."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="leveret-definitions-")
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "definitions.json")

    def start_with(self, settings=(), **definitions):
        """A daemon that has imported these."""
        self.write(definitions)
        return self.start(settings=[f"definitions.import=[{self.file}]", "definitions.when=every_boot", *settings])

    def write(self, definitions):
        """Puts definitions into the file."""
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(definitions, file)

    def change(self, daemon, **definitions):
        """Imports others while it runs."""
        self.write(definitions)
        daemon.reload()

    def refusal(self, daemon, vhost="/"):
        """With what connection.open is answered: a text, or nothing when it is accepted."""
        client = Client(daemon.address)
        self.addCleanup(client.drop)
        client.answers_close = False
        client.send_bytes(b"AMQP\0\0\x09\x01")
        client.receive()
        client.send(0, "connection.start-ok", mechanism="PLAIN", response="\0guest\0guest", locale="en_US")
        client.receive()
        client.send(0, "connection.tune-ok", channel_max=2047, frame_max=131072, heartbeat=0)
        client.send(0, "connection.open", virtual_host=vhost)
        answer = client.receive()
        return None if answer.name == "connection.open-ok" else answer.values["reply_text"]

    @staticmethod
    def vhost_limits(**limits):
        """The parameter of the virtual host /."""
        return [{"component": "vhost-limits", "vhost": "/", "name": "limits",
                 "value": {name.replace("_", "-"): limit for name, limit in limits.items()}}]

    @staticmethod
    def user(**limits):
        """The user guest."""
        return [{"name": "guest2", "password": "x", "limits": {name.replace("_", "-"): limit
                                                               for name, limit in limits.items()}}]

    def test_a_virtual_host_takes_so_many_connections(self):
        daemon = self.start_with(parameters=self.vhost_limits(max_connections=2))
        first, second = self.client(daemon), self.client(daemon)
        refused = "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (2) is reached"
        self.assertEqual(self.refusal(daemon), refused)
        first.close()
        wait_for(lambda: self.refusal(daemon) is None, "room for another connection")
        second.close()
        self.change(daemon, parameters=self.vhost_limits(max_connections=-1))
        self.assertIsNone(self.refusal(daemon))
        self.change(daemon, parameters=self.vhost_limits(max_connections=0))
        self.assertEqual(self.refusal(daemon), refused.replace("2", "0"))

    def test_a_virtual_host_takes_so_many_queues(self):
        daemon = self.start_with(parameters=self.vhost_limits(max_queues=1))
        client = self.client(daemon)
        channel = client.channel()
        for _ in range(2):  # Who only repeats it takes no room.
            self.assertEqual(channel.call("queue.declare", queue="a").name, "queue.declare-ok")
        closed = channel.call("queue.declare", queue="b", exclusive=True)
        self.assertEqual((closed.values["reply_code"], closed.values["reply_text"]),
                         (406, "PRECONDITION_FAILED - cannot declare queue 'b': "
                               "queue limit in vhost '/' (1) is reached"))
        channel = client.channel()
        channel.call("queue.delete", queue="a")
        self.assertEqual(channel.call("queue.declare", queue="b").name, "queue.declare-ok")

    def test_a_user_has_so_many_connections_and_channels(self):
        permitted = [{"user": "guest2", "vhost": "/", "configure": "", "write": "", "read": ""}]
        daemon = self.start_with(users=self.user(max_connections=1, max_channels=3), permissions=permitted)
        login = {"user": "guest2", "password": "x"}
        client = self.client(daemon, **login)
        with self.assertRaises(ConnectionClosed):
            self.client(daemon, **login)
        daemon.wait_for_log(r"connection refused for user 'guest2': user connection limit \(1\) is reached")
        channels = [client.channel(number) for number in (1, 2, 3)]
        channels[0].call("channel.close", reply_code=200, reply_text="")
        client.channel(4)
        client.answers_close = False
        client.send(9, "channel.open")
        closed = client.receive(0)
        self.assertEqual(closed.name, "connection.close")
        self.assertEqual((closed.values["reply_code"], closed.values["class_id"], closed.values["reply_text"]),
                         (530, 0, "NOT_ALLOWED - number of channels opened for user 'guest2' has reached the maximum "
                                  "allowed user limit of (3)"))
        client.drop()
        # The channels have gone with their connection.
        wait_for(lambda: self.counts_again(daemon, login), "room again")

    def counts_again(self, daemon, login):
        """Whether the user can have three channels once more."""
        try:
            client = self.client(daemon, **login)
            for number in (1, 2, 3):
                client.channel(number)
            client.close()
            return True
        except ConnectionClosed:
            return False

    def test_limits_that_are_none_are_not_taken(self):
        daemon = self.start_with(settings=["definitions.on_error=warn"],
                                 parameters=self.vhost_limits(max_queues="many"))
        daemon.wait_for_log('max-queues should be a number, actually was <<"many">>')

    def test_queues_without_a_type_get_that_of_the_virtual_host(self):
        daemon = self.start_with(vhosts=[{"name": "/", "default_queue_type": "quorum"}])
        self.assert_default_type(daemon, "quorum")
        self.assertEqual(self.client(daemon).channel().call("queue.declare", queue="c", exclusive=True).name,
                         "queue.declare-ok")

    def test_queues_without_a_type_get_that_of_the_node(self):
        self.assert_default_type(self.start(settings=["queues.default_type=quorum"]), "quorum")

    def assert_default_type(self, daemon, name):
        """A durable queue that was declared without a type has this one."""
        client = self.client(daemon)
        channel = client.channel()
        for arguments in ({}, {"x-queue-type": name}):
            self.assertEqual(channel.call("queue.declare", queue="q", durable=True, arguments=arguments).name,
                             "queue.declare-ok")
        other = channel.call("queue.declare", queue="q", durable=True, arguments={"x-queue-type": "classic"})
        self.assertEqual(other.values["reply_text"],
                         "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': "
                         f"received 'classic' but current is '{name}'")
