"""Messages whose body tells which they are, and what is known of each in each queue."""

import random
import struct
import time
import zlib

#: The broker's clock and ours are read at different moments.
CLOCK_MARGIN_S = 0.05

_head = struct.Struct(">4sIIII")  # "LDGR", crc32 of the rest, publisher, number, size of the whole body
HEAD_BYTES = _head.size
_filler_period = 2**20
_filler = random.Random(1).randbytes(_filler_period)


def make_body(publisher, number, size):
    """The body of a message: different for each, and known from its head alone."""
    at = (publisher * 7919 + number * 104729) % _filler_period
    filler = _filler[at:at + size - HEAD_BYTES]
    while len(filler) < size - HEAD_BYTES:
        filler += _filler[:size - HEAD_BYTES - len(filler)]
    rest = struct.pack(">III", publisher, number, size) + filler
    return b"LDGR" + struct.pack(">I", zlib.crc32(rest)) + rest


def read_body(body):
    """(publisher, number) of a body that make_body() made; None when it is damaged."""
    if len(body) < HEAD_BYTES:
        return None
    magic, checksum, publisher, number, size = _head.unpack_from(body)
    if magic != b"LDGR" or size != len(body) or zlib.crc32(memoryview(body)[8:]) != checksum:
        return None
    return publisher, number


class Message:
    """One publish."""

    __slots__ = ("key", "size", "persistent", "ttl_s", "sent_at", "confirmed_at", "latest_at", "copies")

    def __init__(self, key, size, persistent, ttl_s):
        self.key = key  # (publisher, number)
        self.size = max(size, HEAD_BYTES)
        self.persistent = persistent
        self.ttl_s = ttl_s
        self.sent_at = time.time()
        self.confirmed_at = None
        self.latest_at = None  # By then the broker had it, if it ever did.
        self.copies = {}

    def body(self):
        """As it is sent."""
        return make_body(*self.key, self.size)

    def may_have_expired(self, now):
        """Whether its time can be over."""
        return self.ttl_s is not None and now > self.sent_at + self.ttl_s - CLOCK_MARGIN_S

    def must_have_expired(self, now):
        """Whether its time is over, whenever the broker got it."""
        return self.ttl_s is not None and self.latest_at is not None and \
            now > self.latest_at + self.ttl_s + CLOCK_MARGIN_S


class Copy:
    """A message in one queue."""

    __slots__ = ("message", "queue", "origin", "born_epoch", "is_recovered", "delivered_at", "is_out", "is_flagged",
                 "is_marked", "settled_at", "settled_epoch", "taken_at", "is_sure")

    def __init__(self, message, queue, epoch, origin=None):
        self.message = message
        self.queue = queue
        self.origin = origin  # The copy that was rejected and came here as a dead letter.
        self.born_epoch = epoch
        self.is_recovered = False  # Seen after a restart: the disk has it, whatever was promised.
        self.delivered_at = None
        self.is_out = False  # A consumer has it.
        self.is_flagged = False  # Its next delivery must say `redelivered`, as long as this broker lives,
        self.is_marked = False  # and after it, too.
        self.settled_at = None  # When the consumer acknowledged or rejected it,
        self.settled_epoch = None
        self.taken_at = None  # when it knew that the broker had read that,
        self.is_sure = False  # and whether it knows that the disk has it.

    def unsettle(self):
        """What the consumer had said was lost with the broker."""
        self.settled_at = self.settled_epoch = self.taken_at = None
        self.is_sure = False

    def __str__(self):
        message = self.message
        words = [f"{message.size} bytes", "" if message.persistent else "transient",
                 f"ttl {message.ttl_s} s" if message.ttl_s else "",
                 "confirmed" if message.confirmed_at else "not confirmed", "recovered" if self.is_recovered else "",
                 "settled" if self.settled_at else ""]
        return f"{message.key[0]}:{message.key[1]} in '{self.queue}' ({', '.join(filter(None, words))})"
