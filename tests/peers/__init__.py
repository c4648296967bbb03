"""Private brokers for tests and benchmarks: one RabbitMQ, one Leveret, nothing shared, nothing left.

Every broker gets a fresh temporary folder, listens on loopback on a port that the system picks, and is
stopped together with all of its processes when its `with` block ends. Only the Python standard library
is needed. RabbitMQ is Debian's package (`apt-get install rabbitmq-server`); the service of the package
itself is never touched, and several private ones may run side by side.

From Python (put `tests/` on `sys.path`)::

    from peers import Leveret, RabbitMQ, User

    with RabbitMQ() as broker:
        connect(broker.host, broker.port, "guest", "guest")   # also broker.url, broker.url_of(...)
        print(broker.pids)                                    # for reading CPU time and memory
        broker.ctl("list_queues")                             # rabbitmqctl, returns its output

    users = [User("guest"), User("reader", permissions={"/": ("", "", ".*")})]
    with Leveret(users=users, vhosts=("/", "other"), settings=["log.level=debug"]) as broker:
        ...

A program that may be ended by SIGTERM (`timeout`, CI) calls `stop_when_terminated()` first, or its brokers outlive it.

Both classes share the constructor arguments `users`, `vhosts` and `start_timeout_s`, and the attributes
`host`, `port`, `url`, `pids`, `folder`, `log_text()`, `stop()`. `RabbitMQ` also takes `config_lines`
(lines of rabbitmq.conf), `plugins` and `erlang_arguments`; `Leveret` takes `binary` (default: the environment
variable LEVERET_BIN), `settings` (a list of `--set` values) and `config` (lines of YAML put in the file). Its data
is in `data_dir`, a part of `folder`. Both have `import_definitions(...)` when they are made with `imports=True`.

From a shell, for a test in another language::

    /usr/bin/python3 tests/peers/run_with.py rabbitmq -- some-test --flag
    LEVERET_BIN=build/leveret /usr/bin/python3 tests/peers/run_with.py leveret --set log.level=debug -- some-test

The command sees AMQP_HOST, AMQP_PORT, AMQP_URL, BROKER_KIND, BROKER_PID and BROKER_PIDS; its exit code is passed on.
"""

from .broker import BrokerFailure, User, stop_when_terminated
from .leveret import Leveret
from .rabbitmq import RabbitMQ, rabbitmq_is_installed

__all__ = ["BrokerFailure", "Leveret", "RabbitMQ", "User", "rabbitmq_is_installed", "stop_when_terminated"]
