"""leveret recover: damage is found and named; what is left can be used again, and nothing is thrown away."""

import glob
import os
import random
import shutil

from support import run_leveret
from support.data_dirs import DAMAGED, FINE, IN_USE, NO_INPUT, USAGE_ERROR, DataDirTest

#: Some user who is not root.
OWNER = 12345
#: Random damages; more by hand.
ROUNDS = int(os.environ.get("DAMAGES", "12"))


class RecoverTest(DataDirTest):
    """Directories, damaged in known ways."""

    def aside(self):
        """The one folder of originals."""
        folders = glob.glob(os.path.join(self.data_dir, "damaged-*"))
        self.assertEqual(len(folders), 1)
        return folders[0]

    def repair(self):
        """recover --skip-damaged; afterwards nothing is damaged any more, and a daemon runs."""
        report = self.recover("--skip-damaged")
        self.assertEqual(report["repair"]["still_damaged"], [])
        with open(os.path.join(self.aside(), "report.txt"), encoding="utf-8") as file:
            self.assertIn("repaired; the originals are in", file.read())
        self.assertTrue(self.recover()["clean"])
        self.start_on()
        return report

    def damage_message(self, queue, which):
        """Changes a byte of a message's body; returns file and position of its record."""
        record = self.messages_of(queue)[which]
        name = f"{record['segment']:010}.seg"
        self.change(name, record["position"] + record["size_bytes"] - 1)
        return name, record["position"]

    def test_a_right_directory_is_right_and_stays_as_it_is(self):
        for end in (self.kill, self.end):
            with self.subTest(end=end.__name__):
                self.start_on()
                self.fill({"q": [bytes(60_000)] * 30})
                end()
                before = self.snapshot()
                for options in ((), ("--verify",)):
                    report = self.recover(*options)
                    self.assertTrue(report["clean"])
                    self.assertEqual((report["damages"], report["repair"]), ([], None))
                self.assertEqual(self.snapshot(), before)
                self.assertIn("nothing is damaged", self.run_tool("recover", self.data_dir))
                del before[os.path.join(self.data_dir, "lock")]
                self.assertIsNone(self.recover("--skip-damaged")["repair"])
                after = self.snapshot()
                del after[os.path.join(self.data_dir, "lock")]
                self.assertEqual(after, before)

    def test_a_damaged_message_is_named_and_left_out(self):
        self.start_on()
        bodies = [b"%04d" % i for i in range(100)]
        self.fill({"orders": bodies, "others": [b"other"]})
        self.kill()
        name, position = self.damage_message("orders", 40)
        original = self.snapshot()[self.path(name)]
        report = self.recover(code=DAMAGED)
        self.assertFalse(report["clean"])
        self.assertEqual([(damage["file"], damage["position"], damage["records_lost"]) for damage in report["damages"]],
                         [(name, position, 1)])
        lost, = report["lost"]["queues"]
        self.assertEqual((lost["vhost"], lost["name"], lost["messages"], lost["body_bytes"]), ("/", "orders", 1, 4))
        self.assertFalse(report["other_records_may_be_lost"])
        self.assertEqual(report["remaining_messages"], 100)
        text = self.run_tool("recover", self.data_dir, code=DAMAGED)
        for part in (f"log/{name} is damaged from byte {position} on", "1 record lost", "lost: 1 message", "orders",
                     "nothing was changed; --skip-damaged repairs what can be repaired"):
            self.assertIn(part, text)

        report = self.repair()
        self.assertIn(name, report["repair"]["copied"])
        self.assertEqual(self.snapshot()[os.path.join(self.aside(), name)][0], original[0])
        self.assertEqual(self.drain("orders", "others"), {"orders": bodies[:40] + bodies[41:], "others": [b"other"]})

    def test_a_daemon_refuses_what_recover_repairs(self):
        self.start_on()
        self.fill({"q": [b"x" * 1000] * 20})
        self.kill()
        self.damage_message("q", 10)
        self.assertIn("leveret recover", self.start_on_damage())
        self.repair()
        self.assertEqual(len(self.drain("q")["q"]), 19)

    def start_on_damage(self):
        """What a daemon says that does not start."""
        done = self.run_tool("serve", "--set", f"node.data_dir={self.data_dir}", "--set",
                             'listeners.amqp=[{bind: "127.0.0.1:0"}]', code=IN_USE)
        return done + self.last_error

    def test_damage_in_a_part_that_a_checkpoint_covers_is_found_too(self):
        self.start_on()
        self.fill({"q": [b"%d" % i for i in range(50)]})
        self.end()
        self.damage_message("q", 4)
        self.damage_message("q", 3)  # The other one is not shown any more.
        report = self.recover(code=DAMAGED)
        self.assertEqual([queue["messages"] for queue in report["lost"]["queues"]], [2])
        self.assertFalse(report["lost"]["only_likely"])
        self.repair()
        self.assertEqual(self.drain("q")["q"], [b"%d" % i for i in range(50) if i not in (3, 4)])

    def test_a_missing_segment_is_named(self):
        self.start_on()
        self.fill({"q": [bytes(100_000)] * 30})
        self.end()
        os.remove(self.path("0000000002.seg"))
        report = self.recover(code=DAMAGED)
        self.assertEqual([(damage["file"], damage["what"]) for damage in report["damages"]],
                         [("0000000002.seg", "is missing")])
        count = report["lost"]["messages"]
        self.assertGreater(count, 5)
        self.assertEqual(report["lost"]["queues"][0]["messages"], count, "the index tells")
        self.repair()
        self.assertEqual(len(self.drain("q")["q"]), 30 - count)

    def test_one_damaged_checkpoint_costs_nothing(self):
        for _ in range(3):
            self.start_on()
            self.fill({"q": [b"body"]})
            self.end()
        newest = self.log_files("checkpoint-")[-1]
        self.change(newest, os.path.getsize(self.path(newest)) // 2)
        report = self.recover(code=DAMAGED)
        self.assertEqual([damage["file"] for damage in report["damages"]], [newest])
        self.assertEqual((report["lost"]["messages"], report["remaining_messages"]), (0, 3))
        self.assertIn("no message is lost", self.run_tool("recover", self.data_dir, code=DAMAGED))
        self.repair()
        self.assertEqual(self.drain("q")["q"], [b"body"] * 3)

    def test_a_damaged_index_is_made_again(self):
        self.start_on()
        self.fill({"q": [b"body"] * 20})
        self.end()
        name, = [name for name in self.log_files() if name.endswith(".idx")]
        self.change(name, 60)
        report = self.recover(code=DAMAGED)
        self.assertEqual([damage["file"] for damage in report["damages"]], [name])
        self.assertIn(name, self.repair()["repair"]["moved"])
        self.assertEqual(len(self.drain("q")["q"]), 20)

    def test_the_identity_is_written_anew(self):
        self.start_on()
        self.fill({"q": [b"body"]})
        self.end()
        path = os.path.join(self.data_dir, "identity")
        with open(path, "rb") as file:
            identity = file.read()
        for damage in (lambda: os.remove(path), lambda: self.change("../identity", 20)):
            damage()
            report = self.recover(code=DAMAGED)
            self.assertIn("identity", report["identity_problem"])
            report = self.recover("--skip-damaged")
            self.assertTrue(report["repair"]["identity_restored"])
            with open(path, "rb") as file:
                self.assertEqual(file.read(), identity)
            shutil.rmtree(report["repair"]["folder"])
        self.start_on()
        self.assertEqual(self.drain("q")["q"], [b"body"])

    def test_what_root_repairs_stays_the_brokers(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        self.start_on()
        self.fill({"q": [b"body"] * 20})
        self.kill()
        self.damage_message("q", 10)
        os.chmod(self.folder, 0o755)
        everything = [self.data_dir, *(os.path.join(folder, name) for folder, folders, names in os.walk(self.data_dir)
                                       for name in (*folders, *names))]
        for path in everything:
            os.chown(path, OWNER, OWNER)
        self.recover("--skip-damaged")
        for folder, folders, names in os.walk(self.data_dir):
            for name in (*folders, *names):
                status = os.stat(os.path.join(folder, name))
                self.assertEqual((status.st_uid, status.st_gid), (OWNER, OWNER), name)

    def test_a_directory_in_use_is_left_alone(self):
        daemon = self.start_on()
        self.fill({"q": [b"body"]})
        names = self.log_files()
        for options in ((), ("--skip-damaged",)):
            self.run_tool("recover", self.data_dir, *options, code=IN_USE)
            self.assertIn(f"is in use by process {daemon.pid}", self.last_error)
        self.assertEqual([name for name in names if name not in self.log_files()], [])
        self.assertEqual(self.drain("q")["q"], [b"body"])

    def test_wrong_use_is_refused(self):
        self.run_tool("recover", code=USAGE_ERROR)
        self.run_tool("recover", self.data_dir, "--verify", "--skip-damaged", code=USAGE_ERROR)
        self.run_tool("recover", self.data_dir, code=NO_INPUT)
        self.assertIn("is no data directory of Leveret's", self.last_error)
        self.assertFalse(os.path.exists(self.data_dir))

    def test_any_damage_is_told_and_repaired_and_no_body_is_wrong(self):
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        chance = random.Random(seed)
        self.start_on()
        bodies = {queue: [b"%s %d " % (queue.encode(), i) + bytes(chance.randrange(3000)) for i in range(300)]
                  for queue in ("a", "b")}
        self.fill(bodies)
        self.kill()
        whole = os.path.join(self.folder, "whole")
        shutil.copytree(self.data_dir, whole)
        for number in range(ROUNDS):
            with self.subTest(seed=seed, round=number):
                shutil.rmtree(self.data_dir)
                shutil.copytree(whole, self.data_dir)
                for _ in range(chance.randrange(1, 4)):
                    name = chance.choice([name for name in self.log_files() if not name.startswith("spare")])
                    self.change(name, chance.randrange(os.path.getsize(self.path(name))),
                                chance.choice((1, 1, 100, 5000)))
                self.check_damaged(bodies)

    def check_damaged(self, bodies):
        """Repairs what may be damaged; every message is there or was called lost, and none is another."""
        clean = self.run_tool_any("recover", self.data_dir)
        report = self.recover("--skip-damaged")
        self.assertEqual(report["clean"], clean == FINE)
        self.start_on()
        remaining = 0
        for queue, expected in bodies.items():
            channel = self.new_channel()
            if channel.call("queue.declare", queue=queue, passive=True).name != "queue.declare-ok":
                self.assertTrue(report["other_records_may_be_lost"])
                continue
            found = self.drain(queue)[queue]
            self.assertEqual(found, [body for body in expected if body in set(found)], "wrong, or in another order")
            remaining += len(found)
        self.kill()
        self.assertEqual(remaining, report["remaining_messages"] - (report["repair"] or {}).get(
            "messages_of_undefined_queues", 0))
        if not report["other_records_may_be_lost"] and not report["notes"]:
            self.assertEqual(remaining + report["lost"]["messages"], 600)

    def run_tool_any(self, *arguments):
        """The exit code, which must be one of two."""
        code = run_leveret(*arguments).returncode
        self.assertIn(code, (FINE, DAMAGED))
        return code
