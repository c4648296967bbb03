"""Clients whose tests print `ok NAME` and `not ok NAME`, with reasons as `# ` lines below.

Our own stories also print the plan `1..N` first, so that those that were never told are noticed.
"""

import re
import subprocess
import time

from .program import Program

_tail_lines = 30


class StoryClient:
    """A client that is tested by one program.

    `command` is a list or a function of the temporary folder that gives one. It may compile, and then raises
    subprocess.CalledProcessError with the compiler's output where it cannot. `missing` is a function that tells
    why the client cannot be tested, or an empty text.
    """

    def __init__(self, name, command, missing, limit_s=90, folder=None):
        self.name = name
        self._command = command
        self.missing = missing
        self._limit_s = limit_s
        self._folder = folder

    def run(self, broker, report, work_folder):
        try:
            command = self._command(work_folder) if callable(self._command) else self._command
        except subprocess.CalledProcessError as failed:
            report.result(self.name, "build", False, failed.output)
            return
        told, failures, planned, other, pending = 0, 0, None, [], None
        program = Program(command, broker.environment, self._limit_s, self._folder)
        began = time.monotonic()
        for line in program.lines():
            plan, result = re.fullmatch(r"1\.\.(\d+)", line), re.fullmatch(r"(not )?ok (.+)", line)
            if line.startswith("# ") and pending is not None:
                pending[2].append(line[2:])
                continue
            if result is None and plan is None:
                other.append(line)
                continue
            pending = self._report(report, pending)
            if plan is not None:
                planned = int(plan.group(1))
            else:
                now = time.monotonic()
                pending = (result.group(2), result.group(1) is None, [], now - began)
                told, failures, began = told + 1, failures + (not pending[1]), now
                if pending[1]:
                    pending = self._report(report, pending)
        self._report(report, pending)
        failed_itself = "" if failures and not program.timed_out else program.verdict()
        if planned is not None and told < planned:
            failed_itself = f"{planned - told} of {planned} tests were not told; {program.verdict() or 'it ended'}"
        if told == 0 and not failed_itself:
            failed_itself = "no test was told"
        if failed_itself:
            report.result(self.name, "the whole program", False, "\n".join([failed_itself, *other[-_tail_lines:]]))

    def _report(self, report, pending):
        if pending is not None:
            name, passed, reasons, seconds = pending
            report.result(self.name, name, passed, "\n".join(reasons), seconds)
        return None
