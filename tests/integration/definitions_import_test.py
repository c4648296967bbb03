"""definitions.import: RabbitMQ's definitions at the start and on SIGHUP."""

import json
import os
import tempfile

from harness.connection import ConnectionClosed
from support import DaemonTest, connect, on_each_shard_count
from support.daemon import StartRefused

#: What a real RabbitMQ 3.10.8 exported.
EXPORT = os.path.join(os.path.dirname(__file__), "support", "rabbitmq_definitions.json")
NOVA = {"user": "nova", "password": "compute secret", "vhost": "/nova"}


@on_each_shard_count
class DefinitionsImportTest(DaemonTest):
    """What becomes of definitions files."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="leveret-definitions-")
        self.addCleanup(folder.cleanup)
        self.data_dir = os.path.join(folder.name, "data")
        self.file = os.path.join(folder.name, "definitions.json")

    def write(self, **definitions):
        """Puts definitions into the file."""
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(definitions, file)

    def start_with(self, *files, when="first_boot", on_error="fail", configured_users=False):
        """A daemon that imports these files."""
        settings = [f"definitions.import=[{', '.join(files)}]", f"definitions.when={when}",
                    f"definitions.on_error={on_error}"]
        return self.start(data_dir=self.data_dir, settings=settings, users=None if configured_users else [])

    def assert_has(self, channel, *queues):
        """These queues are there."""
        for queue in queues:
            self.assertEqual(channel.call("queue.declare", queue=queue, passive=True).name, "queue.declare-ok", queue)

    def assert_lets_nobody_else_in(self, daemon):
        """The well-known user has not been made beside those of the file."""
        with self.assertRaises(ConnectionClosed):
            connect(daemon.address)

    def test_an_export_of_rabbitmq_is_there_before_the_port_opens_and_stays(self):
        daemon = self.start_with(EXPORT)
        daemon.wait_for_log(r"left out: .*'inner'")
        for restarted in (False, True):
            if restarted:
                self.assertEqual(daemon.terminate(), 0)
                daemon = self.start(data_dir=self.data_dir, users=[])
            with self.subTest(restarted=restarted):
                client = connect(daemon.address, **NOVA)
                channel = client.channel()
                self.assert_has(channel, "calls", "short.lived")
                channel.send("exchange.declare", exchange="events", type="topic", durable=True,
                             arguments={"alternate-exchange": "amq.fanout"})
                self.assertEqual(channel.receive().name, "exchange.declare-ok")
                client.close()

    def test_what_has_changed_is_imported_again_on_reload(self):
        self.write(users=[{"name": "one", "password": "1"}],
                   permissions=[{"user": "one", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}])
        daemon = self.start_with(self.file, when="changed", configured_users=True)
        connect(daemon.address, user="one", password="1").close()
        daemon.reload("imported before, and not changed since")
        self.write(users=[{"name": "one", "password": "2"}],
                   queues=[{"vhost": "/", "name": f"q{i}", "durable": True, "auto_delete": False, "arguments": {}}
                           for i in range(700)])
        daemon.reload()
        client = connect(daemon.address, user="one", password="2")
        self.assert_has(client.channel(), "q0", "q699")
        client.close()

    def test_first_boot_means_the_first_only(self):
        self.write(users=[{"name": "one", "password": "1"}])
        daemon = self.start_with(self.file)
        self.assertEqual(daemon.terminate(), 0)
        self.write(vhosts=[{"name": "late"}])
        daemon = self.start_with(self.file, configured_users=True)
        with self.assertRaises(ConnectionClosed):
            connect(daemon.address, vhost="late")

    def test_a_start_fails_over_what_is_wrong_and_tries_again_as_if_new(self):
        for content, said in ((b"{", "not JSON"), (b"[]", "not a JSON object"),
                              (b'{"queues": [{"vhost": "/"}]}', r"queues\[0\]: 'name' is missing"),
                              (b'{"vhosts": [{"name": "kept"}], "permissions": [{"user": "x", "vhost": "/", '
                               b'"configure": "", "write": "", "read": ""}]}', "no user 'x'")):
            with self.subTest(said=said):
                with open(self.file, "wb") as file:
                    file.write(content)
                with self.assertRaises(StartRefused) as refused:
                    self.start_with(self.file)
                self.assertRegex(refused.exception.log, said)
        with self.assertRaises(StartRefused) as refused:
            self.start_with(self.file + ".missing")
        self.assertIn("cannot be read", refused.exception.log)
        self.write(users=[{"name": "one", "password": "1"}],
                   permissions=[{"user": "one", "vhost": "/", "configure": "", "write": "", "read": ""}])
        daemon = self.start_with(self.file)
        connect(daemon.address, user="one", password="1").close()
        self.assert_lets_nobody_else_in(daemon)

    def test_a_start_may_go_on_without_what_is_wrong(self):
        self.write(vhosts=[{"name": "good"}], users=[{"name": "one", "password": "1"}],
                   permissions=[{"user": "x", "vhost": "/", "configure": "", "write": "", "read": ""},
                                {"user": "one", "vhost": "good", "configure": "", "write": "", "read": ""}])
        daemon = self.start_with(self.file, on_error="warn")
        daemon.wait_for_log("definitions.import: .*no user 'x'")
        connect(daemon.address, user="one", password="1", vhost="good").close()

    def test_a_reload_that_fails_changes_nothing(self):
        self.write(vhosts=[{"name": "one"}])
        daemon = self.start_with(self.file, when="every_boot", configured_users=True)
        self.write(vhosts=[{"name": "two"}], users=[{"tags": ["nameless"]}])
        daemon.reload("definitions imported, but for what was said before")
        daemon.wait_for_log(r"users\[0\]: 'name' is missing")
        connect(daemon.address).close()
