"""Policies of a real broker: imported, changed while clients are connected, and there again after a restart."""

import json
import os
import tempfile

from support import DaemonTest, connect, on_each_shard_count
from support.daemon import StartRefused, wait_for


@on_each_shard_count
class PoliciesTest(DaemonTest):
    """What policies of a definitions file do."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="leveret-policies-")
        self.addCleanup(folder.cleanup)
        self.data_dir = os.path.join(folder.name, "data")
        self.file = os.path.join(folder.name, "definitions.json")

    def write(self, *policies):
        """Puts policies into the file: name, pattern and definition of each."""
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump({"policies": [{"vhost": "/", "name": name, "pattern": pattern, "definition": definition}
                                    for name, pattern, definition in policies]}, file)

    def start_with_file(self, when="every_boot"):
        """A daemon that imports the file."""
        return self.start(data_dir=self.data_dir,
                          settings=[f"definitions.import=[{self.file}]", f"definitions.when={when}"])

    def ready_count(self, channel, queue):
        """Messages in a queue."""
        return channel.call("queue.declare", queue=queue, passive=True).values["message_count"]

    def fill(self, channel, queue, count):
        """Publishes persistent messages, and waits until the broker has them."""
        for number in range(count):
            channel.publish(queue, f"{number}", delivery_mode=2)
        channel.sync()

    def test_queues_of_all_shards_follow_a_change_and_keep_it_over_a_restart(self):
        self.write(("p", "^q", {"max-length": 3}))
        daemon = self.start_with_file()
        client = connect(daemon.address)
        channel = client.channel()
        queues = [f"q{number}" for number in range(8)]
        # Connections are spread over the shards, and a queue lives where it was declared.
        for queue in queues:
            other = connect(daemon.address)
            other.channel().call("queue.declare", queue=queue, durable=True)
            other.close()
            self.fill(channel, queue, 9)
        self.assertEqual([self.ready_count(channel, queue) for queue in queues], [3] * 8)
        self.write(("p", "^q", {"max-length": 2}), ("better", "^q7", {"max-length": 1}))
        daemon.reload()
        for queue in queues:
            wait_for(lambda queue=queue: self.ready_count(channel, queue) <= 2, f"{queue} is shorter")
        client.close()

        self.assertEqual(daemon.terminate(), 0)
        daemon = self.start(data_dir=self.data_dir)
        client = connect(daemon.address)
        channel = client.channel()
        for queue in queues:
            self.fill(channel, queue, 5)
        # "better" has the same priority, and comes before "p" by its name.
        self.assertEqual([self.ready_count(channel, queue) for queue in queues], [2] * 7 + [1])
        client.close()

    def test_a_file_with_a_policy_that_is_wrong_is_refused_with_its_reason(self):
        self.write(("p", "^q", {"max-length": -1}))
        with self.assertRaises(StartRefused) as refused:
            self.start_with_file()
        self.assertRegex(refused.exception.log, "(?s)'p'.*-1 is not a valid maximum length")
        self.write(("p", "^q", {"max-lenght": 1}))
        with self.assertRaises(StartRefused) as refused:
            self.start_with_file()
        self.assertRegex(refused.exception.log, "(?s)max-lenght.*are not recognised policy settings")
