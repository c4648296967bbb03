"""SIGKILL at random moments under load, over and over on one data directory: the ledger must stay true.

More of it by hand: CYCLES=500 run.py --only kill_test
"""

import os
import random
import signal

from support import on_each_shard_count
from support.durable import ORACLE, DurableTest
from support.world import World

CYCLES = int(os.environ.get("CYCLES", "20"))


@on_each_shard_count
class KillTest(DurableTest):
    """Each cycle starts the broker, looks at all queues, puts load on it, and ends it."""

    is_for_rabbitmq = True
    timeout_s = 180 + 20 * CYCLES

    def setUp(self):
        super().setUp()
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        self.chosen = random.Random(seed)
        self.world = World(self.chosen, has_ordered_log=not ORACLE)

    def cycle(self, node, look=True, clean=False):
        """One life of a broker."""
        self.world.begin(node, look)
        self.world.assert_kept(self)
        load = self.world.load_until(node.address, self.chosen.uniform(0.05, 1.0),
                                     lambda: node.strike(kill=not clean))
        self.assertEqual(node.exit_code, 0 if clean else -signal.SIGKILL, node.daemon.log_text()[-3000:])
        self.assertEqual([surprise for surprise in load.surprises if not clean], [])
        self.world.finish_epoch(was_clean=clean)
        self.world.assert_kept(self)

    def finish(self, node):
        """The last look."""
        self.world.begin(node)
        counts = self.world.ledger.counts
        print(", ".join(f"{counts[name]} {name}" for name in sorted(counts)))
        self.world.assert_kept(self)

    def test_kill_under_load(self):
        node = self.make_node()
        node.start()
        for _ in range(CYCLES):
            # Without a look, what was not yet delivered comes to the next consumers.
            self.cycle(node, look=self.chosen.random() < 0.7)
            node.start()
        self.finish(node)

    def test_kill_under_load_with_all_bodies_out_of_memory(self):
        self.settings = (*DurableTest.settings, "memory.page_out_at=1MiB")
        self.kill_a_few_times()

    def test_kill_under_load_with_the_promise_of_the_operating_system(self):
        # It outlives its processes.
        self.settings = (*DurableTest.settings, "storage.sync=os")
        self.kill_a_few_times()

    def kill_a_few_times(self):
        """A short story with settings of its own."""
        node = self.make_node()
        node.start()
        for _ in range(max(4, CYCLES // 4)):
            self.cycle(node)
            node.start()
        self.finish(node)

    def test_ends_of_both_kinds_and_another_number_of_shards_each_time(self):
        node = self.make_node()
        node.start()
        for _ in range(max(4, CYCLES // 4)):
            self.cycle(node, clean=self.chosen.random() < 0.5)
            node.shards = self.chosen.choice([1, 2, 3])
            node.start()
        self.finish(node)
