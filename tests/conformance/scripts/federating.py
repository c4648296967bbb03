"""x-federation-upstream: what a federated exchange elsewhere declares here, to get what is published."""

from harness.stage import script
from harness.wire import Typed

KIND = "x-federation-upstream"


def received_from(*places):
    """The header of a message that has come through (cluster, vhost)."""
    return {"x-received-from": Typed("A", [Typed("F", {"cluster-name": cluster, "vhost": vhost})
                                           for cluster, vhost in places])}


def declare(channel, exchange, max_hops=2):
    """The exchange as a downstream `us` declares it."""
    channel.call("exchange.declare", exchange=exchange, type=KIND, arguments={
        "x-max-hops": Typed("l", max_hops), "x-downstream-name": "us", "x-downstream-vhost": "/"})


@script("an exchange for a federated one must be told how many hops messages may make")
def _(stage):
    for arguments in ({}, {"x-max-hops": "2"}, {"x-max-hops": Typed("l", 2)}):
        channel = stage.channel()
        channel.call("exchange.declare", exchange=stage.name("x"), type=KIND, arguments=arguments)


@script("an exchange for a federated one is declared again with the same number of hops only")
def _(stage):
    channel = stage.channel()
    declare(channel, stage.name("x"))
    declare(channel, stage.name("x"))
    declare(channel, stage.name("x"), max_hops=3)


@script("an exchange for a federated one passes on what has hops left and was not there")
def _(stage):
    channel = stage.channel()
    exchange, queue = stage.name("x"), stage.name("q")
    declare(channel, exchange)
    channel.call("queue.declare", queue=queue)
    channel.call("queue.bind", queue=queue, exchange=exchange, routing_key="no matter")
    for body, headers in (("new", None), ("no list", {"x-received-from": "text"}),
                          ("one hop", received_from(("a", "/"))),
                          ("two hops", received_from(("a", "/"), ("b", "/"))),
                          ("was there", received_from(("us", "/"))),
                          ("was in another vhost", received_from(("us", "other")))):
        properties = {} if headers is None else {"headers": headers}
        channel.publish("key", body, exchange=exchange, mandatory=True, **properties)
        channel.counts(queue)
