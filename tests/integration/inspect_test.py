"""leveret inspect: what a data directory holds, shown without changing it."""

import os
import unittest

from support import run_leveret
from support.data_dirs import DAMAGED, FINE, NO_INPUT, USAGE_ERROR, DataDirTest

#: What scripts may rely on.
KEYS = {"data_dir", "format", "node_id", "identity_problem", "first_boot_finished", "in_use_by_process", "refusal",
        "notes", "totals", "checkpoints", "definitions"}


class InspectUsageTest(unittest.TestCase):
    """What it is given."""

    def test_wrong_use_exits_64(self):
        for arguments in ((), ("/", "--bogus"), ("/", "--records", "many")):
            with self.subTest(arguments=arguments):
                self.assertEqual(run_leveret("inspect", *arguments).returncode, USAGE_ERROR)

    def test_a_folder_that_is_no_data_directory_is_refused(self):
        for folder in ("/nowhere/at/all", "/"):
            with self.subTest(folder=folder):
                done = run_leveret("inspect", folder)
                self.assertEqual((done.returncode, done.stdout), (NO_INPUT, ""))
                self.assertEqual(done.stderr, f"{folder} is no data directory of Leveret's: it has no file identity\n")


class InspectTest(DataDirTest):
    """Directories that a daemon has written."""

    def test_a_new_directory_holds_what_a_first_boot_makes(self):
        self.start_on()
        self.end()
        found = self.inspect()
        self.assertEqual(set(found), KEYS)
        self.assertEqual((found["refusal"], found["in_use_by_process"], found["notes"]), (None, None, []))
        self.assertTrue(found["first_boot_finished"])
        self.assertEqual((found["definitions"]["vhosts"], found["definitions"]["unknown"]), (1, 0))
        self.assertRegex(found["node_id"], r"\A[0-9a-f]{32}\Z")
        text = self.run_tool("inspect", self.data_dir)
        for part in (self.data_dir, found["node_id"], "a start", "would note nothing", "vhosts"):
            self.assertIn(part, text)

    def test_queues_have_names_and_counts(self):
        self.start_on()
        channel = self.fill({"orders": [b"0123456789"] * 10, "ü/☃": [b"x"], "empty": []})
        channel.call("basic.consume", queue="orders")
        tags = [channel.receive().values["delivery_tag"] for _ in range(10)]
        channel.send("basic.ack", delivery_tag=tags[1])
        self.fill({"ü/☃": [b"y"]})  # Nobody waits for an acknowledgement; it goes with what is waited for.
        self.kill()
        queues = {queue["name"]: queue for queue in self.inspect("--queues")["queues"]}
        self.assertEqual(set(queues), {"orders", "ü/☃"})
        orders = queues["orders"]
        self.assertEqual(orders["vhost"], "/")
        self.assertTrue(orders["defined"])
        self.assertEqual((orders["ready"] + orders["delivered"], orders["body_bytes"]), (9, 90))
        self.assertLessEqual(orders["oldest_published_ms"], orders["newest_published_ms"])
        totals = self.inspect()["totals"]
        self.assertEqual((totals["ready"] + totals["delivered"], totals["queues_with_messages"]), (11, 2))
        text = self.run_tool("inspect", self.data_dir, "--queues")
        self.assertRegex(text, r"(?m)^  /      ü/☃     +\d+ +2 ")

    def test_segments_and_records_are_counted(self):
        self.start_on()
        self.fill({"q": [bytes(100_000)] * 30})
        self.kill()
        found = self.inspect("--segments", "--records")
        segments, records = found["segments"], found["records"]
        self.assertGreaterEqual(len(segments), 3)
        self.assertEqual([segment["segment"] for segment in segments], list(range(1, len(segments) + 1)))
        self.assertEqual(sum(segment["live_references"] for segment in segments), 30)
        self.assertEqual([segment["sealed"] for segment in segments], [True] * (len(segments) - 1) + [False])
        self.assertEqual([segment["damaged"] for segment in segments], [[]] * len(segments))
        for segment in segments:
            mine = [record for record in records if record["segment"] == segment["segment"]]
            for kind, count in segment["records"].items():
                self.assertEqual(sum(record["kind"] == kind for record in mine), count, (kind, segment))
        messages = [record for record in records if record["kind"] == "message"]
        self.assertEqual([(record["body_bytes"], record["references"][0]["state"]) for record in messages],
                         [(100_000, "ready")] * 30)
        self.assertIn("queue 'q' in vhost '/'",
                      [record["about"] for record in records if record["kind"] == "define"])
        newest = self.inspect("--records", "4")["records"]
        self.assertEqual(newest, records[-4:])
        self.assertIn("sealed", self.run_tool("inspect", self.data_dir, "--segments"))
        self.assertEqual(self.run_tool("inspect", self.data_dir, "--records", "4").count("\n    byte "), 4)

    def test_nothing_is_changed(self):
        self.start_on()
        self.fill({"q": [bytes(50_000)] * 30})
        self.kill()
        before = self.snapshot()
        self.inspect("--segments", "--records", "--queues")
        self.assertEqual(self.snapshot(), before)

    def test_a_running_broker_is_not_disturbed(self):
        daemon = self.start_on()
        self.fill({"q": [b"one", b"two"]})
        found = self.inspect("--queues", "--segments")
        self.assertEqual(found["in_use_by_process"], daemon.pid)
        self.assertEqual([(queue["name"], queue["ready"]) for queue in found["queues"]], [("q", 2)])
        self.assertIn(f"by process {daemon.pid}", self.run_tool("inspect", self.data_dir))
        self.fill({"q": [b"three"]})
        self.assertEqual(self.drain("q"), {"q": [b"one", b"two", b"three"]})

    def test_what_a_start_would_refuse_is_told(self):
        self.start_on()
        self.fill({"q": [b"x" * 1000] * 20})
        self.kill()
        record = self.messages_of("q")[5]
        self.change(f"{record['segment']:010}.seg", record["position"] + 100)
        found = self.inspect("--queues", code=DAMAGED)
        self.assertIn("damaged at byte", found["refusal"])
        self.assertIn(found["refusal"], self.last_error)
        self.assertEqual(len(found["queues"]), 1)
        self.assertIn("would be refused", self.run_tool("inspect", self.data_dir, code=DAMAGED))

    def test_a_lost_log_is_told(self):
        self.start_on()
        self.end()
        for name in self.log_files():
            os.remove(self.path(name))
        self.assertIn("has lost its log", self.inspect(code=DAMAGED)["refusal"])


class InspectExitTest(unittest.TestCase):
    """The constants are those of sysexits.h."""

    def test_codes(self):
        self.assertEqual((FINE, USAGE_ERROR, DAMAGED, NO_INPUT), (os.EX_OK, os.EX_USAGE, os.EX_DATAERR, os.EX_NOINPUT))
