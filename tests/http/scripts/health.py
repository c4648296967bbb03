"""Health checks and what the broker says of itself."""

from harness.stage import script


@script("a healthy broker is healthy")
def _(api):
    for check in ("alarms", "local-alarms", "virtual-hosts", "node-is-quorum-critical", "node-is-mirror-sync-critical",
                  "protocol-listener/amqp", "protocol-listener/AMQP", "protocol-listener/amqp091",
                  "protocol-listener/amqp0-9-1", "protocol-listener/http", "certificate-expiration/1/days",
                  "certificate-expiration/2/weeks", "certificate-expiration/3/months", "certificate-expiration/4/years"):
        api.get(f"health/checks/{check}")


@script("what is not there is missing")
def _(api):
    for check in ("port-listener/1", "port-listener/x", "port-listener/99999", "port-listener", "protocol-listener/amqps",
                  "protocol-listener/mqtt", "protocol-listener/nope", "certificate-expiration/x/days",
                  "certificate-expiration/1/hours", "certificate-expiration/1", "nope"):
        api.get(f"health/checks/{check}")


@script("checks of later versions")
def _(api):
    for check in ("is-in-service", "ready-to-serve-clients", "below-node-connection-limit"):
        api.get(f"health/checks/{check}")
    for path in ("version", "auth/hash_password/secret", "deprecated-features", "deprecated-features/used"):
        api.get(path)


@script("the name of the cluster is kept among the global parameters")
def _(api):
    for body in ({"name": "ü"}, {"name": ""}, {}, {"name": 3}, "[]"):
        api.put("cluster-name", body)
        api.get("cluster-name")
    api.put("cluster-name", {"name": "c"})
    api.get("global-parameters/cluster_name")


@script("extensions and feature flags are lists")
def _(api):
    api.get("extensions")
    api.get("feature-flags?columns=name,state,stability")
