"""Two clients that call each other while somebody else misbehaves."""

import time

from .client import connect


class Neighbours:
    """A server with a queue and a client with a reply queue, connected before the trouble begins."""

    def __init__(self, address, queue="neighbours", **options):
        self._server = connect(address, **options)
        self._client = connect(address, **options)
        self._requests = self._server.channel()
        self._replies = self._client.channel()
        self._queue = queue
        self._requests.call("queue.declare", queue=queue, auto_delete=True)
        self._requests.call("basic.consume", queue=queue, no_ack=True)
        self._reply_queue = self._replies.call("queue.declare", exclusive=True).values["queue"]
        self._replies.call("basic.consume", queue=self._reply_queue, no_ack=True)
        self._count = 0
        self.slowest_s = 0.0

    def call(self, count=20):
        """Makes calls, each after the answer to the last. Raises when one is not answered or wrong."""
        for _ in range(count):
            self._count += 1
            started = time.monotonic()
            number = str(self._count)
            self._replies.publish(self._queue, f"call {number}", correlation_id=number, reply_to=self._reply_queue)
            request = self._requests.receive()
            assert request.body == f"call {number}".encode(), request
            self._requests.publish(request.properties["reply_to"], b"answer to " + request.body,
                                   correlation_id=request.properties["correlation_id"])
            answer = self._replies.receive()
            assert answer.body == f"answer to call {number}".encode(), answer
            self.slowest_s = max(self.slowest_s, time.monotonic() - started)

    def drop(self):
        """Closes both sockets."""
        self._client.drop()
        self._server.drop()
