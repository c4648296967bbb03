"""Policies of users and operators."""

from harness.stage import quote, script

DEFINITION = {"max-length": 10}
POLICY = {"pattern": "^a", "definition": DEFINITION}
KINDS = ("policies", "operator-policies")


@script("policies come, change and go")
def _(api):
    api.quietly("PUT", "vhosts/v")
    for kind in KINDS:
        for name in ("p", "ü / %2F"):
            path = f"{kind}/v/{quote(name)}"
            api.get(path)
            api.put(path, POLICY)
            api.get(path)
            api.put(path, POLICY | {"priority": -5, "apply-to": "queues", "more": 1, "name": "other", "vhost": "/"})
            api.get(path)
        api.get(kind)
        api.get(f"{kind}/v")
        api.get(f"{kind}/%2F")
        api.get(f"{kind}/nope")
        api.delete(f"{kind}/v/p")
        api.delete(f"{kind}/v/p")
        api.delete(f"{kind}/nope/p")
    api.get("parameters")
    api.delete("vhosts/v")
    api.get("policies")


@script("what is wrong with a policy is said")
def _(api):
    for kind in KINDS:
        for body in ({}, {"pattern": "^a"}, {"definition": DEFINITION}, POLICY | {"pattern": 1}, POLICY | {"pattern": "("},
                     POLICY | {"definition": {}}, POLICY | {"definition": []}, POLICY | {"definition": "x"},
                     POLICY | {"definition": {"max-length": -1}}, POLICY | {"definition": {"nope": 1}},
                     POLICY | {"priority": "x"}, POLICY | {"apply-to": "x"}, POLICY | {"apply-to": 3}, "[]", "{"):
            api.put(f"{kind}/%2F/p", body)
        api.put(f"{kind}/nope/p", POLICY)
        api.get(kind)
    api.put("operator-policies/%2F/p", POLICY | {"definition": {"dead-letter-exchange": "x"}})
