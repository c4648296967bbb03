#!/usr/bin/python3
"""Runs tests that oslo.messaging ships, as they are: oslo_program.py --list | TEST...

Prints `ok NAME`, `skipped NAME REASON`, or `not ok NAME` with the reason as `# ` lines below.
"""

import sys
import unittest

import testtools
from testtools.testsuite import filter_by_ids, iterate_tests

MODULES = ("oslo_messaging.tests.functional.test_functional", "oslo_messaging.tests.functional.notify.test_logger")


class Told(testtools.TestResult):
    """Tells each result when it comes."""

    def addSuccess(self, test, details=None):
        print(f"ok {test.id()}", flush=True)

    def addSkip(self, test, reason=None, details=None):
        why = reason or details["reason"].as_text()
        print(f"skipped {test.id()} {' '.join(why.split())}", flush=True)

    def addFailure(self, test, err=None, details=None):
        super().addFailure(test, err, details)
        self._tell(test, self.failures[-1][1])

    def addError(self, test, err=None, details=None):
        super().addError(test, err, details)
        self._tell(test, self.errors[-1][1])

    def _tell(self, test, text):
        print(f"not ok {test.id()}")
        for line in str(text).splitlines()[-40:]:
            print(f"# {line}")
        sys.stdout.flush()


def main(names):
    suite = unittest.defaultTestLoader.loadTestsFromNames(MODULES)
    if names == ["--list"]:
        for test in iterate_tests(suite):
            print(test.id())
        return 0
    result = Told()
    filter_by_ids(suite, set(names)).run(result)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
