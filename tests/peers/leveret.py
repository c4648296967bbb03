"""A private Leveret: the binary named by LEVERET_BIN, on a port that the system picks, with data of its own."""

import json
import os
import re
import signal

from .broker import Broker, BrokerFailure, wait_until

_imported = "definitions imported"
_http_readiness = re.compile(r"http://127\.0\.0\.1:(\d+)")
_readiness = re.compile(r"amqp://(?:[^@\s]*@)?127\.0\.0\.1:(\d+)")


class Leveret(Broker):
    """Leveret on a random port, with a configuration file and a data directory of its own."""

    kind = "leveret"

    def __init__(self, binary="", settings=(), config=(), imports=False, **common):
        super().__init__(**common)
        self.binary = binary or os.environ.get("LEVERET_BIN", "")
        self.settings = list(settings)
        self.config = list(config)
        self.imports = imports
        self.log_path = ""
        self.http_port = None

    def import_definitions(self, definitions):
        """Takes definitions in RabbitMQ's format; they are in force when this returns. Needs `imports`."""
        before = self.log_text().count(_imported)
        self._write_definitions(definitions)
        self._process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log_text().count(_imported) > before, 10, "definitions were not imported")
        if f"{_imported}, but" in self.log_text():
            raise BrokerFailure(self.log_text())

    def _write_definitions(self, definitions):
        with open(self._definitions_path, "w", encoding="utf-8") as file:
            json.dump(definitions, file)

    @property
    def _definitions_path(self):
        return os.path.join(self.folder, "definitions.json")

    @property
    def data_dir(self):
        """Its data directory, in its folder and removed with that."""
        return os.path.join(self.folder, "data")

    def log_text(self):
        """What the broker printed and logged so far."""
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return super().log_text() + log.read()
        except FileNotFoundError:
            return super().log_text()

    def _start(self):
        if not self.binary:
            raise BrokerFailure("say where Leveret is: LEVERET_BIN=path/to/leveret")
        config_path = os.path.join(self.folder, "leveret.yaml")
        with open(config_path, "w", encoding="utf-8") as file:
            file.write("\n".join(self._config_lines()) + "\n")
        self.log_path = os.path.join(self.folder, "leveret.log")
        arguments = [os.path.abspath(self.binary), "serve", "--config", config_path]
        imports = ()
        if self.imports:
            self._write_definitions({})
            imports = (f"definitions.import=[{self._definitions_path}]", "definitions.when=every_boot")
        # Not in the file, which tests write anew before a reload.
        for setting in (f"node.data_dir={self.data_dir}", *imports, *self.settings):
            arguments += ["--set", setting]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LEVERET_")}
        with open(self.log_path, "wb") as log:
            line = self._launch(arguments, environment, _readiness.search, stderr=log)
        self.port = int(_readiness.search(line).group(1))
        http = _http_readiness.search(line)
        self.http_port = int(http.group(1)) if http else None

    def _config_lines(self):
        """Lines of YAML. JSON is YAML, which spares us the quoting."""
        users = [{"name": user.name, "password": user.password, "tags": list(user.tags),
                  "permissions": [{"vhost": vhost, "configure": configure, "write": write, "read": read}
                                  for vhost, (configure, write, read) in user.permissions.items()]}
                 for user in self.users]
        return [
            "version: 1",
            'listeners: {amqp: [{bind: "127.0.0.1:0"}], http: [{bind: "127.0.0.1:0"}]}',
            f"vhosts: {json.dumps(list(self.vhosts))}",
            f"auth: {{users: {json.dumps(users)}}}",
            *self.config,
        ]
