"""Definitions as a whole."""

from harness.stage import script

QUEUE = {"name": "ü", "durable": True, "auto_delete": False, "arguments": {"x-max-length": 3}}
EXCHANGE = {"name": "e", "type": "topic", "durable": True, "auto_delete": False, "internal": True,
            "arguments": {"alternate-exchange": "amq.fanout"}}
BINDING = {"source": "e", "destination": "ü", "destination_type": "queue", "routing_key": "a.#", "arguments": {"a": 1}}
POLICY = {"name": "p", "pattern": "^a", "apply-to": "queues", "definition": {"max-length": 1}, "priority": 2}
UPSTREAM = {"component": "federation-upstream", "name": "u", "value": {"uri": "amqp://", "max-hops": 2}}


def in_vhost(entry, vhost="v"):
    """An entry of a whole file."""
    return entry | {"vhost": vhost}


FILE = {
    "users": [{"name": "nova", "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR",
               "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ["monitoring"], "limits": {"max-channels": 3}}],
    "vhosts": [{"name": "v"}],
    "permissions": [{"user": "nova", "vhost": "v", "configure": "", "write": "^w", "read": ".*"}],
    "topic_permissions": [{"user": "nova", "vhost": "v", "exchange": "e", "write": "^{username}", "read": ".*"}],
    "parameters": [in_vhost(UPSTREAM), {"vhost": "v", "component": "vhost-limits", "name": "limits", "value": {"max-queues": 5}}],
    "global_parameters": [{"name": "g", "value": {"a": 1}}],
    "policies": [in_vhost(POLICY)],
    "queues": [in_vhost(QUEUE)],
    "exchanges": [in_vhost(EXCHANGE)],
    "bindings": [in_vhost(BINDING)],
}


@script("what is imported is exported")
def _(api):
    api.get("definitions?download=a.json")
    api.post("definitions", FILE)
    api.post("all-configuration", FILE)
    api.get("definitions")
    api.get("all-configuration")
    api.get("definitions/v")
    api.get("definitions/%2F")
    api.get("definitions/nope")
    api.quietly("DELETE", "queues/v/%C3%BC")


@script("what belongs into a virtual host is imported there")
def _(api):
    api.quietly("PUT", "vhosts/w")
    api.post("definitions/w", {"queues": [QUEUE], "exchanges": [EXCHANGE], "bindings": [BINDING], "policies": [POLICY],
                               "parameters": [UPSTREAM]})
    api.get("definitions/w")
    api.post("definitions/w", {})
    api.post("definitions/nope", {})


@script("what is wrong with definitions is said")
def _(api):
    for file in ({}, "[]", "{", {"users": 3}, {"users": [3]}, {"users": [{"name": "x"}]}, {"users": [{}]},
                 {"queues": [in_vhost(QUEUE, "nope")]}, {"parameters": [in_vhost(UPSTREAM | {"component": "nope"}, "/")]},
                 {"parameters": [in_vhost(UPSTREAM | {"value": {}}, "/")]},
                 {"policies": [in_vhost(POLICY | {"pattern": "("}, "/")]},
                 {"permissions": [{"user": "nope", "vhost": "/", "configure": "", "write": "", "read": ""}]},
                 {"permissions": [{"user": "guest", "vhost": "/", "configure": "", "write": ""}]},
                 {"exchanges": [in_vhost(EXCHANGE | {"type": "nope"}, "/")]},
                 {"something of a later version": [{}]}):
        api.post("definitions", file)
    api.get("definitions/%2F")
