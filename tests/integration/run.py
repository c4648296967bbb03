#!/usr/bin/python3
"""Runs the integration tests: all *_test.py of this folder, against the daemon named by LEVERET_BIN.

    LEVERET_BIN=build/release/broker/leveret /usr/bin/python3 tests/integration/run.py
    ... run.py --only heartbeat          tests whose name (module.class.test) matches a regular expression
    ... run.py --jobs 2                  two classes of tests at a time
    ... run.py --list                    their names
"""

import argparse
import contextlib
import io
import itertools
import os
import re
import signal
import sys
import time
import unittest
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent), str(FOLDER.parent / "conformance")]

from peers import stop_when_terminated  # noqa: E402  (the path has to be set first)

#: A test that takes longer hangs, unless its class has a `timeout_s` of its own.
TEST_TIMEOUT_S = 180


class TestTooSlow(Exception):
    """A test has not ended in time."""


class Report(unittest.TestResult):
    """Says one line per test as it ends, and why it failed."""

    def __init__(self):
        super().__init__()
        self.passed = self.failed = self.left_out = 0
        self._started = 0.0
        self._outcome = ""

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()
        self._outcome = "passed"
        signal.alarm(getattr(test, "timeout_s", TEST_TIMEOUT_S))

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)
        self.passed += self._outcome == "passed"
        self.failed += self._outcome == "FAILED"
        self.left_out += self._outcome == "skipped"
        if self._outcome != "skipped":
            print(f"{self._outcome} {test.id()} ({time.monotonic() - self._started:.2f} s)", flush=True)

    def addError(self, test, err):
        self._outcome = "FAILED"
        print(f"FAILED {test.id()}", self._exc_info_to_string(err, test), sep="\n", flush=True)

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addError(subtest, err)

    def addSkip(self, test, reason):
        self._outcome = "skipped"
        print(f"skipped {test.id()}: {reason}", flush=True)


def tests_of(suite):
    """Every single test, in order."""
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from tests_of(one)
        else:
            yield one


def give_up(*_):
    """What the alarm does."""
    raise TestTooSlow("the test did not end in time")


#: Tests by class: processes are given their positions, as classes made by decorators cannot be sent.
classes = []


def run_class(at):
    """In a process of its own: what the tests of a class printed, and how many passed, failed and were skipped."""
    report = Report()
    tests = classes[at]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            type(tests[0]).setUpClass()
            for test in tests:
                test(report)
        except Exception:  # What all tests of the class need is not there.
            report.startTest(tests[0])
            report.addError(tests[0], sys.exc_info())
            report.stopTest(tests[0])
        finally:
            type(tests[0]).doClassCleanups()
    return printed.getvalue(), (report.passed, report.failed, report.left_out)


def run(job_count):
    """Runs everything, so many classes at a time. Returns how many passed, failed and were skipped."""
    counts = (0, 0, 0)
    with ProcessPoolExecutor(job_count) as pool:
        for done in as_completed([pool.submit(run_class, at) for at in range(len(classes))]):
            printed, found = done.result()
            print(printed, end="", flush=True)
            counts = tuple(map(sum, zip(counts, found)))
    return counts


def main():
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description="Starts, uses, reloads and kills real daemons.")
    parser.add_argument("--only", default="", metavar="PATTERN", help="regular expression on the test's name")
    parser.add_argument("--most-shards", action="store_true",
                        help="leave out what is tested with more shards too")
    parser.add_argument("--list", action="store_true", help="print the names and run nothing")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="classes of tests at a time")
    options = parser.parse_args()
    stop_when_terminated()
    signal.signal(signal.SIGALRM, give_up)
    found = unittest.defaultTestLoader.discover(str(FOLDER), pattern="*_test.py")
    chosen = [test for test in tests_of(found) if re.search(options.only, test.id())
              and not (options.most_shards and getattr(test, "runs_with_more_shards", False))]
    if options.list:
        print(*(test.id() for test in chosen), sep="\n")
        return 0
    if not os.access(os.environ.get("LEVERET_BIN", ""), os.X_OK):
        print("say where Leveret is: LEVERET_BIN=path/to/leveret")
        return 2
    classes.extend(list(tests) for _, tests in itertools.groupby(chosen, type))
    passed, failed, left_out = run(options.jobs)
    print(f"integration: {passed} passed, {failed} failed, {left_out} skipped")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
