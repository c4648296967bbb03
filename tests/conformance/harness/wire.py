"""AMQP 0-9-1 on the wire: frames, methods, content headers and field tables, right ones and wrong ones.

Encoding takes anything that fits the bytes and checks nothing, since half of the scripts want to send what a
decent client never would. Decoding is strict: a broker's malformed frame is a failure.
"""

import struct
from collections import namedtuple

from . import methods

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
FRAME_END = 0xCE

Frame = namedtuple("Frame", "type channel payload")


class Typed(namedtuple("Typed", "letter value")):
    """A field value with the wire type spelled out: Typed('s', 5) is a 16-bit 5."""


_number_formats = {
    "t": ">?", "b": ">b", "B": ">B", "s": ">h", "u": ">H", "I": ">i", "i": ">I", "l": ">q", "f": ">f", "d": ">d", "T": ">Q",
}


def short_string(text):
    """A shortstr. Longer than 255 bytes it lies about its length."""
    data = text if isinstance(text, bytes) else text.encode()
    return bytes([len(data) & 0xFF]) + data


def long_string(text):
    """A longstr."""
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">I", len(data)) + data


def field_value(value):
    """A field value with its type letter; RabbitMQ's letters."""
    letter, value = _typed(value)
    data = letter.encode()
    if letter in _number_formats:
        return data + struct.pack(_number_formats[letter], value)
    if letter in "Sx":
        return data + long_string(value)
    if letter == "F":
        return data + table(value)
    if letter == "A":
        return data + long_string(b"".join(map(field_value, value)))
    if letter == "D":
        return data + struct.pack(">BI", *value)
    assert letter == "V", letter
    return data


def _typed(value):
    if isinstance(value, Typed):
        return value
    if value is None:
        return Typed("V", None)
    if isinstance(value, bool):
        return Typed("t", value)
    if isinstance(value, int):
        return Typed("I" if -2**31 <= value < 2**31 else "l", value)
    if isinstance(value, float):
        return Typed("d", value)
    if isinstance(value, dict):
        return Typed("F", value)
    if isinstance(value, list):
        return Typed("A", value)
    return Typed("S", value)


def table(entries):
    """A field table with its length. Bytes are taken as an already encoded content."""
    if isinstance(entries, bytes):
        return long_string(entries)
    return long_string(table_content(entries))


def table_content(entries):
    """A field table without its length, from a dict or from (name, value) pairs."""
    pairs = entries.items() if isinstance(entries, dict) else entries
    return b"".join(short_string(name) + field_value(value) for name, value in pairs)


_encoders = {
    "octet": lambda value: struct.pack(">B", value),
    "short": lambda value: struct.pack(">H", value),
    "long": lambda value: struct.pack(">I", value),
    "longlong": lambda value: struct.pack(">Q", value),
    "shortstr": short_string,
    "longstr": long_string,
    "table": table,
}
_empty = {"octet": 0, "short": 0, "long": 0, "longlong": 0, "shortstr": "", "longstr": "", "table": {}, "bit": False}


def method_payload(name, **values):
    """Payload of a method frame. Fields that are not given are zero, empty or false."""
    method = methods.by_name[name]
    data = struct.pack(">HH", method.class_id, method.method_id)
    bits, bit_count = 0, 0

    def flush_bits():
        nonlocal bits, bit_count
        packed = bytes([bits]) if bit_count else b""
        bits, bit_count = 0, 0
        return packed

    for field, kind in method.fields:
        value = values.pop(field, _empty[kind])
        if kind == "bit":
            bits |= bool(value) << bit_count
            bit_count += 1
            continue
        data += flush_bits() + _encoders[kind](value)
    assert not values, f"{name} has no field {', '.join(values)}"
    return data + flush_bits()


def properties_payload(properties):
    """Property flags and values of a content header."""
    flags, data = 0, b""
    properties = dict(properties)
    for position, (name, kind) in enumerate(methods.properties):
        if name in properties:
            flags |= 1 << (15 - position)
            data += _encoders[kind](properties.pop(name))
    assert not properties, properties
    return struct.pack(">H", flags) + data


def header_payload(body_size, properties=(), class_id=60, weight=0):
    """Payload of a content header frame."""
    return struct.pack(">HHQ", class_id, weight, body_size) + properties_payload(properties)


def frame(kind, channel, payload, end=FRAME_END):
    """A whole frame."""
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes([end])


class Reader:
    """A cursor over a payload that must be used up exactly."""

    def __init__(self, data):
        self.data = data
        self.position = 0

    def take(self, size):
        """The next `size` bytes."""
        if self.position + size > len(self.data):
            raise ValueError(f"payload ends early: {self.data!r}")
        self.position += size
        return self.data[self.position - size:self.position]

    def number(self, layout):
        """One number of a struct format."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def at_end(self):
        """Whether everything was read."""
        return self.position == len(self.data)

    def read(self, kind):
        """A value of a method field's type."""
        if kind == "shortstr":
            return _text(self.take(self.number(">B")))
        if kind == "longstr":
            return _text(self.take(self.number(">I")))
        if kind == "table":
            return self.table()
        return self.number({"octet": ">B", "short": ">H", "long": ">I", "longlong": ">Q"}[kind])

    def table(self):
        """A field table as a list of (name, Typed)."""
        inner = Reader(self.take(self.number(">I")))
        entries = []
        while not inner.at_end():
            entries.append((inner.read("shortstr"), inner.field_value()))
        return entries

    def field_value(self):
        """A Typed value."""
        letter = chr(self.number(">B"))
        if letter in _number_formats:
            return Typed(letter, self.number(_number_formats[letter]))
        if letter in "Sx":
            return Typed(letter, self.read("longstr"))
        if letter == "F":
            return Typed(letter, self.table())
        if letter == "A":
            inner = Reader(self.take(self.number(">I")))
            values = []
            while not inner.at_end():
                values.append(inner.field_value())
            return Typed(letter, values)
        if letter == "D":
            return Typed(letter, (self.number(">B"), self.number(">I")))
        if letter == "V":
            return Typed(letter, None)
        raise ValueError(f"unknown field type {letter!r}")


def _text(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def decode_method(payload):
    """(Method, dict of its fields)."""
    reader = Reader(payload)
    ids = (reader.number(">H"), reader.number(">H"))
    if ids not in methods.by_id:
        raise ValueError(f"unknown method {ids}")
    method = methods.by_id[ids]
    values, bits, bit = {}, 0, 8
    for field, kind in method.fields:
        if kind != "bit":
            bit = 8
            values[field] = reader.read(kind)
            continue
        if bit == 8:
            bits, bit = reader.number(">B"), 0
        values[field] = bool(bits >> bit & 1)
        bit += 1
    if not reader.at_end():
        raise ValueError(f"{method.name} has bytes left over: {payload!r}")
    return method, values


def decode_header(payload):
    """(class id, weight, body size, dict of properties)."""
    reader = Reader(payload)
    class_id, weight, body_size = reader.number(">H"), reader.number(">H"), reader.number(">Q")
    flags = reader.number(">H")
    found = {name: reader.read(kind) for position, (name, kind) in enumerate(methods.properties)
             if flags >> (15 - position) & 1}
    if not reader.at_end():
        raise ValueError(f"content header has bytes left over: {payload!r}")
    return class_id, weight, body_size, found
