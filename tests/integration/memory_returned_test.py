"""What is deleted gives its memory back: queues, exchanges, bindings, consumers, channels, messages."""

from support import DaemonTest, Flood, on_each_shard_count, publish_frames

MIB = 2**20
#: After the first round everything that is kept for reuse is there; later rounds may add a little.
GROWTH_MIB = 6


@on_each_shard_count
class MemoryReturnedTest(DaemonTest):
    """The same again and again."""

    def setUp(self):
        self.skip_when_sanitized()
        self.daemon = self.start(settings=["log.level=error"])
        self.channel = self.client(self.daemon).channel()

    def assert_no_growth(self, round_of_work, count=6):
        """Memory after the last round is that after the second, nearly."""
        resident = []
        for _ in range(count):
            round_of_work()
            self.channel.sync()
            resident.append(self.daemon.resident_bytes() / MIB)
        self.assertLess(resident[-1] - resident[1], GROWTH_MIB, [f"{size:.1f}" for size in resident])

    def test_queues_with_their_bindings_and_messages(self):
        def work():
            for number in range(1000):
                self.channel.send("queue.declare", queue=f"q{number}", nowait=True)
                self.channel.send("queue.bind", queue=f"q{number}", exchange="amq.topic", routing_key=f"a.{number}.#",
                                  nowait=True)
                self.channel.publish(f"q{number}", bytes(2000))
            self.channel.sync()
            for number in range(1000):
                self.channel.send("queue.delete", queue=f"q{number}", nowait=True)
        self.assert_no_growth(work)

    def test_exchanges_with_their_bindings(self):
        def work():
            for number in range(1000):
                self.channel.send("exchange.declare", exchange=f"x{number}", type=("topic", "headers", "direct")[number % 3],
                                  nowait=True)
                self.channel.send("exchange.bind", source=f"x{number}", destination="amq.fanout", routing_key=f"k{number}",
                                  nowait=True)
            self.channel.sync()
            for number in range(1000):
                self.channel.send("exchange.delete", exchange=f"x{number}", nowait=True)
        self.assert_no_growth(work)

    def test_consumers_and_channels(self):
        self.channel.call("queue.declare", queue="q")
        client = self.client(self.daemon)

        def work():
            for number in range(1, 501):
                client.send(number, "channel.open")
                for tag in range(4):
                    client.send(number, "basic.consume", queue="q", consumer_tag=f"c{tag}", nowait=True)
                client.send(number, "basic.cancel", consumer_tag="c0", nowait=True)
                client.send(number, "channel.close", reply_code=200)
            for number in range(1, 501):
                while client.receive(number).name != "channel.close-ok":
                    pass
        self.assert_no_growth(work)
        self.assertEqual(self.channel.call("queue.declare", queue="q").values["consumer_count"], 0)

    def test_messages_that_were_consumed_and_messages_that_were_purged(self):
        self.channel.call("queue.declare", queue="q")
        self.channel.call("queue.declare", queue="purged")
        consumer = self.client(self.daemon).channel()
        consumer.call("basic.consume", queue="q")

        def work():
            Flood(self.channel.connection, publish_frames("q", bytes(500)) + publish_frames("purged", bytes(500)),
                  5000).join()
            for number in range(5000):
                event = consumer.receive()
                if number % 100 == 99:
                    consumer.send("basic.ack", delivery_tag=event.values["delivery_tag"], multiple=True)
            consumer.sync()
            self.channel.call("queue.purge", queue="purged")
        self.assert_no_growth(work)

    def test_a_long_queue_is_given_back_as_a_whole(self):
        before = self.daemon.resident_bytes() / MIB
        self.channel.call("queue.declare", queue="q")
        Flood(self.channel.connection, publish_frames("q", bytes(1000)) * 10, 20_000).join()
        self.assertEqual(self.channel.call("queue.declare", queue="q", passive=True).values["message_count"], 200_000)
        self.assertGreater(self.daemon.resident_bytes() / MIB, before + 200)
        self.channel.call("queue.delete", queue="q")
        # What the allocator keeps is used for the same again.
        first = self.daemon.resident_bytes() / MIB
        self.channel.call("queue.declare", queue="q")
        Flood(self.channel.connection, publish_frames("q", bytes(1000)) * 10, 20_000).join()
        self.channel.call("queue.delete", queue="q")
        self.assertLess(self.daemon.resident_bytes() / MIB, max(first, before + 250) + GROWTH_MIB)

    def test_expired_messages(self):
        self.channel.call("queue.declare", queue="q", arguments={"x-message-ttl": 0})
        self.assert_no_growth(lambda: Flood(self.channel.connection, publish_frames("q", bytes(1000)) * 10, 1000).join())
        self.assertEqual(self.channel.call("queue.declare", queue="q", passive=True).values["message_count"], 0)
