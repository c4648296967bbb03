"""The memory alarm: publishers wait, everybody else goes on, and in the end nothing is lost."""

import signal
import time

from harness import wire
from support import DaemonTest, Flood, connect, on_each_shard_count, publish_frames
from support.daemon import wait_for

MIB = 2**20
WATERMARK_MIB = 64
#: What the daemon may exceed the mark by: input that was read before the alarm, the allocator's reserve.
SLACK_MIB = 64
BODY = bytes(100_000)
#: More than fits under the mark, and than the sockets hold.
COUNT = 1000


@on_each_shard_count
class MemoryAlarmTest(DaemonTest):
    """A low mark and more messages than fit under it."""

    def setUp(self):
        self.skip_when_sanitized()
        # Queues that leave memory would put the alarm off.
        self.daemon = self.start(config=[f"memory: {{high_watermark: {WATERMARK_MIB}MiB, page_out_at: 64GiB}}",
                                         "shutdown: {grace: 1s}"])
        self.channel = self.client(self.daemon).channel()
        self.channel.call("queue.declare", queue="q")

    def flood(self, **options):
        """A publisher that sends COUNT messages as long as it may."""
        client = self.client(self.daemon, **options)
        client.channel()
        return client, Flood(client, publish_frames("q", BODY), COUNT)

    def message_count(self):
        """Ready messages."""
        return self.channel.call("queue.declare", queue="q", passive=True).values["message_count"]

    def raise_alarm(self, **options):
        """A publisher that has been told connection.blocked, and its flood."""
        client, flood = self.flood(**options)
        flood.wait_stalled()
        self.assertTrue(flood.is_running(), "all was taken")
        client.socket.settimeout(15)
        event = client.receive(0)
        self.assertEqual((event.name, event.values), ("connection.blocked", {"reason": "low on memory"}))
        client.socket.settimeout(0.1)  # The flood goes on with its attempts.
        return client, flood

    def drain(self, count):
        """Takes so many messages off the queue and acknowledges them."""
        consumer = connect(self.daemon.address)
        channel = consumer.channel()
        channel.call("basic.qos", prefetch_count=20)
        channel.call("basic.consume", queue="q")
        for _ in range(count):
            event = channel.receive()
            self.assertEqual(len(event.body), len(BODY))
            channel.send("basic.ack", delivery_tag=event.values["delivery_tag"])
        channel.sync()
        consumer.close()

    def test_a_publisher_is_told_blocked_and_not_read_until_consumers_have_made_room(self):
        client, flood = self.raise_alarm()
        held = self.message_count()
        self.assertLess(held, COUNT)
        self.assert_resident_below(self.daemon, WATERMARK_MIB + SLACK_MIB)
        self.daemon.wait_for_log(r"\[warning\] server: memory alarm: publishers are blocked")
        # Nothing more of it is read, however long it tries.
        flood.wait_stalled(1.0)
        self.assertEqual(self.message_count(), held)

        self.drain(COUNT)  # All of them: those that wait in the sockets come through.
        flood.join()
        self.assertEqual(client.receive(0).name, "connection.unblocked")
        self.daemon.wait_for_log("memory alarm is over")
        client.channel(2).sync()
        self.assertEqual(self.message_count(), 0)

    def test_a_client_that_does_not_know_the_word_is_held_without_it(self):
        client, flood = self.flood(properties={"capabilities": {}})
        flood.wait_stalled()
        self.assertTrue(flood.is_running(), "all was taken")
        held = self.message_count()
        self.assertLess(held, COUNT)
        self.drain(COUNT)
        flood.join()
        channel = client.channel(2)  # It has heard neither word.
        self.assertEqual(channel.call("queue.declare", queue="q", passive=True).values["message_count"], 0)
        self.assertFalse(client._events.get(0))

    def test_only_publishers_are_held(self):
        bystander = self.client(self.daemon).channel()
        requester = self.client(self.daemon).channel()
        requester.call("basic.consume", queue="amq.rabbitmq.reply-to", no_ack=True)
        requester.call("queue.declare", queue="server", exclusive=True)
        requester.publish("server", "call", reply_to="amq.rabbitmq.reply-to")
        address = requester.call("basic.get", queue="server", no_ack=True).properties["reply_to"]
        self.raise_alarm()
        # Those who do not publish notice nothing, new ones neither.
        self.assertEqual(bystander.call("queue.declare", queue="other").name, "queue.declare-ok")
        event = bystander.call("basic.get", queue="q")
        bystander.send("basic.nack", delivery_tag=event.values["delivery_tag"], requeue=True)
        bystander.sync()
        late = self.client(self.daemon).channel()
        late.sync()
        # A reply to somebody who waits for it is no message that stays.
        for number in range(20):
            bystander.publish(address, f"{number}")
            self.assertEqual(requester.receive().body, f"{number}".encode())
        # The first publish is taken, and the last before the end of the alarm.
        late.publish("q", BODY)
        self.assertEqual(late.connection.receive(0).name, "connection.blocked")
        late.send("queue.declare", queue="other")
        late.connection.socket.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            late.connection.socket.recv(1)
        late.connection.socket.settimeout(15)
        self.channel.call("queue.purge", queue="q")
        self.assertEqual(late.connection.receive(0).name, "connection.unblocked")
        self.assertEqual(late.receive().name, "queue.declare-ok")

    def test_a_held_publisher_that_sends_heartbeats_is_not_taken_for_dead_and_gets_ours(self):
        client = self.client(self.daemon, heartbeat=1)
        channel = client.channel()
        self.raise_alarm()
        channel.publish("q", BODY)
        self.assertEqual(client.receive(0).name, "connection.blocked")
        started = time.monotonic()
        while time.monotonic() - started < 4:
            client.receive_heartbeat()
            client.send_frame(wire.HEARTBEAT, 0, b"")
        self.channel.call("queue.purge", queue="q")
        self.assertEqual(client.receive(0).name, "connection.unblocked")
        channel.sync()

    def test_a_held_publisher_that_dies_is_noticed(self):
        before = self.daemon.socket_count()
        client, flood = self.raise_alarm()
        flood.abandon(client)
        wait_for(lambda: self.daemon.socket_count() <= before, "end of the socket", explain=self.daemon.log_text)

    def test_a_reload_that_raises_the_mark_ends_the_alarm(self):
        client, flood = self.raise_alarm()
        with open(self.daemon.config_path, encoding="utf-8") as file:
            text = file.read()
        with open(self.daemon.config_path, "w", encoding="utf-8") as file:
            file.write(text.replace(f"{WATERMARK_MIB}MiB", "1GiB"))
        self.daemon.signal(signal.SIGHUP)
        flood.join()
        self.assertEqual(client.receive(0).name, "connection.unblocked")
        client.channel(2).sync()
        self.assertEqual(self.message_count(), COUNT)

    def test_it_stops_in_order_during_an_alarm(self):
        client, flood = self.raise_alarm()
        code = self.daemon.terminate()
        self.assertEqual(code, 0)
        flood.abandon(client)

    def test_alarm_after_alarm_everything_arrives_once_and_in_order(self):
        client = self.client(self.daemon)
        client.channel()
        consumer = self.client(self.daemon).channel()
        consumer.call("basic.qos", prefetch_count=10)
        consumer.call("basic.consume", queue="q")
        count = 3000
        data = b"".join(publish_frames("q", BODY, message_id=str(number)) for number in range(count))
        flood = Flood(client, data, 1)
        for number in range(count):
            event = consumer.receive()
            self.assertEqual(event.properties["message_id"], str(number))
            consumer.send("basic.ack", delivery_tag=event.values["delivery_tag"])
            if number % 500 == 0 and number < count - 600:
                flood.wait_stalled(0.3)  # Falls behind on purpose: the alarm is raised again.
        flood.join()
        self.assertEqual(self.message_count(), 0)
        self.assertGreaterEqual(sum("memory alarm: publishers" in line for line in self.daemon.log_lines()), 2)
        self.assert_peak_below(self.daemon, WATERMARK_MIB + SLACK_MIB)
