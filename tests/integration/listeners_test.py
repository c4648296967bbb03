"""Starting: the readiness line, ports, addresses, who may come from where."""

import json
import os
import re
import signal
import socket
import subprocess
import unittest

from peers import User
from support import Client, Daemon, DaemonTest, connect, on_each_shard_count, run_leveret
from support.addresses import own_network_address
from support.daemon import PATIENCE_S, binary, clean_environment, fresh_data_dir, taken_port

UNAVAILABLE = 69


def listeners(*binds):
    """A --set value that listens there."""
    return "listeners.amqp=" + json.dumps([{"bind": bind} for bind in binds])


def has_ipv6():
    """Whether this machine's loopback has an IPv6 address."""
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
        return True
    except OSError:
        return False


@on_each_shard_count
class StartTest(DaemonTest):
    """From the start to the readiness line."""

    def test_the_readiness_line_names_version_and_urls_and_is_all_of_standard_output(self):
        daemon = self.start()
        self.assertRegex(daemon.readiness_line(),
                         rf"\Aleveret \d+\.\d+\.\d+\S* is ready: amqp://127\.0\.0\.1:{daemon.port} "
                         rf"http://127\.0\.0\.1:{daemon.http_port}\Z")
        connect(daemon.address).close()
        self.assertEqual(daemon.terminate(), 0)
        self.assertEqual(len(daemon._output), 1)

    def test_start_to_ready_is_quick(self):
        durations_s = sorted(self.start().start_duration_s for _ in range(5))
        # Told, not asserted: the machine may be busy with something else.
        print(f"start to ready with {self.shards} shards: {durations_s[0] * 1000:.0f} ms at best, "
              f"{durations_s[2] * 1000:.0f} ms in the middle")

    def test_there_is_a_thread_for_each_shard(self):
        daemon = self.start()
        few = len(os.listdir(f"/proc/{daemon.pid}/task"))
        more = Daemon(shards=self.shards + 3)
        with more:
            self.assertEqual(len(os.listdir(f"/proc/{more.pid}/task")), few + 3)

    def test_what_the_environment_sets_is_in_force(self):
        process = subprocess.Popen(
            [binary(), "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=clean_environment(LEVERET_NODE__DATA_DIR=self.enterContext(fresh_data_dir()),
                                  LEVERET_LISTENERS__AMQP="[{bind: '127.0.0.1:0'}]", LEVERET_LISTENERS__HTTP="[]",
                                  LEVERET_NODE__THREADS=str(self.shards), LEVERET_LIMITS__CHANNELS="17",
                                  RABBITMQ_DEFAULT_USER="admin", RABBITMQ_DEFAULT_PASS="geheim",
                                  RABBITMQ_DEFAULT_VHOST="cloud"))
        try:
            port = int(re.search(r"amqp://127\.0\.0\.1:(\d+)", process.stdout.readline()).group(1))
            client = Client(("127.0.0.1", port))
            client.send_bytes(b"AMQP\0\0\x09\x01")
            client.receive()
            client.send(0, "connection.start-ok", mechanism="PLAIN", response="\0admin\0geheim", locale="en_US")
            self.assertEqual(client.receive().values["channel_max"], 17)
            client.drop()
            connect(("127.0.0.1", port), user="admin", password="geheim", vhost="cloud", channel_max=17).close()
        finally:
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE_S), 0)
            process.stdout.close()


