"""A private RabbitMQ from Debian's package, with its own name server, node name, folder and ports."""

import base64
import glob
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess

from .broker import Broker, BrokerFailure, end_process, wait_until

_start_attempts = 3


def _script(name):
    """The package's own script: those in /usr/sbin would change to the user of the system service."""
    found = sorted(glob.glob(f"/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/{name}"))
    return found[-1] if found else ""


def rabbitmq_is_installed():
    """Whether Debian's rabbitmq-server package is there."""
    return bool(_script("rabbitmq-server"))


class RabbitMQ(Broker):
    """RabbitMQ on a random port. Needs the package rabbitmq-server; runs as the calling user."""

    kind = "rabbitmq"

    def __init__(self, config_lines=(), plugins=(), erlang_arguments="", imports=False, **common):
        super().__init__(**common)
        self.config_lines = list(config_lines)
        self.plugins = list(plugins)
        self.erlang_arguments = erlang_arguments
        self.imports = imports
        if imports:
            self.plugins.append("rabbitmq_management")
        self._http_port = 0
        self._name_server = None
        self._environment = {}

    @property
    def http_port(self):
        """Where its management plugin listens. Needs `imports`."""
        return self._http_port

    def ctl(self, *arguments):
        """Runs rabbitmqctl against this node and returns what it printed."""
        done = subprocess.run([_script("rabbitmqctl"), *arguments], env=self._environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise BrokerFailure(f"rabbitmqctl {' '.join(arguments)}: {done.stdout}")
        return done.stdout

    def import_definitions(self, definitions):
        """Takes definitions in RabbitMQ's format; they are in force when this returns. Needs `imports`."""
        administrator = next(user for user in self.users if "administrator" in user.tags)
        login = base64.b64encode(f"{administrator.name}:{administrator.password}".encode()).decode()
        connection = http.client.HTTPConnection(self.host, self._http_port, timeout=60)
        try:
            connection.request("POST", "/api/definitions", json.dumps(definitions),
                               {"content-type": "application/json", "authorization": f"Basic {login}"})
            response = connection.getresponse()
            text = response.read().decode()
            if response.status >= 300:
                raise BrokerFailure(f"RabbitMQ does not take definitions: {text}")
        finally:
            connection.close()

    def end_node(self, number):
        """Sends the node a signal that ends it, and returns its exit code. start_again() may follow."""
        self._process.send_signal(number)
        return self._process.wait()

    def start_again(self):
        """Starts the node on what it left on the disk when it ended."""
        super()._stop()
        self._output.clear()
        self._launch_node()

    def _start(self):
        if not rabbitmq_is_installed():
            raise BrokerFailure("RabbitMQ is not installed: apt-get install rabbitmq-server")
        # The ports are free when we look and may be taken a moment later: then try others.
        for attempt in range(_start_attempts):
            try:
                self._start_once(attempt)
                return
            except BrokerFailure:
                super()._stop()
                self._stop_name_server()
                in_use = "eaddrinuse" in self.log_text() or "already in use" in self.log_text()
                if not in_use or attempt + 1 == _start_attempts:
                    raise
                self._output.clear()

    def _start_once(self, attempt):
        folder = os.path.join(self.folder, f"start-{attempt}")
        os.mkdir(folder)
        self.port, self._http_port, name_server_port, distribution_port = _free_ports(4)
        self._write_files(folder)
        self._environment = self._make_environment(folder, name_server_port, distribution_port)
        self._name_server = subprocess.Popen(
            ["epmd", "-address", self.host, "-port", str(name_server_port)], cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        wait_until(lambda: _accepts(self.host, name_server_port), 10, "Erlang's name server did not listen")
        self._launch_node()

    def _launch_node(self):
        # RUNNING_UNDER_SYSTEMD makes the script become the Erlang machine instead of its parent.
        self._launch([_script("rabbitmq-server")], {**self._environment, "RUNNING_UNDER_SYSTEMD": "true"},
                     lambda line: "completed with" in line)
        wait_until(lambda: _accepts(self.host, self.port), 10, "RabbitMQ did not listen")

    def _write_files(self, folder):
        with open(os.path.join(folder, "definitions.json"), "w", encoding="utf-8") as file:
            json.dump(self._definitions(), file)
        with open(os.path.join(folder, "enabled_plugins"), "w", encoding="ascii") as file:
            file.write(f"[{','.join(self.plugins)}].\n")
        lines = [
            f"listeners.tcp.1 = {self.host}:{self.port}",
            f"load_definitions = {folder}/definitions.json",
            "log.console = true",
            "log.console.level = warning",
            "log.file = false",
            *([f"management.tcp.ip = {self.host}", f"management.tcp.port = {self._http_port}"] if self.imports else []),
            *self.config_lines,
        ]
        with open(os.path.join(folder, "rabbitmq.conf"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def _definitions(self):
        return {
            "users": [{"name": user.name, "password_hash": _password_hash(user.password),
                       "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": list(user.tags)}
                      for user in self.users],
            "vhosts": [{"name": vhost} for vhost in self.vhosts],
            "permissions": [{"user": user.name, "vhost": vhost, "configure": configure, "write": write, "read": read}
                            for user in self.users
                            for vhost, (configure, write, read) in user.permissions.items()],
        }

    def _make_environment(self, folder, name_server_port, distribution_port):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("RABBITMQ_", "ERL_")) and name != "NOTIFY_SOCKET"}
        return {
            **kept,
            "HOME": folder,  # holds the cookie, which Erlang makes
            "ERL_EPMD_ADDRESS": self.host,
            "ERL_EPMD_PORT": str(name_server_port),
            "RABBITMQ_NODENAME": f"peer{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                f"-kernel inet_dist_use_interface {{127,0,0,1}} {self.erlang_arguments}",
            "RABBITMQ_CONF_ENV_FILE": os.path.join(folder, "no-environment-file"),
            "RABBITMQ_CONFIG_FILE": os.path.join(folder, "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": os.path.join(folder, "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": os.path.join(folder, "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": os.path.join(folder, "mnesia"),
            "RABBITMQ_LOG_BASE": os.path.join(folder, "log"),
            "RABBITMQ_PID_FILE": os.path.join(folder, "pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": os.path.join(folder, "generated"),
            "LANG": "C.UTF-8",
        }

    def _stop(self):
        super()._stop()
        self._stop_name_server()

    def _stop_name_server(self):
        if self._name_server is not None:
            end_process(self._name_server)
            self._name_server = None


def _password_hash(password):
    """RabbitMQ's salted SHA-256: base64(salt + sha256(salt + password)), salt of four bytes."""
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _accepts(host, port):
    try:
        socket.create_connection((host, port), timeout=5).close()
        return True
    except OSError:
        return False
