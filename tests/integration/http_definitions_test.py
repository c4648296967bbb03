"""/api/definitions: what is exported is what was imported."""

import json
import os

from support import DaemonTest, connect, on_each_shard_count
from support.http import Api, quote

#: What a real RabbitMQ 3.10.8 exported.
EXPORT = os.path.join(os.path.dirname(__file__), "support", "rabbitmq_definitions.json")
#: All that an export has beside versions.
SECTIONS = ("users", "vhosts", "permissions", "topic_permissions", "parameters", "global_parameters", "policies",
            "queues", "exchanges", "bindings")


def sections(file):
    """The sections of a file, in no order."""
    return {name: sorted(file[name], key=lambda entry: json.dumps(entry, sort_keys=True)) for name in SECTIONS}


def as_exported_over_http(file):
    """A file that rabbitmqctl has written as RabbitMQ's HTTP API writes the same: tables are objects there."""
    def tables(value):
        if isinstance(value, dict):
            return {key: tables(one) for key, one in value.items()}
        is_table = isinstance(value, list) and value and all(
            isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in value)
        return {key: tables(one) for key, one in value} if is_table else value
    kept = {name: [tables(entry) for entry in file[name]] for name in SECTIONS}
    for queue in kept["queues"]:
        del queue["type"]
    for exchange in kept["exchanges"]:
        exchange["internal"] = False
    # What leads to and from an exchange that rabbitmqctl has left out is no part of anything.
    kept["bindings"] = [one for one in kept["bindings"] if "inner" not in (one["source"], one["destination"])]
    kept["vhosts"] = [{"name": vhost["name"], "description": "", "tags": [], "metadata": {"description": "", "tags": []}}
                      for vhost in kept["vhosts"]]
    return kept


@on_each_shard_count
class HttpDefinitionsTest(DaemonTest):
    """Exports and imports of daemons without configured users."""

    maxDiff = None

    def api(self, **login):
        """A new daemon."""
        return Api(self.start(users=[]), **login)

    def test_an_export_of_rabbitmq_comes_out_as_it_went_in(self):
        with open(EXPORT, encoding="utf-8") as file:
            text = file.read()
        wanted = as_exported_over_http(json.loads(text))
        for path in ("/api/definitions", "/api/all-configuration"):
            daemon = self.start(users=[])
            api = Api(daemon)
            # The export brings another password for guest.
            self.assertEqual(api.status("PUT", "/api/users/admin", '{"tags": "administrator", "password": "a"}'), 201)
            self.assertEqual(api.status("POST", path, text), 204)
            exported = Api(daemon, "admin", "a").get(path)
            exported["users"] = [user for user in exported["users"] if user["name"] != "admin"]
            self.assertEqual(sections(exported), sections(wanted))

    def test_an_export_goes_into_a_new_broker_and_comes_out_the_same(self):
        daemon = self.start(users=[])
        api = Api(daemon)
        client = connect(daemon.address)
        self.fill(api, client.channel())
        first = api.get("/api/definitions")
        self.assertEqual([queue["name"] for queue in first["queues"]], ["temporary", "ü"])
        self.assertEqual([exchange["name"] for exchange in first["exchanges"]], ["e"])
        self.assertEqual([(one["source"], one["destination"]) for one in first["bindings"]],
                         [("amq.topic", "ü"), ("e", "amq.topic")])
        self.assertEqual([parameter["component"] for parameter in first["parameters"]],
                         ["operator_policy", "vhost-limits"])
        client.close()
        # The user who imports is in the file, with the password's hash.
        second = self.api()
        self.assertEqual(second.call("POST", "/api/definitions", json.dumps(first))[0], 204)
        self.assertEqual(second.get("/api/definitions"), first)

    def fill(self, api, channel):
        """One of everything, and what no export has."""
        for path, body in (
                ("vhosts/v%2F", {"description": "d", "tags": "a", "default_queue_type": "quorum"}),
                ("users/nova", {"password": "n", "tags": "monitoring"}),
                ("permissions/v%2F/nova", {"configure": "", "write": "^w", "read": ".*"}),
                ("topic-permissions/v%2F/nova", {"exchange": "e", "write": "^w", "read": ".*"}),
                ("user-limits/nova/max-channels", {"value": -1}), ("vhost-limits/v%2F/max-queues", {"value": 5}),
                ("policies/%2F/p", {"pattern": "^ü", "definition": {"max-length": 5}, "priority": -2}),
                ("operator-policies/%2F/p", {"pattern": "^ü", "definition": {"max-length": 3}, "apply-to": "queues"}),
                ("global-parameters/g", {"value": [{"a": None}]})):
            self.assertIn(api.status("PUT", f"/api/{path}", json.dumps(body)), (201, 204), path)
        channel.call("exchange.declare", exchange="e", type="fanout", internal=True, auto_delete=True)
        channel.call("queue.declare", queue="ü", durable=True, arguments={"x-max-length": 7, "x-queue-mode": "lazy"})
        channel.call("queue.declare", queue="temporary", auto_delete=True)
        channel.call("queue.declare", queue="mine", exclusive=True)
        channel.call("queue.bind", queue="ü", exchange="amq.topic", routing_key="a.#", arguments={"n": 1})
        channel.call("queue.bind", queue="mine", exchange="amq.topic", routing_key="a.#")
        channel.call("exchange.bind", destination="amq.topic", source="e", routing_key="")

    def test_what_is_in_a_virtual_host_goes_into_another(self):
        daemon = self.start(users=[])
        api = Api(daemon)
        client = connect(daemon.address)
        self.fill(api, client.channel())
        client.close()
        file = api.get("/api/definitions/%2F")
        self.assertEqual(sorted(file), sorted(["rabbit_version", "parameters", "policies", "queues", "exchanges",
                                               "bindings"]))
        self.assertEqual(api.status("PUT", "/api/vhosts/copy", "{}"), 201)
        self.assertEqual(api.status("POST", "/api/definitions/copy", json.dumps(file | {"users": [{"name": "x"}]})), 204)
        copy = api.get("/api/definitions/copy")
        for name in ("parameters", "policies"):
            for entry in file[name]:
                entry["vhost"] = "copy"
        self.assertEqual(copy, file)
        self.assertEqual(api.status("GET", "/api/definitions/nothing"), 400)
        self.assertEqual(api.status("POST", "/api/definitions/nothing", "{}"), 404)

    def test_what_is_not_taken_is_said(self):
        api = self.api()
        for file, reason in (
                ({"queues": [{"name": "q", "vhost": "nope", "durable": True}]}, "no vhost 'nope'"),
                ({"users": 3}, "users: not a list"), ({"users": [{"name": 3}]}, "users[0]: 'name' is not a text"),
                ({"parameters": [{"vhost": "/", "component": "mqtt", "name": "n", "value": 1}]},
                 "component mqtt not found"),
                ({"policies": [{"vhost": "/", "name": "p", "pattern": "(", "definition": {"expires": 1}}]},
                 "pattern should be regular expression")):
            status, _, body = api.call("POST", "/api/definitions", json.dumps(file))
            self.assertEqual(status, 400, file)
            self.assertIn(reason, json.loads(body)["reason"])

    def test_a_download_has_a_name_that_ends_no_header(self):
        api = self.api()
        _, headers, _ = api.call("GET", "/api/definitions?download=" + quote('a"b\r\nX-Evil: 1.json'))
        self.assertEqual(headers["Content-Disposition"], 'attachment; filename="a_b__X-Evil: 1.json"')
        self.assertIsNone(headers["X-Evil"])
