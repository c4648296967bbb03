"""leveret perf, the load generator, against the daemon."""

import json
import signal
import subprocess

from support import DaemonTest, on_each_shard_count, run_leveret

USAGE_ERROR, CHECK_FAILED, UNAVAILABLE = 64, 65, 69


@on_each_shard_count
class PerfTest(DaemonTest):
    """Every load, with few messages."""

    def setUp(self):
        self.daemon = self.start()

    def perf(self, *arguments, code=0):
        """Runs a load; its report, or what it said on standard error when it has to fail."""
        done = run_leveret("perf", *arguments, "--uri", self.daemon.url, "--json")
        self.assertEqual(done.returncode, code, done)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def assert_complete(self, report, sent, received):
        self.assertEqual([report[name] for name in ("sent", "received", "lost", "duplicated", "reordered", "foreign")],
                         [sent, received, 0, 0, 0, 0])

    def test_every_message_comes_once_and_in_order(self):
        report = self.perf("throughput", "-C", "2000")
        self.assert_complete(report, 2000, 2000)
        self.assertLessEqual(report["latency_p50_us"], report["latency_p99_us"])

    def test_producers_consumers_and_queues_in_number(self):
        report = self.perf("throughput", "-x", "4", "-y", "4", "-C", "500", "-s", "5000", "-q", "10", "-A", "5",
                           "--queue-pattern", "perf-%d", "--queue-pattern-to", "2")
        self.assert_complete(report, 2000, 2000)

    def test_a_fanout_reaches_every_queue(self):
        report = self.perf("throughput", "-a", "-C", "300", "-e", "perf-fanout", "-t", "fanout", "-y", "3",
                           "--queue-pattern", "perf-%d", "--queue-pattern-to", "3")
        self.assert_complete(report, 300, 900)

    def test_confirms_are_counted_and_timed(self):
        report = self.perf("throughput", "-C", "1000", "-c", "50", "-f", "persistent", "--durable")
        self.assert_complete(report, 1000, 1000)
        self.assertEqual((report["confirmed"], report["nacked"]), (1000, 0))
        self.assertIn("confirm_p50_us", report)

    def test_unroutable_messages_come_back(self):
        report = self.perf("throughput", "-C", "100", "-y", "0", "-c", "10", "-f", "mandatory", "-k", "nowhere")
        self.assertEqual((report["sent"], report["returned"], report["confirmed"]), (100, 100, 100))

    def test_bodies_larger_than_a_frame(self):
        self.assert_complete(self.perf("throughput", "-C", "20", "-s", "400000"), 20, 20)

    def test_messages_are_left_for_consumers_that_come_later(self):
        self.channel = self.client(self.daemon).channel()
        self.channel.call("queue.declare", queue="q")
        self.perf("throughput", "-p", "-u", "q", "-y", "0", "-C", "50", "-c", "50")
        report = self.perf("throughput", "-p", "-u", "q", "-x", "0", "-D", "50")
        self.assertEqual((report["received"], report["foreign"]), (50, 50))  # Of another run.

    def test_what_is_missing_is_lost(self):
        self.channel = self.client(self.daemon).channel()
        self.channel.call("queue.declare", queue="q", arguments={"x-message-ttl": 0})
        # One consumer slot: what cannot be delivered at once is gone.
        done = run_leveret("perf", "throughput", "-p", "-u", "q", "-C", "500", "-q", "1", "--grace", "0.2",
                           "--uri", self.daemon.url, "--json")
        report = json.loads(done.stdout)
        self.assertEqual(report["received"] + report["lost"], 500)
        self.assertEqual(done.returncode, CHECK_FAILED if report["lost"] else 0)
        self.assertGreater(report["lost"], 0)

    def test_calls_are_answered_through_reply_queues_and_directly(self):
        for way in ((), ("--direct-reply-to",), ("-a",)):
            with self.subTest(way=way):
                report = self.perf("rpc", "-x", "2", "-y", "2", "-C", "200", "--outstanding", "20", *way)
                self.assertEqual((report["calls"], report["replies"], report["unanswered"], report["foreign"]),
                                 (400, 400, 0, 0))

    def test_churn_counts_its_rounds(self):
        for kind in ("connection-churn", "channel-churn", "queue-churn"):
            with self.subTest(kind=kind):
                self.assertEqual(self.perf(kind, "-x", "2", "-C", "20")["rounds"], 40)

    def test_what_is_held_is_there_until_it_is_told_to_stop(self):
        for kind in ("connection-count", "queue-count"):
            with self.subTest(kind=kind):
                command = [self.daemon.binary, "perf", kind, "-n", "20", "--uri", self.daemon.url, "--json"]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                    self.assertEqual(process.stdout.readline(), "holding 20\n")
                    process.send_signal(signal.SIGINT)
                    output, _ = process.communicate(timeout=30)
                self.assertEqual(process.returncode, 0)
                self.assertEqual(json.loads(output)["held"], 20)

    def test_what_the_broker_says_is_passed_on(self):
        self.assertIn("404 NOT_FOUND - no queue 'missing'", self.perf("throughput", "-p", "-u", "missing", "-C", "1",
                                                                      code=UNAVAILABLE))
        wrong = self.daemon.url.replace("guest:guest", "guest:wrong")
        done = run_leveret("perf", "throughput", "-C", "1", "--uri", wrong)
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn("403 ACCESS_REFUSED", done.stderr)

    def test_wrong_options_are_refused(self):
        self.assertIn("neither producers nor consumers", self.perf("throughput", "-x", "0", "-y", "0", code=USAGE_ERROR))
        self.assertIn("--size", self.perf("throughput", "-s", "3", code=USAGE_ERROR))
