"""What a script saw, as lines that can be compared between brokers.

Generated names, versions and ports differ from run to run; they are replaced by numbers in order of their
first appearance. The script's own name prefix is taken away, so that lines read as if the names were bare.
"""

import re

from .wire import Typed

_death_time = re.compile(r"time: T:\d+")
_generated = re.compile(r"amq\.(gen|ctag)-[A-Za-z0-9_\-]+|amq\.rabbitmq\.reply-to\.[A-Za-z0-9_\-+/=.:@]+")

#: The client properties of a connection for which a script does not say otherwise.
CAPABILITIES = {
    "capabilities": {
        "authentication_failure_close": True, "basic.nack": True, "connection.blocked": True,
        "consumer_cancel_notify": True, "publisher_confirms": True,
    },
}

_free_text_properties = ("platform", "copyright", "information", "cluster_name")


class Transcript:
    """Ordered lines of one run of one script."""

    def __init__(self, prefix):
        self.lines = []
        self._prefix = prefix
        self._seen = {}

    def add(self, line):
        """Appends a line, normalised."""
        self.lines.append(self.normalise(line))

    def normalise(self, line):
        """The line with everything replaced that may differ from run to run."""
        line = _death_time.sub("time: T:#", line.replace(self._prefix, ""))
        return _generated.sub(self._number, line)

    def _number(self, match):
        name = match.group(0)
        kind = "amq.rabbitmq.reply-to." if name.startswith("amq.rabbitmq") else name[:name.index("-") + 1]
        names = self._seen.setdefault(kind, [])
        if name not in names:
            names.append(name)
        return f"{kind}#{names.index(name) + 1}"


def show_fields(values):
    """Decoded method fields as text."""
    return "".join(f" {name}={show(value)}" for name, value in values.items())


def show(value):
    """A field's value; long ones by their length and ends."""
    if isinstance(value, list):
        return show_table(value)
    if isinstance(value, (str, bytes)) and len(value) > 600:
        return f"<{len(value)} long: {value[:16]!r}...{value[-16:]!r}>"
    return repr(value)


def show_table(entries):
    """A decoded table with its wire types, in order."""
    return "{" + ", ".join(f"{name}: {show_typed(value)}" for name, value in entries) + "}"


def show_typed(typed):
    """A field value with its type letter."""
    letter, value = typed
    if letter == "F":
        return show_table(value)
    if letter == "A":
        return "[" + ", ".join(map(show_typed, value)) + "]"
    return f"{letter}:{show(value)}"


def show_server_properties(entries):
    """Server properties: names, types and what clients branch on; the order has no meaning there."""
    shown = []
    for name, typed in sorted(entries):
        if name in _free_text_properties:
            shown.append((name, Typed(typed.letter, "...")))
        elif name == "version":
            shown.append((name, Typed(typed.letter, re.sub(r"^\d+\.\d+\.\d+$", "N.N.N", typed.value))))
        elif typed.letter == "F":
            shown.append((name, Typed("F", sorted(typed.value))))
        else:
            shown.append((name, typed))
    return show_table(shown)


def show_sent(values):
    """Fields that a script gave to a method; flags by their name alone."""
    words = []
    for name, value in values.items():
        if value is True:
            words.append(name)
        elif value is CAPABILITIES:
            words.append(f"{name}=usual")
        elif value is not False:
            words.append(f"{name}={_brief(value)}")
    return "".join(" " + word for word in words)


def _brief(value):
    text = repr(value) if not isinstance(value, Typed) else f"{value.letter}:{value.value!r}"
    text = re.sub(r"Typed\(letter='(.)', value=([^()]*)\)", r"\1:\2", text)
    return text if len(text) <= 300 else f"{text[:60]}...<{len(text)} long>...{text[-30:]}"
