"""Starts the brokers, plays the scripts on them, compares, reports."""

import argparse
import difflib
import importlib
import json
import pkgutil
import re
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import scripts as script_package
from peers import BrokerFailure, Leveret, RabbitMQ, User, stop_when_terminated

from .stage import scripts

USERS = [
    User("full", permissions={"/": (".*", ".*", ".*"), "other": (".*", ".*", ".*")}),
    User("none", permissions={}),
    User("reader", permissions={"/": ("", "", ".*")}),
    User("writer", permissions={"/": ("", ".*", "")}),
    User("configurer", permissions={"/": (".*", "", "")}),
    User("own", permissions={"/": ("^own-", "^own-", "^own-")}),
    User("impersonator", tags=("impersonator",)),
    User("guest", tags=("administrator",)),
]
VHOSTS = ("/", "other")
#: Of RabbitMQ, for exchange types that Leveret has without any.
PLUGINS = ("rabbitmq_consistent_hash_exchange", "rabbitmq_federation", "rabbitmq_random_exchange",
           "rabbitmq_recent_history_exchange", "rabbitmq_sharding")

_not_supported = re.compile(r"(?:arg|queue type) '([^']*)' .*is not supported yet by this version of Leveret")


def main(folder):
    """The command line. Returns the exit code."""
    options = _options()
    stop_when_terminated()
    _load_scripts()
    chosen = [script for script in scripts if re.search(options.only, f"{script.group}: {script.sentence}")]
    if options.list:
        for script in chosen:
            print(f"{script.group}: {script.sentence}")
        return 0
    if options.record:
        return _record(folder, chosen, options)
    try:
        report = _compare(folder, chosen, options)
    except BrokerFailure as failure:
        print(failure)
        return 2
    return report.finish()


def _options():
    parser = argparse.ArgumentParser(description="Plays scripts on Leveret and RabbitMQ and compares the transcripts.")
    parser.add_argument("--live", action="store_true", help="compare with a RabbitMQ started now, not with the recording")
    parser.add_argument("--record", action="store_true", help="play on RabbitMQ alone and store its transcripts")
    parser.add_argument("--check-recording", action="store_true", help="play on RabbitMQ alone and compare with the store")
    parser.add_argument("--only", default="", metavar="PATTERN", help="regular expression on 'group: sentence'")
    parser.add_argument("--shards", type=int, default=1, help="threads of Leveret's data path")
    parser.add_argument("--jobs", type=int, default=16, help="scripts played at the same time")
    parser.add_argument("--repeat", type=int, default=1, help="play every script so many times")
    parser.add_argument("--list", action="store_true", help="print the names of the scripts")
    parser.add_argument("--show", action="store_true", help="print the transcripts")
    parser.add_argument("--differences", action="store_true", help="print an entry for differences.json with each failure")
    return parser.parse_args()


def _load_scripts():
    for module in sorted(module.name for module in pkgutil.iter_modules(script_package.__path__)):
        importlib.import_module(f"scripts.{module}")


def _rabbitmq():
    return RabbitMQ(users=USERS, vhosts=VHOSTS, plugins=PLUGINS, imports=True)


def _leveret(options):
    return Leveret(users=USERS, vhosts=VHOSTS, settings=[f"node.threads={options.shards}"], imports=True)


class Played:
    """What became of one script on one broker."""

    def __init__(self, lines=(), crash="", skipped=""):
        self.lines = list(lines)
        self.crash = crash
        self.skipped = skipped


def _play_one(script, address, define):
    reason = getattr(script.function, "skip_reason", "")
    if reason:
        return Played(skipped=reason)
    try:
        return Played(script.run(address, define))
    except Exception:  # a broken script must not take the others along
        return Played(crash=traceback.format_exc())


def _play(chosen, broker, jobs):
    """Plays the scripts side by side. Returns {script: Played}."""
    address = (broker.host, broker.port)
    lock = threading.Lock()

    def define(definitions):
        with lock:
            broker.import_definitions(definitions)

    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip(chosen, pool.map(lambda script: _play_one(script, address, define), chosen)))


class Report:
    """Counts and prints. Skipped scripts are told in one line for each reason."""

    def __init__(self):
        self.passed = self.failed = 0
        self.skipped = Counter()
        self.started = time.monotonic()

    def passes(self):
        """One more script did what it should."""
        self.passed += 1

    def fails(self, script, text):
        """One more script did not."""
        self.failed += 1
        print(f"FAILED {script.group}: {script.sentence}\n{text}\n", flush=True)

    def skips(self, why):
        """One script could not be judged."""
        self.skipped[why] += 1

    def finish(self):
        """The summary. Returns the exit code."""
        for why, count in sorted(self.skipped.items()):
            print(f"skipped {count}: {why}")
        seconds = time.monotonic() - self.started
        print(f"took {seconds:.1f} s")
        print(f"conformance: {self.passed} passed, {self.failed} failed, {self.skipped.total()} skipped")
        return 1 if self.failed or not self.passed else 0


