"""Damages files as disks and people do: bits, sectors, ends, whole files."""

import os
import random


class Damage:
    """One change of one file of a folder, chosen at random; `text` tells which. `kept` is a file not to be removed."""

    def __init__(self, chosen, folder, range_max=2**16, kept=None):
        self._chosen = chosen
        self._range_max = range_max
        files = sorted(name for name in _files_of(folder) if os.path.getsize(os.path.join(folder, name)) > 0)
        self.name = chosen.choice(files)
        self.path = os.path.join(folder, self.name)
        with open(self.path, "rb") as file:
            self._data = bytearray(file.read())
        kind = chosen.choices([self._flip, self._zero, self._scramble, self._copy, self._truncate, self._extend,
                               self._flip if self.name == kept else self._remove], [5, 3, 3, 2, 2, 1, 1])[0]
        self.text = f"{self.name}: {kind()}"

    def _range(self):
        """A part, mostly of what is not zero anyway, and mostly short."""
        end = len(self._data)
        if self._chosen.random() < 0.9:
            end = max(1, len(self._data.rstrip(b"\0")))
        begin = self._chosen.randrange(end)
        longest = self._range_max if self._chosen.random() < 0.3 else 16
        return begin, min(len(self._data), begin + self._chosen.randint(1, longest))

    def _write(self):
        with open(self.path, "wb") as file:
            file.write(self._data)

    def _flip(self):
        begin, end = self._range()
        for _ in range(self._chosen.randint(1, 4)):
            self._data[self._chosen.randrange(begin, end)] ^= 1 << self._chosen.randrange(8)
        self._write()
        return f"bits flipped from {begin} to {end}"

    def _zero(self):
        begin, end = self._range()
        self._data[begin:end] = bytes(end - begin)
        self._write()
        return f"zeros from {begin} to {end}"

    def _scramble(self):
        begin, end = self._range()
        self._data[begin:end] = self._chosen.randbytes(end - begin)
        self._write()
        return f"random bytes from {begin} to {end}"

    def _copy(self):
        begin, end = self._range()
        source = self._chosen.randrange(max(1, len(self._data) - (end - begin)))
        self._data[begin:end] = self._data[source:source + end - begin]
        self._write()
        return f"bytes of {source} copied to {begin} to {end}"

    def _truncate(self):
        size = self._range()[0]
        os.truncate(self.path, size)
        return f"truncated from {len(self._data)} to {size}"

    def _extend(self):
        size = self._chosen.randint(1, 5000)
        self._data += self._chosen.randbytes(size)
        self._write()
        return f"{size} random bytes added at {len(self._data) - size}"

    def _remove(self):
        os.remove(self.path)
        return "removed"


def _files_of(folder):
    for at, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(at, name), folder)


def seeded(seed=None):
    """A source of choices whose seed is printed."""
    seed = random.randrange(2**32) if seed is None else seed
    print(f"seed {seed}")
    return random.Random(seed)
