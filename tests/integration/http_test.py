"""The HTTP API as a server of HTTP: connections, bodies, logins, what it refuses. What it says is in tests/http."""

import gzip
import json
import re
import socket

from peers import User
from support import DaemonTest, connect, on_each_shard_count
from support.addresses import own_network_address
from support.client import ConnectionClosed
from support.daemon import PATIENCE_S, fresh_data_dir, wait_for
from support.http import Api, authorization, quote


@on_each_shard_count
class HttpTest(DaemonTest):
    """Real sockets, kept and broken."""

    def raw(self, daemon, request):
        """What comes back for these bytes until the server hangs up, or says nothing more for a while."""
        with socket.create_connection(("127.0.0.1", daemon.http_port), PATIENCE_S) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := client.recv(65536):
                answer += chunk
            return answer

    def test_a_connection_serves_many_requests_also_after_errors(self):
        api = Api(self.start())
        self.assertEqual(api.get("/api/whoami"), {"name": "guest", "tags": ["administrator"]})
        first = api.connection.sock.getsockname()
        self.assertEqual(api.status("GET", "/api/users/nobody"), 404)
        self.assertEqual(api.status("PUT", "/api/users/u", "{"), 400)
        self.assertEqual(api.status("DELETE", "/api/whoami"), 405)
        api.connection.request("GET", "/api/whoami")
        self.assertEqual(api.connection.getresponse().status, 401)
        self.assertEqual(api.connection.sock.getsockname(), first)

    def test_a_client_of_http_1_0_gets_an_answer_and_the_end(self):
        login = authorization()["Authorization"]
        answer = self.raw(self.start(), f"GET /api/whoami HTTP/1.0\r\nAuthorization: {login}\r\n\r\n".encode())
        self.assertRegex(answer, rb"^HTTP/1\.0 200 OK\r\n")
        self.assertTrue(answer.endswith(b'{"name":"guest","tags":["administrator"]}'), answer)

    def test_a_body_may_come_in_chunks_and_after_100_continue(self):
        daemon = self.start()
        login = authorization()["Authorization"]
        body = b'{"tags": "management", "password": "secret"}'
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
        answer = self.raw(daemon, f"PUT /api/users/u HTTP/1.1\r\nHost: x\r\nAuthorization: {login}\r\nConnection: close\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n".encode() + chunks)
        self.assertRegex(answer, rb"^HTTP/1\.1 201 Created\r\n")
        with socket.create_connection(("127.0.0.1", daemon.http_port), PATIENCE_S) as client:
            client.sendall(f"PUT /api/users/u HTTP/1.1\r\nHost: x\r\nAuthorization: {login}\r\nConnection: close\r\n"
                           f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            answer = client.makefile("rb")
            self.assertEqual((answer.readline(), answer.readline()), (b"HTTP/1.1 100 Continue\r\n", b"\r\n"))
            client.sendall(body)
            self.assertRegex(answer.read(), rb"^HTTP/1\.1 204 No Content\r\n")

    def test_what_is_too_large_or_no_request_is_refused_and_touches_nobody(self):
        daemon = self.start()
        neighbours = self.neighbours(daemon)
        login = authorization()["Authorization"]
        for request, status in (
                (b"no request at all\r\n\r\n", 400), (b"GET / HTTP/9.9\r\n\r\n", 400), (bytes(range(256)), 400),
                (b"GET /api/whoami HTTP/1.1\r\nX-Long: " + bytes(40_000).replace(b"\0", b"x") + b"\r\n\r\n", 431),
                (f"PUT /api/users/u HTTP/1.1\r\nAuthorization: {login}\r\nContent-Length: 20000001\r\n\r\n".encode(), 413),
                (b"PUT /api/users/u HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
                (b"PUT /api/users/u HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400)):
            answer = self.raw(daemon, request)
            self.assertRegex(answer, rb"^HTTP/1\.1 %d " % status, request[:60])
            self.assertIn(b'{"error":"bad_request","reason":"', answer)
        neighbours.call()
        self.assertEqual([user["name"] for user in Api(daemon).get("/api/users")], ["guest"])

    def test_heads_options_and_wrong_verbs(self):
        api = Api(self.start())
        status, headers, body = api.call("HEAD", "/api/whoami")
        self.assertEqual((status, headers["Content-Length"], body), (200, "41", b""))
        status, headers, body = api.call("OPTIONS", "/api/users/u")
        self.assertEqual((status, headers["Allow"], body), (200, "HEAD, GET, PUT, DELETE, OPTIONS", b""))
        status, headers, body = api.call("POST", "/api/users/u")
        self.assertEqual((status, headers["Allow"], body), (405, "HEAD, GET, PUT, DELETE, OPTIONS", b""))
        self.assertEqual(api.status("GET", "/api/nothing"), 404)
        self.assertEqual(api.status("GET", "/nothing"), 404)

    def test_answers_are_compressed_for_those_who_can_read_that(self):
        api = Api(self.start())
        for number in range(20):
            self.assertEqual(api.status("PUT", f"/api/vhosts/v{number}"), 201)
        plain = api.call("GET", "/api/vhosts")[2]
        for wanted, is_compressed in (("gzip", True), ("deflate, gzip;q=0.5", True), ("gzip;q=0", False), ("br", False)):
            _, headers, body = api.call("GET", "/api/vhosts", **{"Accept-Encoding": wanted})
            self.assertEqual(headers["Content-Encoding"] == "gzip", is_compressed, wanted)
            self.assertEqual(gzip.decompress(body) if is_compressed else body, plain)

    def test_who_may_do_what_is_by_tags(self):
        daemon = self.start(users=[User("guest", "guest", tags=("administrator",)), User("plain", "plain"),
                                   User("manager", "manager", tags=("management",))])
        for user, password, status, reason in (
                ("guest", "wrong", 401, "Login failed"), ("nobody", "guest", 401, "Login failed"),
                ("plain", "plain", 401, "Not management user"), ("manager", "manager", 401, "Not administrator user"),
                ("guest", "guest", 200, None)):
            got, _, body = Api(daemon, user, password).call("GET", "/api/users")
            self.assertEqual(got, status, user)
            if reason:
                self.assertEqual(json.loads(body)["reason"], reason)
        api = Api(daemon)
        api.headers = {"Authorization": "Basic ?"}
        self.assertEqual(api.status("GET", "/api/whoami"), 400)
        api.headers = {}
        status, headers, body = api.call("GET", "/api/whoami")
        self.assertEqual((status, headers["WWW-Authenticate"], body), (401, 'Basic realm="Leveret"', b""))

    def test_some_users_may_only_come_from_this_machine(self):
        address = own_network_address()
        if address is None:
            self.skipTest("this machine has no address but loopback ones")
        binds = json.dumps([{"bind": "127.0.0.1:0"}, {"bind": f"{address}:0"}])
        daemon = self.start(settings=[f"listeners.http={binds}"],
                            users=[User("guest", "guest", tags=("administrator",)),
                                   User("far", "far", tags=("administrator",))])
        port = int(re.search(rf"http://{re.escape(address)}:(\d+)", daemon.readiness_line()).group(1))
        here, there = Api(daemon), Api(daemon, address=(address, port))
        self.assertEqual(here.status("GET", "/api/whoami"), 200)
        self.assertEqual(there.error("GET", "/api/whoami"),
                         (401, "not_authorised", "User can only log in via localhost"))
        self.assertEqual(Api(daemon, "far", "far", address=(address, port)).get("/api/whoami")["name"], "far")
        daemon.wait_for_log(rf"\[warning\] auth: HTTP access denied from {re.escape(address)}: user 'guest' - User can")
        self.assertEqual(Api(daemon, "guest", "wrong").status("GET", "/api/whoami"), 401)
        daemon.wait_for_log(r"HTTP access denied from 127\.0\.0\.1: user 'guest' - invalid credentials")

    def test_what_is_changed_counts_at_once_and_after_a_restart(self):
        data_dir = self.enterContext(fresh_data_dir())
        daemon = self.start(users=[], data_dir=data_dir)
        api = Api(daemon)
        vhost = "ü/ %x"
        self.assertEqual(api.status("PUT", f"/api/vhosts/{quote(vhost)}", '{"description": "d", "tags": "a, b"}'), 201)
        self.assertEqual(api.status("PUT", "/api/users/nova", '{"password": "secret", "tags": ""}'), 201)
        self.assertEqual(api.status("PUT", "/api/users/nova", '{"password": "geheim", "tags": ["monitoring"]}'), 204)
        connect(daemon.address, vhost=vhost).close()
        self.assertEqual(Api(daemon, "nova", "geheim").get("/api/whoami"), {"name": "nova", "tags": ["monitoring"]})
        with self.assertRaises(ConnectionClosed):
            connect(daemon.address, user="nova", password="secret")
        self.assertEqual(daemon.terminate(), 0)

        again = Api(self.start(users=[], data_dir=data_dir))
        self.assertEqual(again.get(f"/api/vhosts/{quote(vhost)}?columns=name,description,tags"),
                         {"name": vhost, "description": "d", "tags": ["a", "b"]})
        self.assertEqual([user["name"] for user in again.get("/api/users")], ["guest", "nova"])
        self.assertEqual(again.status("DELETE", "/api/users/nova"), 204)
        self.assertEqual(again.status("DELETE", f"/api/vhosts/{quote(vhost)}"), 204)
        self.assertEqual([one["name"] for one in again.get("/api/vhosts")], ["/"])

    def test_who_sends_slowly_or_hangs_up_in_the_middle_holds_up_nobody(self):
        daemon = self.start()
        before = daemon.socket_count()
        slow = [socket.create_connection(("127.0.0.1", daemon.http_port), PATIENCE_S) for _ in range(50)]
        for client in slow:
            client.sendall(b"PUT /api/users/u HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        self.assertEqual(Api(daemon).get("/api/whoami")["name"], "guest")
        for client in slow:
            client.close()
        wait_for(lambda: daemon.socket_count() <= before + 1, "end of all sockets")
