"""Data directories that outlive their daemons, and the commands that look at them: leveret inspect, leveret recover."""

import hashlib
import json
import os
import shutil
import signal
import tempfile

from .cases import DaemonTest
from .daemon import run_leveret

FINE, USAGE_ERROR, DAMAGED, NO_INPUT, IN_USE = 0, 64, 65, 66, 69


class DataDirTest(DaemonTest):
    """A data directory, at most one daemon on it, and the commands."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="leveret-data-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.data_dir = os.path.join(self.folder, "data")
        self.daemon = None
        self._clients = []
        self._confirmed = {}

    # The daemon

    def start_on(self, **options):
        """A daemon on the directory, with short segments."""
        self.daemon = self.start(
            settings=[f"node.data_dir={self.data_dir}", "storage.segment_size=1MiB"], **options)
        return self.daemon

    def kill(self):
        """SIGKILL: nothing is written any more."""
        self.daemon.signal(signal.SIGKILL)
        self.daemon.wait_exit()

    def end(self):
        """SIGTERM: all is written, and a checkpoint."""
        for client in self._clients:
            client.drop()  # It is not waited for.
        self.assertEqual(self.daemon.terminate(), 0, self.daemon.log_text())

    def fill(self, bodies):
        """Declares durable queues and publishes persistent messages, {queue: [body]}; all are confirmed.

        What comes last in the log is a definition that tells that all before it was safe. (Damage that follows it
        looks like an end that was torn when the machine stopped.)
        """
        channel = self.new_channel()
        channel.call("confirm.select")
        for queue, texts in bodies.items():
            channel.call("queue.declare", queue=queue, durable=True)
            for text in texts:
                channel.publish(queue, text, delivery_mode=2)
            self.await_confirms(channel, len(texts))
        channel.call("queue.declare", queue="last", durable=True)
        return channel

    def new_channel(self):
        """A channel on a connection of its own."""
        client = self.client(self.daemon)
        self._clients.append(client)
        return client.channel()

    def await_confirms(self, channel, count):
        """Waits until the next `count` publishes are confirmed."""
        target = self._confirmed.get(channel, 0) + count
        while self._confirmed.get(channel, 0) < target:
            event = channel.receive()
            self.assertEqual(event.name, "basic.ack", event)
            self._confirmed[channel] = event.values["delivery_tag"]

    def drain(self, *queues):
        """Takes everything out of queues: {queue: [body]}."""
        channel = self.new_channel()
        found = {}
        for queue in queues:
            found[queue] = []
            while (event := channel.call("basic.get", queue=queue, no_ack=True)).name == "basic.get-ok":
                found[queue].append(event.body)
        return found

    # The commands

    def run_tool(self, *arguments, code=FINE):
        """Runs the program; what it printed, once the exit code is the one expected."""
        done = run_leveret(*arguments)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        self.last_error = done.stderr
        return done.stdout

    def inspect(self, *options, code=FINE):
        """What inspect --json says."""
        return json.loads(self.run_tool("inspect", self.data_dir, "--json", *options, code=code))

    def recover(self, *options, code=FINE):
        """What recover --json says."""
        return json.loads(self.run_tool("recover", self.data_dir, "--json", *options, code=code))

    # The files

    def path(self, name):
        """A file of the log."""
        return os.path.join(self.data_dir, "log", name)

    def log_files(self, beginning=""):
        """Names in the log's folder, sorted."""
        return sorted(name for name in os.listdir(self.path("")) if name.startswith(beginning))

    def change(self, name, position, size=1):
        """Turns bytes of a file of the log into others."""
        with open(self.path(name), "r+b") as file:
            file.seek(position)
            old = file.read(size)
            file.seek(position)
            file.write(bytes(byte ^ 0x55 for byte in old))

    def snapshot(self):
        """All that could be changed in the directory."""
        found = {}
        for folder, _, names in os.walk(self.data_dir):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[path] = (hashlib.sha256(file.read()).hexdigest(), os.stat(path).st_mtime_ns)
        return found

    def messages_of(self, queue):
        """Records of a queue's messages that are still there, as inspect --records shows them."""
        return [record for record in self.inspect("--records")["records"]
                if any(reference["queue"]["name"] == queue and reference["state"] != "settled"
                       for reference in record.get("references", ()))]
