"""Queues, exchanges, bindings, and messages that go through them."""

from harness.stage import quote, script

QUEUE = "columns=name,vhost,durable,auto_delete,exclusive,arguments,type,policy"
EXCHANGE = "columns=name,vhost,type,durable,auto_delete,internal,arguments,policy"
GET = {"count": 5, "ackmode": "ack_requeue_true", "encoding": "auto"}


@script("queues come, are compared, and go")
def _(api):
    api.get("queues/%2F/q")
    api.put("queues/%2F/q", {"durable": True, "arguments": {"x-message-ttl": 60000, "x-max-priority": 3}})
    api.put("queues/%2F/q", {"durable": True, "arguments": {"x-message-ttl": 60000, "x-max-priority": 3}})
    api.get(f"queues/%2F/q?{QUEUE}")
    api.put("queues/%2F/q", {"durable": False, "arguments": {"x-message-ttl": 60000, "x-max-priority": 3}})
    api.put("queues/%2F/q", {"durable": True, "auto_delete": "true"})
    api.put("queues/%2F/q", {"durable": True, "arguments": {"x-message-ttl": 1}})
    api.put("queues/%2F/quorum", {"durable": True, "arguments": {"x-queue-type": "quorum"}})
    api.get(f"queues/%2F/quorum?{QUEUE}")
    api.put("queues/%2F/none")
    api.get(f"queues?{QUEUE}&sort=name")
    api.get(f"queues/%2F?{QUEUE}&page=1&page_size=2&sort=name&sort_reverse=true")
    api.get("queues/%2F?page=1&name=QUO&columns=name")
    api.delete("queues/%2F/q?if-empty=true&if-unused=true")
    api.delete("queues/%2F/q")
    api.delete("queues/nowhere/q")


@script("what is wrong with a queue is said")
def _(api):
    for body in ({"durable": 3}, {"arguments": 3}, {"arguments": {"x-message-ttl": -1}}, {"auto_delete": "x"},
                 {"arguments": {"x-queue-type": "none"}}, {"arguments": {"x-expires": "1"}}, "[]", "{"):
        api.put("queues/%2F/q", body)
    api.put("queues/%2F/amq.own")
    api.put(f"queues/%2F/{'x' * 256}")
    api.put("queues/nowhere/q")
    api.get("queues?columns=name")


@script("names of queues are any text")
def _(api):
    for name in ("ü / %2F ☃", "a b+c", "x" * 255, "a?b#c&d=e"):
        api.put(f"queues/%2F/{quote(name)}")
        api.get(f"queues/%2F/{quote(name)}?columns=name")
        api.get(f"queues/%2F/{quote(name)}/bindings")
        api.delete(f"queues/%2F/{quote(name)}")


@script("exchanges come, are compared, and go")
def _(api):
    api.put("exchanges/%2F/e", {"type": "topic", "durable": True})
    api.put("exchanges/%2F/e", {"type": "topic", "durable": True})
    api.put("exchanges/%2F/e", {"type": "fanout", "durable": True})
    api.put("exchanges/%2F/plain")
    api.put("exchanges/%2F/inner", {"type": "headers", "internal": True, "auto_delete": True,
                                    "arguments": {"alternate-exchange": "e", "n": 1}})
    for name in ("e", "plain", "inner", "amq.default", "amq.topic", "none"):
        api.get(f"exchanges/%2F/{name}?{EXCHANGE}")
    api.get(f"exchanges?{EXCHANGE}&sort=name")
    api.get(f"exchanges/%2F?{EXCHANGE}&page=1&page_size=3&sort=name")
    api.put("exchanges/%2F/amq.own", {"type": "direct"})
    api.put("exchanges/%2F/amq.direct", {"type": "direct", "durable": True})
    for body in ({"type": "none"}, {"type": 3}, {"durable": "x"}, {"arguments": []}, {"arguments": "x"}):
        api.put("exchanges/%2F/bad", body)
    for name in ("e", "plain", "inner", "e", "amq.direct", "amq.default"):
        api.delete(f"exchanges/%2F/{name}")


