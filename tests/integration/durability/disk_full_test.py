"""A full disk: publishers wait, consumers and acknowledgements go on, and everything resumes by itself."""

import os
import random

from support import on_each_shard_count
from support.durable import DurableTest
from support.load import Consumer, Load, Publisher, Route
from support.ledger import Ledger
from support.contents import contents_of
from support.mounts import MIB, small_disk, why_no_mounts

ROUNDS = 10
DISK_BYTES = 48 * MIB
FREE_LIMIT_BYTES = 8 * MIB
ROUTES = (Route("", "q", ("q",)),)


@on_each_shard_count
class DiskFullTest(DurableTest):
    """A disk of a few segments."""

    timeout_s = 300

    def setUp(self):
        super().setUp()
        reason = why_no_mounts()
        if reason:
            self.skipTest(reason)
        self.folder = self.enterContext(small_disk(DISK_BYTES))
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        self.chosen = random.Random(seed)
        self.ledger = Ledger()

    def start_on_small_disk(self, free_limit=FREE_LIMIT_BYTES):
        """A node on the small disk, with a queue."""
        self.settings = (*DurableTest.settings, f"disk.free_limit={free_limit}", "disk.check_interval=100ms")
        node = self.make_node(data_dir=os.path.join(self.folder, "data"))
        node.start()
        self.ledger.begin_epoch(node.started_at)
        channel = self.channel(node)
        self.assertEqual(channel.call("queue.declare", queue="q", durable=True).name, "queue.declare-ok")
        return node

    def publishers(self, load, count=3):
        """Publishers of messages that fill the disk soon."""
        return [load.add(Publisher(number, ROUTES, window=2000, sizes=(1000, 60_000), transient_share=0))
                for number in range(1, count + 1)]

    def drain(self, node, count=1):
        """Consumers that acknowledge everything."""
        load = Load(node.address, self.ledger, self.chosen)
        for _ in range(count):
            load.add(Consumer("q", requeue_share=0, reject_share=0, keep_share=0))
        return load

    @staticmethod
    def finish_while_draining(load, drain):
        """Waits for the answers to what was sent: it may be more than the disk takes at once."""
        load.is_finishing = True
        load.run(lambda: drain.run_for(0.02) or all(peer.is_done() for peer in load.peers), 60, "answers")
        load.finish()
        drain.finish()

    def verify(self, node):
        """Compares the queue with the ledger."""
        self.ledger.verify(contents_of(node.address, ["q"]))
        self.assertEqual(self.ledger.violations, [], node.daemon.log_text()[-3000:])

    def test_filled_and_drained_ten_times(self):
        node = self.start_on_small_disk()
        load = Load(node.address, self.ledger, self.chosen)
        publishers = self.publishers(load)
        for number in range(ROUNDS):
            load.run(lambda: all(one.blocked_reason for one in publishers), 60, f"block in round {number}")
            self.assertEqual({one.blocked_reason for one in publishers}, {"low on disk"})
            self.assertGreater(os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize, 0)
            acked = self.ledger.counts["acked"]
            drain = self.drain(node, 2)
            left = {"all": False}

            def both_turn(drain=drain, left=left):
                drain.run_for(0.02)
                left["all"] = not any(one.blocked_reason for one in publishers)
                return left["all"]

            load.run(both_turn, 60, f"resumption in round {number}\n{node.daemon.log_text()[-3000:]}")
            drain.finish()
            self.assertGreater(self.ledger.counts["acked"], acked)
            self.assertEqual(self.ledger.violations, [])
        self.finish_while_draining(load, self.drain(node))
        self.assertEqual(load.surprises, [])
        print(f"{self.ledger.counts['confirmed']} confirmed, {self.ledger.counts['acked']} acknowledged")
        self.verify(node)
        node.restart(kill=False)  # Acknowledgements just made may be lost with it: what verify() saw would be no promise.
        self.ledger.end_epoch(was_clean=True)
        self.ledger.begin_epoch(node.started_at)
        self.verify(node)
        warnings = [line for line in node.log.splitlines() if "disk" in line and "[warning]" in line]
        self.assertGreaterEqual(len(warnings), ROUNDS)

    def test_killed_while_full_it_starts_again_and_can_be_drained(self):
        node = self.start_on_small_disk()
        for _ in range(3):
            load = Load(node.address, self.ledger, self.chosen)
            publishers = self.publishers(load)
            load.run(lambda: all(one.blocked_reason for one in publishers), 60, "block")
            node.strike()
            load.drain()
            load.drop()
            self.ledger.end_epoch()
            node.start()
            self.ledger.begin_epoch(node.started_at)
            self.verify(node)
            drain = self.drain(node)
            drain.run(lambda: self.is_empty(node), 60, "end of the queue")
            drain.finish()
            self.assertEqual(self.ledger.violations, [])

    def is_empty(self, node):
        """Whether everything has been acknowledged."""
        return not any(copy.settled_at is None for message in self.ledger.messages.values()
                       for copy in message.copies.values())

    def test_a_disk_without_any_room_blocks_and_does_not_end_it(self):
        # No limit of its own: the first thing that it notices is that it cannot make another segment.
        node = self.start_on_small_disk(free_limit=0)
        load = Load(node.address, self.ledger, self.chosen)
        publishers = self.publishers(load)
        load.run(lambda: all(one.blocked_reason for one in publishers), 60, "block")
        self.assertEqual({one.blocked_reason for one in publishers}, {"low on disk"})
        drain = self.drain(node)
        load.run(lambda: drain.run_for(0.02) or not any(one.blocked_reason for one in publishers), 60, "resumption")
        self.finish_while_draining(load, drain)
        self.verify(node)
        node.restart(kill=False)  # Acknowledgements just made may be lost with it: what verify() saw would be no promise.
        self.ledger.end_epoch(was_clean=True)
        self.ledger.begin_epoch(node.started_at)
        self.verify(node)
        ballast = os.path.join(self.folder, "ballast")
        with open(ballast, "wb") as file:  # Somebody else takes the rest.
            try:
                while True:
                    file.write(bytes(MIB))
                    file.flush()
            except OSError:
                pass
        load = Load(node.address, self.ledger, self.chosen)
        publishers = self.publishers(load)
        load.run(lambda: all(one.blocked_reason for one in publishers), 60, "block by somebody else")
        os.remove(ballast)
        load.run(lambda: not any(one.blocked_reason for one in publishers), 60, "resumption after somebody else")
        self.finish_while_draining(load, self.drain(node))
        self.verify(node)

    def test_a_disk_that_is_full_at_the_start(self):
        node = self.start_on_small_disk()
        node.end()
        self.ledger.end_epoch(was_clean=True)
        ballast = os.path.join(self.folder, "ballast")
        with open(ballast, "wb", buffering=0) as file:
            size = 0
            try:
                while True:
                    size += file.write(bytes(4096))
            except OSError:
                pass
        node.start()
        self.ledger.begin_epoch(node.started_at)
        load = Load(node.address, self.ledger, self.chosen)
        publisher = self.publishers(load, 1)[0]
        load.run(lambda: publisher.blocked_reason, 30, "block")
        self.assertEqual(publisher.blocked_reason, "low on disk")
        os.remove(ballast)
        load.run(lambda: load.ledger.counts["confirmed"] > 100, 30, "resumption")
        self.finish_while_draining(load, self.drain(node))
        self.verify(node)
