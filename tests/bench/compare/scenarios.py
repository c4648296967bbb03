"""What is measured: each scenario is one load of `leveret perf`, the same for every broker."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """A load, and which of its figures counts.

    `counted` is the figure of the report that says how many of `unit` there were, `rate` the one that says
    how many a second; `latency` is the time that is shown, from the publish to the delivery or to the confirm.
    """

    name: str
    unit: str
    arguments: tuple
    counted: str = "received"
    rate: str = "received_per_s"
    latency: str = "latency"


def _throughput(*arguments):
    return ("throughput", *arguments)


_TEN_QUEUES = ("--queue-pattern", "perf-%d", "--queue-pattern-to", "10")
_TWENTY_QUEUES = ("--queue-pattern", "perf-%d", "--queue-pattern-to", "20")
_CHURN = {"counted": "rounds", "rate": "rounds_per_s"}
_RPC = {"counted": "replies", "rate": "replies_per_s"}


def _durable(size_bytes, in_flight):
    """Confirmed persistent messages: RabbitMQ's classic queues confirm before the disk has them, Leveret after."""
    size = f"{size_bytes // 1024} KiB" if size_bytes >= 1024 else f"{size_bytes} B"
    return Scenario(f"durable, {size}, confirmed, {in_flight} in flight", "messages",
                    _throughput("-s", str(size_bytes), "--durable", "-f", "persistent", "-q", "200",
                                "-c", str(in_flight)), latency="confirm")


SCENARIOS = [
    Scenario("16 B, no acks", "messages", _throughput("-s", "16", "-a")),
    Scenario("1 KiB, no acks", "messages", _throughput("-s", "1024", "-a")),
    Scenario("256 KiB, no acks", "messages", _throughput("-s", str(256 * 1024), "-a")),
    Scenario("16 B, manual acks, prefetch 200", "messages", _throughput("-s", "16", "-q", "200")),
    Scenario("256 B, manual acks, prefetch 200", "messages", _throughput("-s", "256", "-q", "200")),
    Scenario("1 KiB, confirmed, 256 in flight", "messages", _throughput("-s", "1024", "-q", "200", "-c", "256")),
    Scenario("256 B, fanout to 10", "deliveries",
             _throughput("-s", "256", "-a", "-e", "perf-fanout", "-t", "fanout", "-y", "10", *_TEN_QUEUES)),
    Scenario("256 B, topic, 50 bindings", "messages",
             _throughput("-s", "256", "-a", "-e", "perf-topic", "-t", "topic", "-k", "a.b.c", "--unused-bindings", "49")),
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
