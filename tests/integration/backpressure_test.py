"""Clients that read too slowly or not at all, and clients that send too much: each costs bounded memory, and
their neighbours do not notice."""


from harness import wire
from support import DaemonTest, Flood, on_each_shard_count, publish_frames
from support.daemon import is_sanitized, wait_for

MIB = 2**20
#: What one misbehaving connection may cost: its outbox, its input, the sockets' share of allocation.
CONNECTION_MIB = 24


def method(name, channel=1, **values):
    """A method frame."""
    return wire.frame(wire.METHOD, channel, wire.method_payload(name, **values))


@on_each_shard_count
class BackPressureTest(DaemonTest):
    """One misbehaves at a time."""

    def setUp(self):
        self.daemon = self.start(settings=["memory.high_watermark=2GiB", *self.settings()])
        self.good = self.neighbours(self.daemon)
        self.channel = self.client(self.daemon).channel()
        self.good.call()

    def settings(self):
        """Settings of this test's daemon."""
        return ["network.write_high_watermark=64KiB"] if "replies" in self.id() else []

    def resident_mib(self):
        """Memory of the daemon now."""
        return self.daemon.resident_bytes() / MIB

    def message_count(self, queue):
        """Ready messages."""
        return self.channel.call("queue.declare", queue=queue, passive=True).values["message_count"]

    def assert_good_goes_on(self, slowest_s=2.0):
        """Calls are answered, and in time."""
        self.good.slowest_s = 0.0
        self.good.call(50)
        if not is_sanitized():
            self.assertLess(self.good.slowest_s, slowest_s, "seconds of the slowest call")

    def fill(self, queue, count, body):
        """Puts messages in a queue and returns when they are there."""
        self.channel.call("queue.declare", queue=queue)
        Flood(self.channel.connection, publish_frames(queue, body), count).join()
        self.channel.sync()
        self.assertEqual(self.message_count(queue), count)

    def test_a_consumer_that_never_reads_gets_no_more_than_its_outbox_takes(self):
        self.fill("full", 100_000, bytes(1000))
        before = self.resident_mib()
        self.daemon.forget_peak()
        for no_ack in (True, False):
            dead = self.client(self.daemon).channel()
            dead.send("basic.consume", queue="full", no_ack=no_ack)
        wait_for(lambda: self.message_count("full") < 100_000, "delivery")
        self.assert_good_goes_on()
        # 4 MiB in each outbox and what the sockets take: the rest stays for others.
        left = self.message_count("full")
        self.assertGreater(left, 60_000)
        self.assert_peak_below(self.daemon, before + 2 * CONNECTION_MIB)
        channel = self.client(self.daemon).channel()
        channel.call("basic.consume", queue="full", no_ack=True)
        channel.take(left)

    def test_many_dead_consumers_of_large_messages_share_them(self):
        self.channel.call("exchange.declare", exchange="news", type="fanout")
        dead = []
        for number in range(20):
            channel = self.client(self.daemon).channel()
            channel.call("queue.declare", queue=f"dead-{number}", exclusive=True)
            channel.call("queue.bind", queue=f"dead-{number}", exchange="news")
            channel.call("basic.consume", queue=f"dead-{number}", no_ack=True)
            dead.append(channel)
        before = self.resident_mib()
        self.daemon.forget_peak()
        for _ in range(40):
            self.channel.publish("", bytes(MIB), exchange="news")
        self.channel.sync()
        self.assert_good_goes_on()
        # 40 MiB are kept once, not twenty times.
        self.assert_peak_below(self.daemon, before + 40 + 2 * CONNECTION_MIB)

    def test_a_client_that_asks_and_never_reads_the_answers_is_not_read_further(self):
        self.channel.call("queue.declare", queue="some")
        self.channel.publish("some", bytes(10_000))
        requests = {
            "queue.declare": method("queue.declare", queue="some", passive=True),
            "basic.recover": method("basic.recover", requeue=True),
            "channel.open and channel.close": method("channel.open", 2) + method("channel.close", 2, reply_code=200),
            "exchange.bind": method("exchange.bind", source="amq.fanout", destination="amq.direct", routing_key="a"),
            "confirm.select": method("confirm.select"),
        }
        for name, data in requests.items():
            with self.subTest(requests=name):
                before = self.resident_mib()
                self.daemon.forget_peak()
                rude = self.client(self.daemon)
                rude.channel()
                flood = Flood(rude, data * 1000)
                flood.wait_stalled()
                self.assert_good_goes_on()
                self.assert_peak_below(self.daemon, before + CONNECTION_MIB)
                flood.abandon(rude)

    def test_returns_that_nobody_reads_are_bounded(self):
        before = self.resident_mib()
        self.daemon.forget_peak()
        rude = self.client(self.daemon)
        rude.channel()
        body = bytes(20_000)
        frames = (method("basic.publish", routing_key="nowhere", mandatory=True) +
                  wire.frame(wire.HEADER, 1, wire.header_payload(len(body))) + wire.frame(wire.BODY, 1, body))
        flood = Flood(rude, frames * 10)
        flood.wait_stalled()
        self.assert_good_goes_on()
        self.assert_peak_below(self.daemon, before + CONNECTION_MIB)
        flood.abandon(rude)

    def test_confirms_that_nobody_reads_are_bounded(self):
        self.skip_when_sanitized("a flood of the smallest messages takes minutes")
        before = self.resident_mib()
        self.daemon.forget_peak()
        rude = self.client(self.daemon)
        rude.channel().call("confirm.select")
        flood = Flood(rude, publish_frames("nowhere", b"", exchange="amq.direct") * 1000)
        flood.wait_sent(100 * MIB)
        self.assert_good_goes_on()
        self.assert_peak_below(self.daemon, before + CONNECTION_MIB)
        flood.abandon(rude)

    def test_messages_fetched_one_by_one_and_not_read_are_bounded(self):
        self.channel.call("queue.declare", queue="endless")
        before = self.resident_mib()
        self.daemon.forget_peak()
        rude = self.client(self.daemon)
        rude.channel()
        feeder = self.client(self.daemon)
        feeder.channel()
        feed = Flood(feeder, publish_frames("endless", bytes(10_000)) * 10, 300)
        flood = Flood(rude, method("basic.get", queue="endless", no_ack=True) * 100)
        flood.wait_stalled()
        feed.join()
        self.assert_good_goes_on()
        self.assert_peak_below(self.daemon, before + 30 + CONNECTION_MIB)
        flood.abandon(rude)

    def test_replies_to_a_requester_that_never_reads_are_bounded(self):
        dead = self.client(self.daemon).channel()
        dead.call("basic.consume", queue="amq.rabbitmq.reply-to", no_ack=True)
        self.channel.call("queue.declare", queue="server")
        dead.publish("server", "call", reply_to="amq.rabbitmq.reply-to")
        self.channel.call("basic.consume", queue="server", no_ack=True)
        address = self.channel.receive().properties["reply_to"]
        before = self.resident_mib()
        self.daemon.forget_peak()
        server = self.client(self.daemon)
        server.channel()
        # 64 outboxes of 64 KiB are as much as is kept for somebody who does not read.
        flood = Flood(server, publish_frames(address, bytes(100_000)) * 10)
        flood.wait_sent(200 * MIB)
        self.assert_good_goes_on()
        self.assert_peak_below(self.daemon, before + CONNECTION_MIB)
        flood.finish()
        server.channel(2).sync()
        self.assertEqual(sum("does not read its replies" in line for line in self.daemon.log_lines()), 1)

    def test_a_flood_that_goes_nowhere_costs_nothing(self):
        before = self.resident_mib()
        self.daemon.forget_peak()
        rude = self.client(self.daemon)
        rude.channel()
        flood = Flood(rude, publish_frames("nowhere", bytes(1000), exchange="amq.direct") * 100)
        flood.wait_sent(200 * MIB)
        self.assert_good_goes_on()
        self.assert_peak_below(self.daemon, before + CONNECTION_MIB)
        flood.finish()

    def test_a_flood_to_a_consumer_that_keeps_up_is_bounded_too(self):
        channel = self.client(self.daemon).channel()
        channel.call("queue.declare", queue="stream")
        rude = self.client(self.daemon)
        rude.channel()
        # Bodies large enough for the consumer, which is Python, to keep up.
        body = bytes(100_000)
        flood = Flood(rude, publish_frames("stream", body), 2000)
        channel.call("basic.consume", queue="stream", no_ack=True)
        for number in range(2000):
            self.assertEqual(len(channel.receive().body), len(body))
            if number % 200 == 0:
                self.good.call(2)
        flood.join()
        self.assertEqual(self.message_count("stream"), 0)

    def test_a_flood_from_many_publishers_does_not_hold_up_the_others(self):
        self.skip_when_sanitized("a flood of the smallest messages takes minutes")
        floods = []
        for _ in range(8):
            rude = self.client(self.daemon)
            rude.channel()
            floods.append((Flood(rude, publish_frames("nowhere", bytes(100), exchange="amq.fanout") * 500), rude))
        for flood, _ in floods:
            flood.wait_sent(5 * MIB)
        self.assert_good_goes_on(slowest_s=5.0)
        for flood, rude in floods:
            flood.abandon(rude)
