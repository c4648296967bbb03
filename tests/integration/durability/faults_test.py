"""A disk that fails at the n-th call: no promise is broken, and the daemon either goes on or says why it goes.

More of it by hand: FAULTS=200 run.py --only faults_test
"""

import os
import random
import re
import tempfile
import time

from harness.connection import ConnectionClosed
from support import on_each_shard_count
from support.daemon import StartRefused, is_sanitized
from support.durable import DurableTest
from support.faults import FaultyProgram, make_short_writes, missing_tool
from support.world import World

#: Runs of each kind of failure, each with another n.
FAULTS = int(os.environ.get("FAULTS", "5"))
#: How long a daemon may take to go after a write or a sync has failed.
EXIT_PATIENCE_S = 5


class FaultyDiskTest(DurableTest):
    """Has a place for programs."""

    timeout_s = 180 + 20 * FAULTS

    def setUp(self):
        super().setUp()
        reason = missing_tool("strace")
        if reason:
            self.skipTest(reason)
        folder = tempfile.TemporaryDirectory(prefix="leveret-faults-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        self.chosen = random.Random(seed)
        self.world = World(self.chosen)

    def assert_says(self, said, call, error):
        """The log names the call, the file and the error."""
        self.assertRegex(said, rf"\[(error|critical)\][^\n]*{call} /\S+: {error}", said[-3000:])

    def assert_ended_itself(self, code, said):
        """Not by a signal, and not as if all were well."""
        self.assertTrue(0 < code < 128, f"exit code {code}\n{said[-3000:]}")


@on_each_shard_count
class LoneConfirmTest(FaultyDiskTest):
    """One client that publishes one message after the other, each after the confirm of the last."""

    def publish_until_the_end(self, node):
        """Returns the numbers that were sent, and when each confirm came."""
        channel = self.channel(node, confirms=True)
        self.assertEqual(channel.call("queue.declare", queue="q", durable=True).name, "queue.declare-ok")
        confirmed_at = []
        deadline = time.monotonic() + 30
        try:
            while time.monotonic() < deadline:
                channel.publish("q", f"{len(confirmed_at)}", delivery_mode=2)
                event = channel.receive()
                self.assertEqual((event.name, event.values["delivery_tag"]), ("basic.ack", len(confirmed_at) + 1))
                confirmed_at.append(time.time())
        except ConnectionClosed:
            return confirmed_at
        self.fail(f"nothing failed, {len(confirmed_at)} confirms")

    def test_a_failed_sync_or_write_is_never_confirmed_and_ends_the_daemon(self):
        for call, error, words in (("fdatasync", "EIO", "Input/output error"), ("pwritev", "EIO", "Input/output error"),
                                   ("fdatasync", "ENOSPC", "No space left on device")):
            for number in range(max(1, FAULTS // 3)):
                with self.subTest(call=call, error=error, number=number):
                    node = self.make_node()
                    # The first calls of each thread belong to the start.
                    program = FaultyProgram(self.folder, call, f"error={error}", f"{self.chosen.randint(20, 120)}")
                    node.start(binary=program.path)
                    confirmed_at = self.publish_until_the_end(node)
                    code, said = node.wait_exit(EXIT_PATIENCE_S)
                    self.assert_ended_itself(code, said)
                    self.assert_says(said, "write" if call == "pwritev" else call, words)
                    failed_at = program.injected()[0].at
                    self.assertTrue(confirmed_at, "nothing was confirmed before")
                    self.assertLess(confirmed_at[-1], failed_at, f"a confirm came after {program.injected()[0].line}")
                    node.start()
                    found = self.bodies(node, "q")
                    self.assertEqual(found[:len(confirmed_at)], [f"{n}".encode() for n in range(len(confirmed_at))])
                    self.assertLessEqual(len(found), len(confirmed_at) + 1)
                    node.clear()


@on_each_shard_count
class LoadOnAFaultyDiskTest(FaultyDiskTest):
    """Clients of all kinds on one data directory; in each round another call fails."""

    def run_round(self, node, program, must_end=False):
        """A life with a failing call. Returns whether the call was reached."""
        try:
            node.start(binary=program.path, settings=["disk.check_interval=100ms"])
        except StartRefused as refused:
            self.assert_ended_itself(refused.code, refused.log)
            return bool(program.injected())
        load = None
        try:
            self.world.begin(node, look=False)
            load = self.world.load(node.address)
            load.run_for(self.chosen.uniform(0.2, 0.8))
        except (ConnectionClosed, OSError):
            must_end = True  # It went while clients came.
        if must_end and program.injected():
            node.daemon.wait_exit(EXIT_PATIENCE_S)
        if node.daemon.has_ended():
            if load is not None:
                load.drain()
        else:
            load.finish()  # It has coped, or nothing happened yet: all that was sent is answered.
            node.strike(kill=False)
        if load is not None:
            load.drop()
        code, said = node.wait_exit()
        if code != 0:
            self.assertTrue(program.injected(), said[-3000:])
            self.assert_ended_itself(code, said)
            self.assertRegex(said, r"\[(error|critical)\]", said[-3000:])
        self.world.finish_epoch()
        return bool(program.injected())

    def count_calls(self, node, call):
        """How many there are in a life without failures, by the thread that makes most of them."""
        program = FaultyProgram(self.folder, call)
        node.start(binary=program.path)
        self.world.begin(node)
        load = self.world.load(node.address)
        load.run_for(0.4)
        load.finish()
        node.end()
        self.world.finish_epoch(was_clean=True)
        return len(program.calls())

    def check_failures(self, call, fault, must_end=False):
        """Rounds with failing calls from the first on, and with some at random."""
        node = self.make_node()
        total = self.count_calls(node, call)
        self.assertGreater(total, 0, f"no {call} at all")
        first = range(1, 1 + FAULTS // 2)
        numbers = sorted({*first, *(self.chosen.randint(1, total) for _ in range(FAULTS - len(first)))})
        reached = 0
        for number in numbers:
            program = FaultyProgram(self.folder, call, fault, str(number))
            reached += self.run_round(node, program, must_end)
            node.start()
            self.world.begin(node)
            self.world.assert_kept(self, f"after {call} {fault} at {number}: {program.injected()}\n{node.log[-3000:]}")
            node.kill()
            self.world.finish_epoch()
        print(f"{call} {fault} at {numbers}: {reached} reached, of up to {total} calls")
        self.assertGreater(reached, 0)

    def test_eio_on_fdatasync(self):
        self.check_failures("fdatasync", "error=EIO", must_end=True)

    def test_eio_on_pwritev(self):
        self.check_failures("pwritev", "error=EIO")

    def test_enospc_on_pwritev(self):
        self.check_failures("pwritev", "error=ENOSPC")

    def test_enospc_on_openat(self):
        self.check_failures("openat", "error=ENOSPC")

    def test_eio_on_rename(self):
        self.check_failures("rename", "error=EIO")

    def test_enospc_on_rename(self):
        self.check_failures("rename", "error=ENOSPC")

    def test_a_pwritev_that_a_signal_interrupts_is_repeated(self):
        node = self.make_node()
        program = FaultyProgram(self.folder, "pwritev", "error=EINTR", "5+7")
        node.start(binary=program.path)
        self.world.begin(node)
        load = self.world.load(node.address)
        load.run_for(0.5)
        load.finish()
        self.assertTrue(program.injected())
        node.restart()
        self.world.finish_epoch()
        self.world.begin(node)
        self.world.assert_kept(self)

    def test_short_writes_are_completed(self):
        if is_sanitized():
            self.skipTest("the sanitizer's library has to be loaded first")
        path = make_short_writes(self.folder)
        node = self.make_node()
        for kill in (True, False):
            node.start(binary=path)
            self.world.begin(node)
            load = self.world.load_until(node.address, 0.7, lambda: node.strike(kill))
            self.assertTrue(load.ledger.counts["confirmed"])
            self.world.finish_epoch(was_clean=not kill)
        self.assertFalse(re.search(r"\[(error|critical)\]", node.log), node.log[-3000:])
        node.start()
        self.world.begin(node)
        self.world.assert_kept(self)
