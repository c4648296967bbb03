#!/usr/bin/python3
"""Leveret beside RabbitMQ, on the same machine, under the same loads, in turn.

    LEVERET_BIN=build/release/broker/leveret /usr/bin/python3 tests/bench/compare/run.py
    ... run.py --rounds 5 --seconds 5          medians of five rounds of five seconds each (the default)
    ... run.py --only RPC                      scenarios whose names match a regular expression
    ... run.py --leveret-only                  without RabbitMQ
    ... run.py --json FILE                     all samples, for other tools

Prints Markdown. Rates drift with whatever else the machine does, so the brokers take turns and medians are
shown; the steady figure is the one per second of the broker's own CPU time. README.md of the folder above
tells how to read the tables.
"""

import argparse
import contextlib
import json
import os
import re
import resource
import statistics
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]

from measure import Load, LoadFailure, resident_bytes  # noqa: E402  (the path has to be set first)
from peers import Leveret, RabbitMQ, stop_when_terminated  # noqa: E402
from scenarios import EXPIRY_SCENARIOS, SCENARIOS  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    parser.add_argument("--only", metavar="REGEX", default="", help="scenarios whose names match")
    parser.add_argument("--leveret-only", action="store_true")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="a --set value for Leveret")
    parser.add_argument("--no-footprint", action="store_true", help="leave out memory and start-up")
    parser.add_argument("--json", metavar="FILE", help="write all samples to FILE")
    return parser.parse_args()


def started(stack, broker):
    """Starts a broker; gives it, and how long that took in milliseconds."""
    began = time.monotonic()
    stack.enter_context(broker)
    return broker, (time.monotonic() - began) * 1000


def short(number):
    """A number as a person would round it."""
    for limit, suffix in ((1e6, " M"), (1e3, " k")):
        if number >= limit:
            value = number / limit
            return f"{value:.2f}{suffix}" if value < 10 else f"{value:.0f}{suffix}"
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}"


def median(samples, figure):
    values = [figure(sample) for sample in samples]
    return statistics.median(values) if values and None not in values else None


def milliseconds(duration_us):
    """A time in microseconds with three digits that count."""
    rounded = float(f"{duration_us / 1000:.3g}")
    return f"{rounded:,.0f}" if rounded >= 1000 else f"{rounded:g}"


def latencies(samples, kind):
    """p50 / p99 in milliseconds."""
    pair = [median(samples, lambda sample, name=name: sample.latency_us(name, kind)) for name in ("p50", "p99")]
    return " / ".join(milliseconds(value) for value in pair) if None not in pair else ""


def run_scenario(load, brokers, scenario, options):
    """Samples by broker kind, the brokers in turn."""
    for broker in brokers:
        load.prepare(broker, scenario)
    return in_turn(brokers, options, lambda broker: load.run(broker, scenario, options.seconds))


def in_turn(brokers, options, run):
    """What run(broker) gives in each round, by broker kind."""
    samples = {broker.kind: [] for broker in brokers}
    for round_number in range(options.rounds):
        # Who goes first changes, so that neither has the warmer machine.
        for broker in brokers if round_number % 2 == 0 else reversed(brokers):
            samples[broker.kind].append(run(broker))
    return samples


def scenario_row(scenario, samples):
    ours = samples["leveret"]
    row = [f"{scenario.name} ({scenario.unit})", short(median(ours, lambda one: one.per_s))]
    our_share = median(ours, lambda one: one.per_cpu_s)
    theirs = samples.get("rabbitmq")
    if not theirs:
        return [*row, short(our_share), latencies(ours, scenario.latency)]
    their_share = median(theirs, lambda one: one.per_cpu_s)
    return [*row, short(median(theirs, lambda one: one.per_s)), short(our_share), short(their_share),
            f"**{our_share / their_share:.0f}×**", latencies(ours, scenario.latency), latencies(theirs, scenario.latency)]


