"""Permissions of both kinds."""

from harness.stage import quote, script

GRANTED = {"configure": "^c", "write": "", "read": ".*"}
TOPICS = {"exchange": "amq.topic", "write": "^{username}", "read": ".*"}


def _begin(api):
    for user in ("nova", "ü/"):
        api.quietly("PUT", f"users/{quote(user)}", {"password": "p", "tags": ""})
    api.quietly("PUT", "vhosts/v%2F")


@script("permissions come, change and go")
def _(api):
    _begin(api)
    for user in ("nova", "ü/"):
        path = f"permissions/v%2F/{quote(user)}"
        api.get(path)
        api.put(path, GRANTED)
        api.put(path, GRANTED | {"read": "x", "vhost": "elsewhere", "more": 1})
        api.get(path)
        api.get(f"users/{quote(user)}/permissions")
    api.get("permissions")
    api.get("vhosts/v%2F/permissions")
    api.get("vhosts/%2F/permissions")
    api.delete("permissions/v%2F/nova")
    api.delete("permissions/v%2F/nova")
    api.delete("users/%C3%BC%2F")
    api.get("permissions")
    api.delete("vhosts/v%2F")
    api.get("permissions")


@script("topic permissions come, change and go")
def _(api):
    _begin(api)
    path = "topic-permissions/v%2F/nova"
    api.get(path)
    api.put(path, TOPICS)
    api.put(path, TOPICS | {"read": "x"})
    api.put(path, TOPICS | {"exchange": ""})
    api.put(path, TOPICS | {"exchange": "not/there"})
    api.get(path)
    api.get("topic-permissions")
    api.get("vhosts/v%2F/topic-permissions")
    api.get("users/nova/topic-permissions")
    api.get("vhosts/%2F/topic-permissions")
    api.delete(f"{path}/{quote('not/there')}")
    api.get(path)
    api.delete(path)
    api.delete(path)
    api.get("topic-permissions")


@script("what is wrong with permissions is said")
def _(api):
    _begin(api)
    for kind, whole in (("permissions", GRANTED), ("topic-permissions", TOPICS)):
        for place in ("nope/nova", "v%2F/nope"):
            api.get(f"{kind}/{place}")
            api.put(f"{kind}/{place}", whole)
            api.delete(f"{kind}/{place}")
        for name in whole:
            api.put(f"{kind}/v%2F/nova", {key: value for key, value in whole.items() if key != name})
            api.put(f"{kind}/v%2F/nova", whole | {name: 3})
        for name in ("write", "read"):
            api.put(f"{kind}/v%2F/nova", whole | {name: "("})
        for body in ("[]", "{", ""):
            api.put(f"{kind}/v%2F/nova", body)
        for place in ("vhosts/nope", "users/nope"):
            api.get(f"{place}/{kind}")
        api.get(kind)
