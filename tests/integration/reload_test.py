"""SIGHUP: what a running daemon takes over, what it refuses, what needs a restart."""

import json
import signal

from harness.connection import ConnectionClosed
from support import Client, DaemonTest, connect, on_each_shard_count
from support.daemon import wait_for


def as_yaml(sections):
    """A configuration file; JSON is YAML. guest is listed, as in the file that the daemon was started with."""
    auth = sections.get("auth", {})
    users = auth.get("users", [])
    if not any(one["name"] == "guest" for one in users):
        users = [*users, {**user("guest"), "tags": ["administrator"]}]
    return json.dumps({"version": 1, "listeners": {"amqp": [{"bind": "127.0.0.1:0"}]}, **sections,
                       "auth": {**auth, "users": users}})


def user(name, password="", **permissions):
    """A user of a configuration file, with all rights in the virtual host / unless said otherwise."""
    granted = {"vhost": "/", "configure": ".*", "write": ".*", "read": ".*", **permissions}
    return {"name": name, "password": password or name, "permissions": [granted]}


@on_each_shard_count
class ReloadTest(DaemonTest):
    """What changes at run time."""

    def reload(self, daemon, text, answer=r"configuration reloaded"):
        """Puts `text` in the daemon's file, has it read, and waits for the log line that says so."""
        with open(daemon.config_path, "w", encoding="utf-8") as file:
            file.write(text)
        return daemon.reload(answer)

    def offered(self, daemon):
        """What connection.tune offers a new client."""
        client = Client(daemon.address)
        client.send_bytes(b"AMQP\0\0\x09\x01")
        client.receive()
        client.send(0, "connection.start-ok", mechanism="PLAIN", response="\0guest\0guest", locale="en_US")
        values = client.receive().values
        client.drop()
        return values

    def assert_comes_to_be_closed(self, attempt):
        """`attempt` is answered with channel.close 403, as soon as its shard knows the new users."""
        answers = []

        def is_closed():
            answers.append(attempt())
            return answers[-1].name == "channel.close"
        wait_for(is_closed, "channel.close")
        self.assertEqual(answers[-1].values["reply_code"], 403)

    def assert_comes_to_be_refused(self, daemon, name, password=None):
        """This login is refused with 403, as soon as all shards know the new users."""
        wait_for(lambda: self.is_refused(daemon, name, password), f"refusal of user {name}")

    def is_refused(self, daemon, name, password=None):
        """Whether this login is refused with 403."""
        client = Client(daemon.address)
        client.answers_close = False
        client.send_bytes(b"AMQP\0\0\x09\x01")
        client.receive()
        client.send(0, "connection.start-ok", mechanism="PLAIN", response=f"\0{name}\0{password or name}",
                    locale="en_US", client_properties={"capabilities": {"authentication_failure_close": True}})
        answer = client.receive()
        client.drop()
        return answer.name == "connection.close" and answer.values["reply_code"] == 403

    def is_let_in(self, daemon, **login):
        """Whether this login is accepted, up to connection.open-ok."""
        try:
            connect(daemon.address, **login).close()
            return True
        except ConnectionClosed:
            return False

    def assert_comes_to_be_let_in(self, daemon, **login):
        """This login is accepted, as soon as all shards know the new users."""
        wait_for(lambda: self.is_let_in(daemon, **login), f"login of {login}")

    def assert_comes_to_be_offered(self, daemon, **values):
        """New clients are offered these, as soon as all shards know the new limits."""
        wait_for(lambda: values.items() <= self.offered(daemon).items(), f"offer of {values}")

    def test_users_come_go_and_change_their_passwords(self):
        daemon = self.start()
        self.assertTrue(self.is_refused(daemon, "nova"))
        self.reload(daemon, as_yaml({"auth": {"users": [user("nova", "old"), user("glance")]}}))
        self.assert_comes_to_be_let_in(daemon, user="nova", password="old")
        self.assert_comes_to_be_let_in(daemon, user="glance")
        self.reload(daemon, as_yaml({"auth": {"users": [user("nova", "new")]}}))
        self.assert_comes_to_be_refused(daemon, "nova", "old")
        self.assert_comes_to_be_refused(daemon, "glance")
        self.assert_comes_to_be_let_in(daemon, user="nova", password="new")

    def test_a_consumer_timeout_holds_for_deliveries_from_then_on(self):
        daemon = self.start()
        client = self.client(daemon)
        held, timed = client.channel(1), client.channel(2)
        held.call("queue.declare", queue="q")
        for body in ("held", "timed"):
            held.publish("q", body)
        self.assertEqual(held.call("basic.get", queue="q").name, "basic.get-ok")
        self.reload(daemon, as_yaml({"limits": {"consumer_timeout": "200ms", "heartbeat": "7s"}}))
        for _ in range(4):  # All shards know it.
            self.assert_comes_to_be_offered(daemon, heartbeat=7)
        self.assertEqual(timed.call("basic.get", queue="q").name, "basic.get-ok")
        closed = timed.receive()
        self.assertEqual((closed.name, closed.values["reply_code"]), ("channel.close", 406))
        self.assertIn("on channel 2 timed out. Timeout value used: 200 ms.", closed.values["reply_text"])
        again = held.call("basic.get", queue="q", no_ack=True)
        self.assertEqual((again.body, again.values["redelivered"]), (b"timed", True))
        held.send("basic.ack", delivery_tag=1)
        held.sync()

    def test_immediate_can_be_switched_on(self):
        daemon = self.start()
        self.reload(daemon, as_yaml({"compat": {"immediate": True}, "limits": {"heartbeat": "7s"}}))
        for _ in range(4):  # All shards know it.
            self.assert_comes_to_be_offered(daemon, heartbeat=7)
        channel = self.client(daemon).channel()
        channel.publish("nowhere", "body", immediate=True)
        returned = channel.receive()
        self.assertEqual((returned.name, returned.values["reply_code"]), ("basic.return", 313))

    def test_permissions_hold_for_connections_that_are_open(self):
        daemon = self.start()
        self.reload(daemon, as_yaml({"auth": {"users": [user("nova")]}}))
        self.assert_comes_to_be_let_in(daemon, user="nova")
        channel = self.client(daemon, user="nova").channel()
        self.assertEqual(channel.call("queue.declare", queue="a").name, "queue.declare-ok")
        channel.publish("a", "before")
        self.assertEqual(channel.call("basic.get", queue="a", no_ack=True).name, "basic.get-ok")
        self.reload(daemon, as_yaml({"auth": {"users": [user("nova", write="^$", configure="")]}}))
        self.assert_comes_to_be_closed(lambda: channel.call("queue.declare", queue="b"))

    def test_a_publisher_loses_its_permission_although_its_route_is_known(self):
        daemon = self.start()
        self.reload(daemon, as_yaml({"auth": {"users": [user("nova")]}}))
        self.assert_comes_to_be_let_in(daemon, user="nova")
        channel = self.client(daemon, user="nova").channel()
        for _ in range(3):
            channel.publish("nowhere", "x", exchange="amq.direct")
        channel.sync()
        self.reload(daemon, as_yaml({"auth": {"users": [user("nova", write="")]}}))
        channel.call("confirm.select")

        def publish():
            channel.publish("nowhere", "x", exchange="amq.direct")
            return channel.receive()
        self.assert_comes_to_be_closed(publish)

    def test_virtual_hosts_are_added(self):
        daemon = self.start()
        with self.assertRaises(ConnectionClosed):
            connect(daemon.address, vhost="cloud")
        self.reload(daemon, as_yaml({"vhosts": ["/", "cloud"], "auth": {"users": [user("guest", vhost="cloud")]}}))
        self.assert_comes_to_be_let_in(daemon, vhost="cloud")
        channel = self.client(daemon, vhost="cloud").channel()
        self.assertEqual(channel.call("queue.declare", queue="a").name, "queue.declare-ok")

    def test_limits_change_for_new_connections_and_old_ones_keep_theirs(self):
        daemon = self.start()
        client = self.client(daemon)
        self.reload(daemon, as_yaml({"limits": {"channels": 5, "heartbeat": "7s", "frame_max": "8KiB"}}))
        self.assert_comes_to_be_offered(daemon, channel_max=5, heartbeat=7, frame_max=8192)
        for number in range(1, 8):
            self.assertEqual(client.channel(number).call("queue.declare", queue="a").name, "queue.declare-ok")

    def test_the_limit_of_connections_changes(self):
        daemon = self.start()
        client = self.client(daemon)
        self.reload(daemon, as_yaml({"limits": {"connections": 1}}))
        wait_for(lambda: not self.is_let_in(daemon), "refusal of a second connection")
        client.channel().sync()
        self.reload(daemon, as_yaml({"limits": {"connections": 2}}))
        self.assert_comes_to_be_let_in(daemon)

    def test_log_levels_change(self):
        daemon = self.start()
        connect(daemon.address).close()
        daemon.wait_for_log("authenticated")
        self.reload(daemon, as_yaml({"log": {"levels": {"connection": "error"}}}))
        connect(daemon.address).close()
        lines = self.reload(daemon, as_yaml({"log": {"level": "info"}}))
        self.assertFalse([line for line in lines if "authenticated" in line], lines)
        connect(daemon.address, properties={"connection_name": "audible"}).close()
        daemon.wait_for_log("audible.*authenticated")

    def test_a_broken_file_is_refused_with_all_errors_and_the_running_configuration_stays(self):
        daemon = self.start()
        client = self.client(daemon)
        before = self.offered(daemon)
        self.reload(daemon, as_yaml({"limits": {"heartbeat": "7", "chanels": 5}}),
                    "the running configuration stays as it is")
        log = daemon.log_text()
        self.assertRegex(log, r"\[error\] server: reload: \S+leveret\.yaml:1:\d+: limits.heartbeat: '7' needs a unit")
        self.assertRegex(log, r"\[error\] server: reload: .*limits.chanels: unknown key; did you mean 'channels'")
        self.assertEqual(self.offered(daemon), before)
        client.channel().sync()
        # And it can be put right.
        self.reload(daemon, as_yaml({"limits": {"heartbeat": "7s"}}))
        self.assert_comes_to_be_offered(daemon, heartbeat=7)

    def test_an_unreadable_file_is_refused_too(self):
        daemon = self.start()
        self.reload(daemon, "limits: [\n", "the running configuration stays as it is")
        connect(daemon.address).close()

    def test_a_pattern_that_is_none_is_refused_with_the_whole_file(self):
        daemon = self.start()
        self.reload(daemon, as_yaml({"auth": {"users": [user("nova", write="[")]}}),
                    "the running configuration stays as it is")
        self.assertIsNotNone(daemon.find_in_log(r"\[error\] server: reload: .*auth: user 'nova': write: "))
        self.assertTrue(self.is_refused(daemon, "nova"))

    def test_what_needs_a_restart_is_said_and_left_as_it_is(self):
        daemon = self.start()
        lines = self.reload(daemon, as_yaml({"node": {"name": "other"}, "log": {"format": "json"},
                                             "storage": {"sync": "os", "segment_size": "1MiB"},
                                             "listeners": {"amqp": [{"bind": "127.0.0.1:1"}]}}))
        for key in ("node.name", "log.format", "storage.sync", "storage.segment_size", "listeners.amqp"):
            self.assertTrue([line for line in lines if f"reload: {key} has changed; it takes effect after a restart"
                             in line], lines)
        connect(daemon.address).close()
        self.assertFalse(daemon.log_lines()[-1].startswith("{"))

    def test_it_goes_on_while_it_is_told_to_reload_again_and_again(self):
        daemon = self.start()
        channel = self.client(daemon).channel()
        channel.call("queue.declare", queue="a")
        for number in range(50):
            daemon.signal(signal.SIGHUP)
            channel.publish("a", f"{number}")
            self.assertEqual(channel.call("basic.get", queue="a", no_ack=True).body, f"{number}".encode())
        connect(daemon.address).close()
