"""What is measured: each scenario is one load of `leveret perf`, the same for every broker."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """A load, and which of its figures counts.

    `counted` is the figure of the report that says how many of `unit` there were, `rate` the one that says
    how many a second; `latency` is the time that is shown, from the publish to the delivery or to the confirm.
    `before` is a load that runs once on each broker and is not measured. `{run}` in an argument is another
    number in each run: what one run leaves may still be on its way out when the next one begins.
    """

    name: str
    unit: str
    arguments: tuple
    counted: str = "received"
    rate: str = "received_per_s"
    latency: str = "latency"
    before: tuple = ()


@dataclass(frozen=True)
class ExpiryScenario:
    """Calls beside a queue of which all messages expire: a load of `leveret perf expiry`."""

    name: str
    arguments: tuple


def _throughput(*arguments):
    return ("throughput", "-u", "perf-{run}", *arguments)


_TEN_QUEUES = ("--queue-pattern", "perf-{run}-%d", "--queue-pattern-to", "10")
_TWENTY_QUEUES = ("--queue-pattern", "perf-{run}-%d", "--queue-pattern-to", "20")
_CHURN = {"counted": "rounds", "rate": "rounds_per_s"}
_RPC = {"counted": "replies", "rate": "replies_per_s"}


def _durable(size_bytes, in_flight):
    """Confirmed persistent messages: RabbitMQ's classic queues confirm before the disk has them, Leveret after."""
    size = f"{size_bytes // 1024} KiB" if size_bytes >= 1024 else f"{size_bytes} B"
    return Scenario(f"durable, {size}, confirmed, {in_flight} in flight", "messages",
                    _throughput("-s", str(size_bytes), "--durable", "-f", "persistent", "-q", "200",
                                "-c", str(in_flight)), latency="confirm")


def _prepared(name, unit, *arguments, first=(), then=()):
    """What `first` declares or publishes is there already when the load is measured."""
    arguments = ("--auto-delete", "false", *arguments)
    return Scenario(name, unit, ("throughput", *arguments, "-p", *then), before=("throughput", *arguments, *first))


def _bound(name, *arguments):
    """Many bindings that were made before, of which each message goes by another one."""
    return _prepared(name, "messages", "-s", "256", "-a", *arguments, first=("-C", "1"))


#: How many messages a stream holds. Each reader ends when it has read them all.
_STREAM_MESSAGES = 200_000
_STREAM = ("-u", "perf-stream", "--queue-args", "x-queue-type=stream", "--durable")


SCENARIOS = [
    Scenario("16 B, no acks", "messages", _throughput("-s", "16", "-a")),
    Scenario("1 KiB, no acks", "messages", _throughput("-s", "1024", "-a")),
    Scenario("256 KiB, no acks", "messages", _throughput("-s", str(256 * 1024), "-a")),
    Scenario("16 B, manual acks, prefetch 200", "messages", _throughput("-s", "16", "-q", "200")),
    Scenario("256 B, manual acks, prefetch 200", "messages", _throughput("-s", "256", "-q", "200")),
    Scenario("1 KiB, confirmed, 256 in flight", "messages", _throughput("-s", "1024", "-q", "200", "-c", "256")),
    Scenario("256 B, fanout to 10", "deliveries",
             _throughput("-s", "256", "-a", "-e", "perf-fanout-{run}", "-t", "fanout", "-y", "10", *_TEN_QUEUES)),
    Scenario("256 B, topic, 50 bindings", "messages",
             _throughput("-s", "256", "-a", "-e", "perf-topic-{run}", "-t", "topic", "-k", "a.b.c",
                         "--unused-bindings", "49")),
    _bound("256 B, topic, 10,000 bindings", "-e", "perf-topics", "-t", "topic", "--bindings", "10000", "-u", "perf-t"),
    _bound("256 B, headers, 1,000 bindings", "-e", "perf-headers", "-t", "headers", "--bindings", "1000",
           "-u", "perf-h"),
    Scenario("256 B, 10 priorities, acks", "messages",
             _throughput("-s", "256", "-q", "200", "--queue-args", "x-max-priority=10", "--priorities", "10")),
    _prepared("256 B, a stream, 10 readers, acks", "deliveries", "-s", "256", *_STREAM,
              first=("-y", "0", "-c", "1000", "-C", str(_STREAM_MESSAGES)),
              then=("-x", "0", "-y", "10", "-q", "200", "--consumer-args", "x-stream-offset=first",
                    "-D", str(_STREAM_MESSAGES))),
    Scenario("256 B, 20 producers, 20 consumers, 20 queues, acks", "messages",
             _throughput("-s", "256", "-q", "200", "-x", "20", "-y", "20", *_TWENTY_QUEUES)),
    Scenario("256 B, a steady 2,000 a second, acks", "messages",
             _throughput("-s", "256", "-q", "200", "-r", "2000")),
    Scenario("RPC, 64 calls outstanding", "calls", ("rpc", "--outstanding", "64"), **_RPC),
    Scenario("RPC, one call in flight", "calls", ("rpc",), **_RPC),
    Scenario("RPC, direct reply-to, one call in flight", "calls", ("rpc", "--direct-reply-to"), **_RPC),
    Scenario("connection, channel and queue churn", "rounds", ("connection-churn", "-x", "4"), **_CHURN),
    Scenario("channel churn", "rounds", ("channel-churn",), **_CHURN),
    Scenario("queue churn", "rounds", ("queue-churn",), **_CHURN),
    *(_durable(size, in_flight) for size in (100, 1024, 64 * 1024) for in_flight in (1, 64, 1024)),
]

EXPIRY_SCENARIOS = [
    ExpiryScenario("RPC, 2,000 calls a second, 1 million messages expire within a second",
                   ("expiry", "-r", "2000", "-n", "1000000", "--expire-after", "40")),
]
