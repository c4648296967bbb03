"""Quorum queues over a restart: all that was confirmed is there, and so is how often it has come back."""

from support import on_each_shard_count
from support.daemon import wait_for
from support.durable import DurableTest, on_each_end

COUNT = "x-delivery-count"


@on_each_shard_count
class QuorumTest(DurableTest):
    """Each test ends the broker in one way or the other, and looks. (RabbitMQ 3.10 loses such messages at a kill.)"""

    def with_queue(self, node, **arguments):
        """A confirming channel, and the quorum queue q."""
        channel = self.channel(node, confirms=True)
        event = channel.call("queue.declare", queue="q", durable=True,
                             arguments={"x-queue-type": "quorum", **arguments})
        self.assertEqual(event.name, "queue.declare-ok", event)
        return channel

    def take(self, channel):
        """The next message: its body, and how often it has come back."""
        event = channel.call("basic.get", queue="q")
        self.assertEqual(event.name, "basic.get-ok", event)
        count = dict(event.properties["headers"])[COUNT]
        return event.body.decode(), int(getattr(count, "value", count)), event.values["delivery_tag"]

    def take_all(self, node):
        """Everything in the queue, which is left to go back."""
        channel = self.channel(node)
        found = []
        while (event := channel.call("basic.get", queue="q")).name == "basic.get-ok":
            count = dict(event.properties["headers"])[COUNT]
            found.append((event.body.decode(), int(getattr(count, "value", count)), event.values["redelivered"]))
        return found

    def barrier(self, node):
        """Something that is confirmed after all that was done before: then the log has that, too."""
        channel = self.channel(node, confirms=True)
        for _ in range(3):  # From shard to shard things take a turn each.
            channel.sync()
            self.publish(channel, "amq.nowhere", "x", exchange="amq.fanout")
        channel.call("queue.declare", queue="barrier", durable=True)
        self.publish(channel, "barrier", "x")

    @on_each_end
    def test_whatever_was_confirmed_is_there(self, node, kill):
        channel = self.with_queue(node)
        for number in range(30):
            self.publish(channel, "q", f"{number}", delivery_mode=(None, 1, 2)[number % 3])
        node.restart(kill)
        self.assertEqual(self.take_all(node), [(f"{number}", 0, False) for number in range(30)])

    @on_each_end
    def test_counts_go_on(self, node, kill):
        channel = self.with_queue(node, **{"x-delivery-limit": 10})
        self.publish(channel, "q", "returned", "out", "fresh")
        for _ in range(3):
            _, _, tag = self.take(channel)
            channel.send("basic.nack", delivery_tag=tag, requeue=True)
            channel.sync()
        returned = self.take(channel)
        out = self.take(channel)
        self.assertEqual((returned[:2], out[:2]), (("returned", 3), ("out", 0)))
        channel.send("basic.nack", delivery_tag=returned[2], requeue=True)
        channel.sync()
        self.barrier(node)
        node.restart(kill)
        # Who had a message when the broker ended has failed with it.
        expected = {("returned", 4, True), ("out", 1, True), ("fresh", 0, False)}
        self.assertEqual(set(self.take_all(node)), expected)
        # Once more, with a checkpoint in between.
        self.barrier(node)
        node.restart(kill=False)
        self.assertEqual(set(self.take_all(node)), {("returned", 5, True), ("out", 2, True), ("fresh", 1, True)})

    @on_each_end
    def test_what_ends_the_broker_again_and_again_is_given_up(self, node, kill):
        channel = self.with_queue(node, **{"x-delivery-limit": 1, "x-dead-letter-exchange": "",
                                           "x-dead-letter-routing-key": "dead"})
        channel.call("queue.declare", queue="dead", durable=True)
        self.publish(channel, "q", "poison")
        for count in range(2):
            channel = self.channel(node)
            self.assertEqual(self.take(channel)[:2], ("poison", count))
            self.barrier(node)
            node.restart(kill)
        self.assertEqual(self.take_all(node), [])
        self.assertEqual(self.bodies(node, "dead"), [b"poison"])

    @on_each_end
    def test_a_promised_dead_letter_outlives_its_broker(self, node, kill):
        channel = self.with_queue(node, **{
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
            "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"})
        self.publish(channel, "q", "letter", delivery_mode=1)
        _, _, tag = self.take(channel)
        channel.send("basic.reject", delivery_tag=tag)
        channel.sync()
        # Nobody has it; but who has rejected it is not asked again, at the second start neither.
        for _ in range(2):
            self.barrier(node)
            node.restart(kill)
            self.assertEqual(self.take_all(node), [])
        channel = self.channel(node)
        channel.call("queue.declare", queue="dead", durable=True)
        wait_for(lambda: channel.call("queue.declare", queue="dead", passive=True).values["message_count"] == 1,
                 "the dead letter has come", patience_s=30)
        self.assertEqual(self.bodies(node, "dead"), [b"letter"])
