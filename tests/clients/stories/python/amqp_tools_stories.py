"""Stories of amqp-tools, librabbitmq's programs for the shell: amqp-publish, -consume, -get, -declare- and -delete-queue."""

import contextlib
import os
import subprocess

from story import HOST, PASSWORD, PORT, USER, VHOST, expect, expect_equal, story, tell_all, unique, wait_for

LIMIT_S = 15
EMPTY = 2  # what amqp-get ends with when there is no message


def tool(name, *arguments, url=os.environ.get("AMQP_URL")):
    """The command line of one of the tools, with the broker's address."""
    where = ["--url", url] if url else ["--server", HOST, "--port", str(PORT), "--username", USER,
                                        "--password", PASSWORD, "--vhost", VHOST]
    return [f"amqp-{name}", *where, *arguments]


def run(command, text=b""):
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          timeout=LIMIT_S)


def output(name, *arguments, text=b"", **options):
    """What the tool prints. It must end well."""
    done = run(tool(name, *arguments, **options), text)
    expect_equal((done.returncode, done.stderr.decode()), (0, ""), f"amqp-{name}")
    return done.stdout


def expect_refused(reason, name, *arguments, **options):
    done = run(tool(name, *arguments, **options))
    expect_equal((done.returncode, done.stderr.decode().strip()), (1, reason), f"amqp-{name}")


@contextlib.contextmanager
def queue(*options):
    name = unique("queue")
    expect_equal(output("declare-queue", "-q", name, *options).decode(), f"{name}\n", "declared name")
    try:
        yield name
    finally:
        output("delete-queue", "-q", name)


