"""Runs a load against a broker and reads from the system what it has cost the broker."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass, field

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
#: A load that has not ended after so long hangs.
_PATIENCE_S = 180


class LoadFailure(Exception):
    """A load has not run to its end, or has found messages missing."""


@dataclass
class Sample:
    """One run of one scenario on one broker."""

    per_s: float
    per_cpu_s: float
    report: dict = field(default_factory=dict)

    def latency_us(self, percentile, kind="latency"):
        """A percentile of the report, or None when the load measures no such time."""
        return self.report.get(f"{kind}_{percentile}_us")


def cpu_seconds(pids):
    """User and system time that the processes have used so far."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS_PER_S


def resident_bytes(pids):
    """Memory that the processes hold."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
                total += int(statm.read().split()[1]) * _PAGE_BYTES
        except FileNotFoundError:
            continue
    return total


class Load:
    """`leveret perf`, as one binary runs it."""

    def __init__(self, binary):
        self._binary = binary
        self._run_count = 0

    def _report(self, broker, name, arguments):
        self._run_count += 1
        arguments = [argument.replace("{run}", str(self._run_count)) for argument in arguments]
        command = [self._binary, "perf", *arguments, "--uri", broker.url, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                              timeout=_PATIENCE_S)
        if done.returncode != 0:
            raise LoadFailure(f"{broker.kind}, {name}: exit code {done.returncode}: "
                              f"{done.stdout.strip()} {done.stderr.strip()}")
        return json.loads(done.stdout)

    def prepare(self, broker, scenario):
        """Runs what the scenario needs to have been run before."""
        if scenario.before:
            self._report(broker, scenario.name, scenario.before)

    def run_expiry(self, broker, scenario, seconds):
        """The report of one run."""
        return self._report(broker, scenario.name, (*scenario.arguments, "--time", str(seconds)))

    def run(self, broker, scenario, seconds):
        """One Sample of the scenario."""
        before = cpu_seconds(broker.pids)
        report = self._report(broker, scenario.name, (*scenario.arguments, "--time", str(seconds)))
        used = cpu_seconds(broker.pids) - before
        count = report[scenario.counted]
        return Sample(report[scenario.rate], count / max(used, 1 / _TICKS_PER_S), report)

    def hold(self, broker, kind, count):
        """Makes `count` connections or queues; gives bytes of memory for each, and how many were made a second."""
        command = [self._binary, "perf", f"{kind}-count", "--count", str(count), "--uri", broker.url, "--json"]
        before = resident_bytes(broker.pids)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            if not process.stdout.readline().startswith("holding"):
                raise LoadFailure(f"{broker.kind}, {kind}-count: {process.stderr.read().strip()}")
            after = resident_bytes(broker.pids)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=_PATIENCE_S)
        return (after - before) / count, json.loads(output)["made_per_s"]
