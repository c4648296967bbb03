"""Many clients in one thread that publish, acknowledge, give back and reject, and write all of it into a ledger.

    load = Load(address, ledger)
    load.add(Publisher(1, routes, window=16))
    load.add(Consumer("work"))
    load.run(until=broker.has_ended)       # or load.run_for(2.0), then load.finish()

Connections are set up by the raw client of the conformance tests; afterwards a loop cuts their frames itself, because
thousands of messages a second are wanted of it.
"""

import random
import selectors
import struct
import time
from collections import deque, namedtuple

from harness import wire

from .daemon import PATIENCE_S
from .peer import Peer, method_frame, method_id

#: Where publishers send: an exchange, a routing key, and the queues that get a copy.
Route = namedtuple("Route", "exchange key queues")

_BODY_FRAME_MAX = 131064


class _Sender(Peer):
    """What publishers have in common: what they send."""

    def __init__(self, number, routes, sizes=(20, 2000), transient_share=0.1, ttls_s=(), count_max=None):
        super().__init__()
        self.number = number
        self._routes = list(routes)
        self._sizes = sizes
        self._transient_share = transient_share
        self._ttls_s = list(ttls_s)
        self._left = count_max

    def _may_send(self):
        return not self.load.is_finishing and self._left != 0 and not self._output

    def _publish(self):
        chosen = self.load.chosen
        route = chosen.choice(self._routes)
        size = chosen.randint(*self._sizes)
        if chosen.random() < 0.01 and self._sizes[1] < 100_000:
            size *= 50
        message = self.load.ledger.publish(
            self.number, route.queues, size, persistent=chosen.random() >= self._transient_share,
            ttl_s=chosen.choice(self._ttls_s) if self._ttls_s and chosen.random() < 0.1 else None)
        properties = {"delivery_mode": 2 if message.persistent else 1}
        if message.ttl_s is not None:
            properties["expiration"] = str(int(message.ttl_s * 1000))
        body = message.body()
        self.send(method_frame("basic.publish", exchange=route.exchange, routing_key=route.key))
        self.send(wire.frame(wire.HEADER, 1, wire.header_payload(len(body), properties)))
        for at in range(0, len(body), _BODY_FRAME_MAX):
            self.send(wire.frame(wire.BODY, 1, body[at:at + _BODY_FRAME_MAX]))
        if self._left is not None:
            self._left -= 1
        return message


class Publisher(_Sender):
    """Publishes with confirms, at most `window` outstanding."""

    def __init__(self, number, routes, window=16, **options):
        super().__init__(number, routes, **options)
        self._window = window
        self.outstanding = deque()  # (delivery tag, message)
        self.confirmed = []  # When, if the load asks for it.
        self._tag = 0
        self._handlers[method_id("basic.ack")] = lambda payload: self._on_verdict(payload, self.load.ledger.confirm)
        self._handlers[method_id("basic.nack")] = lambda payload: self._on_verdict(payload, self.load.ledger.refuse)

    def prepare(self, channel):
        channel.call("confirm.select")

    def pump(self):
        while len(self.outstanding) < self._window and self._may_send():
            self._tag += 1
            self.outstanding.append((self._tag, self._publish()))
            self.flush()

    def is_done(self):
        return not self.outstanding

    def _on_verdict(self, payload, decide):
        tag, bits = struct.unpack_from(">QB", payload, 4)
        if self.outstanding and self.outstanding[0][0] == tag:
            decide(self.outstanding.popleft()[1])
            return
        decided = [entry for entry in self.outstanding if entry[0] == tag or bits & 1 and entry[0] < tag]
        if not decided:
            self.load.surprises.append(f"verdict on {tag}, which is not outstanding")
        for entry in decided:
            self.outstanding.remove(entry)
            decide(entry[1])


class TxPublisher(_Sender):
    """Publishes in transactions, some of which it takes back."""

    def __init__(self, number, routes, size_max=20, **options):
        super().__init__(number, routes, **options)
        self._size_max = size_max
        self._batch = []
        self._is_waiting = False
        self._handlers[method_id("tx.commit-ok")] = lambda _: self._on_end(self.load.ledger.confirm)
        self._handlers[method_id("tx.rollback-ok")] = lambda _: self._on_end(lambda message: None)

    def prepare(self, channel):
        channel.call("tx.select")

    def pump(self):
        if self._is_waiting or not self._may_send():
            return
        for _ in range(self.load.chosen.randint(1, self._size_max)):
            if self._left != 0:
                self._batch.append(self._publish())
        if self.load.chosen.random() < 0.2:
            for message in self._batch:
                self.load.ledger.refuse(message)
            self.send(method_frame("tx.rollback"))
        else:
            self.send(method_frame("tx.commit"))
        self._is_waiting = True
        self.flush()

    def is_done(self):
        return not self._is_waiting

    def _on_end(self, decide):
        for message in self._batch:
            decide(message)
        self._batch.clear()
        self._is_waiting = False


