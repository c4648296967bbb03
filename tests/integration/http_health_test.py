"""/api/health/checks: what makes each of them fail."""

import json
import signal

from support import DaemonTest, connect, on_each_shard_count
from support.daemon import wait_for
from support.http import Api, quote


@on_each_shard_count
class HttpHealthTest(DaemonTest):
    """Daemons that are well, and daemons that are not."""

    def check(self, api, name):
        """Status and JSON of a check."""
        status, _, body = api.call("GET", f"/api/health/checks/{name}")
        return status, json.loads(body)

    def assert_fails(self, api, name, reason):
        """A check fails for a reason. Returns what else it says."""
        status, answer = self.check(api, name)
        self.assertEqual((status, answer["status"], answer["reason"]), (503, "failed", reason), name)
        return answer

    def test_ports_and_protocols_are_those_of_the_listeners(self):
        daemon = self.start()
        api = Api(daemon)
        for port in (daemon.port, daemon.http_port):
            self.assertEqual(self.check(api, f"port-listener/{port}"), (200, {"status": "ok", "port": port}))
        answer = self.assert_fails(api, "port-listener/1", "No active listener")
        self.assertEqual((answer["missing"], answer["ports"]), (1, sorted([daemon.port, daemon.http_port])))
        answer = self.assert_fails(api, "protocol-listener/amqps", "No active listener")
        self.assertEqual((answer["missing"], answer["protocols"]), ("amqp/ssl", ["amqp", "http"]))

    def test_alarms_are_told_of_until_they_are_over(self):
        daemon = self.start(settings=["disk.free_limit=1000000GB"])
        api = Api(daemon)
        wait_for(lambda: self.check(api, "alarms")[0] == 503, "disk alarm")
        node = api.get("/api/vhosts?columns=cluster_state")[0]["cluster_state"]
        for name in ("alarms", "local-alarms"):
            answer = self.assert_fails(api, name, "There are alarms in effect")
            self.assertEqual(answer["alarms"], [{"node": next(iter(node)), "resource": "disk"}])
        # Publishers wait; clients may come, and those who only look, too.
        self.assertEqual(self.check(api, "ready-to-serve-clients"), (200, {"status": "ok"}))

    def test_the_limit_of_connections_is_for_all_of_the_node(self):
        daemon = self.start(settings=["limits.connections=2"])
        api = Api(daemon)
        one = connect(daemon.address)
        self.assertEqual(self.check(api, "below-node-connection-limit"),
                         (200, {"status": "ok", "connections": 1, "limit": 2}))
        other = connect(daemon.address)
        for name in ("below-node-connection-limit", "ready-to-serve-clients"):
            answer = self.assert_fails(api, name, "node connection limit is reached")
            self.assertEqual((answer["connections"], answer["limit"]), (2, 2))
        self.assertEqual(self.check(api, "is-in-service"), (200, {"status": "ok"}))
        one.close()
        other.close()
        wait_for(lambda: self.check(api, "ready-to-serve-clients")[0] == 200, "room for a client")

    def test_a_broker_that_stops_is_out_of_service(self):
        daemon = self.start()
        api = Api(daemon)
        client = connect(daemon.address)  # Answers no close: the broker gives it time.
        self.assertEqual(self.check(api, "is-in-service")[0], 200)
        daemon.signal(signal.SIGTERM)
        daemon.wait_for_log("stopping: no new connections")
        for name in ("is-in-service", "ready-to-serve-clients"):
            self.assert_fails(api, name, "the broker is stopping")
        client.socket.close()
        self.assertEqual(daemon.wait_exit(), 0)

    def test_a_hash_that_was_asked_for_lets_its_password_in(self):
        daemon = self.start()
        api = Api(daemon)
        password = "ü/ %geheim"
        password_hash = api.get(f"/api/auth/hash_password/{quote(password)}")["ok"]
        user = {"password_hash": password_hash, "tags": "management"}
        self.assertEqual(api.status("PUT", "/api/users/u", json.dumps(user)), 201)
        self.assertEqual(Api(daemon, "u", password).get("/api/whoami")["name"], "u")
