"""Starts a broker, plays the scripts on it, compares with the recording, reports."""

import argparse
import importlib
import json
import pkgutil
import re
import traceback

import scripts as script_package
from peers import BrokerFailure, Leveret, RabbitMQ, stop_when_terminated

from .comparison import differences, masked
from .stage import Api, scripts

#: Of RabbitMQ, for parameters that Leveret has without any.
PLUGINS = ("rabbitmq_federation", "rabbitmq_shovel")


def main(folder):
    """The command line. Returns the exit code."""
    options = _options()
    stop_when_terminated()
    for module in sorted(module.name for module in pkgutil.iter_modules(script_package.__path__)):
        importlib.import_module(f"scripts.{module}")
    chosen = [one for one in scripts if re.search(options.only, f"{one[0]}: {one[1]}")]
    try:
        if options.record:
            return _record(folder, chosen)
        return _compare(folder, chosen, options)
    except BrokerFailure as failure:
        print(failure)
        return 2


def _options():
    parser = argparse.ArgumentParser(description="Plays HTTP requests on Leveret and compares the answers with RabbitMQ's.")
    parser.add_argument("--record", action="store_true", help="play on RabbitMQ alone and store its answers")
    parser.add_argument("--check-recording", action="store_true", help="play on RabbitMQ alone and compare with the store")
    parser.add_argument("--only", default="", metavar="PATTERN", help="regular expression on 'group: sentence'")
    parser.add_argument("--shards", type=int, default=1, help="threads of Leveret's data path")
    parser.add_argument("--show", action="store_true", help="print the answers")
    return parser.parse_args()


def _rabbitmq():
    return RabbitMQ(plugins=PLUGINS, imports=True)


def _leveret(options):
    # Its user is made at the first start, as RabbitMQ's: one of the configuration could not be changed.
    return Leveret(users=[], settings=[f"node.threads={options.shards}"])


def _play(broker, chosen):
    """Plays scripts one after the other. Returns {(group, sentence): exchanges, or the text of a crash}."""
    played = {}
    for group, sentence, function in chosen:
        api = Api((broker.host, broker.http_port))
        api.reset()
        try:
            function(api)
            played[group, sentence] = [{**one, "answer": masked(one["answer"])} for one in api.exchanges]
        except Exception:  # a broken script must not take the others along
            played[group, sentence] = traceback.format_exc()
    return played


def _recorded(folder):
    recorded = {}
    for path in sorted((folder / "recorded").glob("*.json")):
        for sentence, exchanges in json.loads(path.read_text(encoding="utf-8")).items():
            recorded[path.stem, sentence] = exchanges
    return recorded


def _record(folder, chosen):
    with _rabbitmq() as broker:
        played = _play(broker, chosen)
    crashes = [text for text in played.values() if isinstance(text, str)]
    if crashes:
        print("\n".join(crashes))
        return 1
    known = {(group, sentence) for group, sentence, _ in scripts}
    every = {name: exchanges for name, exchanges in {**_recorded(folder), **played}.items() if name in known}
    (folder / "recorded").mkdir(exist_ok=True)
    for path in (folder / "recorded").glob("*.json"):
        path.unlink()
    for group in sorted({group for group, _ in every}):
        of_group = {sentence: exchanges for (one, sentence), exchanges in every.items() if one == group}
        text = json.dumps(of_group, indent=1, ensure_ascii=False, sort_keys=True)
        (folder / "recorded" / f"{group}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(played)} recorded")
    return 0


class Meant:
    """The differences that are meant, each with its reason, and which of them were seen."""

    def __init__(self, folder):
        self.entries = json.loads((folder / "differences.json").read_text(encoding="utf-8"))
        self.seen = set()

    def covers(self, request, difference):
        """Whether a difference is meant."""
        for number, entry in enumerate(self.entries):
            if re.search(entry["request"], request) and re.search(entry["difference"], difference):
                self.seen.add(number)
                return True
        return False

    def unseen(self):
        """Those that are none any more."""
        return [entry for number, entry in enumerate(self.entries) if number not in self.seen]


def _problems(recorded, got, meant):
    """Lines about what is not as recorded."""
    if isinstance(got, str):
        return [got]
    if recorded is None:
        return ["is not recorded"]
    if [one["request"] for one in recorded] != [one["request"] for one in got]:
        return ["asks for something else than when it was recorded"]
    problems = []
    for before, now in zip(recorded, got):
        if now["status"] >= 500 and now["status"] != 503 and meant:
            problems.append(f"{now['request']}: status {now['status']}")
        for difference in differences(before, now):
            if meant is None or not meant.covers(now["request"], difference):
                problems.append(f"{now['request']}: {difference}")
    return problems


def _compare(folder, chosen, options):
    with _rabbitmq() if options.check_recording else _leveret(options) as broker:
        played = _play(broker, chosen)
    recorded = _recorded(folder)
    meant = None if options.check_recording else Meant(folder)
    failed = 0
    for (group, sentence), got in played.items():
        if options.show:
            print(json.dumps(got, indent=1, ensure_ascii=False))
        problems = _problems(recorded.get((group, sentence)), got, meant)
        failed += bool(problems)
        if problems:
            print(f"FAILED {group}: {sentence}\n" + "\n".join("    " + line for line in problems))
    if meant is not None and not options.only:
        for entry in meant.unseen():
            failed += 1
            print(f"FAILED differences.json: is no difference any more: {entry['request']}: {entry['difference']}")
    passed = len(played) - min(failed, len(played))
    print(f"http: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0
