#!/usr/bin/python3
"""Runs real AMQP clients, unmodified, against a broker: a private one, or a running one given by its URL.

    tests/clients/install                                  # once: what the clients need
    LEVERET_BIN=build/leveret tests/clients/run.py         # a private Leveret
    tests/clients/run.py --broker rabbitmq                 # a private RabbitMQ, to check the tests themselves
    tests/clients/run.py --url amqp://guest:guest@127.0.0.1:5672/ --only pika

Prints a line for each test and ends with `clients: N passed, N failed, N skipped`. The exit code is 0 when
nothing failed. The suites that clients ship leave queues behind; a private broker takes them along.
"""

import argparse
import contextlib
import os
import socket
import sys
import tempfile
import urllib.parse

_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [_here, os.path.dirname(_here)]

from harness.clients import all_clients  # noqa: E402  (the path has to be set first)
from harness.report import Exceptions, Report  # noqa: E402
from peers import Leveret, RabbitMQ, stop_when_terminated  # noqa: E402


class BrokerUnderTest:
    """Where the broker is, in the forms that the clients' programs want."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 5672
        user = urllib.parse.unquote(parts.username or "guest")
        password = urllib.parse.unquote(parts.password or "guest")
        vhost = urllib.parse.unquote(parts.path[1:]) or "/"
        quote = urllib.parse.quote
        login = f"{quote(user, safe='')}:{quote(password, safe='')}@{self.host}:{self.port}"
        full_url = f"amqp://{login}/{quote(vhost, safe='')}"
        # oslo.messaging takes the path as it is; an empty one means "/".
        self.oslo_url = f"rabbit://{login}/{'' if vhost == '/' else vhost}"
        self.environment = {"AMQP_URL": full_url, "URL": full_url, "AMQP_HOST": self.host, "AMQP_PORT": str(self.port),
                            "AMQP_USER": user, "AMQP_PASSWORD": password, "AMQP_VHOST": vhost}

    def accepts(self):
        try:
            socket.create_connection((self.host, self.port), timeout=5).close()
            return True
        except OSError:
            return False


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="use this running broker instead of a private one")
    parser.add_argument("--broker", choices=("leveret", "rabbitmq"), default="leveret",
                        help="the kind of broker: which one to start, and whose exceptions hold")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="a --set value for Leveret")
    parser.add_argument("--only", metavar="NAME", action="append", help="only clients whose names contain NAME")
    parser.add_argument("--list", action="store_true", help="print the names of the clients and end")
    return parser.parse_args()


def private_broker(options):
    if options.broker == "rabbitmq":
        return RabbitMQ()
    binary = os.environ.get("LEVERET_BIN", "")
    if not binary:
        sys.exit("say where Leveret is: LEVERET_BIN=path/to/leveret")
    return Leveret(binary=binary, settings=options.settings)


def run_clients(clients, broker, report):
    for client in clients:
        report.begin(client.name)
        missing = client.missing()
        if missing:
            report.skipped(client.name, "the whole client", missing)
        else:
            with tempfile.TemporaryDirectory(prefix="leveret-clients-") as work_folder:
                client.run(broker, report, work_folder)
            if not broker.accepts():
                report.result(client.name, "the broker lives on", False, "it does not accept connections any more")
                report.end(client.name)
                return
        report.end(client.name)


def main():
    options = parse_arguments()
    stop_when_terminated()
    clients = [client for client in all_clients()
               if not options.only or any(part in client.name for part in options.only)]
    if options.list:
        print("\n".join(client.name for client in clients))
        return 0
    if not clients:
        sys.exit(f"no client is called {' or '.join(options.only)}")
    report = Report(Exceptions(os.path.join(_here, "exceptions.json"), options.broker))
    with contextlib.ExitStack() as stack:
        url = options.url or stack.enter_context(private_broker(options)).url
        run_clients(clients, BrokerUnderTest(url), report)
    return 1 if report.finish() else 0


if __name__ == "__main__":
    sys.exit(main())
