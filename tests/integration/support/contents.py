"""What is in a queue: somebody takes all of it, looks, and gives it back by going."""

import struct

from .load import Load
from .peer import Peer, method_frame, method_id


class _Viewer(Peer):
    """Consumes until nothing is ready any more."""

    def __init__(self, queue):
        super().__init__()
        self.found = []  # (body, redelivered)
        self.is_complete = False
        self._queue = queue
        self._empty_count = 0
        self._handlers[method_id("queue.declare-ok")] = self._on_counted

    def prepare(self, channel):
        channel.send("basic.consume", queue=self._queue)
        event = channel.receive()
        assert event.name == "basic.consume-ok", event

    def ask(self):
        """How many are still ready? Deliveries stand before the answer."""
        self.send(method_frame("queue.declare", queue=self._queue, passive=True))

    def on_content(self, payload, body):
        self.found.append((body, struct.unpack_from(">Q?", payload, 5 + payload[4])[1]))

    def _on_counted(self, payload):
        message_count, = struct.unpack_from(">I", payload, 5 + payload[4])
        # RabbitMQ may answer before a delivery that it has begun, but not time and again.
        self._empty_count = self._empty_count + 1 if message_count == 0 else 0
        self.is_complete = self._empty_count == 3
        if not self.is_complete:
            self.ask()


def contents_of(address, queues, patience_s=60, **options):
    """Lists of (body, redelivered), in the queues' order. Everything is marked as delivered by that."""
    found = {}
    for queue in queues:
        load = Load(address, ledger=None)
        viewer = load.add(_Viewer(queue), **options)
        viewer.ask()
        load.run(lambda viewer=viewer: viewer.is_complete, patience_s, f"end of '{queue}'")
        assert viewer.is_complete, f"'{queue}': {viewer.end_reason}, {load.surprises}"
        load.drop()
        found[queue] = viewer.found
    return found
