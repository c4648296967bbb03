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

    def test_messages_go_by_many_bindings_in_turn(self):
        for kind in ("topic", "headers", "direct"):
            with self.subTest(kind=kind):
                arguments = ("throughput", "-e", f"perf-{kind}", "-t", kind, "--bindings", "150", "-u", kind)
                report = self.perf(*arguments, "-C", "450", "-c", "50", "-f", "mandatory")
                self.assert_complete(report, 450, 450)
                self.assertEqual(report["returned"], 0)

    def test_each_of_many_bindings_brings_its_own_messages(self):
        # Bound by all but the last 10 of 100: every tenth message comes back.
        for kind in ("topic", "headers", "direct"):
            with self.subTest(kind=kind):
                channel = self.client(self.daemon).channel()
                exchange = ("-e", f"perf-{kind}", "-t", kind, "-u", kind)
                self.perf("throughput", *exchange, "--bindings", "90", "--auto-delete", "false", "-C", "1")
                report = self.perf("throughput", *exchange, "--bindings", "100", "-p", "-y", "0", "-C", "1000",
                                   "-f", "mandatory", "-c", "100")
                self.assertEqual(report["returned"], 100)
                self.assertEqual(channel.call("queue.delete", queue=kind).values["message_count"], 900)

    def test_priorities_are_in_order_each_for_itself(self):
        report = self.perf("throughput", "--queue-args", "x-max-priority=10", "--priorities", "10", "-C", "3000",
                           "-q", "5")
        self.assert_complete(report, 3000, 3000)

    def test_arguments_and_properties_are_passed_on(self):
        channel = self.client(self.daemon).channel()
        self.perf("throughput", "--queue-args", "x-max-length=3,x-overflow=reject-publish", "-y", "0", "-C", "10", "-c",
                  "10", "-u", "q", "--message-properties", "contentType=text/plain,priority=4,expiration=60000,seen=true")
        message = channel.call("basic.get", queue="q", no_ack=True)
        self.assertEqual(message.values["message_count"], 2)
        headers = message.properties.pop("headers")
        self.assertEqual(message.properties, {"content_type": "text/plain", "priority": 4, "expiration": "60000"})
        self.assertEqual([(name, typed.value) for name, typed in headers], [("seen", True)])

    def test_each_reader_of_a_stream_gets_everything(self):
        stream = ("throughput", "-u", "stream", "--queue-args", "x-queue-type=stream", "--durable", "--auto-delete",
                  "false", "-q", "50")
        self.assert_complete(self.perf(*stream, "-y", "3", "-C", "500"), 500, 1500)
        report = self.perf(*stream, "-p", "-x", "0", "-y", "4", "-D", "500", "--consumer-args", "x-stream-offset=first")
        self.assertEqual(report["received"], 2000)

    def test_calls_are_timed_before_and_while_messages_expire(self):
        report = self.perf("expiry", "-r", "1000", "-n", "5000", "--expire-after", "2", "--expire-within", "0.3", "-z",
                           "0.5")
        self.assertEqual((report["expired"], report["unanswered"]), (5000, 0))
        for phase in ("idle", "expiry"):
            self.assertLessEqual(report[f"{phase}_p50_us"], report[f"{phase}_p99_us"])
        self.assertGreaterEqual(report["expiry_seconds"], 0.2)
        self.assertIn("say a longer --expire-after",
                      self.perf("expiry", "-n", "5000", "--expire-after", "0.6", "-z", "0.5", code=UNAVAILABLE))

    def test_calls_come_at_the_rate_that_is_asked_for(self):
        report = self.perf("rpc", "-r", "500", "-C", "200")
        self.assertEqual((report["calls"], report["replies"]), (200, 200))
        self.assertGreater(report["seconds"], 0.35)

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
        self.assertIn("--queue-args: 'x-max-length' is no pair",
                      self.perf("throughput", "--queue-args", "x-max-length", code=USAGE_ERROR))
        self.assertIn("--message-properties: 'high' is no number that priority can be",
                      self.perf("throughput", "--message-properties", "priority=high", code=USAGE_ERROR))
        self.assertIn("--bindings needs an --exchange", self.perf("throughput", "--bindings", "5", code=USAGE_ERROR))
        self.assertIn("--time", self.perf("expiry", code=USAGE_ERROR))
        self.assertIn("--size", self.perf("throughput", "-s", "3", code=USAGE_ERROR))
