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


class GoSuite:
    """The tests of amqp091-go, integration tests included, as Debian ships them."""

    name = "amqp091-go suite"
    _limit_s = 150

    def missing(self):
        if not shutil.which("go"):
            return "package golang-go is not installed"
        if not os.path.exists(os.path.join(_go_sources, _go_package, "integration_test.go")):
            return "package golang-github-rabbitmq-amqp091-go-dev is not installed"
        if not os.path.isdir(os.path.join(_go_sources, "src/go.uber.org/goleak")):
            return "package golang-uber-goleak-dev is not installed"
        return ""

    def run(self, broker, report, work_folder):
        binary = os.path.join(work_folder, "amqp091-go.test")
        package = os.path.join(_go_sources, _go_package)
        building = Program(["go", "test", "-c", "-vet=off", "-tags", "integration", "-o", binary, "."],
                           {"GO111MODULE": "off", "GOPATH": _go_sources, "GOFLAGS": "", "GOPROXY": "off"}, 180, package)
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
    _modules = ("oslo_messaging.tests.functional.test_functional", "oslo_messaging.tests.functional.notify.test_logger")
    _at_once = 5
    _limit_s = 60

    def missing(self):
        modules = "oslo_messaging.tests.functional.test_functional, fixtures, testtools, testscenarios, eventlet"
        return python_missing(modules, "python3-oslo.messaging and what its tests need are not installed")

    def run(self, broker, report, work_folder):
        names = []
        for module in self._modules:
            listing = Program([sys.executable, "-m", "testtools.run", "--list", module], {}, 60)
            output = listing.output()
            found = [line for line in output.splitlines() if line.startswith("oslo_messaging.")]
            if listing.verdict() or not found:
                report.result(self.name, module, False, f"no tests found: {listing.verdict()}\n{output}")
            names += found
        names = [name for name in names if not report.excluded(self.name, name)]
        with concurrent.futures.ThreadPoolExecutor(self._at_once) as pool:
            running = [pool.submit(self._run_test, broker, work_folder, number, name)
                       for number, name in enumerate(names)]
            for done in concurrent.futures.as_completed(running):
                report.result(self.name, *done.result())

    def _run_test(self, broker, work_folder, number, name):
        listed = os.path.join(work_folder, f"oslo-test-{number}")
        with open(listed, "w", encoding="utf-8") as file:
            file.write(name + "\n")
        url = broker.oslo_url
        module = name.split("(")[0].rsplit(".", 2)[0]
        program = Program([sys.executable, "-m", "testtools.run", "--load-list", listed, module],
                          {"RPC_TRANSPORT_URL": url, "NOTIFY_TRANSPORT_URL": url}, self._limit_s, work_folder)
        began = time.monotonic()
        output = program.output()
        why = program.verdict()
        if not why and not re.search(r"^Ran 1 test ", output, re.MULTILINE):
            why = "it did not run"
        return name, not why, "\n".join([why, *output.splitlines()[-30:]]), time.monotonic() - began


def python_missing(modules, what):
    """The text `what` unless Debian's Python imports all of the modules."""
    probe = Program([sys.executable, "-c", f"import {modules}"], {}, 60)
    probe.output()
    return what if probe.verdict() else ""
