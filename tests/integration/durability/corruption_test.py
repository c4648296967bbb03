"""Damaged files: never a crash, never a wrong body, never a loss of which the log does not tell.

More of it by hand: MUTATIONS=10000 run.py --only corruption; SEED=n repeats one.
"""

import json
import os
import re
import shutil
import tempfile
import time

from harness.connection import ConnectionClosed
from support import on_each_shard_count, run_leveret
from support.contents import contents_of
from support.daemon import StartRefused
from support.damage import Damage, seeded
from support.durable import DurableTest
from support.messages import make_body, read_body

COUNT = int(os.environ.get("MUTATIONS", "150"))
QUEUES = ("one", "two", "three")


@on_each_shard_count
class CorruptionTest(DurableTest):
    """Makes a data directory once, and damages copies of it."""

    timeout_s = 180 + 2 * COUNT

    def setUp(self):
        super().setUp()
        self.chosen = seeded(int(os.environ["SEED"]) if "SEED" in os.environ else None)
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="leveret-corruption-"))
        self.expected = {queue: [] for queue in QUEUES}
        self.number = 0

    # The undamaged directory

    def fill(self, node, count):
        """Messages for one, two or three queues, all confirmed; a third of those of queue `two` acknowledged."""
        channel = self.channel(node, confirms=True)
        for queue in (*QUEUES, "tail"):
            event = channel.call("queue.declare", queue=queue, durable=True)
            self.assertEqual(event.name, "queue.declare-ok", event)
        channel.call("exchange.declare", exchange="all", type="fanout", durable=True)
        for queue in QUEUES:
            channel.call("queue.bind", queue=queue, exchange="all")
        for _ in range(count):
            self.number += 1
            size = self.chosen.choice([20, 100, 1000, 3000, 30_000])
            body = make_body(1, self.number, size)
            if self.number % 4 == 0:
                channel.publish("", body, exchange="all", delivery_mode=2)
                targets = QUEUES
            else:
                targets = (self.chosen.choice(QUEUES),)
                channel.publish(targets[0], body, delivery_mode=2)
            for queue in targets:
                self.expected[queue].append(body)
        self.wait_confirms(channel, count)
        taken = len(self.expected["two"]) // 3
        for _ in range(taken):
            event = channel.call("basic.get", queue="two")
            self.assertEqual(event.body, self.expected["two"].pop(0))
            channel.send("basic.ack", delivery_tag=event.values["delivery_tag"])
        channel.sync()
        # Later promises, of which no test asks: the log's end may look like one that never came to be.
        for _ in range(20):
            self.publish(channel, "tail", *[bytes(8000)] * 2)
        channel.connection.close()

    def make_base(self, kill):
        """A directory after several lives, the last of which ended in one way or the other."""
        data_dir = os.path.join(self.folder, "base")
        node = self.make_node(data_dir=data_dir)
        for life in range(3):
            node.start()
            self.fill(node, 150)
            if life == 2 and not kill:
                node.end()
            else:
                node.kill()
        return data_dir

    # What is done to it

    def damaged_start(self, data_dir, damage):
        """Starts a daemon and compares. Returns what became of it."""
        node = self.make_node(data_dir=data_dir)
        try:
            node.start(start_timeout_s=30)
        except StartRefused as refused:
            self.assertTrue(0 < refused.code < 128, f"exit code {refused.code}\n{refused.log[-3000:]}")
            self.assert_names(refused.log, damage, r"\[(error|critical)\]")
            return "refused" if damage.name == "identity" else self.repaired_start(node)
        try:
            difference = self.difference(node)
            if not difference:
                return "complete"
            for _ in range(50):
                if os.path.basename(damage.name) in node.daemon.log_text():
                    break
                time.sleep(0.1)  # The line is on its way.
            said = f"{node.daemon.log_text()}\n{difference}"
            self.assert_names(said, damage, r"\[(warning|error|critical)\]")
            return "reported"
        finally:
            if node.daemon.has_ended():
                code, said = node.wait_exit()
                self.assertTrue(0 < code < 128, f"exit code {code}\n{said[-3000:]}")
            else:
                node.kill()

    def repaired_start(self, node):
        """What `leveret recover` offers for a directory that was refused: it tells what is lost, and the rest is there."""
        done = run_leveret("recover", "--skip-damaged", "--json", node.data_dir)
        self.assertIn(done.returncode, (0, 65), f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        report = json.loads(done.stdout)
        node.start(start_timeout_s=30)
        self.assertFalse(node.daemon.find_in_log(r"\[(warning|error|critical)\] storage"), node.daemon.log_text()[-3000:])
        difference = self.difference(node)
        is_told = report["lost"]["messages"] > 0 or report["other_records_may_be_lost"]
        self.assertTrue(is_told or not difference, f"{difference}\n{done.stdout[-3000:]}")
        node.end()
        return "repaired with losses" if difference else "repaired"

    def difference(self, node):
        """What is missing and what is there although it was acknowledged, in words; empty when nothing is."""
        words = []
        for queue, expected in self.expected.items():
            try:
                found = [body for body, _ in contents_of(node.address, [queue])[queue]]
            except (AssertionError, ConnectionClosed, OSError) as error:
                words.append(f"{queue}: {error!r}")
                continue
            for body in found:
                self.assertIsNotNone(read_body(body), f"a damaged body came out of '{queue}': {body[:60]!r}")
            if found != expected:
                held, wanted = set(found), set(expected)
                words.append(f"{queue}: {len(wanted - held)} missing, {len(held - wanted)} too many"
                             + (", twice or in another order" if held == wanted else ""))
        return "; ".join(words)

    def assert_names(self, said, damage, level):
        """A line of the log names the file, and where in it."""
        name = re.escape(os.path.basename(damage.name))
        lines = [line for line in said.splitlines() if re.search(level, line)]
        self.assertTrue(any(re.search(name, line) for line in lines), f"no line names the file\n{said[-3000:]}")
        if damage.name.endswith(".seg") and "removed" not in damage.text:
            self.assertTrue(any(re.search(rf"{name}.*byte \d", line) for line in lines),
                            f"no line says where\n{said[-3000:]}")

    def check(self, kill):
        """Damages copies of one directory."""
        base = self.make_base(kill)
        # Nothing in a log tells that more of it followed: who loses its last file as a whole loses what is in it.
        kept = max(name for name in os.listdir(os.path.join(base, "log")) if name.endswith(".seg")) if kill else ""
        outcomes = {}
        for number in range(COUNT // 2):
            data_dir = os.path.join(self.folder, "copy")
            shutil.copytree(base, data_dir)
            damage = Damage(self.chosen, data_dir, kept=os.path.join("log", kept))
            with self.subTest(number=number, damage=damage.text):
                outcome = self.damaged_start(data_dir, damage)
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
            shutil.rmtree(data_dir)
        print(outcomes)
        # Undamaged it is complete: the comparisons above are of something.
        node = self.make_node(data_dir=base)
        node.start()
        self.assertEqual(self.difference(node), "")

    def test_files_of_a_killed_broker(self):
        self.check(kill=True)

    def test_files_of_a_broker_that_was_stopped(self):
        self.check(kill=False)
