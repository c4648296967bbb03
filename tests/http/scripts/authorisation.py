"""Who may do what: each route, each tag, the caller's own virtual host and another."""

from harness.stage import script

#: Paths with V for the virtual host, by method.
READ = ("whoami", "users", "users/guest", "users/without-permissions", "vhosts", "vhosts/V", "vhosts/V/permissions",
        "vhosts/V/topic-permissions", "users/guest/permissions", "users/guest/topic-permissions", "permissions",
        "permissions/V/guest", "topic-permissions", "topic-permissions/V/guest", "policies", "policies/V", "policies/V/p",
        "operator-policies", "operator-policies/V", "operator-policies/V/p", "parameters", "parameters/policy",
        "parameters/policy/V", "parameters/policy/V/p", "global-parameters", "global-parameters/g", "vhost-limits",
        "vhost-limits/V", "user-limits", "user-limits/guest", "definitions", "definitions/V", "all-configuration",
        "health/checks/alarms", "health/checks/local-alarms", "health/checks/virtual-hosts", "health/checks/port-listener/1",
        "health/checks/protocol-listener/amqp", "health/checks/node-is-quorum-critical",
        "health/checks/node-is-mirror-sync-critical", "health/checks/certificate-expiration/1/days", "cluster-name",
        "extensions", "feature-flags", "nothing")
POLICY = {"pattern": "^a", "definition": {"max-length": 1}}
WRITE = (("PUT", "users/new", {"tags": "", "password": "p"}), ("DELETE", "users/new", None),
         ("POST", "users/bulk-delete", {"users": []}), ("PUT", "vhosts/V", {}), ("DELETE", "vhosts/nope", None),
         ("PUT", "permissions/V/guest", {"configure": ".*", "write": ".*", "read": ".*"}),
         ("DELETE", "permissions/V/nope", None),
         ("PUT", "topic-permissions/V/guest", {"exchange": "e", "write": "", "read": ""}),
         ("DELETE", "topic-permissions/V/guest", None), ("PUT", "policies/V/p", POLICY), ("DELETE", "policies/V/q", None),
         ("PUT", "operator-policies/V/p", POLICY), ("DELETE", "operator-policies/V/q", None),
         ("PUT", "parameters/federation-upstream/V/u", {"value": {"uri": "amqp://"}}),
         ("PUT", "parameters/operator_policy/V/o", {"value": POLICY | {"priority": 0}}),
         ("PUT", "parameters/vhost-limits/V/limits", {"value": {"max-queues": 9}}),
         ("DELETE", "parameters/shovel/V/s", None), ("PUT", "global-parameters/g", {"value": 1}),
         ("DELETE", "global-parameters/h", None), ("PUT", "vhost-limits/V/max-queues", {"value": 9}),
         ("DELETE", "vhost-limits/V/max-queues", None), ("PUT", "user-limits/guest/max-channels", {"value": 9}),
         ("DELETE", "user-limits/guest/max-channels", None), ("POST", "definitions", {}), ("POST", "definitions/V", {}),
         ("POST", "all-configuration", {}), ("PUT", "cluster-name", {"name": "c"}))
#: Each user has the tag that is its name, and permissions in the virtual host `own`.
TAGS = ("administrator", "monitoring", "policymaker", "management", "made-up")


def _begin(api):
    for vhost in ("own", "other"):
        api.quietly("PUT", f"vhosts/{vhost}")
        api.quietly("PUT", f"vhost-limits/{vhost}/max-queues", {"value": 5})
        for kind in ("policies", "operator-policies"):
            api.quietly("PUT", f"{kind}/{vhost}/p", POLICY)
    for tag in TAGS:
        api.quietly("PUT", f"users/{tag}", {"password": tag, "tags": tag})
        api.quietly("PUT", f"permissions/own/{tag}", {"configure": "^own", "write": "^own", "read": "^own"})
    api.quietly("PUT", "global-parameters/g", {"value": 1})


def _vhosts_of(path):
    return ("own", "other", "nope") if "/V" in path else ("",)


@script("who may look")
def _(api):
    _begin(api)
    for path in READ:
        for vhost in _vhosts_of(path):
            for user in TAGS:
                api.get(path.replace("V", vhost) if vhost else path, user=user, looks_at_body=False)


@script("who may change")
def _(api):
    for user in TAGS:
        _begin(api)
        for method, path, body in WRITE:
            for vhost in _vhosts_of(path):
                if path == "vhosts/V" and vhost == "nope":
                    continue
                api.call(method, path.replace("V", vhost) if vhost else path, body, user=user, looks_at_body=False)


@script("what lists show is what somebody may see")
def _(api):
    _begin(api)
    for user in TAGS:
        for path in ("vhosts?columns=name", "policies?columns=vhost", "operator-policies?columns=vhost",
                     "parameters/policy?columns=vhost", "vhost-limits?columns=vhost"):
            api.get(path, user=user)


@script("without a login there is nothing")
def _(api):
    for user in (None, "nobody"):
        for path in ("whoami", "users", "definitions", "health/checks/alarms", "policies/%2F", "vhosts/nope"):
            api.get(path, user=user)
