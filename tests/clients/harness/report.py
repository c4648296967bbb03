"""Results of client tests: one line each, a table at the end, and the list of tests that are an exception."""

import json
import time
from dataclasses import dataclass

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True)
class KnownException:
    """A test that is not run (`excluded`), or that is known to fail (`fails`), on the named brokers."""

    client: str
    test: str
    kind: str
    brokers: tuple
    reason: str


class Exceptions:
    """The exceptions of `exceptions.json` that hold for one kind of broker."""

    def __init__(self, path, broker_kind):
        with open(path, encoding="utf-8") as file:
            entries = [KnownException(one["client"], one["test"], one["kind"], tuple(one["brokers"]), one["reason"])
                       for one in json.load(file)]
        for one in entries:
            if one.kind not in ("excluded", "fails") or not one.brokers or not one.reason:
                raise ValueError(f"{path}: {one}")
        self._found = {(one.client, one.test): one for one in entries if broker_kind in one.brokers}

    def reason(self, kind, client, test):
        """Why this test is an exception of that kind; empty when it is none."""
        found = self._found.get((client, test))
        return found.reason if found is not None and found.kind == kind else ""


class Report:
    """Prints results as they come and counts them."""

    def __init__(self, exceptions):
        self.exceptions = exceptions
        self._counts = {}
        self._started = {}
        self._took_s = {}

    def begin(self, client):
        self._started[client] = time.monotonic()
        self._counts[client] = {PASSED: 0, FAILED: 0, SKIPPED: 0}

    def end(self, client):
        self._took_s[client] = time.monotonic() - self._started[client]

    def result(self, client, test, passed, reason="", seconds=0.0):
        """A test has run."""
        known = self.exceptions.reason("fails", client, test)
        if known and passed:
            self._add(client, test, FAILED, "passes, although exceptions.json says that it fails", seconds)
        elif known:
            self._add(client, test, SKIPPED, known, seconds)
        else:
            self._add(client, test, PASSED if passed else FAILED, reason, seconds)

    def excluded(self, client, test):
        """Whether the test is not to be run; then it has been reported as skipped."""
        reason = self.exceptions.reason("excluded", client, test)
        if reason:
            self._add(client, test, SKIPPED, reason)
        return bool(reason)

    def skipped(self, client, test, reason):
        self._add(client, test, SKIPPED, reason)

    def _add(self, client, test, status, reason, seconds=0.0):
        self._counts[client][status] += 1
        took = f" ({seconds:.2f} s)" if seconds >= 0.005 else ""
        lines = reason.strip().splitlines()
        if status == SKIPPED:
            print(f"skipped {client}: {test}: {' '.join(lines)}", flush=True)
            return
        print(f"{status}  {client}: {test}{took}", flush=True)
        if status == FAILED:
            for line in lines:
                print(f"        {line}", flush=True)

    def finish(self):
        """Prints the table and the last line. Returns how many tests failed."""
        total = {status: sum(counts[status] for counts in self._counts.values())
                 for status in (PASSED, FAILED, SKIPPED)}
        width = max((len(client) for client in self._counts), default=0)
        print()
        for client, counts in self._counts.items():
            print(f"{client:{width}}  {counts[PASSED]:4} passed {counts[FAILED]:4} failed {counts[SKIPPED]:4} skipped"
                  f"  {self._took_s.get(client, 0):6.1f} s")
        print(f"clients: {total[PASSED]} passed, {total[FAILED]} failed, {total[SKIPPED]} skipped", flush=True)
        return total[FAILED]
