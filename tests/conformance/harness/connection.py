"""Raw AMQP connections that write down what they send and receive.

Nothing here waits by sleeping: a script either waits for a frame that must come, or proves by a round trip
that nothing more comes.
"""

import socket
import struct
from collections import deque, namedtuple

from . import wire
from .transcript import show, show_fields, show_sent, show_server_properties

#: How long a frame that must come may take. Reaching it is an error of the script or the broker.
PATIENCE_S = 15

#: A method with its content, if it has any, as received. `frame_sizes` are those of the body frames.
Event = namedtuple("Event", "channel name values properties body frame_sizes")


class ConnectionClosed(Exception):
    """The broker closed the connection; the transcript says how. Ends a script that does not catch it."""


class NothingArrived(Exception):
    """A frame that the script waits for did not come."""


class Connection:
    """One TCP connection. Frames are kept per channel, since the order between channels is not defined."""

    def __init__(self, transcript, label, address):
        self.label = label
        self.recording = True
        self.answers_close = True
        self.is_open = True
        self.was_opened = False
        self.channels = {}
        self.frame_max = 131072
        self._transcript = transcript
        self._socket = socket.create_connection(address, timeout=PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = bytearray()
        self._events = {}
        self._contents = {}

    def note(self, line):
        """Writes a line about this connection."""
        if self.recording:
            self._transcript.add(line)

    # Sending

    def send_bytes(self, data, note=None):
        """Sends any bytes at all; `note` is the line that says so."""
        if note is not None:
            self.note(f"{self.label} > {note}")
        try:
            self._socket.sendall(data)
        except OSError:
            pass  # the broker has gone; what it said before that is still to be read

    def send_in_pieces(self, data, note, sizes=(1,)):
        """Sends `data` in writes of the given sizes, over and over, each a packet of its own."""
        self.note(f"{self.label} > {note}")
        position, turn = 0, 0
        while position < len(data):
            size = sizes[turn % len(sizes)]
            self.send_bytes(data[position:position + size])
            position, turn = position + size, turn + 1

    def send_frame(self, kind, channel, payload, end=wire.FRAME_END, note=None):
        """Sends one frame of any kind."""
        names = {1: "method", 2: "header", 3: "body", 8: "heartbeat"}
        if note is None:
            note = f"{names.get(kind, f'type {kind}')} frame, payload {payload!r}"
        self.note(f"{self.label}.{channel} > {note}")
        self.send_bytes(wire.frame(kind, channel, payload, end))

    def send(self, channel, name, **values):
        """Sends a method."""
        self.note(f"{self.label}.{channel} > {name}{show_sent(values)}")
        self.send_bytes(wire.frame(wire.METHOD, channel, wire.method_payload(name, **values)))

    def finish_sending(self):
        """Ends our half of the TCP connection."""
        self.note(f"{self.label} > end of stream")
        self._socket.shutdown(socket.SHUT_WR)

    def drop(self):
        """Closes the socket without a word."""
        self.note(f"{self.label} > socket closed")
        self._close_socket()

    # Receiving

    def receive(self, channel=0):
        """The next event of a channel, written down. Raises ConnectionClosed at the end of the connection."""
        while not self._events.get(channel):
            event = self._read_event()
            if event.channel == 0 and event.name == "connection.close" and self.answers_close:
                self._was_closed(event)
            self._events.setdefault(event.channel, deque()).append(event)
        event = self._events[channel].popleft()
        self._write_down(event)
        return event

    def receive_quietly(self, channel):
        """The next event of a channel, not written down."""
        recording, self.recording = self.recording, False
        try:
            event = self.receive(channel)
        except ConnectionClosed:
            self.recording = recording
            self.note(f"{self.label} < connection closed meanwhile")
            raise
        finally:
            self.recording = recording
        return event

    def write_down(self, event):
        """Writes down an event that was received quietly."""
        self._write_down(event)

    def receive_heartbeat(self):
        """Waits for a heartbeat; methods that come meanwhile are kept."""
        while True:
            event = self._read_event(wants_heartbeat=True)
            if event is None:
                self.note(f"{self.label}.0 < heartbeat")
                return
            self._events.setdefault(event.channel, deque()).append(event)

    def receive_bytes(self, size):
        """Exactly `size` raw bytes, written down."""
        while len(self._input) < size:
            self._fill()
        data = bytes(self._input[:size])
        del self._input[:size]
        self.note(f"{self.label} < bytes {data!r}")
        return data

    def expect_end(self):
        """Waits until the broker closes the socket; frames before that are written down. Does not raise."""
        try:
            while True:
                self._write_down(self._read_event())
        except ConnectionClosed:
            pass

    def expect_close(self):
        """Waits for the broker's connection.close, answers it, and waits for the end. Does not raise."""
        try:
            while True:
                self.receive(0)
        except ConnectionClosed:
            pass

    def leave(self):
        """Ends our stream after a close-ok and waits for the other end. RabbitMQ waits for the client to go first."""
        self._socket.shutdown(socket.SHUT_WR)
        self.expect_end()

    # Handshake

    def open(self, user, password, vhost, frame_max, channel_max, heartbeat, client_properties):
        """The whole handshake with PLAIN."""
        self.frame_max = frame_max
        self.send_bytes(wire.PROTOCOL_HEADER)
        self.receive(0)
        self.send(0, "connection.start-ok", client_properties=client_properties, mechanism="PLAIN",
                  response=f"\0{user}\0{password}", locale="en_US")
        self.receive(0)
        self.send(0, "connection.tune-ok", channel_max=channel_max, frame_max=frame_max, heartbeat=heartbeat)
        self.send(0, "connection.open", virtual_host=vhost)
        self.receive(0)

    def channel(self, number=1):
        """An open channel; its opening is not written down."""
        channel = Channel(self, number)
        recording, self.recording = self.recording, False
        channel.open()
        self.recording = recording
        return channel

    def raw_channel(self, number=1):
        """A channel that was not opened."""
        return Channel(self, number)

    def close(self):
        """connection.close and its answer. Whatever the broker still had to say is written down before."""
        self.send(0, "connection.close", reply_code=200, reply_text="bye")
        while self.receive(0).name != "connection.close-ok":
            pass
        self.leave()

    def finish(self):
        """Shows that nothing is outstanding and closes the connection; only surprises are written down."""
        if not (self.is_open and self.was_opened):
            self._close_socket()
            return
        try:
            for channel in list(self.channels.values()):
                if channel.is_open:
                    channel.sync()
            self.send_bytes(wire.frame(wire.METHOD, 0, wire.method_payload("connection.close", reply_code=200)))
            while True:
                event = self._read_event()
                if event.channel == 0 and event.name == "connection.close-ok":
                    break
                self._events.setdefault(event.channel, deque()).append(event)
            for number in sorted(self._events):
                for event in self._events[number]:
                    self._write_down(event)
        finally:
            self._close_socket()

    # Inside

    def _close_socket(self):
        self.is_open = False
        self._socket.close()

    def _was_closed(self, event):
        self._write_down(event)
        self.send_bytes(wire.frame(wire.METHOD, 0, wire.method_payload("connection.close-ok")))
        while True:
            self._write_down(self._read_event())  # ends by ConnectionClosed

    def _fill(self):
        """Reads more input; raises at the end of the stream."""
        try:
            data = self._socket.recv(65536)
        except (socket.timeout, TimeoutError):
            self.is_open = False
            self.recording = True
            self.note(f"{self.label} < nothing within the time limit")
            raise NothingArrived(f"nothing arrived on {self.label} within {PATIENCE_S} s") from None
        except OSError:
            data = b""  # reset and orderly end mean the same here
        if not data:
            if self.is_open:
                self.note(f"{self.label} < socket closed")
            self._close_socket()
            raise ConnectionClosed
        self._input += data

    def _read_frame(self):
        while len(self._input) < 7:
            self._fill()
        kind, channel, size = struct.unpack(">BHI", self._input[:7])
        while len(self._input) < 8 + size:
            self._fill()
        payload = bytes(self._input[7:7 + size])
        if self._input[7 + size] != wire.FRAME_END:
            raise ValueError(f"bad end of frame: {bytes(self._input[:8 + size])!r}")
        if size + 8 > self.frame_max:
            raise ValueError(f"frame of {size + 8} bytes although {self.frame_max} is the limit")
        del self._input[:8 + size]
        return wire.Frame(kind, channel, payload)

    def _read_event(self, wants_heartbeat=False):
        """The next method with its content, or None for a heartbeat if one is wanted."""
        while True:
            kind, channel, payload = self._read_frame()
            if kind == wire.HEARTBEAT:
                if channel != 0 or payload:
                    raise ValueError(f"odd heartbeat on channel {channel}: {payload!r}")
                if wants_heartbeat:
                    return None
                continue
            if kind == wire.METHOD:
                if channel in self._contents:
                    raise ValueError(f"method on channel {channel} in the middle of a content")
                method, values = wire.decode_method(payload)
                self.was_opened = self.was_opened or method.name == "connection.open-ok"
                if not method.has_content:
                    return Event(channel, method.name, values, None, None, None)
                self._contents[channel] = [method.name, values, None, None, b"", []]
                continue
            content = self._contents.get(channel)
            if content is None:
                raise ValueError(f"content frame on channel {channel} without a method")
            if kind == wire.HEADER:
                class_id, weight, content[3], content[2] = wire.decode_header(payload)
                if class_id != 60 or weight != 0:
                    raise ValueError(f"content header of class {class_id} and weight {weight}")
            else:
                content[4] += payload
                content[5].append(len(payload))
            if len(content[4]) > content[3]:
                raise ValueError("body longer than announced")
            if len(content[4]) == content[3]:
                del self._contents[channel]
                return Event(channel, content[0], content[1], content[2], content[4], content[5])

    def _write_down(self, event):
        line = f"{self.label}.{event.channel} < {event.name}"
        if event.name == "connection.start":
            values = dict(event.values)
            line += f" server_properties={show_server_properties(values.pop('server_properties'))}" + show_fields(values)
        else:
            line += show_fields(event.values)
        if event.body is not None:
            line += f" |{show_fields(event.properties)} | {show(event.body)}"
            if len(event.frame_sizes) > 1:
                line += f" in frames of {event.frame_sizes}"
        self.note(line)


class Channel:
    """One channel of a raw connection."""

    def __init__(self, connection, number):
        self.connection = connection
        self.number = number
        self.is_open = False
        self.answers_close = True
        connection.channels[number] = self

    def open(self):
        """channel.open and its answer."""
        self.is_open = True
        return self.call("channel.open")

    def send(self, name, **values):
        """Sends a method without waiting."""
        self.connection.send(self.number, name, **values)

    def receive(self):
        """The next event, written down. A channel.close is answered."""
        return self._seen(self.connection.receive(self.number))

    def take(self, count):
        """The next `count` events."""
        return [self.receive() for _ in range(count)]

    def call(self, name, **values):
        """Sends a method and waits for its answer or the channel's close. Events before it are written down."""
        self.send(name, **values)
        if values.get("nowait"):
            return None
        while True:
            event = self.receive()
            if event.name in (f"{name}-ok", "channel.close"):
                return event
            if name == "basic.get" and event.name == "basic.get-empty":
                return event

    def publish(self, routing_key="", body=b"", exchange="", mandatory=False, immediate=False, frame_size=None, **properties):
        """Publishes in one write; the body is cut in frames of `frame_size` payload bytes."""
        body = body if isinstance(body, bytes) else body.encode()
        frame_size = frame_size or self.connection.frame_max - 8
        values = {"exchange": exchange, "routing_key": routing_key, "mandatory": mandatory, "immediate": immediate}
        shown = f" |{show_sent(properties)} | {show(body)}"
        self.connection.note(f"{self.connection.label}.{self.number} > basic.publish{show_sent(values)}{shown}")
        frames = [wire.frame(wire.METHOD, self.number, wire.method_payload("basic.publish", **values)),
                  wire.frame(wire.HEADER, self.number, wire.header_payload(len(body), properties))]
        frames += [wire.frame(wire.BODY, self.number, body[at:at + frame_size]) for at in range(0, len(body), frame_size)]
        self.connection.send_bytes(b"".join(frames))

    def frame(self, kind, payload, end=wire.FRAME_END, note=None):
        """Sends one frame of any kind."""
        self.connection.send_frame(kind, self.number, payload, end, note)

    def sync(self):
        """A round trip without effect that is not written down; events before its answer are."""
        if not self.is_open:
            return
        self._quiet_call("exchange.declare", exchange="amq.direct", type="direct", passive=True)

    def settle(self, *queues):
        """Waits until these queues have done what the earlier commands of this channel made them do.

        A passive declare asks the queue, and RabbitMQ lets that question overtake the publishes before it.
        It is asked three times: while the queue is asked again, it gets to what it had put aside. What the
        queue sent the channel meanwhile is on the wire by the time of the sync's answer.
        """
        for queue in queues * 3:
            if self.is_open:
                self._quiet_call("queue.declare", queue=queue, passive=True)
        self.sync()

    def counts(self, queue):
        """Writes down the ready messages and the consumers of a queue, after what was sent before."""
        self.settle(queue)
        if self.is_open:
            self.call("queue.declare", queue=queue, passive=True)

    def confirms(self, count, first=1):
        """Waits until the publishes `first` to `first + count - 1` are settled, and writes down how.

        How many frames a broker uses for that is its own business; returns between them are written down.
        """
        waiting = set(range(first, first + count))
        outcome = {"basic.ack": [], "basic.nack": []}
        while waiting:
            event = self._seen(self.connection.receive_quietly(self.number))
            if event.name not in outcome:
                self.connection.write_down(event)
                if event.name == "channel.close":
                    break
                continue
            tag = event.values["delivery_tag"]
            covered = {seq for seq in waiting if seq == tag or (seq < tag and event.values["multiple"])}
            if not covered:
                self.connection.write_down(event)  # confirms something twice
                break
            outcome[event.name] += sorted(covered)
            waiting -= covered
        words = [f"{kind.partition('.')[2]}ed {sorted(tags)}" for kind, tags in outcome.items() if tags]
        self.connection.note(f"{self.connection.label}.{self.number} < {', '.join(words) or 'nothing'} confirmed")

    def close(self):
        """channel.close and its answer."""
        event = self.call("channel.close", reply_code=200, reply_text="bye")
        self.is_open = False
        return event

    def _quiet_call(self, name, **values):
        connection = self.connection
        connection.send_bytes(wire.frame(wire.METHOD, self.number, wire.method_payload(name, **values)))
        while True:
            event = self._seen(connection.receive_quietly(self.number))
            if event.name == f"{name}-ok":
                return
            connection.write_down(event)
            if event.name == "channel.close":
                return

    def _seen(self, event):
        if event.name == "channel.close":
            self.is_open = False
            if self.answers_close:
                self.connection.send_bytes(wire.frame(wire.METHOD, self.number, wire.method_payload("channel.close-ok")))
        elif event.name == "channel.close-ok":
            self.is_open = False
        return event
