"""All clients that are tested, each with how it is run and what it needs."""

import glob
import os
import shutil
import subprocess
import sys

from .stories import StoryClient
from .suites import GO_ENVIRONMENT, GoSuite, OsloSuite, go_missing, python_missing

_here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_node = os.path.join(_here, "node")


def _path(*parts):
    return os.path.join(_here, "stories", *parts)


def _python_client(name, program, modules, package, limit_s=120):
    return StoryClient(name, [sys.executable, _path("python", program)],
                       lambda: python_missing(modules, f"package {package} is not installed"), limit_s)


def _oslo_with(what, options):
    """The stories of oslo.messaging with options of its driver."""
    command = ["env", f"OSLO_OPTIONS={options}", sys.executable, _path("python", "oslo_stories.py")]
    return StoryClient(f"oslo.messaging with {what}", command, lambda: python_missing(
        "oslo_messaging", "package python3-oslo.messaging is not installed"), 180)


def _node_missing(package):
    def missing():
        if not shutil.which("node"):
            return "Node.js is not installed"
        is_there = os.path.isdir(os.path.join(_node, "node_modules", package))
        return "" if is_there else f"{package} of npm is not installed: run tests/clients/install"
    return missing


def _amqplib_suite(_):
    tests = sorted(glob.glob(os.path.join(_node, "node_modules/amqplib/test/*.test.js")))
    known = subprocess.run(["node", "--help"], stdout=subprocess.PIPE, check=True, timeout=60, text=True).stdout
    # Debian's Node does not know them all yet.
    limits = [option for option in ("--test-concurrency=1", "--test-timeout=5000") if option.split("=")[0] in known]
    return ["node", "--require", os.path.join(_node, "redirect.js"), "--test", *limits,
            f"--test-reporter={os.path.join(_node, 'reporter.mjs')}", *tests]


def _compile(command, environment):
    subprocess.run(command, env={**os.environ, **environment}, check=True, timeout=180, text=True,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _compiled_c(work_folder):
    binary = os.path.join(work_folder, "librabbitmq_stories")
    _compile(["cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", binary, _path("c", "story.c"),
              _path("c", "librabbitmq_stories.c"), "-lrabbitmq"], {})
    return [binary]


def _compiled_go(work_folder):
    binary = os.path.join(work_folder, "amqp091_stories")
    _compile(["go", "build", "-o", binary, _path("go", "story.go"), _path("go", "amqp091_stories.go")], GO_ENVIRONMENT)
    return [binary]


def _c_missing():
    if not shutil.which("cc"):
        return "no C compiler is installed"
    return "" if os.path.exists("/usr/include/amqp.h") else "package librabbitmq-dev is not installed"


def _tools_missing():
    return "" if shutil.which("amqp-publish") else "package amqp-tools is not installed"


def _ruby_missing():
    if not shutil.which("ruby"):
        return "ruby is not installed"
    probe = subprocess.run(["ruby", "-e", "require 'bunny'"], stderr=subprocess.DEVNULL, check=False, timeout=60)
    return "package ruby-bunny is not installed" if probe.returncode else ""


def _php_missing():
    if not shutil.which("php"):
        return "package php-cli is not installed"
    return "" if os.path.exists("/usr/share/php/PhpAmqpLib/autoload.php") else "package php-amqplib is not installed"


def all_clients():
    """Every client, quick ones first."""
    return [
        _python_client("pika", "pika_stories.py", "pika", "python3-pika"),
        _python_client("py-amqp", "py_amqp_stories.py", "amqp", "python3-amqp"),
        _python_client("kombu", "kombu_stories.py", "kombu", "python3-kombu"),
        StoryClient("librabbitmq", _compiled_c, _c_missing),
        StoryClient("amqp-tools", [sys.executable, _path("python", "amqp_tools_stories.py")], _tools_missing),
        StoryClient("php-amqplib", ["php", "-d", "display_errors=stderr", _path("php", "php_amqplib_stories.php")],
                    _php_missing),
        StoryClient("bunny", ["ruby", _path("ruby", "bunny_stories.rb")], _ruby_missing),
        StoryClient("amqplib newest", ["node", os.path.join(_node, "amqplib_stories.mjs")],
                    _node_missing("amqplib-newest")),
        StoryClient("cloudamqp", ["node", os.path.join(_node, "cloudamqp_stories.mjs")],
                    _node_missing("@cloudamqp/amqp-client")),
        StoryClient("amqplib suite", _amqplib_suite, _node_missing("amqplib")),
        StoryClient("amqp091-go", _compiled_go, go_missing),
        GoSuite(),
        _python_client("oslo.messaging", "oslo_stories.py", "oslo_messaging", "python3-oslo.messaging", 180),
        _oslo_with("quorum queues", "rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=5"),
        OsloSuite(),
    ]
