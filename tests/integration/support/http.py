"""The HTTP API, for tests."""

import base64
import http.client
import json
import urllib.parse

from .daemon import PATIENCE_S


def authorization(user="guest", password="guest"):
    """The header of a login."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Api:
    """Requests by one kept connection, each with a login."""

    def __init__(self, daemon, user="guest", password="guest", address=None):
        host, port = address or ("127.0.0.1", daemon.http_port)
        self.connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
        self.headers = authorization(user, password)

    def call(self, method, path, body=None, **headers):
        """Status, headers and body of the answer."""
        self.connection.request(method, path, body, self.headers | headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def status(self, method, path, body=None, **headers):
        """The status alone."""
        return self.call(method, path, body, **headers)[0]

    def error(self, method, path, body=None):
        """Status, `error` and `reason` of an answer that is one."""
        status, _, answer = self.call(method, path, body)
        told = json.loads(answer)
        return status, told["error"], told["reason"]

    def post(self, path, body):
        """The JSON of an answer that must be 200."""
        status, _, answer = self.call("POST", path, json.dumps(body))
        assert status == 200, (path, status, answer)
        return json.loads(answer)

    def get(self, path):
        """The JSON of an answer that must be 200."""
        status, _, body = self.call("GET", path)
        assert status == 200, (path, status, body)
        return json.loads(body)


def quote(name):
    """A name as a segment of a path."""
    return urllib.parse.quote(name, safe="")