class ListenersTest(DaemonTest):
    """Ports and addresses."""

    def test_a_port_in_use_gives_a_clear_error_and_exit_69(self):
        taken, port = taken_port()
        with taken:
            done = run_leveret("serve", "--set", listeners(f"127.0.0.1:{port}"))
        self.assertEqual((done.returncode, done.stdout), (UNAVAILABLE, ""))
        self.assertIn(f"cannot bind to 127.0.0.1:{port}: Address already in use", done.stderr)

    def test_a_second_port_in_use_stops_the_start_of_all(self):
        taken, port = taken_port()
        with taken:
            done = run_leveret("serve", "--set", listeners("127.0.0.1:0", f"127.0.0.1:{port}"))
        self.assertEqual((done.returncode, done.stdout), (UNAVAILABLE, ""))

    def test_an_address_of_another_machine_is_a_clear_error(self):
        done = run_leveret("serve", "--set", listeners("203.0.113.77:0"))
        self.assertEqual((done.returncode, done.stdout), (UNAVAILABLE, ""))
        self.assertIn("cannot bind to 203.0.113.77:0: Cannot assign requested address", done.stderr)

    def test_an_address_that_is_none_is_a_clear_error(self):
        done = run_leveret("serve", "--set", listeners("no address:0"))
        self.assertEqual((done.returncode, done.stdout), (UNAVAILABLE, ""))
        self.assertIn("no address", done.stderr)

    def test_the_port_is_free_again_at_once_after_a_stop(self):
        daemon = self.start(settings=["shutdown.grace=200ms"])
        port = daemon.port
        client = connect(daemon.address)
        self.assertEqual(daemon.terminate(), 0)  # We close last: its socket is in TIME_WAIT.
        client.drop()
        again = self.start(settings=[listeners(f"127.0.0.1:{port}")])
        self.assertEqual(again.port, port)

    def test_several_listeners_are_all_served_and_all_named(self):
        daemon = self.start(settings=[listeners("127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0")])
        addresses = [re.fullmatch(r"amqp://([\d.]+):(\d+)", url).groups() for url in daemon.urls()]
        self.assertEqual([host for host, _ in addresses], ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
        for number, (host, port) in enumerate(addresses):
            channel = self.client(daemon).channel()
            channel.call("queue.declare", queue="shared")
            other = connect((host, int(port)))
            other.channel().publish("shared", f"{number}")
            other.close()
            self.assertEqual(channel.call("basic.get", queue="shared", no_ack=True).body, f"{number}".encode())

    @unittest.skipUnless(has_ipv6(), "there is no IPv6 on this machine")
    def test_an_ipv6_address_alone(self):
        daemon = self.start(settings=[listeners("127.0.0.1:0", "[::1]:0")])
        port = int(re.search(r"amqp://\[::1\]:(\d+)", daemon.readiness_line()).group(1))
        connect(("::1", port)).close()
        daemon.wait_for_log(r"connection \[::1\]:\d+: user 'guest' authenticated")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    @unittest.skipUnless(has_ipv6(), "there is no IPv6 on this machine")
    def test_all_addresses_are_ipv4_and_ipv6_and_guest_is_let_in_from_both_loopbacks(self):
        daemon = self.start(settings=[listeners("127.0.0.1:0", ":0")])
        port = int(re.search(r"amqp://\[::\]:(\d+)", daemon.readiness_line()).group(1))
        for host in ("127.0.0.1", "127.0.0.9", "::1"):
            connect((host, port)).close()
        # A client of IPv4 is shown as one.
        daemon.wait_for_log(r"connection 127\.0\.0\.1:\d+: user 'guest' authenticated")
        self.assertNotIn("ffff", daemon.log_text())


class FromAnotherMachineTest(DaemonTest):
    """Who may log in from an address that is not a loopback one."""

    def start_on_network(self, *settings):
        """A daemon on this machine's own network address, which is how another machine would be seen."""
        address = own_network_address()
        if address is None:
            self.skipTest("this machine has no address beside the loopback ones")
        daemon = self.start(users=[User("guest"), User("nova")],
                            settings=[listeners("127.0.0.1:0", f"{address}:0"), *settings])
        port = int(re.search(rf"amqp://{re.escape(address)}:(\d+)", daemon.readiness_line()).group(1))
        return daemon, (address, port)

    def refusal(self, address, user):
        """The close frame of a login that is refused."""
        client = Client(address)
        self.addCleanup(client.drop)
        client.send_bytes(b"AMQP\0\0\x09\x01")
        client.receive()
        client.send(0, "connection.start-ok", mechanism="PLAIN", response=f"\0{user}\0{user}", locale="en_US",
                    client_properties={"capabilities": {"authentication_failure_close": True}})
        client.answers_close = False
        return client.receive()

    def test_guest_is_refused_and_others_are_not(self):
        daemon, address = self.start_on_network()
        close = self.refusal(address, "guest")
        self.assertEqual((close.name, close.values["reply_code"]), ("connection.close", 403))
        daemon.wait_for_log(rf"{re.escape(address[0])}:\d+.*: PLAIN login refused: "
                            r"user 'guest' can only connect via localhost")
        connect(address, user="nova").close()
        connect(daemon.address).close()

    def test_guest_is_let_in_where_the_configuration_says_so_and_that_is_warned_of(self):
        daemon, address = self.start_on_network("auth.loopback_only=[]")
        connect(address).close()
        daemon.wait_for_log(r"\[warning\].*guest.*anywhere")

    def test_others_can_be_kept_on_loopback_too(self):
        _, address = self.start_on_network("auth.loopback_only=[guest, nova]")
        self.assertEqual(self.refusal(address, "nova").values["reply_code"], 403)