def expiry_rows(samples):
    """A row for each broker: round trips before the expiry and during it, in milliseconds."""
    for kind, reports in samples.items():
        def figure(name, of=reports):
            return statistics.median(report[name] for report in of)
        cells = [f"{milliseconds(figure(f'{phase}_p50_us'))} / {milliseconds(figure(f'{phase}_p99_us'))}"
                 for phase in ("idle", "expiry")]
        ratio = statistics.median(report["expiry_p99_us"] / report["idle_p99_us"] for report in reports)
        yield [kind, *cells, f"**{ratio:.2g}×**", milliseconds(figure("expiry_max_us")),
               f"{figure('expiry_seconds'):.1f} s"]


def measure_expiry(load, brokers, options):
    """Prints a table for each scenario; gives the reports by scenario and broker."""
    result = {}
    for scenario in EXPIRY_SCENARIOS:
        if not re.search(options.only, scenario.name):
            continue
        samples = in_turn(brokers, options, lambda broker, of=scenario: load.run_expiry(broker, of, options.seconds))
        print()
        print_table([scenario.name, "p50 / p99 ms before", "p50 / p99 ms meanwhile", "p99 / p99", "longest ms",
                     "all are gone after"], expiry_rows(samples))
        result[scenario.name] = samples
    return result


def footprint(load, make, connections, queues):
    """Figures by name, each measured once, on a fresh broker: what another test gave back would be used again."""
    with contextlib.ExitStack() as stack:
        broker, ready_ms = started(stack, make())
        empty = resident_bytes(broker.pids)
        for_connection, opened_per_s = load.hold(broker, "connection", connections)
    with contextlib.ExitStack() as stack:
        for_queue, _ = load.hold(started(stack, make())[0], "queue", queues)
    return {
        "from start to ready": f"{ready_ms:.0f} ms",
        "memory when empty": f"{empty / 2**20:.0f} MB",
        "idle connection with a channel, a queue and a consumer": f"{for_connection / 1024:.1f} KiB",
        "idle queue": f"{for_queue / 1024:.1f} KiB",
        "connections held in that test": f"{connections:,}",
        "connections opened one after the other": f"{short(opened_per_s)}/s",
    }


def print_table(header, rows):
    print("| " + " | ".join(header) + " |")
    print("| --- |" + " --: |" * (len(header) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def measure_footprint(load, options):
    """The brokers one after the other."""
    kinds = {"Leveret": (lambda: Leveret(settings=options.settings), 10_000, 50_000)}
    if not options.leveret_only:
        kinds["RabbitMQ"] = (RabbitMQ, 1000, 2000)
    figures = {kind: footprint(load, *how) for kind, how in kinds.items()}
    print_table(["", *kinds], [[name, *(figures[kind][name] for kind in kinds)] for name in figures["Leveret"]])
    return figures


def main():
    options = parse_arguments()
    stop_when_terminated()
    binary = os.environ.get("LEVERET_BIN", "")
    if not binary:
        sys.exit("say where Leveret is: LEVERET_BIN=path/to/leveret")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    load = Load(os.path.abspath(binary))
    chosen = [scenario for scenario in SCENARIOS if re.search(options.only, scenario.name)]
    result = {"scenarios": {}, "expiry": {}, "footprint": {}}
    with contextlib.ExitStack() as stack:
        brokers = [started(stack, Leveret(settings=options.settings))[0]]
        if not options.leveret_only:
            brokers.append(started(stack, RabbitMQ())[0])
        header = ["", "Leveret /s", "RabbitMQ /s", "Leveret per CPU s", "RabbitMQ per CPU s", "ratio",
                  "Leveret p50 / p99 ms", "RabbitMQ p50 / p99 ms"]
        if options.leveret_only:
            header = ["", "/s", "per CPU s", "p50 / p99 ms"]
        rows = []
        for scenario in chosen:
            samples = run_scenario(load, brokers, scenario, options)
            rows.append(scenario_row(scenario, samples))
            print(f"{scenario.name}: done", file=sys.stderr, flush=True)
            result["scenarios"][scenario.name] = {
                kind: [vars(sample) for sample in some] for kind, some in samples.items()}
        if rows:
            print_table(header, rows)
        result["expiry"] = measure_expiry(load, brokers, options)
    if not options.no_footprint:
        print()
        result["footprint"] = measure_footprint(load, options)
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LoadFailure as failure:
        sys.exit(str(failure))