class Consumer(Peer):
    """Takes messages and acknowledges most, gives some back, rejects some, keeps some."""

    def __init__(self, queue, prefetch=50, requeue_share=0.1, reject_share=0.05, keep_share=0.01):
        super().__init__()
        self.queue = queue
        self._prefetch = prefetch
        self._shares = (requeue_share, reject_share, keep_share)
        self._last_numbers = {}
        self._heard = deque()  # Settled before the n-th question, that is outstanding.
        self._settled = []
        self.kept_count = 0
        self._handlers[method_id("basic.qos-ok")] = lambda _: self.load.ledger.taken(self._heard.popleft())

    def prepare(self, channel):
        channel.call("basic.qos", prefetch_count=self._prefetch)
        channel.send("basic.consume", queue=self.queue)
        self._begin(channel)

    def _begin(self, channel):
        event = channel.connection.receive(1)
        assert event.name == "basic.consume-ok", event

    def on_content(self, payload, body):
        at = 5 + payload[4]
        tag, redelivered = struct.unpack_from(">Q?", payload, at)
        copy = self.load.ledger.deliver(self.queue, body, redelivered, self._last_numbers)
        self._decide(tag, copy)

    def _decide(self, tag, copy):
        requeue_share, reject_share, keep_share = self._shares
        dice = self.load.chosen.random()
        if copy is not None and dice < keep_share:
            if self.kept_count < self._prefetch // 2:
                self.kept_count += 1
                return
        elif copy is not None and dice < keep_share + requeue_share:
            self.send(method_frame("basic.nack", delivery_tag=tag, requeue=True))
            self.load.ledger.requeue(copy)
            return
        is_rejected = copy is not None and dice > 1 - reject_share
        self.send(method_frame("basic.reject" if is_rejected else "basic.ack", delivery_tag=tag))
        if copy is not None:
            self.load.ledger.settle(copy, rejected=is_rejected)
            self._settled.append(copy)

    def pump(self):
        if self._settled and not self._heard:
            self._heard.append(self._settled)
            self._settled = []
            self.send(method_frame("basic.qos", prefetch_count=self._prefetch))
        self.flush()

    def is_done(self):
        return not self._settled and not self._heard


class TxConsumer(Consumer):
    """Acknowledges in transactions, and rejects where nothing becomes of that: it is as good as an acknowledgement."""

    def __init__(self, queue, prefetch=50, batch=20):
        super().__init__(queue, prefetch)
        self._batch = batch
        self._tags = []
        self._handlers[method_id("tx.commit-ok")] = \
            lambda _: self.load.ledger.taken(self._heard.popleft(), is_sure=True)

    def prepare(self, channel):
        channel.call("tx.select")
        super().prepare(channel)

    def _decide(self, tag, copy):
        self._tags.append(tag)
        self._settled.append(copy)

    def pump(self):
        if self._heard or not self._tags or len(self._tags) < self._batch and not self.load.is_finishing:
            self.flush()
            return
        settled = [copy for copy in self._settled if copy is not None]
        if self.queue not in self.load.ledger.dead_letters and self.load.chosen.random() < 0.5:
            self.send(method_frame("basic.nack", delivery_tag=self._tags[-1], multiple=True, requeue=False))
        else:
            self.send(method_frame("basic.ack", delivery_tag=self._tags[-1], multiple=True))
        self.send(method_frame("tx.commit"))
        for copy in settled:
            self.load.ledger.settle(copy)
        self._heard.append(settled)
        self._settled, self._tags = [], []
        self.flush()


class Load:
    """The loop."""

    def __init__(self, address, ledger, chosen=None):
        self.ledger = ledger
        self.chosen = chosen or random.Random()
        self.is_finishing = False
        self.surprises = []
        self.peers = []
        self._address = address
        self._selector = selectors.DefaultSelector()

    def add(self, peer, **options):
        """Connects a client; it begins with run()."""
        peer.open(self, self._address, **options)
        self.peers.append(peer)
        self._selector.register(peer.socket, selectors.EVENT_READ, peer)
        return peer

    def run(self, until, patience_s=PATIENCE_S, what="end of the load"):
        """Until `until()`, asked now and then, or until the broker has hung up on everybody."""
        deadline = time.monotonic() + patience_s
        while self._open_peers() and not until():
            assert time.monotonic() < deadline, f"no {what} within {patience_s} s"
            self._turn()

    def run_for(self, duration_s):
        """So long, or until the broker has hung up on everybody."""
        end = time.monotonic() + duration_s
        self.run(lambda: time.monotonic() > end, patience_s=duration_s + PATIENCE_S)

    def drain(self, patience_s=PATIENCE_S):
        """Reads what the broker, which has gone or is about to go, still says to everybody."""
        self.run(lambda: False, patience_s, "end of the connections")

    def finish(self, patience_s=PATIENCE_S):
        """Sends nothing new, waits for the answers to what was sent, and hangs up."""
        self.is_finishing = True
        self.run(lambda: all(peer.is_done() for peer in self._open_peers()), patience_s, "answers to what was sent")
        self.drop()

    def drop(self):
        """Hangs up."""
        for peer in self.peers:
            if peer.is_open and isinstance(peer, Consumer):
                self.ledger.lose_sight()
            peer.close("dropped")
        self._selector.close()

    def forget(self, peer):
        """A connection is about to be closed."""
        self._selector.unregister(peer.socket)

    def _open_peers(self):
        return [peer for peer in self.peers if peer.is_open]

    def _turn(self):
        for peer in self._open_peers():
            peer.pump()
            is_full = peer.flush()
            self._selector.modify(peer.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if is_full else 0), peer)
        for key, events in self._selector.select(0.02):
            if events & selectors.EVENT_READ:
                key.data.read()
