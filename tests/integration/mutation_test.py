"""Bytes at random, and valid sessions with some of them changed: nobody else notices."""

import os
import random

from harness import wire
from sockets_test import OUR_HEADER, session
from support import Client, DaemonTest, on_each_shard_count
from support.daemon import wait_for

#: How many sessions of each kind; more of them by hand: MUTATIONS=10000.
COUNT = int(os.environ.get("MUTATIONS", "150"))


def flip(chosen, data):
    """Some bits turned."""
    data = bytearray(data)
    for _ in range(chosen.randrange(1, 8)):
        data[chosen.randrange(len(data))] ^= 1 << chosen.randrange(8)
    return bytes(data)


def replace_number(chosen, data):
    """A length, an id or a flag becomes an extreme one."""
    value = chosen.choice([b"\0", b"\xff", b"\x7f", b"\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff",
                           b"\xff" * 8, b"\x80" + bytes(7)])
    at = chosen.randrange(len(data))
    return data[:at] + value + data[at + len(value):]


def cut_out(chosen, data):
    """A part is missing."""
    begin = chosen.randrange(len(data))
    return data[:begin] + data[begin + chosen.randrange(1, 50):]


def repeat(chosen, data):
    """A part comes twice."""
    begin = chosen.randrange(len(data))
    part = data[begin:begin + chosen.randrange(1, 200)]
    return data[:begin] + part + data[begin:]


def insert(chosen, data):
    """Something else in between."""
    at = chosen.randrange(len(data))
    return data[:at] + chosen.randbytes(chosen.randrange(1, 50)) + data[at:]


@on_each_shard_count
class MutationTest(DaemonTest):
    """Each session ends in an error or runs dry; a session beside it must go on, and memory must not grow."""

    def setUp(self):
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        self.chosen = random.Random(seed)
        self.daemon = self.start(settings=["log.level=error"])
        self.bystanders = self.neighbours(self.daemon, queue="bystanders")
        self.before = self.daemon.socket_count()

    def play(self, data):
        """A connection that says this, reads a little of the answers, and goes."""
        client = Client(self.daemon.address)
        pieces = [data] if self.chosen.random() < 0.7 else \
            [data[at:at + 97] for at in range(0, len(data), 97)]
        for piece in pieces:
            client.send_bytes(piece)
        client.socket.settimeout(0.002)
        try:
            while client.socket.recv(65536):
                pass
        except OSError:
            pass
        (client.reset if self.chosen.random() < 0.3 else client.drop)()

    def finish(self):
        """What must be true afterwards."""
        self.bystanders.call()
        wait_for(lambda: self.daemon.socket_count() <= self.before, "end of all sockets",
                 explain=self.daemon.log_text)
        self.assert_resident_below(self.daemon, 150)

    def test_random_bytes_from_the_start(self):
        for _ in range(COUNT):
            self.play(self.chosen.randbytes(self.chosen.randrange(1, 2000)))
            self.bystanders.call(1)
        self.finish()

    def test_random_bytes_after_the_protocol_header(self):
        for _ in range(COUNT):
            self.play(OUR_HEADER + self.chosen.randbytes(self.chosen.randrange(1, 2000)))
            self.bystanders.call(1)
        self.finish()

    def test_random_frames_after_the_handshake(self):
        for _ in range(COUNT):
            frames = b""
            for _ in range(self.chosen.randrange(1, 20)):
                kind = self.chosen.choice([1, 1, 1, 1, 2, 3, 8, self.chosen.randrange(256)])
                head = bytes([0, self.chosen.choice([10, 20, 30, 40, 50, 60, 85, 90]), 0, self.chosen.randrange(130)])
                frames += wire.frame(kind, self.chosen.randrange(3), head + self.chosen.randbytes(self.chosen.randrange(60)))
            self.play(b"".join(session()[:7]) + frames)
            self.bystanders.call(1)
        self.finish()

    def test_valid_sessions_with_some_bytes_changed(self):
        data = b"".join(session())
        for _ in range(COUNT):
            mutated = data
            for _ in range(self.chosen.randrange(1, 4)):
                mutated = self.chosen.choice([flip, replace_number, cut_out, repeat, insert])(self.chosen, mutated)
            self.play(mutated)
            self.bystanders.call(1)
        self.finish()

    def test_valid_pieces_in_another_order(self):
        handshake, rest = session()[:4], session()[4:]
        for _ in range(COUNT):
            pieces = self.chosen.choices(rest, k=self.chosen.randrange(1, 30))
            self.play(b"".join(handshake + pieces))
            self.bystanders.call(1)
        self.finish()
