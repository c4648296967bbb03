"""The log: what a client's mistake looks like, forms, files and their rotation."""

import json
import os
import re
import tempfile

from harness.connection import ConnectionClosed
from support import Client, DaemonTest, connect, on_each_shard_count, run_leveret

_line = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[(trace|debug|info|warning|error|critical)\] "
                   r"(connection|channel|queue|auth|server|storage): \S.*")


def outputs(*values):
    """A --set value for where the log goes."""
    return f"log.outputs={json.dumps(values)}"


class LogTest(DaemonTest):
    """Lines."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="leveret-log-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def read(self, name):
        """Lines of a log file of this test."""
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read().splitlines()

    def make_mistakes(self, daemon):
        """Some of everything that is logged; names as nasty as clients can make them."""
        client = connect(daemon.address, properties={"connection_name": "evil\n[error] server: \"forged\"\x1b[31m\\"})
        client.channel().call("queue.declare", queue="absent\r\n\x00\x7f\"\\ \u00e9\u2028", passive=True)
        client.drop()
        client = Client(daemon.address)
        client.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
        client.receive_bytes(8)
        client.drop()
        client = Client(daemon.address)
        client.send_bytes(b"AMQP\0\0\x09\x01")
        client.receive()
        client.send(0, "connection.start-ok", mechanism="PLAIN", response="\0mall\nory\x07\0x", locale="en_US",
                    client_properties={"capabilities": {"authentication_failure_close": True}})
        client.answers_close = False
        client.receive()
        client.drop()


@on_each_shard_count
class TextLogTest(LogTest):
    """For people."""

    def test_a_mistake_on_a_channel_is_one_line_with_name_address_user_and_vhost(self):
        daemon = self.start(vhosts=("/", "cloud"), settings=[
            "auth.users=[{name: nova, password: nova, permissions: [{vhost: cloud, read: '', write: '', configure: ''}]}]"])
        client = self.client(daemon, user="nova", vhost="cloud", properties={"connection_name": "nova-compute:1:u1"})
        port = client.socket.getsockname()[1]
        client.channel(7).call("queue.declare", queue="q")
        line = daemon.wait_for_log("closing channel")
        self.assertRegex(line, _line)
        self.assertIn(f"[warning] channel: closing channel 7 of 127.0.0.1:{port} (nova-compute:1:u1) (user 'nova', "
                      "vhost 'cloud'): error on queue.declare on channel 7: ACCESS_REFUSED - configure access to queue "
                      "'q' in vhost 'cloud' refused for user 'nova'", line)
        self.assertEqual(sum("ACCESS_REFUSED" in one for one in daemon.log_lines()), 1)

    def test_a_mistake_on_a_connection_is_one_line_too(self):
        daemon = self.start()
        client = self.client(daemon, properties={"connection_name": "tester"})
        port = client.socket.getsockname()[1]
        client.send_frame(8, 1, b"")
        client.expect_close()
        line = daemon.wait_for_log("closing connection")
        self.assertIn(f"[error] connection: closing connection 127.0.0.1:{port} (tester) (user 'guest', vhost '/'): "
                      "error on channel 0: UNEXPECTED_FRAME", line.replace("[warning]", "[error]"))

    def test_a_lost_client_is_named(self):
        daemon = self.start()
        client = connect(daemon.address, properties={"connection_name": "gone"})
        port = client.socket.getsockname()[1]
        client.drop()
        line = daemon.wait_for_log("lost")
        self.assertIn(f"connection 127.0.0.1:{port} (gone) (user 'guest', vhost '/'): lost without connection.close", line)

    def test_control_characters_are_escaped_so_that_no_line_can_be_forged(self):
        daemon = self.start()
        self.make_mistakes(daemon)
        daemon.wait_for_log("login refused")
        lines = daemon.log_lines()
        for line in lines:
            self.assertRegex(line, rf"\A{_line.pattern}\Z")
            self.assertNotRegex(line, r"[\x00-\x1f\x7f]")
        self.assertFalse([line for line in lines if line.startswith("[error] server")])
        self.assertTrue([line for line in lines if r"evil\x0a[error] server" in line], lines)
        self.assertTrue([line for line in lines if r"mall\x0aory\x07" in line], lines)


class JsonLogTest(LogTest):
    """For machines."""

    def test_each_line_is_an_object_with_four_texts(self):
        daemon = self.start(settings=["log.format=json", "log.level=debug"])
        self.make_mistakes(daemon)
        daemon.wait_for_log("login refused")
        events = [json.loads(line) for line in daemon.log_lines()]
        for event in events:
            self.assertEqual(set(event), {"time", "level", "category", "message"})
            self.assertRegex(event["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
            self.assertIn(event["level"], ("debug", "info", "warning", "error"))
        messages = [event["message"] for event in events]
        self.assertTrue([message for message in messages if 'evil\n[error] server: "forged"\x1b[31m\\' in message], messages)
        self.assertTrue([message for message in messages if "mall\nory\x07" in message], messages)

    def test_a_name_that_is_not_utf_8_leaves_the_log_readable(self):
        daemon = self.start(settings=["log.format=json"])
        client = Client(daemon.address)
        self.addCleanup(client.drop)
        client.send_bytes(b"AMQP\0\0\x09\x01")
        client.receive()
        client.send(0, "connection.start-ok", mechanism="PLAIN", response=b"\0bad\xff\xfename\0x", locale="en_US",
                    client_properties={"capabilities": {"authentication_failure_close": True}})
        client.answers_close = False
        client.receive()
        daemon.wait_for_log("login refused")
        with open(daemon.log_path, "rb") as log:
            for line in log.read().splitlines():
                json.loads(line.decode("utf-8"))


class LogFileTest(LogTest):
    """Where the log goes."""

    def test_a_file_takes_what_standard_error_would_have(self):
        path = os.path.join(self.folder, "leveret.log")
        daemon = self.start(settings=[outputs({"file": path})])
        connect(daemon.address).close()
        self.assertEqual(daemon.terminate(), 0)
        self.assertTrue([line for line in self.read("leveret.log") if "authenticated" in line])
        self.assertEqual(daemon.log_lines(), [""])

    def test_both_get_the_same(self):
        path = os.path.join(self.folder, "leveret.log")
        daemon = self.start(settings=[outputs("stderr", {"file": path})])
        connect(daemon.address).close()
        self.assertEqual(daemon.terminate(), 0)
        self.assertEqual(daemon.log_lines(), self.read("leveret.log"))

    def test_a_file_is_rotated_by_size_and_only_so_many_are_kept(self):
        path = os.path.join(self.folder, "leveret.log")
        daemon = self.start(settings=[outputs({"file": path, "max_size": "4KiB", "keep": 2})])
        for number in range(100):
            connect(daemon.address, properties={"connection_name": f"client-{number}"}).close()
        self.assertEqual(daemon.terminate(), 0)
        files = sorted(os.listdir(self.folder))
        self.assertEqual(files, ["leveret.1.log", "leveret.2.log", "leveret.log"])
        for name in files:
            self.assertLessEqual(os.path.getsize(os.path.join(self.folder, name)), 4096)
            for line in self.read(name):
                self.assertRegex(line, rf"\A{_line.pattern}\Z")
        # In order, and none lost on the way.
        kept = [line for name in reversed(files[:-1]) for line in self.read(name)] + self.read("leveret.log")
        names = [int(found.group(1)) for line in kept if (found := re.search(r"client-(\d+)\): user", line))]
        self.assertEqual(names, list(range(names[0], 100)))

    def test_a_restart_goes_on_in_the_same_file(self):
        path = os.path.join(self.folder, "leveret.log")
        for name in ("first", "second"):
            daemon = self.start(settings=[outputs({"file": path})])
            connect(daemon.address, properties={"connection_name": name}).close()
            self.assertEqual(daemon.terminate(), 0)
        text = "\n".join(self.read("leveret.log"))
        self.assertIn("first", text)
        self.assertIn("second", text)

    def test_a_file_that_cannot_be_opened_is_a_clear_error(self):
        path = os.path.join(self.folder, "leveret.yaml", "leveret.log")
        with open(os.path.dirname(path), "w", encoding="ascii"):
            pass  # A file where a folder would have to be.
        done = run_leveret("serve", "--set", "listeners.amqp=[{bind: '127.0.0.1:0'}]", "--set", outputs({"file": path}))
        self.assertEqual((done.returncode, done.stdout), (73, ""))
        self.assertIn(f"cannot open the log file {path}", done.stderr)

    def test_a_weaker_promise_is_said_at_each_start(self):
        daemon = self.start(settings=["storage.sync=os"])
        daemon.wait_for_log(r"\[warning\] server: storage\.sync is os: a confirm means that the operating system has the "
                            "message, not the disk; a power cut can lose confirmed messages")
        daemon = self.start()
        connect(daemon.address).close()
        daemon.wait_for_log("authenticated")
        self.assertIsNone(daemon.find_in_log(r"storage\.sync"))

    def test_levels_per_category(self):
        daemon = self.start(settings=["log.level=error", "log.levels.auth=warning"])
        self.make_mistakes(daemon)
        daemon.wait_for_log("login refused")
        self.assertEqual({re.search(r"\] (\w+):", line).group(1) for line in daemon.log_lines()}, {"auth"})

    def test_clients_are_served_while_nobody_reads_standard_error(self):
        # A pipe takes 64 KiB; after that a log that waits for its reader would hold the broker.
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        fifo = os.path.join("/proc", str(os.getpid()), "fd", str(writer))
        daemon = self.start(settings=[outputs({"file": fifo, "max_size": "1GiB"})])
        for number in range(800):
            connect(daemon.address, properties={"connection_name": f"client-{number}" + "x" * 100}).close()
        # Nor does that hold it when it is told to stop.
        self.assertEqual(daemon.terminate(patience_s=10), 0)


class FloodedLogTest(DaemonTest):
    """A client that causes lines as fast as it can."""

    def test_a_flood_of_mistakes_costs_bounded_memory(self):
        daemon = self.start()
        client = self.client(daemon)
        before = daemon.resident_bytes()
        for _ in range(2000):
            channel = client.channel(1)
            channel.call("queue.declare", queue="x" * 200, passive=True)
        self.assertLess(daemon.resident_bytes() - before, 64 * 2**20)
        client.channel(2).sync()

    def test_a_login_that_fails_is_held_up_but_holds_up_nobody(self):
        daemon = self.start()
        guesser = Client(daemon.address)
        self.addCleanup(guesser.drop)
        guesser.send_bytes(b"AMQP\0\0\x09\x01")
        guesser.receive()
        guesser.send(0, "connection.start-ok", mechanism="PLAIN", response="\0guest\0wrong", locale="en_US")
        self.client(daemon).channel().sync()
        with self.assertRaises(ConnectionClosed):
            guesser.receive()
        daemon.wait_for_log(r"\[warning\] auth: .*PLAIN login refused: user 'guest' - invalid credentials")
