"""Limits of virtual hosts and users."""

from harness.stage import script


@script("limits come, change and go")
def _(api):
    api.quietly("PUT", "vhosts/v")
    api.quietly("PUT", "users/u", {"password": "p", "tags": ""})
    for kind, owner, names in (("vhost-limits", "v", ("max-connections", "max-queues")),
                               ("user-limits", "u", ("max-connections", "max-channels"))):
        api.get(kind)
        api.get(f"{kind}/{owner}")
        for name in names:
            for value in (5, 0, -1, 7):
                api.put(f"{kind}/{owner}/{name}", {"value": value})
                api.get(f"{kind}/{owner}")
        api.get(kind)
        api.delete(f"{kind}/{owner}/{names[0]}")
        api.delete(f"{kind}/{owner}/{names[0]}")
        api.delete(f"{kind}/{owner}/nope")
        api.get(f"{kind}/{owner}")
    api.get("users/u")
    api.get("parameters")
    api.delete("users/u")
    api.delete("vhosts/v")
    api.get("user-limits")
    api.get("vhost-limits")


@script("what is wrong with a limit is said")
def _(api):
    for kind, owner in (("vhost-limits", "%2F"), ("user-limits", "guest")):
        for value in ("x", "5", 1.5, None, True, [], {}):
            api.put(f"{kind}/{owner}/max-connections", {"value": value})
        for body in ({}, "[]", "{"):
            api.put(f"{kind}/{owner}/max-connections", body)
        api.put(f"{kind}/{owner}/nope", {"value": 1})
        api.put(f"{kind}/nope/max-connections", {"value": 1})
        api.delete(f"{kind}/nope/max-connections")
        api.get(f"{kind}/nope")
        api.get(kind)
