"""Runs a command beside a private broker; `peers/__init__.py` tells how."""

import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from peers import Leveret, RabbitMQ, stop_when_terminated  # noqa: E402  (the path has to be set first)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("rabbitmq", "leveret"))
    parser.add_argument("--set", dest="settings", action="append", default=[], help="a --set value for Leveret")
    parser.add_argument("--config-line", dest="config_lines", action="append", default=[],
                        help="a line of rabbitmq.conf")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND ARGUMENT...")
    options = parser.parse_args()
    stop_when_terminated()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("no command given")
    broker = (RabbitMQ(config_lines=options.config_lines) if options.kind == "rabbitmq"
              else Leveret(settings=options.settings))
    with broker:
        environment = {
            **os.environ,
            "AMQP_HOST": broker.host,
            "AMQP_PORT": str(broker.port),
            "AMQP_URL": broker.url,
            "BROKER_KIND": broker.kind,
            "BROKER_PID": str(broker.pid),
            "BROKER_PIDS": " ".join(str(pid) for pid in broker.pids),
        }
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
