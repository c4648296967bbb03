"""Streams that are read: by many at once, by those who owe acknowledgements, and by those who do not read."""

from support import DaemonTest, connect, on_each_shard_count
from support.daemon import wait_for

MIB = 2**20
BODY_BYTES = 256 * 1024
BODY_COUNT = 640
#: The program, a few chunks of the stream, what is on its way, and what the allocator keeps.
RESIDENT_MAX_MIB = 100


def body(number):
    """A body that belongs to its number alone, all of it."""
    return (b"%08d" % number * (BODY_BYTES // 8))[:BODY_BYTES]


@on_each_shard_count
class StreamReadingTest(DaemonTest):
    """A stream of 160 MiB."""

    timeout_s = 180

    def setUp(self):
        self.skip_when_sanitized()
        self.daemon = self.start(config=["memory: {high_watermark: 1GiB, page_out_at: 1GiB}"])
        publisher = connect(self.daemon.address)
        channel = publisher.channel()
        channel.call("queue.declare", queue="s", durable=True, arguments={"x-queue-type": "stream"})
        channel.call("confirm.select")
        for number in range(BODY_COUNT):
            channel.publish("s", body(number))
            if number % 16 == 15:
                while channel.receive().values["delivery_tag"] < number + 1:
                    pass
        publisher.drop()

    def reader(self, prefetch=65535):
        """A channel that reads all of it."""
        channel = self.client(self.daemon).channel()
        channel.call("basic.qos", prefetch_count=prefetch)
        channel.call("basic.consume", queue="s", consumer_tag="c", arguments={"x-stream-offset": "first"})
        return channel

    def read_all(self, channel, acknowledges=False):
        """Everything must come, in order."""
        for number in range(BODY_COUNT):
            event = channel.receive()
            self.assertTrue(event.body == body(number), f"another body than that of {number}")
            if acknowledges:
                channel.send("basic.ack", delivery_tag=event.values["delivery_tag"])

    def assert_little_memory(self):
        resident_mib = self.daemon.peak_resident_bytes() / MIB
        self.assertLess(resident_mib, RESIDENT_MAX_MIB)

    def test_what_a_reader_owes_does_not_stay_in_memory(self):
        self.daemon.forget_peak()
        channel = self.reader()
        self.read_all(channel)
        self.assert_little_memory()
        channel.send("basic.ack", delivery_tag=0, multiple=True)
        channel.sync()

    def test_readers_that_do_not_read_cost_little_and_hold_up_nobody(self):
        self.daemon.forget_peak()
        socket_count = self.daemon.socket_count()
        lazy = [self.reader() for _ in range(5)]
        self.read_all(self.reader(prefetch=3), acknowledges=True)
        self.assert_little_memory()
        for channel in lazy:
            channel.connection.drop()

        # The one that has read everything is still there; who has published may not have been gone before.
        wait_for(lambda: self.daemon.socket_count() <= socket_count + 1, "the readers are forgotten")
        self.read_all(self.reader(prefetch=50), acknowledges=True)
