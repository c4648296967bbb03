"""A small world of queues for random clients, whose ledger is checked after every restart."""

import threading

from .client import connect, supports_arguments
from .contents import contents_of
from .ledger import Ledger
from .load import Consumer, Load, Publisher, Route, TxConsumer, TxPublisher

_copies = ("copy-1", "copy-2", "copy-3")
_durable = ("work", *_copies, "dead", "late")
_dead_letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
_volatile = "memory"
_live_max = 15_000


class World:
    """A direct queue, three copies of a fanout, a queue with dead letters, and one that a restart empties."""

    durable_queues = _durable
    routes = (Route("", "work", ("work",)), Route("copies", "", (*_copies, _volatile)), Route("", "late", ("late",)))
    #: Nothing here is rejected, so nothing lands elsewhere when its time is over.
    simple_routes = routes[:2]

    def __init__(self, chosen, has_ordered_log=True):
        self.chosen = chosen
        self.ledger = Ledger((), [_volatile], has_ordered_log)
        self.is_declared = False

    def begin(self, node, look=True):
        """After a start: what was declared is there, and what the queues hold is right."""
        self.ledger.begin_epoch(node.started_at)
        if look:
            self.ledger.verify(contents_of(node.address, self.durable_queues if self.is_declared else ()))
        self.declare(node.address)

    def declare(self, address):
        """The first time all, later what a restart has taken."""
        if not self.is_declared and supports_arguments(address, _dead_letters):
            self.ledger.dead_letters["late"] = "dead"
        client = connect(address)
        channel = client.channel()
        for queue in _durable:
            event = channel.call("queue.declare", queue=queue, durable=True, passive=self.is_declared,
                                 arguments=_dead_letters if queue in self.ledger.dead_letters else {})
            assert event.name == "queue.declare-ok", f"{queue}: {event.values}"
        event = channel.call("exchange.declare", exchange="copies", type="fanout", durable=True,
                             passive=self.is_declared)
        assert event.name == "exchange.declare-ok", event
        channel.call("queue.declare", queue=_volatile)
        for queue in (_volatile,) if self.is_declared else (*_copies, _volatile):
            channel.call("queue.bind", queue=queue, exchange="copies")
        client.close()
        self.is_declared = True

    def load(self, address):
        """Clients of all kinds, ready to begin."""
        load = Load(address, self.ledger, self.chosen)
        try:
            self._add_clients(load)
        except BaseException:
            load.drop()
            raise
        return load

    def _add_clients(self, load):
        chosen = self.chosen
        is_crowded = len(self.ledger.messages) > _live_max
        for number in range(1, 1 + (1 if is_crowded else chosen.choice([1, 3, 16, 64]))):
            if number % 5 == 4:
                load.add(TxPublisher(number, self.routes))
            elif number % 3 == 2:
                load.add(Publisher(number, self.simple_routes, window=chosen.choice([1, 10, 100]),
                                   ttls_s=(0.3, 2, 3600)))
            else:
                load.add(Publisher(number, self.routes, window=chosen.choice([1, 10, 100])))
        for queue in (*_durable, _volatile):
            for _ in range(2 if is_crowded else chosen.choice([0, 1, 2])):
                load.add(TxConsumer(queue) if chosen.random() < 0.3 else
                         Consumer(queue, prefetch=chosen.choice([1, 20, 200])))

    def load_until(self, address, delay_s, end):
        """Runs a load, calls `end` from another thread after so long, and reads on until nobody is connected."""
        load = self.load(address)
        timer = threading.Timer(delay_s, end)
        timer.start()
        try:
            load.drain(patience_s=delay_s + 60)
        finally:
            timer.join()
            load.drop()
        return load

    def finish_epoch(self, was_clean=False):
        """After an end of the broker."""
        self.ledger.end_epoch(was_clean)

    def assert_kept(self, test, said=""):
        """Nothing was wrong so far."""
        violations = self.ledger.violations
        if violations:
            test.fail("\n".join([f"{self.ledger.counts['violations']} violations", *violations, said]))
