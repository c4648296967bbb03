"""Backlogs larger than their share of memory: they leave it for the disk and come back as they were."""

import os
import re
import shutil
import signal
import tempfile

from support import DaemonTest, Flood, connect, on_each_shard_count, publish_frames
from support.daemon import is_sanitized, wait_for

MIB = 2**20
BUDGET_MIB = 16
#: The budget, the program, what the allocator keeps, and what is on its way from and to sockets.
RESIDENT_MAX_MIB = 100
BACKLOG_BYTES = 200 * MIB


def body(number, size):
    """A body that belongs to its number alone, all of it."""
    return (b"%08d" % number * (size // 8 + 1))[:size]


@on_each_shard_count
class PagingTest(DaemonTest):
    """A budget of a few MiB, and much more in queues."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="paging-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.daemon = self.start_here()
        self.channel = self.client(self.daemon).channel()

    def start_here(self):
        """A daemon in the test's folder."""
        # A sanitizer keeps what was freed, which would be an alarm after a while.
        watermark = "4GiB" if is_sanitized() else "512MiB"
        config = [f"memory: {{high_watermark: {watermark}, page_out_at: {BUDGET_MIB}MiB}}"]
        return self.start(config=config, settings=[f"node.data_dir={self.folder}/data"])

    def page_files(self):
        """Paths of what left memory."""
        pages = os.path.join(self.folder, "data", "pages")
        return [os.path.join(pages, name) for name in os.listdir(pages)]

    def paged_bytes(self):
        """How much left memory."""
        return sum(os.path.getsize(path) for path in self.page_files())

    def fill(self, queue, size, count=None, **properties):
        """Publishes the backlog, with confirms; returns how many messages that were."""
        count = count or BACKLOG_BYTES // size
        publisher = connect(self.daemon.address)
        channel = publisher.channel()
        channel.call("confirm.select")
        at_once = max(1, 4 * MIB // size)
        for first in range(0, count, at_once):
            end = min(first + at_once, count)
            Flood(publisher, b"".join(publish_frames(queue, body(number, size), **properties)
                                      for number in range(first, end)), 1).join()
            # What the log has not written yet is in memory.
            while channel.receive().values["delivery_tag"] < end:
                pass
        # Asked on the way that the messages went, so that it comes after them.
        ready = channel.call("queue.declare", queue=queue, passive=True).values["message_count"]
        publisher.close()
        self.assertEqual(ready, count)
        return count

    def message_count(self, queue):
        """Ready messages."""
        return self.channel.call("queue.declare", queue=queue, passive=True).values["message_count"]

    def drain(self, queue, size, count):
        """Takes all messages off the queue: each is the next one, and whole."""
        channel = self.client(self.daemon).channel()
        at_once = max(5, min(100, MIB // size))  # What is unacknowledged is in memory.
        channel.call("basic.qos", prefetch_count=2 * at_once)
        channel.call("basic.consume", queue=queue)
        for number in range(count):
            event = channel.receive()
            self.assertEqual(event.body, body(number, size), number)
            if number % at_once == at_once - 1 or number == count - 1:
                channel.send("basic.ack", delivery_tag=event.values["delivery_tag"], multiple=True)
        channel.sync()
        self.assertEqual(self.message_count(queue), 0)

    def check(self, size, durable=False, **properties):
        """Fills a queue and drains it, and looks at memory and disk meanwhile."""
        self.channel.call("queue.declare", queue="q", durable=durable)
        count = self.fill("q", size, **properties)
        wait_for(lambda: self.paged_bytes() > 0, "page files")
        if durable:  # The log has the bodies already.
            self.assertLess(self.paged_bytes(), 64 * count)
        else:
            self.assertGreater(self.paged_bytes(), BACKLOG_BYTES // 2)
        self.assert_peak_below(self.daemon, RESIDENT_MAX_MIB)
        self.drain("q", size, count)
        self.assert_peak_below(self.daemon, RESIDENT_MAX_MIB)
        self.assertEqual(self.paged_bytes(), 0)

    def test_a_transient_backlog(self):
        self.check(4096)

    def test_a_transient_backlog_of_large_messages(self):
        self.check(MIB)

    def test_a_durable_backlog(self):
        self.check(4096, durable=True, delivery_mode=2)

    def test_a_backlog_of_small_messages_in_many_queues(self):
        queues = [f"q{number}" for number in range(20)]
        for queue in queues:
            self.channel.call("queue.declare", queue=queue)
        for queue in queues:
            self.fill(queue, 100, 10_000)
        wait_for(lambda: self.paged_bytes() > BUDGET_MIB * MIB, "page files")
        self.assert_peak_below(self.daemon, RESIDENT_MAX_MIB)
        self.channel.call("queue.purge", queue=queues[0])
        self.channel.call("queue.delete", queue=queues[1])
        for queue in queues[2:4]:
            self.drain(queue, 100, 10_000)
        for queue in queues[4:]:
            self.assertEqual(self.message_count(queue), 10_000)

    def test_a_process_that_was_killed_leaves_nothing_to_the_next(self):
        self.channel.call("queue.declare", queue="q")
        self.fill("q", 4096)
        wait_for(lambda: self.paged_bytes() > 0, "page files")
        self.daemon.signal(signal.SIGKILL)
        self.daemon.wait_exit()
        self.assertGreater(self.paged_bytes(), 0)
        self.daemon = self.start_here()
        self.assertEqual(self.page_files(), [])

    def test_damaged_pages_cost_their_messages_and_nothing_else(self):
        self.channel.call("queue.declare", queue="q")
        count = self.fill("q", 4096)
        wait_for(lambda: self.paged_bytes() > BACKLOG_BYTES // 2, "page files")
        path = max(self.page_files(), key=os.path.getsize)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            file.write(b"these are not the bytes that were written")
        consumer = self.client(self.daemon).channel()
        consumer.call("basic.consume", queue="q", no_ack=True)
        numbers = []
        while not numbers or numbers[-1] != count - 1:
            event = consumer.receive()
            numbers.append(int(event.body[:8]))
            self.assertEqual(event.body, body(numbers[-1], 4096))
        self.assertEqual(numbers, sorted(set(numbers)))
        line = self.daemon.wait_for_log(r"\[error\] storage: queue 'q' in vhost '/': \d+ messages could not be read back")
        self.assertEqual(int(re.search(r": (\d+) messages", line).group(1)), count - len(numbers))
        self.assertEqual(self.message_count("q"), 0)
        self.channel.publish("q", "goes on")
        self.assertEqual(consumer.receive().body, b"goes on")
