"""What clients were promised and what they did, written down outside of the broker, and whether it kept to that.

A broker's life is an *epoch*: begin_epoch() when it has started, end_epoch() when it was killed or has stopped and
nothing more can come from it, verify() when the next one has shown what is in its queues. What the broker did wrong
is collected in `violations`.

What is certain: a confirm and a commit-ok are promises. An acknowledgement is none: it may be lost with the broker,
unless something that was sent later has been confirmed, for there is one log, and it is in order. The same goes for
the mark of a delivery, which makes `redelivered`.
"""

import time
from collections import Counter

from .messages import Copy, Message, read_body

#: From when the broker has read an acknowledgement until it has handed it to its log, at most.
MARGIN_S = 0.5
_violations_max = 50


class Ledger:
    """The messages of one data directory."""

    def __init__(self, dead_letters=(), volatile=(), has_ordered_log=True):
        self._has_lost_sight = False
        self.messages = {}
        self.violations = []
        self.epoch = 0
        self.epoch_started_at = time.time()
        self.counts = Counter()
        self.dead_letters = dict(dead_letters)  # Queue -> queue of its dead letters.
        self._volatile = set(volatile)  # Queues that a restart empties.
        self._has_ordered_log = has_ordered_log
        self._numbers = Counter()
        self._finished = {}
        self._doubtful = []  # Complaints, unless the broker ends in order.
        self._newest_confirmed_at = 0.0  # When it was sent.

    # What clients do

    def publish(self, publisher, queues, size, persistent=True, ttl_s=None):
        """A message that is about to be sent, and will be routed to these queues."""
        self._numbers[publisher] += 1
        message = Message((publisher, self._numbers[publisher]), size, persistent, ttl_s)
        message.copies = {queue: Copy(message, queue, self.epoch) for queue in queues}
        self.messages[message.key] = message
        self.counts["sent"] += 1
        return message

    def lose_sight(self):
        """A consumer hangs up: it may have been sent what it has not read."""
        self._has_lost_sight = True

    def confirm(self, message):
        """The broker has promised to keep it."""
        message.confirmed_at = message.latest_at = time.time()
        self._newest_confirmed_at = max(self._newest_confirmed_at, message.sent_at)
        self.counts["confirmed"] += 1

    def refuse(self, message):
        """It was rolled back or nacked: no queue may have it."""
        for copy in list(message.copies.values()):
            self._finish(copy, "rolled back or nacked")
        self.counts["refused"] += 1

    def deliver(self, queue, body, redelivered, last_numbers):
        """A delivery to a consumer, which keeps `last_numbers`. Returns the copy; None when it is none of ours."""
        copy = self._find(queue, body, "was delivered from")
        if copy is None:
            return None
        self.counts["redelivered" if redelivered else "delivered"] += 1
        if copy.is_out or copy.settled_epoch == self.epoch:
            state = "unsettled" if copy.is_out else "settled"
            self._doubtful.append(f"{copy} was delivered again, though it is {state}")
        if copy.message.must_have_expired(self.epoch_started_at):
            self._complain(f"{copy} was delivered though it had expired before the broker started")
        self._check_flag(copy, redelivered)
        if redelivered and copy.born_epoch == self.epoch and copy.delivered_at is None and not self._has_lost_sight:
            self._doubtful.append(f"{copy} was delivered as redelivered at its first time")
        if not redelivered:
            self._check_order(copy, last_numbers)
        if copy.settled_at is not None:
            self._forget_settlement(copy)
        copy.is_out = True
        copy.delivered_at = copy.delivered_at or time.time()
        return copy

    def requeue(self, copy):
        """A consumer gives it back."""
        copy.is_out = False
        copy.is_flagged = True
        self.counts["requeued"] += 1

    def settle(self, copy, rejected=False):
        """A consumer acknowledges it, or rejects it for good."""
        copy.is_out = False
        copy.settled_at = time.time()
        copy.settled_epoch = self.epoch
        self.counts["rejected" if rejected else "acked"] += 1
        queue = self.dead_letters.get(copy.queue) if rejected else None
        if queue is not None:
            copy.message.copies[queue] = Copy(copy.message, queue, self.epoch, origin=copy)

    def taken(self, copies, is_sure=False):
        """The broker has read these acknowledgements; `is_sure` when it has promised to keep them."""
        now = time.time()
        for copy in copies:
            if copy.settled_at is not None:
                copy.taken_at = now
                copy.is_sure = is_sure and self._has_ordered_log

    # The broker's lives

    def begin_epoch(self, started_at):
        """A broker was started at that time."""
        self._has_lost_sight = False
        self.epoch += 1
        self.epoch_started_at = started_at
        self._newest_confirmed_at = 0.0

    def end_epoch(self, was_clean=False):
        """It has ended, in order or not, and all that it ever said has been read."""
        now = time.time()
        if not was_clean:  # In order, the broker gives to one client what it takes back from another, who goes first.
            for text in self._doubtful:
                self._complain(text)
        self._doubtful.clear()
        for message in list(self.messages.values()):
            message.latest_at = message.latest_at or now
            for copy in list(message.copies.values()):
                if copy.queue in self._volatile or not message.persistent:
                    self._finish(copy, "not to be kept")
                else:
                    self._end_copy(copy, was_clean)

    def _end_copy(self, copy, was_clean):
        copy.is_out = copy.is_flagged = False
        if self._is_on_disk(copy.delivered_at, was_clean):
            copy.is_marked = True
        elif not copy.is_marked:
            copy.delivered_at = None
        if copy.is_sure:
            self._finish(copy, "settled and committed")
        elif self._is_on_disk(copy.taken_at, was_clean):
            copy.is_sure = True
            self._finish(copy, "settled before an orderly end" if was_clean else "settled before a later confirm")
        else:
            copy.taken_at = None  # Nothing that a later broker confirms says anything of this one's end.

    def _is_on_disk(self, taken_at, was_clean):
        if taken_at is None or not self._has_ordered_log:
            return False
        return was_clean or taken_at + MARGIN_S < self._newest_confirmed_at

    def as_of(self, began, ended):
        """A ledger of what was known when the disk was photographed, from `began` to `ended`, its epoch ended.

        For a single epoch in which nothing was given back or rejected.
        """
        past = Ledger(self.dead_letters, self._volatile, self._has_ordered_log)
        past.epoch = self.epoch
        for message in self.messages.values():
            if message.sent_at > ended:
                continue
            known = Message(message.key, message.size, message.persistent, message.ttl_s)
            known.sent_at, known.latest_at = message.sent_at, ended
            past.messages[known.key] = known
            if message.confirmed_at is not None and message.confirmed_at < began:
                past.confirm(known)
                known.confirmed_at = known.latest_at = message.confirmed_at
            for copy in message.copies.values():
                known.copies[copy.queue] = image = Copy(known, copy.queue, copy.born_epoch)
                if copy.delivered_at is not None and copy.delivered_at < began:
                    image.delivered_at = copy.delivered_at
                if copy.settled_at is not None and copy.settled_at < ended:
                    image.settled_at, image.settled_epoch = copy.settled_at, copy.settled_epoch
                    if copy.taken_at is not None and copy.taken_at < began:
                        image.taken_at, image.is_sure = copy.taken_at, copy.is_sure
        past.end_epoch()
        return past

    # The verdict

    def verify(self, found_by_queue):
        """Compares what the durable queues hold after a start: lists of (body, redelivered) in the queues' order.

        Who looked has taken all of it and gave it back when he went.
        """
        now = time.time()
        found = {queue: self._verify_queue(queue, entries) for queue, entries in found_by_queue.items()}
        everything = set().union(*found.values())
        for message in list(self.messages.values()):
            for copy in list(message.copies.values()):
                if copy.queue in found and message.copies.get(copy.queue) is copy:
                    self._verify_copy(copy, everything, now)
        self.counts["found"] += len(everything)

    def _verify_queue(self, queue, entries):
        found = set()
        last_numbers = {}
        for body, redelivered in entries:
            copy = self._find(queue, body, "is in")
            if copy is None:
                continue
            if copy in found:
                self._complain(f"{copy} is there twice")
            if copy.message.must_have_expired(self.epoch_started_at):
                self._complain(f"{copy} is there though it had expired before the broker started")
            if copy.settled_epoch == self.epoch and copy.taken_at is not None:
                self._complain(f"{copy} is there though it was settled")
            self._check_flag(copy, redelivered)
            self._check_order(copy, last_numbers)
            found.add(copy)
        return found

    def _verify_copy(self, copy, found, now):
        letter = self._letter_of(copy)
        if copy in found:
            if letter in found:
                self._complain(f"{copy} is there, and in '{letter.queue}' too")
            self._forget_settlement(copy)
            copy.is_recovered = copy.is_flagged = True
            copy.delivered_at = copy.delivered_at or now
            return
        if letter is None and (copy.origin is None or self._has_ordered_log):
            origin = copy.origin
            promised = copy.is_recovered or copy.message.confirmed_at is not None or \
                origin is not None and (origin.is_sure or origin.is_recovered)
            if promised and copy.settled_at is None and origin not in found and not copy.message.may_have_expired(now):
                self._complain(f"LOST: {copy}" + (f", rejected from '{origin.queue}'" if origin else ""))
        self._finish(copy, "not there after a restart")

    # Inside

    def _letter_of(self, copy):
        """The dead letter that a rejected copy became."""
        letter = copy.message.copies.get(self.dead_letters.get(copy.queue))
        return letter if letter is not None and letter.origin is copy else None

    def _forget_settlement(self, copy):
        letter = self._letter_of(copy)
        if letter is not None:
            self._finish(letter, "its rejection was lost")
        copy.unsettle()

    def _find(self, queue, body, verb):
        key = read_body(body)
        if key is None:
            self._complain(f"DAMAGED: a body of {len(body)} bytes {verb} '{queue}': {body[:40]!r}")
            return None
        message = self.messages.get(key)
        copy = message.copies.get(queue) if message is not None else None
        if copy is None:
            reason = self._finished.get((key, queue), "never sent there")
            self._complain(f"UNEXPECTED: {key[0]}:{key[1]} {verb} '{queue}', but it was {reason}")
        elif len(body) != message.size:
            self._complain(f"DAMAGED: {copy} {verb} '{queue}' with {len(body)} bytes")
        return copy

    def _check_flag(self, copy, redelivered):
        if (copy.is_marked or copy.is_flagged) and not redelivered:
            self._complain(f"{copy} has been delivered before, but comes without `redelivered`")

    def _check_order(self, copy, last_numbers):
        if copy.queue in self.dead_letters.values():
            return  # Dead letters are in the order of their deaths.
        publisher, number = copy.message.key
        if last_numbers.get(publisher, 0) >= number:
            self._complain(f"{copy} comes after number {last_numbers[publisher]} of its publisher")
        last_numbers[publisher] = number

    def _finish(self, copy, reason):
        message = copy.message
        del message.copies[copy.queue]
        self._finished[message.key, copy.queue] = f"{reason} in epoch {self.epoch}"
        if not message.copies:
            del self.messages[message.key]

    def _complain(self, text):
        self.counts["violations"] += 1
        if len(self.violations) < _violations_max:
            self.violations.append(f"epoch {self.epoch}: {text}")
