"""The frame of the stories that Python clients play on a broker.

A program marks its stories with `@story` and ends with `tell_all()`. Every story opens its own connections
and removes what it made. The broker is named by the environment: AMQP_HOST, AMQP_PORT, AMQP_USER,
AMQP_PASSWORD, AMQP_VHOST. Printed is one plan line `1..N`, then `ok NAME` or `not ok NAME` with the reason
as `# ` lines below. A story that lasts longer than its limit fails.
"""

import os
import signal
import sys
import time
import traceback
import uuid

HOST = os.environ.get("AMQP_HOST", "127.0.0.1")
PORT = int(os.environ.get("AMQP_PORT", "5672"))
USER = os.environ.get("AMQP_USER", "guest")
PASSWORD = os.environ.get("AMQP_PASSWORD", "guest")
VHOST = os.environ.get("AMQP_VHOST", "/")

DEFAULT_LIMIT_S = 20

_stories = []


class StoryFailure(AssertionError):
    """What the broker did is not what the story tells."""


class TookTooLong(BaseException):
    """The story's time is over. No Exception, so that no client's retry loop swallows it."""


def story(function=None, *, limit_s=DEFAULT_LIMIT_S):
    """Marks a story; its name is the function's, read as a sentence."""
    if function is None:
        return lambda marked: story(marked, limit_s=limit_s)
    _stories.append((function.__name__.replace("_", " "), function, limit_s))
    return function


def unique(word):
    """A name that no other story uses."""
    return f"story.{word}.{uuid.uuid4().hex[:10]}"


def expect_equal(actual, expected, what="value"):
    if actual != expected:
        raise StoryFailure(f"{what}: expected {expected!r}, got {actual!r}")


def expect(condition, what):
    if not condition:
        raise StoryFailure(what)


def wait_for(condition, step, what, limit_s=10):
    """Calls `step(remaining_s)`, which waits for an event of the client, until `condition()` holds."""
    deadline = time.monotonic() + limit_s
    while not condition():
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            raise StoryFailure(f"{what} within {limit_s} s")
        step(remaining_s)


def _limit_reached(*_):
    raise TookTooLong()


def _tell(name, function, limit_s):
    signal.alarm(limit_s)
    try:
        function()
    except TookTooLong:
        return "\n".join([f"not finished within {limit_s} s", traceback.format_exc(limit=-6)])
    except Exception:  # pylint: disable=broad-except  (whatever a client raises is the story's failure)
        return traceback.format_exc(limit=-6)
    finally:
        signal.alarm(0)
    return ""


def tell_all():
    """Plays all stories, or those whose names contain the first argument, and ends the program."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [one for one in _stories if wanted in one[0]]
    signal.signal(signal.SIGALRM, _limit_reached)
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    for name, function, limit_s in chosen:
        reason = _tell(name, function, limit_s)
        print(f"not ok {name}" if reason else f"ok {name}")
        for line in reason.splitlines():
            print(f"# {line}")
        sys.stdout.flush()
        failed += bool(reason)
    # Threads that a client left behind after a failure must not keep the program alive.
    os._exit(1 if failed else 0)
