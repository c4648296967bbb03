"""The ledger itself: it finds what it is there to find. No broker takes part."""

import time
import unittest
import unittest.mock

from support.ledger import Ledger
from support.messages import make_body, read_body


class LedgerTest(unittest.TestCase):
    """A story each, with a broker that is made up."""

    def setUp(self):
        self.ledger = Ledger({"late": "dead"}, ["memory"])
        self.ledger.begin_epoch(time.time())

    def send(self, *queues, confirmed=True, **options):
        """A message, confirmed."""
        message = self.ledger.publish(1, queues or ("q",), 100, **options)
        if confirmed:
            self.ledger.confirm(message)
        return message

    def deliver(self, message, queue="q", redelivered=False):
        """A delivery to a consumer who has had nothing before."""
        return self.ledger.deliver(queue, message.body(), redelivered, {})

    def restart(self, was_clean=False, **found):
        """The end of an epoch, and what the next one holds. Lists of messages, or of (message, redelivered)."""
        self.ledger.end_epoch(was_clean)
        self.ledger.begin_epoch(time.time())
        self.ledger.verify({
            queue: [(entry[0].body(), entry[1]) if isinstance(entry, tuple) else (entry.body(), False)
                    for entry in entries]
            for queue, entries in found.items()})

    def later(self):
        """Something confirmed much later than all before."""
        with unittest.mock.patch("time.time", lambda now=time.time() + 10: now):
            return self.send("other")

    def assert_finds(self, *patterns):
        """Exactly these violations."""
        self.assertEqual(len(self.ledger.violations), len(patterns), self.ledger.violations)
        for pattern, violation in zip(patterns, self.ledger.violations):
            self.assertRegex(violation, pattern)

    def test_bodies_are_told_apart_and_damage_is_seen(self):
        for size in (20, 21, 1000, 3_000_000):
            body = make_body(7, 5, size)
            self.assertEqual((len(body), read_body(body)), (size, (7, 5)))
            for at in {0, 5, 9, size // 2, size - 1}:
                damaged = bytearray(body)
                damaged[at] ^= 1
                self.assertIsNone(read_body(damaged))
            self.assertIsNone(read_body(body[:-1]))

    def test_nothing_to_complain_of(self):
        one, two = self.send(), self.send("q", "memory")
        self.deliver(one)
        acked = self.deliver(two)
        self.ledger.settle(acked)
        self.restart(q=[one])
        self.restart(q=[(one, True)])
        self.assert_finds()

    def test_a_confirmed_message_that_is_missing_is_lost_one_without_confirm_is_not(self):
        self.send(), self.send(confirmed=False)
        self.restart(q=[])
        self.assert_finds("LOST: 1:1 in 'q'")

    def test_what_was_once_there_has_to_stay(self):
        message = self.send(confirmed=False)
        self.restart(q=[message])
        self.restart(q=[])
        self.assert_finds("LOST: 1:1 in 'q'")

    def test_transient_rolled_back_and_unknown_messages_must_not_be_there(self):
        transient, refused = self.send(persistent=False), self.send(confirmed=False)
        self.ledger.refuse(refused)
        with_memory = self.send("memory")
        self.restart(q=[transient, refused], memory=[with_memory])
        self.assert_finds("UNEXPECTED: 1:1 .*not to be kept", "UNEXPECTED: 1:2 .*rolled back", "UNEXPECTED: 1:3")
        self.ledger.violations.clear()
        self.restart(other=[with_memory])
        self.assert_finds("UNEXPECTED: 1:3 .*never sent there")

    def test_an_acknowledgement_may_be_lost_until_something_later_is_confirmed(self):
        back = []
        for is_sure in (False, True):
            message = self.send()
            copy = self.deliver(message)
            self.ledger.settle(copy)
            self.ledger.taken([copy])
            if is_sure:
                self.later()
            self.restart(q=[*back, message])
            back = [(message, True)]
        self.assert_finds("UNEXPECTED: 1:2 .*settled")

    def test_what_a_later_broker_confirms_says_nothing_of_what_an_earlier_one_kept(self):
        message = self.send()
        copy = self.deliver(message)
        self.ledger.settle(copy)
        self.ledger.taken([copy])
        self.restart()  # Nobody looks.
        self.later()
        self.restart(q=[message])
        self.assert_finds()

    def test_an_acknowledgement_that_was_committed_is_sure_and_so_is_one_before_an_orderly_end(self):
        for commits, was_clean in ((True, False), (False, True)):
            message = self.send()
            copy = self.deliver(message)
            self.ledger.settle(copy)
            self.ledger.taken([copy], is_sure=commits)
            self.restart(was_clean, q=[message])
        self.assert_finds("UNEXPECTED: 1:1 .*settled", "UNEXPECTED: 1:2 .*settled")

    def test_redelivered_is_missed_once_the_disk_has_the_mark(self):
        message = self.send()
        self.deliver(message)
        self.restart(q=[message])
        self.assert_finds()
        self.later()
        self.ledger.deliver("q", message.body(), True, {})
        self.restart(was_clean=True, q=[message])
        self.assert_finds("1:1 .*without `redelivered`")

    def test_deliveries_within_one_life(self):
        message = self.send()
        copy = self.deliver(message)
        self.deliver(message, redelivered=True)
        self.ledger.requeue(copy)
        self.deliver(message, redelivered=False)
        self.ledger.settle(copy)
        self.deliver(message, redelivered=True)
        self.deliver(self.send(), redelivered=True)
        self.ledger.end_epoch()
        self.assert_finds("without `redelivered`", "again, though it is unsettled", "again, though it is settled",
                          "redelivered at its first time")

    def test_an_orderly_end_gives_to_one_client_what_another_had(self):
        message, unseen = self.send(), self.send()
        self.deliver(message)
        self.deliver(message, redelivered=True)
        self.deliver(unseen, redelivered=True)  # The other one has gone without having read it.
        self.restart(was_clean=True, q=[(message, True), (unseen, True)])
        self.assert_finds()

    def test_order_duplicates_and_damage(self):
        one, two, three = self.send(), self.send(), self.send()
        self.restart(q=[two, one, three, three])
        self.ledger.verify({"q": [(one.body()[:-1] + b"?", False), (two.body(), True), (three.body(), True)]})
        self.assert_finds("1:1 .*comes after number 2", "1:3 .*there twice", "1:3 .*comes after number 3", "DAMAGED",
                          "LOST: 1:1")

    def test_expired_messages(self):
        kept, gone, back = (self.send(ttl_s=ttl) for ttl in (3600, 0.1, 0.1))
        with unittest.mock.patch("time.time", lambda now=time.time() + 1: now):
            self.restart(q=[kept, back])
        self.assert_finds("1:3 .*expired before the broker started")
        self.assertNotIn(gone.key, self.ledger.messages)

    def test_dead_letters_are_in_one_place_or_the_other(self):
        messages = [self.send("late") for _ in range(4)]
        for message in messages[:3]:
            self.ledger.settle(self.deliver(message, "late"), rejected=True)
        self.restart(late=[messages[0], messages[1], messages[3]], dead=[messages[1], messages[3]])
        self.assert_finds("UNEXPECTED: 1:4 is in 'dead'", "1:2 in 'late' .*and in 'dead' too", "LOST: 1:3 in 'dead'")

    def test_a_photograph_knows_what_was_promised_before_it_and_allows_what_was_said_until_after_it(self):
        now = time.time()
        clock = unittest.mock.patch("time.time", lambda: clock.now)
        clock.now = now
        with clock:
            before = self.send()
            during = self.send(confirmed=False)
            acked = self.send()
            self.ledger.settle(self.deliver(acked))
            clock.now = now + 5
            self.ledger.confirm(during)
            after = self.send()
            clock.now = now + 9
        for found, patterns in (([before], ()), ([before, during, acked], ()), ([during], ("LOST: 1:1",)),
                                ([before, after], ("UNEXPECTED: 1:4",))):
            past = self.ledger.as_of(now + 1, now + 2)
            past.verify({"q": [(message.body(), False) for message in found]})
            self.assertEqual(len(past.violations), len(patterns), past.violations)
            for pattern, violation in zip(patterns, past.violations):
                self.assertRegex(violation, pattern)
