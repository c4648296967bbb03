"""What is different between two answers."""

import json

#: Members that differ with each start or are each broker's own: their types are compared.
OWN_VALUES = {"password_hash", "product_name", "product_version", "rabbit_version", "rabbitmq_version", "ports", "desc",
              "provided_by"}


def masked(answer, key=""):
    """An answer without what is new each time, to be recorded and compared."""
    if isinstance(answer, dict):
        return {name: masked(value, name) for name, value in answer.items()}
    if key in OWN_VALUES and answer != "":
        return f"<{type(answer).__name__}>"
    if isinstance(answer, list):
        return sorted((masked(value) for value in answer if not _is_own(value)), key=lambda value: json.dumps(value, sort_keys=True))
    return answer


def _is_own(entry):
    """RabbitMQ has its cluster's id among the global parameters."""
    return isinstance(entry, dict) and entry.get("name") == "internal_cluster_id"


def differences(recorded, got):
    """Sentences about an exchange that was recorded and the same one now: "PLACE: RECORDED -> GOT"."""
    if recorded["status"] != got["status"]:
        return [f"status: {recorded['status']} -> {got['status']}"]
    if got["status"] >= 400 and isinstance(got["answer"], dict) and isinstance(recorded["answer"], dict):
        return _of_errors(recorded["answer"], got["answer"])
    return list(_of_values("body", recorded["answer"], got["answer"]))


def _of_errors(recorded, got):
    """The words of a reason are a broker's own, but a reason is a sentence; RabbitMQ's are lists at times."""
    found = list(_of_values("body", {**recorded, "reason": ""}, {**got, "reason": ""}))
    is_text = isinstance(got.get("reason"), str) and got["reason"] != ""
    if not is_text and got.get("reason") != recorded.get("reason"):
        found.append(f"body.reason: a text -> {got.get('reason')!r}")
    return found


def _of_values(place, recorded, got):
    if isinstance(recorded, dict) and isinstance(got, dict):
        for name in sorted({*recorded, *got}):
            if name not in got:
                yield f"{place}.{name}: {_text(recorded[name])} -> nothing"
            elif name not in recorded:
                yield f"{place}.{name}: nothing -> {_text(got[name])}"
            else:
                yield from _of_values(f"{place}.{name}", recorded[name], got[name])
    elif isinstance(recorded, list) and isinstance(got, list) and len(recorded) == len(got):
        for number, (one, other) in enumerate(zip(recorded, got)):
            yield from _of_values(f"{place}[{number}]", one, other)
    elif isinstance(recorded, list) and isinstance(got, list):
        yield from (f"{place}: {_text(one)} -> nothing" for one in recorded if one not in got)
        yield from (f"{place}: nothing -> {_text(one)}" for one in got if one not in recorded)
    elif type(recorded) is not type(got) or recorded != got:
        yield f"{place}: {_text(recorded)} -> {_text(got)}"


def _text(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
