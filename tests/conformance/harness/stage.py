"""What a script is given: connections to the broker under test and names of its own."""

import hashlib
import json
import time

from .connection import Connection, ConnectionClosed, NothingArrived
from .transcript import CAPABILITIES, Transcript

scripts = []


class Script:
    """A function with a sentence for a name."""

    def __init__(self, sentence, function):
        self.sentence = sentence
        self.function = function
        self.group = function.__module__.rpartition(".")[2]

    def run(self, address, define):
        """Plays the script and returns its transcript's lines. `define` takes definitions in RabbitMQ's format."""
        stage = Stage(self.sentence, address, define)
        try:
            self.function(stage)
        except (ConnectionClosed, NothingArrived):
            pass  # the transcript tells
        finally:
            stage.finish()
        return stage.transcript.lines


def script(sentence):
    """Registers a script. The sentence says what the broker does, as RabbitMQ does it."""
    def register(function):
        assert sentence not in (other.sentence for other in scripts), sentence
        scripts.append(Script(sentence, function))
        return function
    return register


class Stage:
    """Connections of one script and the names that it uses."""

    def __init__(self, sentence, address, define):
        self.prefix = hashlib.sha256(sentence.encode()).hexdigest()[:8] + "."
        self.transcript = Transcript(self.prefix)
        self._address = address
        self._define = define
        self._connections = []
        self._names = []
        self._policies = set()

    def name(self, bare):
        """A queue or exchange name that no other script uses. What bears it is deleted in the end."""
        full = self.prefix + bare
        if full not in self._names:
            self._names.append(full)
        return full

    def names(self, bare):
        """Several names: `names("a b")`."""
        return [self.name(word) for word in bare.split()]

    def forget(self, full):
        """A name outside the script's own that is to be deleted in the end."""
        self._names.append(full)
        return full

    def socket(self):
        """A TCP connection on which nothing was said yet."""
        connection = Connection(self.transcript, f"c{len(self._connections) + 1}", self._address)
        self._connections.append(connection)
        return connection

    def connect(self, user="full", vhost="/", password=None, frame_max=131072, channel_max=2047, heartbeat=0,
                client_properties=None):
        """A connection after its handshake, which is not written down."""
        connection = self.socket()
        connection.recording = False
        connection.open(user, password or user, vhost, frame_max, channel_max, heartbeat,
                        CAPABILITIES if client_properties is None else client_properties)
        connection.recording = True
        return connection

    @property
    def address(self):
        """Host and port of the broker, for clients that bring their own connection."""
        return self._address

    def channel(self, **options):
        """Channel 1 of a new connection."""
        return self.connect(**options).channel(1)

    def until(self, channel, what, attempt, patience_s=10):
        """Repeats `attempt` unseen until it is true, and writes down whether it came true. For what only time brings."""
        deadline = time.monotonic() + patience_s
        connection = channel.connection
        connection.recording = False
        came = attempt()
        while not came and time.monotonic() < deadline:
            came = attempt()
        connection.recording = True
        self.note(f"{what}: {'yes' if came else 'not within the time limit'}")

    def policy(self, name, pattern, definition, priority=0, apply_to="all"):
        """Sets a policy for what the script has named; `pattern` is about the bare names."""
        self.note(f"policy {name} of {pattern}: {json.dumps(definition)}, priority {priority}, for {apply_to}")
        self._set_policy("policy", name, pattern, definition, priority, apply_to)

    def operator_policy(self, name, pattern, definition):
        """The same, of an operator."""
        self.note(f"operator policy {name} of {pattern}: {json.dumps(definition)}")
        self._set_policy("operator_policy", name, pattern, definition)

    def no_policy(self, name):
        """A policy is for nothing any more. An import cannot take it away, which would come to the same."""
        self.note(f"policy {name} is for nothing any more")
        self._set_policy("policy", name, "nothing has this name", {"max-length": 0})

    def _set_policy(self, component, name, pattern, definition, priority=0, apply_to="all"):
        self._policies.add((component, name))
        policy = {"apply-to": apply_to, "pattern": f"^{self.prefix}{pattern}$", "priority": priority,
                  "definition": definition}
        named = {"vhost": "/", "name": self.prefix + name}
        if component == "policy":
            self._define({"policies": [{**named, **policy}]})
        else:
            self._define({"parameters": [{**named, "component": component, "value": policy}]})

    def note(self, line):
        """A line for the reader."""
        self.transcript.add(line)

    def finish(self):
        """Ends all connections and removes what the script made."""
        for connection in self._connections:
            try:
                connection.finish()
            except (ConnectionClosed, NothingArrived):
                pass
        if self._names:
            self._remove_names()
        for component, name in sorted(self._policies):
            self._set_policy(component, name, "nothing has this name", {"max-length": 0})

    def _remove_names(self):
        connection = self.connect()
        connection.recording = False
        channel = connection.channel(1)
        for name in self._names:
            for kind in ("queue", "exchange"):
                if not channel.is_open:
                    channel.open()
                channel.call(f"{kind}.delete", **{kind: name})
        connection.finish()