def _record(folder, chosen, options):
    report = Report()
    first = {}
    with _rabbitmq() as broker:
        for _ in range(options.repeat):
            for script, played in _play(chosen, broker, options.jobs).items():
                if played.skipped:
                    report.skips(played.skipped)
                    continue
                expected = first.setdefault(script, played)
                if played.crash or "nothing within the time limit" in "".join(played.lines):
                    report.fails(script, played.crash or "\n".join(played.lines))
                elif played.lines != expected.lines:
                    report.fails(script, "not the same twice:\n" + _diff(expected.lines, played.lines, "first", "later"))
                else:
                    report.passes()
    if options.show:
        _show(first)
    if not report.failed:
        _store(folder, first)
    return report.finish()


def _store(folder, played):
    """Writes the recordings, a file per group. Recordings of scripts not played now are kept."""
    existing = {(script.group, script.sentence) for script in scripts}
    groups = {group: {} for group, _ in existing}
    for group, sentences in groups.items():
        stored = _read_json(folder / "recorded" / f"{group}.json", {})
        sentences.update({name: lines for name, lines in stored.items() if (group, name) in existing})
    for script, result in played.items():
        groups[script.group][script.sentence] = result.lines
    for group, sentences in groups.items():
        ordered = {script.sentence: sentences[script.sentence] for script in scripts
                   if script.group == group and script.sentence in sentences}
        with open(folder / "recorded" / f"{group}.json", "w", encoding="utf-8") as file:
            json.dump(ordered, file, indent=1, ensure_ascii=False)
            file.write("\n")


def _read_json(path, default):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default


def _recorded(folder, chosen):
    groups = {group: _read_json(folder / "recorded" / f"{group}.json", {}) for group in {script.group for script in chosen}}
    return {script: Played(groups[script.group][script.sentence]) for script in chosen
            if script.sentence in groups[script.group]}


def _compare(folder, chosen, options):
    report = Report()
    if options.live:
        with _rabbitmq() as broker:
            expected = _play(chosen, broker, options.jobs)
    else:
        expected = _recorded(folder, chosen)
    if options.check_recording:
        broker_name, broker, permitted = "rabbitmq now", _rabbitmq(), Permitted({})
    else:
        broker_name, broker = "leveret", _leveret(options)
        permitted = Permitted(_read_json(folder / "differences.json", {}))
    with broker:
        for _ in range(options.repeat):
            played = _play(chosen, broker, options.jobs)
            for script in chosen:
                _judge(report, script, expected.get(script), played[script], permitted, broker_name, options)
    if options.show:
        _show(played)
    return report


class Permitted:
    """The differences that are meant, from differences.json. README.md of this folder says what they look like."""

    def __init__(self, stored):
        self.wordings = [(re.compile(entry["leveret"]), entry["rabbitmq"]) for entry in stored.get("wordings", [])]
        self.not_yet = stored.get("not_yet", {})
        self.by_script = {sentence: entry["lines"] for entry in stored.get("scripts", []) for sentence in entry["scripts"]}
        unknown = set(self.by_script) - {script.sentence for script in scripts}
        assert not unknown, f"differences.json names scripts that do not exist: {sorted(unknown)}"

    def missing_feature(self, expected, lines):
        """Why a script cannot be judged: all is alike until Leveret says that it lacks something that is listed."""
        for position, line in enumerate(lines):
            found = _not_supported.search(line)
            if found:
                listed = self.not_yet.get(found.group(1))
                return f"needs {found.group(1)}: {listed}" if listed and lines[:position] == expected[:position] else ""
        return ""

    def in_rabbitmqs_words(self, lines):
        """Leveret's lines with the wordings replaced that differ everywhere."""
        for pattern, replacement in self.wordings:
            lines = [pattern.sub(replacement, line) for line in lines]
        return lines


def _judge(report, script, expected, played, permitted, broker_name, options):
    if played.skipped:
        report.skips(played.skipped)
        return
    if expected is None:
        report.skips("not recorded; run with --record")
        return
    if expected.crash or played.crash:
        report.fails(script, expected.crash or played.crash)
        return
    lines = permitted.in_rabbitmqs_words(played.lines)
    missing = permitted.missing_feature(expected.lines, lines)
    if missing:
        report.skips(missing)
        return
    changed = _changed_lines(expected.lines, lines)
    meant = permitted.by_script.get(script.sentence, [])
    if changed == meant:
        report.passes()
    elif meant and not changed:
        report.fails(script, "is listed in differences.json, but there is no difference any more")
    else:
        report.fails(script, _diff(expected.lines, lines, "rabbitmq", broker_name))
        if options.differences:
            entry = {"scripts": [script.sentence], "reason": "", "lines": changed}
            print(json.dumps(entry, indent=1, ensure_ascii=False))


def _diff(expected, played, expected_name, played_name):
    return "\n".join(difflib.unified_diff(expected, played, expected_name, played_name, lineterm="", n=100))


def _changed_lines(expected, played):
    """The difference as lines that begin with - (RabbitMQ) or + (Leveret)."""
    return [line for line in difflib.ndiff(expected, played) if line[0] in "+-"]


def _show(played):
    for script, result in played.items():
        print(f"\n# {script.group}: {script.sentence}", *result.lines, *result.crash.splitlines(), sep="\n")
