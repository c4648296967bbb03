"""The data directory: whose it is, who may use it, and what the first start in it decides."""

import os
import re
import struct
import tempfile
import unittest.mock

from harness.connection import ConnectionClosed
from peers import User
from support import DaemonTest, connect, on_each_shard_count
from support.daemon import StartRefused
from support.durable import DurableTest


class DirectoryTest(DurableTest):
    """What the daemon makes of its directory."""

    def refused(self, node, **options):
        """Starts a daemon that must not become ready; returns its exit code and log."""
        with self.assertRaises(StartRefused) as caught:
            node.start(**options)
        node.daemon = None
        return caught.exception.code, caught.exception.log

    def test_a_second_process_is_refused_and_the_first_does_not_notice(self):
        node = self.start_node()
        channel = self.channel(node, confirms=True)
        channel.call("queue.declare", queue="q", durable=True)
        self.publish(channel, "q", "before")
        second = self.make_node(data_dir=node.data_dir)
        for _ in range(3):
            code, said = self.refused(second)
            self.assertTrue(0 < code < 128, code)
            line = next(line for line in said.splitlines() if node.data_dir in line)
            self.assertRegex(line, r"\[(error|critical)\]")
            self.assertRegex(line, r"another|in use|already|locked")
        self.publish(channel, "q", "after")
        self.assertEqual(self.bodies(node, "q"), [b"before", b"after"])
        node.kill()
        # A lock that nobody holds any more does not matter.
        second.start()
        self.assertEqual(self.bodies(second, "q"), [b"before", b"after"])

    def test_it_makes_the_directory_and_keeps_others_out(self):
        with tempfile.TemporaryDirectory() as folder:
            data_dir = os.path.join(folder, "data")
            node = self.make_node(data_dir=data_dir)
            node.start()
            self.assertEqual(os.stat(data_dir).st_mode & 0o007, 0, "others may look into it")
            node.end()

    def test_places_that_cannot_be_used_are_refused_with_a_sentence(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "file")
            with open(file, "w", encoding="ascii") as taken:
                taken.write("not a folder")
            for place in (file, os.path.join(file, "below"), os.path.join(folder, "missing", "data"), "/proc/leveret"):
                with self.subTest(place=place):
                    code, said = self.refused(self.make_node(data_dir=place))
                    self.assertTrue(0 < code < 128, code)
                    self.assertTrue(any(place in line and re.search(r"\[(error|critical)\]", line)
                                        for line in said.splitlines()), said)

    def test_a_directory_of_somebody_else_is_not_touched(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("letters.txt", "log"):
                with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                    file.write("mine")
            code, said = self.refused(self.make_node(data_dir=folder))
            self.assertTrue(0 < code < 128, code)
            self.assertIn(folder, said)
            with open(os.path.join(folder, "log"), encoding="ascii") as file:
                self.assertEqual(file.read(), "mine")

    def test_data_of_a_newer_format_is_refused_by_its_version(self):
        node = self.start_node()
        node.end()
        path = os.path.join(node.data_dir, "identity")
        with open(path, "rb") as file:
            data = bytearray(file.read()[:-4])
        data[8:12] = struct.pack("<I", 999)
        data += struct.pack("<I", crc32c(data))
        with open(path, "wb") as file:
            file.write(data)
        code, said = self.refused(node)
        self.assertTrue(0 < code < 128, code)
        self.assertIn("has format 999; this Leveret knows formats up to 2", said)


def crc32c(data):
    """The check sum of Leveret's files."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


@on_each_shard_count
class FirstBootTest(DurableTest):
    """auth.default_user, users and virtual hosts of the configuration."""

    def assert_in(self, node, user, password, **options):
        """This user may log in."""
        connect(node.address, user=user, password=password, **options).close()

    def assert_out(self, node, user, password, **options):
        """This user may not."""
        with self.assertRaises(ConnectionClosed):
            connect(node.address, user=user, password=password, **options)

    @staticmethod
    def start_with_default_user(node, name, password):
        """Starts a daemon whose configuration has this default user and no other."""
        with unittest.mock.patch.dict(os.environ, RABBITMQ_DEFAULT_USER=name, RABBITMQ_DEFAULT_PASS=password):
            node.start(users=[])

    def test_the_default_user_is_made_in_an_empty_directory_only(self):
        node = self.make_node()
        self.start_with_default_user(node, "first", "secret")
        self.assert_in(node, "first", "secret")
        self.assert_out(node, "guest", "guest")
        node.end()
        for name, password in (("second", "other"), ("first", "changed")):
            self.start_with_default_user(node, name, password)
            self.assert_in(node, "first", "secret")
            self.assert_out(node, "first", "changed")
            self.assert_out(node, "second", "other")
            node.kill()

    def test_users_of_the_configuration_hold_as_long_as_they_are_listed(self):
        everything = {"/": (".*", ".*", ".*")}
        node = self.make_node()
        node.start(users=[User("ann", permissions=everything), User("bob", "b", permissions=everything)])
        self.assert_in(node, "bob", "b")
        node.end()
        node.start(users=[User("bob", "changed", permissions=everything)])
        self.assert_in(node, "bob", "changed")
        self.assert_out(node, "bob", "b")
        self.assert_out(node, "ann", "ann")
        node.end()
        node.start(users=[User("ann", "new", permissions=everything)])
        self.assert_in(node, "ann", "new")
        self.assert_out(node, "bob", "changed")

    def test_virtual_hosts_that_are_no_longer_listed_stay_with_all_that_is_in_them(self):
        def start(*vhosts):
            everything = {vhost: (".*", ".*", ".*") for vhost in vhosts}
            node.start(vhosts=vhosts, users=[User("guest", permissions=everything)])

        node = self.make_node()
        start("/", "other")
        channel = self.channel(node, confirms=True, vhost="other")
        channel.call("queue.declare", queue="q", durable=True)
        self.publish(channel, "q", "in other")
        node.kill()
        start("/")
        self.assert_missing(node, "queue", "q")
        node.end()
        start("/", "other")
        self.assertEqual(self.bodies(node, "q", vhost="other"), [b"in other"])

    def test_exclusive_durable_queues_do_not_survive_their_connection_or_the_broker(self):
        node = self.start_node()
        channel = self.channel(node)
        channel.call("queue.declare", queue="mine", durable=True, exclusive=True)
        node.restart()
        self.assert_missing(node, "queue", "mine")


class WeakerPromiseTest(DaemonTest):
    """storage.sync: os."""

    def test_sync_os_says_so_at_the_start(self):
        daemon = self.start(settings=["storage.sync=os"])
        daemon.wait_for_log(r"\[warning\].*storage\.sync")
