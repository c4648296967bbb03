"""Power cuts: the disk is photographed while the broker writes, and a broker is started on each photograph.

More of it by hand: CLONES=300 run.py --only power_cut
"""

import os
import random
import threading
import time

from support import DaemonTest, on_each_shard_count
from support.durable import DurableTest
from support.load import Consumer, Load, Publisher, TxConsumer, TxPublisher
from support.mounts import MIB, PhotographedDisk
from support.world import World

CLONES = int(os.environ.get("CLONES", "10"))


@on_each_shard_count
class PowerCutTest(DurableTest):
    """Everything that was confirmed before a photograph was begun must be on it."""

    timeout_s = 180 + 20 * CLONES

    def setUp(self):
        super().setUp()
        reason = PhotographedDisk.why_not()
        if reason:
            self.skipTest(reason)
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        self.chosen = random.Random(seed)

    def load(self, node, world):
        """Publishers of both kinds, and consumers who give nothing back: a copy's story is one of dates then."""
        load = Load(node.address, world.ledger, self.chosen)
        for number in (1, 2, 3, 4):
            load.add(Publisher(number, world.simple_routes, window=self.chosen.choice([1, 10, 50])))
        load.add(TxPublisher(5, world.simple_routes))
        load.add(Consumer("work", prefetch=20, requeue_share=0, reject_share=0))
        load.add(TxConsumer("copy-1"))
        return load

    def photograph_under_load(self, count):
        """Takes photographs while clients publish and acknowledge. Returns the world, and (began, ended, copy) of each."""
        world = World(self.chosen)
        node = self.make_node(data_dir=os.path.join(self.disk.folder, "data"))
        node.start()
        world.begin(node)
        load = self.load(node, world)
        photographs = []

        def take_photographs():
            for number in range(count):
                time.sleep(self.chosen.uniform(0.05, 0.4))
                began = time.time()
                copy = self.disk.photograph(f"copy-{number}")
                photographs.append((began, time.time(), copy))

        photographer = threading.Thread(target=take_photographs)
        photographer.start()
        load.run(lambda: not photographer.is_alive(), patience_s=60 + 5 * count)
        photographer.join()
        self.assertEqual(len(photographs), count)
        load.finish()
        node.end()
        world.assert_kept(self)
        print(f"{world.ledger.counts['confirmed']} confirmed, {world.ledger.counts['acked']} acknowledged")
        return world, photographs

    def develop(self, world, began, ended, copy):
        """Starts a broker on a photograph. Returns the ledger of what was known then, which has its verdict."""
        developed = World(self.chosen)
        developed.is_declared = True
        developed.ledger = world.ledger.as_of(began, ended)
        with self.disk.developed(copy) as folder:
            node = self.make_node(data_dir=os.path.join(folder, "data"))
            node.start()
            try:
                developed.begin(node)
            finally:
                node.kill()
        counts = developed.ledger.counts
        print(f"{counts['confirmed']} confirmed by then, {counts['found']} copies found, {counts['violations']} wrong")
        return developed

    def test_photographs_under_load(self):
        self.disk = self.enterContext(PhotographedDisk(256 * MIB, (CLONES + 1) * 128 * MIB))
        world, photographs = self.photograph_under_load(CLONES)
        for photograph in photographs:
            with self.subTest(photograph=photograph):
                self.develop(world, *photograph).assert_kept(self)

    def test_the_weaker_promise_is_weaker(self):
        # What was confirmed a moment ago is lost, which shows that the test above would see it.
        self.settings = (*DurableTest.settings, "storage.sync=os")
        self.disk = self.enterContext(PhotographedDisk(256 * MIB, 512 * MIB))
        world, photographs = self.photograph_under_load(3)
        wrong_count = 0
        for photograph in photographs:
            try:
                wrong_count += self.develop(world, *photograph).ledger.counts["violations"]
            except AssertionError:
                wrong_count += 1  # A queue is missing.
        self.assertGreater(wrong_count, 0)


class DiskItselfTest(DaemonTest):
    """A photograph shows what the test above needs: what was synced, and not what was not."""

    def test_a_photograph_has_what_was_synced_and_not_what_was_not(self):
        reason = PhotographedDisk.why_not()
        if reason:
            self.skipTest(reason)
        with PhotographedDisk(32 * MIB, 64 * MIB) as disk:
            with open(os.path.join(disk.folder, "file"), "wb", buffering=0) as file:
                file.write(b"synced")
                os.fsync(file.fileno())
                file.write(b" and not synced")
                copy = disk.photograph("copy")
            with disk.developed(copy) as folder, open(os.path.join(folder, "file"), "rb") as file:
                self.assertEqual(file.read(), b"synced")
