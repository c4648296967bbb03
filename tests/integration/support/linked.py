"""Brokers with links between them: definitions that make links, numbered messages, and what has arrived."""

import json
import os
import re
import signal
import tempfile

from .cases import DaemonTest
from .client import connect
from .daemon import wait_for

#: The user of tests.
GUEST = "guest:guest"


def parameter(component, name, value, vhost="/"):
    """A parameter as a definitions file has it."""
    return {"vhost": vhost, "component": component, "name": name, "value": value}


def shovel(name, vhost="/", src_uri="amqp://", dest_uri="amqp://", **fields):
    """A shovel's parameter; `src_queue` is written src-queue. Without URIs both ends are in the broker itself."""
    value = {"src-uri": src_uri, "dest-uri": dest_uri, "reconnect-delay": 0.2}
    value.update({key.replace("_", "-"): field for key, field in fields.items()})
    return parameter("shovel", name, value, vhost)


def plain(value):
    """A decoded table, array or value as a dict, list or value, without the types that it had on the wire."""
    value = getattr(value, "value", value)
    if isinstance(value, list) and all(hasattr(entry, "letter") for entry in value):
        return [plain(entry) for entry in value]
    if isinstance(value, list):
        return {name: plain(field) for name, field in value}
    return value.decode() if isinstance(value, bytes) else value


class Mailbox:
    """A client that publishes numbered messages and takes them out of queues."""

    def __init__(self, address, **options):
        self._client = connect(address, **options)
        self.channel = self._client.channel()
        self.channel.call("confirm.select")
        self._published = 0

    def drop(self):
        """Ends the connection."""
        self._client.drop()

    def call(self, name, **values):
        """A method that has to succeed."""
        event = self.channel.call(name, **values)
        assert event.name == f"{name}-ok", event
        return event

    def declare(self, queue, **options):
        """A durable queue."""
        self.call("queue.declare", queue=queue, durable=True, **options)

    def publish(self, numbers, routing_key, exchange="", **properties):
        """Publishes messages with these numbers as bodies, and waits for the confirms."""
        numbers = list(numbers)
        for number in numbers:
            self.channel.publish(routing_key, str(number), exchange, **{"delivery_mode": 2, **properties})
        self.channel.confirms(len(numbers), self._published + 1)
        self._published += len(numbers)

    def count(self, queue):
        """Messages that are ready in a queue."""
        return self.call("queue.declare", queue=queue, passive=True).values["message_count"]

    def get(self, queue):
        """The next message, or None."""
        event = self.channel.call("basic.get", queue=queue, no_ack=True)
        return event if event.name == "basic.get-ok" else None

    def take(self, queue, count, patience_s=30):
        """The numbers of the next `count` messages, which may be yet to come."""
        taken = []

        def has_all():
            while len(taken) < count and (event := self.get(queue)) is not None:
                taken.append(int(event.body))
            return len(taken) >= count

        wait_for(has_all, f"{count} messages in '{queue}'", patience_s, lambda: f"only {len(taken)} came")
        return taken

    def take_all(self, queue):
        """The numbers of all messages that are there now."""
        taken = []
        while (event := self.get(queue)) is not None:
            taken.append(int(event.body))
        return taken


class LinkedTest(DaemonTest):
    """Daemons whose definitions come from a file each, and change."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="leveret-links-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def data_dir(self, name):
        """A place for data that outlives a daemon."""
        return os.path.join(self.folder, name)

    def start_linked(self, *parameters, name="links", policies=(), settings=(), **options):
        """A daemon that has these parameters; `name` tells daemons of one test apart."""
        self.write_definitions(*parameters, name=name, policies=policies)
        return self.start(data_dir=self.data_dir(name),
                          settings=[f"definitions.import=[{self._file(name)}]", "definitions.when=every_boot",
                                    f"node.cluster_name={name}", *settings], **options)

    def write_definitions(self, *parameters, name="links", policies=()):
        """Writes the file that the daemon reads."""
        with open(self._file(name), "w", encoding="utf-8") as file:
            json.dump({"parameters": list(parameters), "policies": list(policies)}, file)

    def change(self, daemon, *parameters, name="links", policies=()):
        """Has the daemon take other parameters. Those that are not named stay."""
        self.write_definitions(*parameters, name=name, policies=policies)
        daemon.reload("definitions imported")

    def mailbox(self, broker, **options):
        """A mailbox at a broker, dropped at the end of the test."""
        mailbox = Mailbox((broker.host, broker.port), **options)
        self.addCleanup(mailbox.drop)
        return mailbox

    def start_again(self, daemon, name, settings=()):
        """A daemon in the place of one that has ended: its data, its port."""
        return self.start(data_dir=self.data_dir(name),
                          settings=[f"listeners.amqp=[{{bind: '127.0.0.1:{daemon.port}'}}]",
                                    f"node.cluster_name={name}", *settings])

    def kill(self, daemon):
        """kill -9."""
        daemon.signal(signal.SIGKILL)
        daemon.wait_exit()

    def wait_until_running(self, daemon, name, count=1):
        """Waits until a link has said `count` times that it runs."""
        wait_for(lambda: sum(bool(re.search(rf"'{re.escape(name)}' in vhost .*: running", line))
                             for line in daemon.log_lines()) >= count,
                 f"link '{name}' to run", explain=daemon.log_text)

    def _file(self, name):
        return os.path.join(self.folder, f"{name}.json")