@script("bindings are made, found by their key, and taken away")
def _(api):
    for name in ("q", "other"):
        api.quietly("PUT", f"queues/%2F/{name}")
    api.quietly("PUT", "exchanges/%2F/e", {"type": "topic"})
    api.quietly("PUT", "exchanges/%2F/f", {"type": "topic"})
    for key in ("", "a.*.#", "plain", "ü b+c~%", "x" * 255):
        api.post("bindings/%2F/e/e/q/q", {"routing_key": key})
    api.post("bindings/%2F/e/e/q/q")
    api.post("bindings/%2F/e/e/e/f", {"routing_key": "k"})
    api.get("bindings/%2F/e/e/q/q")
    api.get("bindings/%2F/e/e/e/f")
    api.get("bindings?sort=routing_key")
    api.get("bindings/%2F")
    api.get("queues/%2F/q/bindings")
    api.get("exchanges/%2F/e/bindings/source")
    api.get("exchanges/%2F/f/bindings/destination")
    api.get("exchanges/%2F/amq.default/bindings/source")
    for key in ("~", "a.%252A.%2523", "plain", "none"):
        api.get(f"bindings/%2F/e/e/q/q/{key}")
        api.delete(f"bindings/%2F/e/e/q/q/{key}")
    api.delete("bindings/%2F/e/e/e/f/k")
    api.get("bindings/%2F/e/e/q/q?columns=properties_key")
    for path in ("e/none/q/q", "e/e/q/none", "e/none/e/e", "e/e/z/q"):
        api.get(f"bindings/%2F/{path}")
        api.post(f"bindings/%2F/{path}", {"routing_key": "k"})
    for body in ({"routing_key": 3}, {"arguments": 3}, {"routing_key": "x" * 256}):
        api.post("bindings/%2F/e/e/q/q", body)


@script("messages are published, got and settled")
def _(api):
    api.quietly("PUT", "queues/%2F/q")
    message = {"properties": {"delivery_mode": 2, "priority": 3, "headers": {"a": [1, "x", True]}, "content_type": "text/plain",
                              "expiration": "600000", "timestamp": 1700000000, "message_id": "m", "app_id": "ü"},
               "routing_key": "q", "payload": "hällo", "payload_encoding": "string"}
    api.post("exchanges/%2F/amq.default/publish", message)
    api.post("exchanges/%2F/amq.default/publish", message | {"payload": "/wA=", "payload_encoding": "base64"})
    api.post("exchanges/%2F/amq.default/publish", message | {"routing_key": "nowhere"})
    api.post("exchanges/%2F/none/publish", message)
    api.post("exchanges/nowhere/amq.default/publish", message)
    api.post("queues/%2F/q/get", GET)
    api.post("queues/%2F/q/get", GET | {"count": "1", "encoding": "base64"})
    api.post("queues/%2F/q/get", GET | {"ackmode": "reject_requeue_true", "truncate": 2})
    api.post("queues/%2F/q/get", GET | {"count": 1, "ackmode": "ack_requeue_false"})
    api.post("queues/%2F/q/get", GET | {"count": 1, "ackmode": "reject_requeue_false"})
    api.post("queues/%2F/q/get", GET)
    api.post("queues/%2F/none/get", GET)
    api.delete("queues/%2F/q/contents")
    api.delete("queues/%2F/none/contents")


@script("what is wrong with a message or a request for some is said")
def _(api):
    api.quietly("PUT", "queues/%2F/q")
    message = {"properties": {}, "routing_key": "q", "payload": "x", "payload_encoding": "string"}
    for name in message:
        api.post("exchanges/%2F/amq.default/publish", {key: value for key, value in message.items() if key != name})
    for more in ({"payload_encoding": "none"}, {"payload": "?", "payload_encoding": "base64"}, {"properties": {"priority": 300}},
                 {"properties": {"user_id": "other"}}):
        api.post("exchanges/%2F/amq.default/publish", message | more)
    for name in GET:
        api.post("queues/%2F/q/get", {key: value for key, value in GET.items() if key != name})
    for more in ({"count": "x"}, {"count": -1}, {"encoding": "none"}, {"ackmode": "none"}, {"truncate": "x"}):
        api.post("queues/%2F/q/get", GET | more)
    api.get("queues/%2F/q?columns=name")
