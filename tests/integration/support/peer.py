"""A connection in a loop: it cuts its own frames, because thousands of messages a second are wanted of it."""

import struct

from harness import wire
from harness.methods import by_name

from .client import connect

_frame_head = struct.Struct(">BHI")


def method_id(name):
    """What a method's payload begins with, as a number."""
    method = by_name[name]
    return method.class_id << 16 | method.method_id


def method_frame(name, channel=1, **values):
    """The frame of a method."""
    return wire.frame(wire.METHOD, channel, wire.method_payload(name, **values))


_DELIVER = method_id("basic.deliver")


class Peer:
    """One connection with one channel; what it does is up to its subclass."""

    def __init__(self):
        self.load = None
        self.is_open = False
        self.end_reason = ""
        self.blocked_reason = None
        self.blocked_count = 0
        self._socket = None
        self._input = bytearray()
        self._output = bytearray()
        self._handlers = {method_id("connection.close"): self._on_close, method_id("channel.close"): self._on_close,
                          method_id("connection.blocked"): self._on_blocked,
                          method_id("connection.unblocked"): self._on_unblocked}
        self._content = None

    # For subclasses

    def prepare(self, channel):
        """Sets up its channel, by blocking calls."""

    def pump(self):
        """Sends what there is to be sent."""

    def is_done(self):
        """Whether, once told to finish, nothing is outstanding."""
        return True

    def on_content(self, payload, body):
        """A delivery: the payload of its method, and its body."""

    # For the load

    def open(self, load, address, **options):
        """Logs in and hands the socket over to the loop."""
        self.load = load
        client = connect(address, **options)
        try:
            self.prepare(client.channel())
        except BaseException:
            client.drop()
            raise
        self._socket = client.socket
        self._socket.setblocking(False)
        self._input += client._input
        self.is_open = True
        self._cut()  # What came with the last answer.

    @property
    def socket(self):
        """For the selector."""
        return self._socket

    def close(self, reason):
        """Hangs up, or has been hung up on."""
        if self.is_open:
            self.is_open = False
            self.end_reason = reason
            self.load.forget(self)
            self._socket.close()

    def send(self, data):
        """Queues bytes."""
        self._output += data

    def flush(self):
        """Sends what the socket takes. Returns whether something is left."""
        while self._output and self.is_open:
            try:
                sent = self._socket.send(self._output)
            except BlockingIOError:
                return True
            except OSError:
                self._output.clear()  # What the broker said before it went is still to be read.
                return False
            del self._output[:sent]
        return False

    def read(self):
        """Takes what there is, and acts on it."""
        try:
            data = self._socket.recv(2**18)
        except BlockingIOError:
            return
        except OSError as error:
            self.close(f"hung up on: {error}")
            return
        if not data:
            self.close(self.end_reason or "hung up on")
            return
        self._input += data
        self._cut()

    def _cut(self):
        at, view = 0, bytes(self._input)
        while len(view) - at >= 8:
            kind, _, size = _frame_head.unpack_from(view, at)
            if len(view) - at < size + 8:
                break
            assert view[at + 7 + size] == wire.FRAME_END, view[at:at + size + 8][:200]
            self._on_frame(kind, view[at + 7:at + 7 + size])
            at += size + 8
        del self._input[:at]

    def _on_frame(self, kind, payload):
        if kind == wire.METHOD:
            method = struct.unpack_from(">I", payload)[0]
            if method == _DELIVER:
                self._content = [payload, None, []]
            elif method in self._handlers:
                self._handlers[method](payload)
            return
        if kind == wire.HEADER:
            self._content[1] = struct.unpack_from(">Q", payload, 4)[0]
        elif kind == wire.BODY:
            self._content[2].append(payload)
            self._content[1] -= len(payload)
        if self._content is not None and self._content[1] == 0:
            (method, _, parts), self._content = self._content, None
            self.on_content(method, parts[0] if len(parts) == 1 else b"".join(parts))

    def _on_close(self, payload):
        method, values = wire.decode_method(payload)
        self.end_reason = f"{method.name} {values['reply_code']} {values['reply_text']}"
        self.send(method_frame(f"{method.name}-ok", channel=0 if method.name.startswith("conn") else 1))
        self.flush()
        if method.name == "channel.close":
            self.load.surprises.append(self.end_reason)

    def _on_blocked(self, payload):
        self.blocked_reason = wire.decode_method(payload)[1]["reason"]
        self.blocked_count += 1

    def _on_unblocked(self, payload):
        self.blocked_reason = None
