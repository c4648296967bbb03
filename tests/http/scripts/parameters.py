"""Parameters of virtual hosts and of the node."""

from harness.stage import quote, script

SHOVEL = {"src-uri": "amqp://", "dest-uri": "amqp://", "src-queue": "a", "dest-queue": "b"}


@script("parameters come, change and go")
def _(api):
    api.quietly("PUT", "vhosts/v")
    # The shovel must not run, and its queues not be made, before it goes.
    for component, name, value in (("federation-upstream", "ü / %2F", {"uri": "amqp://", "expires": 3600000}),
                                   ("federation-upstream-set", "s", [{"upstream": "u"}]),
                                   ("vhost-limits", "limits", {"max-queues": 3}),
                                   ("operator_policy", "o", {"pattern": "^a", "definition": {"max-length": 3}, "priority": 1})):
        path = f"parameters/{component}/v/{quote(name)}"
        api.get(path)
        api.put(path, {"value": value})
        api.put(path, {"value": value, "more": 1})
        api.get(path)
        api.get(f"parameters/{component}")
        api.get(f"parameters/{component}/v")
        api.get(f"parameters/{component}/%2F")
    api.get("parameters")
    api.get("operator-policies")
    api.get("vhost-limits")
    for component, name in (("federation-upstream", "ü / %2F"), ("vhost-limits", "limits"), ("operator_policy", "o")):
        api.delete(f"parameters/{component}/v/{quote(name)}")
        api.delete(f"parameters/{component}/v/{quote(name)}")
    api.get("parameters")


@script("what is wrong with a parameter is said")
def _(api):
    for component, value in (("nope", {"a": 1}), ("Policy", {}), ("shovel", {}), ("shovel", 3), ("shovel", SHOVEL | {"x": 1}),
                             ("federation-upstream", {"uri": "http://x"}), ("federation-upstream-set", {}),
                             ("policy", {"pattern": "^a", "definition": {"max-length": 1}})):
        api.put(f"parameters/{component}/%2F/n", {"value": value})
    for value in ({"max-queues": "x"}, {"nope": 1}, 3):
        api.put("parameters/vhost-limits/%2F/limits", {"value": value})
    for body in ({}, "[]", "{"):
        api.put("parameters/shovel/%2F/n", body)
    api.put("parameters/shovel/nope/n", {"value": SHOVEL})
    for path in ("nope", "nope/%2F", "nope/%2F/n", "shovel/nope", "shovel/nope/n", "policy/%2F/n"):
        api.get(f"parameters/{path}")
    for path in ("nope/%2F/n", "shovel/nope/n", "shovel/%2F/n"):
        api.delete(f"parameters/{path}")


@script("policies are found among the parameters when they are asked for")
def _(api):
    api.put("policies/%2F/p", {"pattern": "^a", "definition": {"max-length": 1}})
    api.get("parameters")
    api.get("parameters/policy")
    api.get("parameters/policy/%2F")
    api.get("parameters/policy/%2F/p")
    api.delete("parameters/policy/%2F/p")
    api.get("policies/%2F/p")


@script("global parameters are any JSON")
def _(api):
    api.get("global-parameters/g")
    for value in (1, 1.5, "ü", None, True, [], {}, {"a": {"b": [1, "x", None]}}):
        api.put("global-parameters/g", {"value": value})
        api.get("global-parameters/g")
    api.put(f"global-parameters/{quote('ü / %2F')}", {"value": 1})
    api.get(f"global-parameters/{quote('ü / %2F')}")
    api.put("global-parameters/h", {})
    api.put("global-parameters/h", "[]")
    api.delete("global-parameters/g")
    api.delete("global-parameters/g")