@contextlib.contextmanager
def consumer(name, *arguments):
    """An amqp-consume that runs beside the story."""
    with subprocess.Popen(tool("consume", "-q", name, *arguments), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@story
def a_message_is_published_and_fetched():
    with queue() as name:
        output("publish", "-r", name, "-b", "grün", "-p", "-C", "text/plain", "-E", "utf-8", "-t", "somewhere",
               "-H", "kind: story")
        expect_equal(output("get", "-q", name).decode(), "grün", "message")
        empty = run(tool("get", "-q", name))
        expect_equal((empty.returncode, empty.stdout), (EMPTY, b""), "an empty queue")


@story
def a_body_of_a_megabyte_comes_from_standard_input():
    body = bytes(range(256)) * 4096
    with queue() as name:
        output("publish", "-r", name, text=body)
        expect(output("get", "-q", name) == body, "the body comes back whole")


@story
def each_line_becomes_a_message():
    with queue() as name:
        output("publish", "-r", name, "-l", text=b"one\ntwo\nthree\n")
        got = [output("get", "-q", name) for _ in range(3)]
        expect_equal(got, [b"one\n", b"two\n", b"three\n"], "messages")


@story
def a_consumer_feeds_its_command_until_it_has_enough():
    with queue() as name:
        for number in range(5):
            output("publish", "-r", name, "-b", f"{number};")
        # With a prefetch, the messages behind the last one stay in the queue.
        expect_equal(output("consume", "-q", name, "-c", "3", "-p", "1", "cat"), b"0;1;2;", "first three")
        expect_equal(output("consume", "-q", name, "-c", "2", "-A", "cat"), b"3;4;", "last two, without acks")
        expect_equal(run(tool("get", "-q", name)).returncode, EMPTY, "exit code on an empty queue")


@story
def a_message_that_its_command_refuses_stays():
    with queue() as name:
        output("publish", "-r", name, "-b", "still here")
        expect_equal(run(tool("consume", "-q", name, "-c", "1", "false")).stdout, b"", "output of the command")
        wait_for(lambda: output("get", "-q", name) == b"still here", lambda _: None, "the message")


@story
def a_killed_consumer_gives_its_messages_back():
    # The command stops the consumer in the midst of its first message, while the second lies in its socket.
    with queue() as name, consumer(name, "-p", "10", "--", "sh", "-c", "cat; echo; kill -STOP $PPID") as process:
        for text in ("first", "second"):
            output("publish", "-r", name, "-b", text)
        expect_equal(process.stdout.readline(), b"first\n", "the message at work")
        expect_equal(run(tool("get", "-q", name)).returncode, EMPTY, "exit code while the consumer holds all")
        process.kill()
        process.wait()
        got = []
        wait_for(lambda: len(got) == 2,
                 lambda _: got.extend(done.stdout for done in [run(tool("get", "-q", name))] if done.returncode == 0),
                 "both messages")
        expect_equal(got, [b"first", b"second"], "messages")


@story
def a_consumer_binds_an_exclusive_queue_to_an_exchange():
    name = unique("queue")
    with consumer(name, "-x", "-e", "amq.topic", "-r", f"{name}.#", "-c", "1", "cat") as process:
        # Mandatory publishing is beyond the tool: publish until the consumer, once bound, has got one and ends.
        wait_for(lambda: process.poll() is not None,
                 lambda _: output("publish", "-e", "amq.topic", "-r", f"{name}.key", "-b", "hit"), "the consumer's end")
        expect_equal((process.returncode, process.stdout.read()), (0, b"hit"), "consumer")
    expect_refused(f"basic.get: server channel error 404, message: NOT_FOUND - no queue '{name}' in vhost '{VHOST}'",
                   "get", "-q", name)


@story
def the_server_names_a_queue_and_counts_what_is_deleted():
    name = output("declare-queue", "-q", "").decode().strip()
    expect(name.startswith("amq.gen-"), f"a generated name, got {name}")
    for _ in range(3):
        output("publish", "-r", name, "-b", "x")
    expect_equal(output("delete-queue", "-q", name), b"3\n", "deleted messages")
    expect_equal(output("delete-queue", "-q", name), b"0\n", "deleted messages the second time")


@story
def refusals_carry_the_brokers_words():
    missing = f"server channel error 404, message: NOT_FOUND - no queue 'nowhere' in vhost '{VHOST}'"
    expect_refused(f"basic.get: {missing}", "get", "-q", "nowhere")
    expect_refused(f"basic.consume: {missing}", "consume", "-q", "nowhere", "cat")
    expect_refused(f"closing channel: server channel error 404, message: NOT_FOUND - no exchange 'nowhere' in vhost "
                   f"'{VHOST}'", "publish", "-e", "nowhere", "-r", "key", "-b", "x")
    expect_refused("queue.declare: server channel error 403, message: ACCESS_REFUSED - queue name 'amq.mine' contains "
                   "reserved prefix 'amq.*'", "declare-queue", "-q", "amq.mine")
    with queue("-d") as name:
        expect_refused("queue.declare: server channel error 406, message: PRECONDITION_FAILED - inequivalent arg "
                       f"'durable' for queue '{name}' in vhost '{VHOST}': received 'false' but current is 'true'",
                       "declare-queue", "-q", name)
        output("publish", "-r", name, "-b", "x")
        expect_refused(f"queue.delete: server channel error 406, message: PRECONDITION_FAILED - queue '{name}' in vhost "
                       f"'{VHOST}' not empty", "delete-queue", "-q", name, "-e")


@story
def a_queue_in_use_is_not_deleted():
    with queue() as name, consumer(name, "--", "sh", "-c", "cat; echo") as process:
        output("publish", "-r", name, "-b", "taken")
        expect_equal(process.stdout.readline(), b"taken\n", "the consumer is there")
        expect_refused(f"queue.delete: server channel error 406, message: PRECONDITION_FAILED - queue '{name}' in vhost "
                       f"'{VHOST}' in use", "delete-queue", "-q", name, "--if-unused")


@story
def logins_are_checked():
    where = f"{HOST}:{PORT}"
    expect_refused("logging in to AMQP server: server connection error 403, message: ACCESS_REFUSED - Login was refused "
                   "using authentication mechanism PLAIN. For details see the broker logfile.",
                   "declare-queue", "-q", "", url=f"amqp://{USER}:wrong@{where}/")
    expect_refused("logging in to AMQP server: server connection error 530, message: NOT_ALLOWED - vhost nowhere not "
                   "found", "declare-queue", "-q", "", url=f"amqp://{USER}:{PASSWORD}@{where}/nowhere")


tell_all()
