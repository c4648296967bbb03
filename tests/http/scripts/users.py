"""Users, and who somebody is."""

from harness.stage import quote, script

NAMES = ("ü / %2F ☃", "a b+c", "x" * 255, "..", "a?b#c&d=e")


@script("users come, change and go")
def _(api):
    api.get("whoami")
    api.get("users")
    api.get("users/nova")
    api.put("users/nova", {"password": "p", "tags": "monitoring, management"})
    api.get("users/nova")
    api.put("users/nova", {"password": "q", "tags": ["policymaker"]})
    api.get("users")
    api.put("users/nova/", {"tags": "", "password_hash": ""})
    api.get("users/nova/")
    api.get("users?columns=name,tags&sort=name&sort_reverse=true")
    api.delete("users/nova")
    api.delete("users/nova")


@script("names of users are any text")
def _(api):
    for name in NAMES:
        api.put(f"users/{quote(name)}", {"tags": "made-up", "password": "p"})
        api.get(f"users/{quote(name)}")
        api.delete(f"users/{quote(name)}")
    api.put("users/%ff", {"tags": "", "password": "p"})
    api.quietly("DELETE", "users/%ff")  # No list of RabbitMQ's can name it.
    api.put(f"users/{'x' * 256}", {"tags": "", "password": "p"})


@script("a hash of a password is kept as it is")
def _(api):
    password_hash = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    api.put("users/h", {"tags": "administrator", "password_hash": password_hash})
    api.get("users/h")
    api.put("users/h", {"tags": "", "password_hash": password_hash, "hashing_algorithm": "rabbit_password_hashing_sha512"})
    api.get("users/h")


@script("what is wrong with a user is said")
def _(api):
    for body in ({}, {"password": "p"}, {"tags": 3, "password": "p"}, {"tags": [3], "password": "p"}, {"tags": "", "password": 3},
                 {"tags": "", "password": ""}, {"tags": "", "password": "p", "password_hash": "x"}, {"tags": "", "password_hash": 3},
                 {"tags": "", "password_hash": "p"}, {"tags": None, "password": "p"},
                 {"tags": "", "password": "p", "hashing_algorithm": "x"}, "[]", "3", "{", '"x"', "null", '{"tags": ""'):
        api.put("users/u", body)
    api.get("users/u")


@script("users without permissions are found, and several go at once")
def _(api):
    for name in ("a", "b", "c"):
        api.put(f"users/{name}", {"tags": "", "password": "p"})
    api.put("permissions/%2F/b", {"configure": "", "write": "", "read": ""})
    api.get("users/without-permissions")
    api.post("users/bulk-delete", {"users": ["a", "b"]})
    api.get("users?columns=name")
    for body in ({}, {"users": 3}, {"users": [3]}, {"users": ["c", "nobody"]}):
        api.post("users/bulk-delete", body)
