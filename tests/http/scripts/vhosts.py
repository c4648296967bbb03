"""Virtual hosts."""

from harness.stage import quote, script

COLUMNS = "columns=name,tracing,description,tags"


@script("virtual hosts come, change and go")
def _(api):
    api.get(f"vhosts?{COLUMNS}")
    api.get("vhosts/v")
    api.put("vhosts/v")
    api.put("vhosts/v", {"tracing": True})
    api.get(f"vhosts/v?{COLUMNS}")
    api.put("vhosts/d", {"description": "ü", "tags": "a, b"})
    api.get(f"vhosts/d?{COLUMNS}")
    api.get(f"vhosts?{COLUMNS}")
    api.get("vhosts?page=1&page_size=2&columns=name&sort=name")
    api.get("vhosts?page=1&name=V&columns=name")
    api.get("permissions/v/guest")
    api.delete("vhosts/v")
    api.delete("vhosts/v")
    api.get("permissions")


@script("names of virtual hosts are any text")
def _(api):
    for name in ("ü / %2F ☃", "a b+c", "x" * 255, "a?b#c&d=e"):
        api.put(f"vhosts/{quote(name)}")
        api.get(f"vhosts/{quote(name)}?columns=name")
        api.get(f"vhosts/{quote(name)}/permissions")
        api.delete(f"vhosts/{quote(name)}")
    api.put("vhosts/%ff")
    api.quietly("DELETE", "vhosts/%ff")  # No list of RabbitMQ's can name it.


@script("pages that are none are refused")
def _(api):
    for query in ("page=0", "page=-1", "page=x", "page=1&page_size=0", "page=1&page_size=501", "page=9", "page=1&page_size=x",
                  "page=1&name=(&use_regex=true"):
        api.get(f"vhosts?{query}")


@script("what is wrong with a virtual host is said")
def _(api):
    for body in ("[]", "{", "3", {"tracing": "x"}):
        api.put("vhosts/v", body)
    api.get("vhosts?columns=name")
