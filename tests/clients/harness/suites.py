"""Test suites that clients ship themselves and that need more than one program each."""

import concurrent.futures
import os
import re
import shutil
import sys
import time

from .program import Program

_go_sources = "/usr/share/gocode"
_go_package = "src/github.com/rabbitmq/amqp091-go"
# Debian's sources are no modules; nothing is fetched.
GO_ENVIRONMENT = {"GO111MODULE": "off", "GOPATH": _go_sources, "GOFLAGS": "", "GOPROXY": "off"}


def go_missing():
    """Why amqp091-go cannot be compiled; empty when it can."""
    if not shutil.which("go"):
        return "package golang-go is not installed"
    if not os.path.exists(os.path.join(_go_sources, _go_package, "integration_test.go")):
        return "package golang-github-rabbitmq-amqp091-go-dev is not installed"
    return ""


class GoSuite:
    """The tests of amqp091-go, integration tests included, as Debian ships them."""

    name = "amqp091-go suite"
    _limit_s = 150

    def missing(self):
        if not os.path.isdir(os.path.join(_go_sources, "src/go.uber.org/goleak")):
            return "package golang-uber-goleak-dev is not installed"
        return go_missing()

    def run(self, broker, report, work_folder):
        binary = os.path.join(work_folder, "amqp091-go.test")
        package = os.path.join(_go_sources, _go_package)
        building = Program(["go", "test", "-c", "-vet=off", "-tags", "integration", "-o", binary, "."],
                           GO_ENVIRONMENT, 180, package)
        output = building.output()
        if building.verdict():
            report.result(self.name, "build", False, f"{building.verdict()}\n{output}")
            return
        names = Program([binary, "-test.list", "^Test"], broker.environment, 30).output().split()
        names = [name for name in names if name.startswith("Test") and not report.excluded(self.name, name)]
        self._run_tests(broker, report, binary, names)

    def _run_tests(self, broker, report, binary, names):
        program = Program([binary, "-test.v", f"-test.timeout={self._limit_s}s", "-test.run", f"^({'|'.join(names)})$"],
                          broker.environment, self._limit_s + 10)
        told, running, tail = set(), "", []
        for line in program.lines():
            started = re.match(r"=== RUN   (Test\w+)$", line)
            ended = re.match(r"--- (PASS|FAIL|SKIP): (Test\w+) \(([\d.]+)s\)", line)
            if started:
                running, tail = started.group(1), []
            elif ended:
                status, name, seconds = ended.groups()
                told.add(name)
                running = "" if name == running else running
                if status == "SKIP":
                    report.skipped(self.name, name, "\n".join(tail))
                else:
                    report.result(self.name, name, status == "PASS", "\n".join(tail[-20:]), float(seconds))
                tail = []
            else:
                tail.append(line.strip())
        why = program.verdict() or "the program ended"
        for name in names:
            if name == running:
                report.result(self.name, name, False, "\n".join([why, *tail[:20]]))
            elif name not in told:
                report.result(self.name, name, False, f"not run: {why}")


class OsloSuite:
    """The functional tests that oslo.messaging ships, on its rabbit driver. They mostly sleep: several run at once."""

    name = "oslo.messaging functional"
    _program = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "oslo_program.py")]
    _at_once = 10  # Ten of them listen for 15 s whatever comes.
    _test_limit_s = 60
    _limit_s = 180

    def missing(self):
        modules = "oslo_messaging.tests.functional.test_functional, fixtures, testtools, testscenarios, eventlet"
        return python_missing(modules, "python3-oslo.messaging and what its tests need are not installed")

    def run(self, broker, report, work_folder):
        listing = Program([*self._program, "--list"], {}, 60, work_folder)
        output = listing.output()
        names = [line for line in output.splitlines() if line.startswith("oslo_messaging.")]
        if listing.verdict() or not names:
            report.result(self.name, "the list of tests", False, f"{listing.verdict()}\n{output}")
            return
        names = [name for name in names if not report.excluded(self.name, name)]
        with concurrent.futures.ThreadPoolExecutor(self._at_once) as pool:
            running = [pool.submit(self._run_tests, broker, work_folder, names[number::self._at_once])
                       for number in range(self._at_once)]
            for done in concurrent.futures.as_completed(running):
                for name, status, reason, seconds in done.result():
                    if status == "skipped":
                        report.skipped(self.name, name, reason)
                    else:
                        report.result(self.name, name, status == "ok", reason, seconds)

    def _run_tests(self, broker, work_folder, names):
        """Runs the tests one after the other. Returns (name, "ok", "not ok" or "skipped", reason, seconds) of each."""
        environment = {"RPC_TRANSPORT_URL": broker.oslo_url, "NOTIFY_TRANSPORT_URL": broker.oslo_url,
                       "OS_TEST_TIMEOUT": str(self._test_limit_s)}
        program = Program([*self._program, *names], environment, self._limit_s, work_folder)
        results, reasons, other, began = {}, {name: [] for name in names}, [], time.monotonic()
        last = None
        for line in program.lines():
            told = re.match(r"(ok|not ok|skipped) (oslo_messaging\.\S+) ?(.*)", line)
            if told:
                status, last, why = told.groups()
                now = time.monotonic()
                results[last], began = (status, now - began), now
                reasons.setdefault(last, []).append(why)
            elif line.startswith("# ") and last:
                reasons[last].append(line[2:])
            else:
                other.append(line)
        untold = ("not ok", time.monotonic() - began)
        for name in names:
            if name not in results:
                reasons[name] = [f"not told: {program.verdict() or 'the program ended'}", *other[-30:]]
        return [(name, results.get(name, untold)[0], "\n".join(reasons[name]), results.get(name, untold)[1])
                for name in names]


def python_missing(modules, what):
    """The text `what` unless Debian's Python imports all of the modules."""
    probe = Program([sys.executable, "-c", f"import {modules}"], {}, 60)
    probe.output()
    return what if probe.verdict() else ""
