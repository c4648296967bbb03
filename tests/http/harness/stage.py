"""What a script sees: an HTTP API that writes down what it is asked and what it answers."""

import base64
import http.client
import json
import urllib.parse

#: How long an answer may take.
PATIENCE_S = 30

#: All scripts, in the order of their modules: (group, sentence, function).
scripts = []


def script(sentence):
    """Makes a function a script, with a sentence for a name."""
    def add(function):
        scripts.append((function.__module__.rpartition(".")[2], sentence, function))
        return function
    return add


def quote(name):
    """A name as a segment of a path."""
    return urllib.parse.quote(name, safe="")


class Api:
    """The API of one broker. Requests are made as `guest` unless they say who else; a password is the name."""

    def __init__(self, address):
        self.exchanges = []
        self._address = address

    def get(self, path, **options):
        """Asks for something."""
        return self.call("GET", path, **options)

    def put(self, path, body=None, **options):
        """Sets something; what is no text is written as JSON."""
        return self.call("PUT", path, body, **options)

    def post(self, path, body=None, **options):
        """As put()."""
        return self.call("POST", path, body, **options)

    def delete(self, path, **options):
        """Takes something away."""
        return self.call("DELETE", path, **options)

    def call(self, method, path, body=None, user="guest", looks_at_body=True):
        """Makes a request, writes down what was asked and answered, and returns the answer's JSON."""
        status, answer = self.quietly(method, path, body, user)
        asked = f"{method} {path}" + ("" if body is None else " " + _text(body)) + ("" if user == "guest" else f" as {user}")
        if not looks_at_body and status < 400:
            answer = None
        self.exchanges.append({"request": asked, "status": status, "answer": answer})
        return answer

    def quietly(self, method, path, body=None, user="guest"):
        """Makes a request; nobody writes it down. Returns status and JSON."""
        headers = {"Content-Type": "application/json"}
        if user is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{user}".encode()).decode()
        # RabbitMQ hangs up after some answers without saying so before: no connection is used twice.
        connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE_S)
        connection.request(method, "/api/" + path, None if body is None else _text(body).encode(), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, json.loads(text) if text else None

    def reset(self):
        """Leaves nothing but what a new broker has."""
        def each(path, delete):
            for entry in self.quietly("GET", path)[1]:
                target = delete(entry)
                if target:
                    self.quietly("DELETE", target)
        each("users", lambda user: user["name"] != "guest" and f"users/{quote(user['name'])}")
        each("vhosts", lambda vhost: vhost["name"] != "/" and f"vhosts/{quote(vhost['name'])}")
        each("policies", lambda policy: f"policies/%2F/{quote(policy['name'])}")
        each("parameters", lambda one: f"parameters/{quote(one['component'])}/%2F/{quote(one['name'])}")
        each("topic-permissions", lambda one: f"topic-permissions/%2F/{quote(one['user'])}")
        each("global-parameters",
             lambda one: one["name"] != "internal_cluster_id" and f"global-parameters/{quote(one['name'])}")
        for limit in ("max-connections", "max-channels"):
            self.quietly("DELETE", f"user-limits/guest/{limit}")


def _text(body):
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
