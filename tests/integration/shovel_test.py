"""Shovels: messages that are moved from one place to another, whatever happens to either."""

import threading

from support import on_each_shard_count
from support.daemon import wait_for
from support.http import Api
from support.linked import GUEST, LinkedTest, plain, shovel


@on_each_shard_count
class ShovelTest(LinkedTest):
    """What shovels move, and how they end."""

    def test_moves_messages_within_the_broker_without_a_password(self):
        daemon = self.start_linked(shovel("s", src_queue="from", dest_queue="to"))
        self.wait_until_running(daemon, "s")
        mailbox = self.mailbox(daemon)  # The queues are there: the shovel has declared them.
        mailbox.publish(range(3000), "from", content_type="text/plain", headers={"h": 1})
        self.assertEqual(mailbox.take("to", 3000), list(range(3000)))
        self.assertEqual(mailbox.count("from"), 0)
        mailbox.publish([1], "from", content_type="text/plain", headers={"h": 1}, message_id="m")
        wait_for(lambda: mailbox.count("to") == 1, "message")
        event = mailbox.get("to")
        self.assertEqual((event.properties["content_type"], event.properties["message_id"]), ("text/plain", "m"))
        self.assertEqual(plain(event.properties["headers"]), {"h": 1})

    def test_its_state_can_be_seen_by_http(self):
        daemon = self.start_linked(shovel("s", src_queue="from", dest_queue="to"),
                                   shovel("lost", src_queue="from", dest_queue="to", dest_uri="amqp://127.0.0.1:1"))
        self.wait_until_running(daemon, "s")
        mailbox = self.mailbox(daemon)
        mailbox.publish(range(3), "from")
        mailbox.take("to", 3)
        daemon.wait_for_log("shovel 'lost' .*cannot connect")
        api = Api(daemon)
        lost, running = sorted(api.get("/api/shovels/%2F"), key=lambda one: one["name"])
        self.assertEqual(
            {name: running[name] for name in ("name", "vhost", "type", "state", "src_uri", "dest_uri")},
            {"name": "s", "vhost": "/", "type": "dynamic", "state": "running", "src_uri": "amqp://", "dest_uri": "amqp://"})
        wait_for(lambda: api.get("/api/shovels?sort=name")[1]["x_messages_forwarded"] == 3, "count")
        self.assertIn(lost["state"], ("starting", "terminated"))  # By turns.
        self.assertEqual(lost["dest_uri"], "amqp://127.0.0.1:1")
        self.assertIn("cannot connect to 127.0.0.1:1", lost["x_last_error"])
        self.assertEqual(api.get("/api/federation-links"), [])

    def test_moves_messages_to_another_broker_and_says_where_they_have_been(self):
        other = self.start(settings=["node.cluster_name=other"])
        daemon = self.start_linked(
            shovel("s", src_queue="from", dest_uri=f"amqp://{GUEST}@127.0.0.1:{other.port}?heartbeat=5", dest_queue="to",
                   dest_add_forward_headers=True, dest_add_timestamp_header=True,
                   dest_publish_properties={"app_id": "shovelled", "delivery_mode": 1}))
        self.wait_until_running(daemon, "s")
        self.mailbox(daemon).publish([7], "from", app_id="publisher", priority=3)
        there = self.mailbox(other)
        wait_for(lambda: there.count("to") == 1, "message")
        event = there.get("to")
        self.assertEqual(event.body, b"7")
        self.assertEqual((event.properties["app_id"], event.properties["delivery_mode"], event.properties["priority"]),
                         ("shovelled", 1, 3))
        headers = plain(event.properties["headers"])
        self.assertEqual(headers["x-shovelled"], [
            {"shovelled-by": "links", "shovel-type": "dynamic", "shovel-name": "s", "shovel-vhost": "/",
             "src-uri": "amqp://", "dest-uri": f"amqp://127.0.0.1:{other.port}", "src-queue": "from",
             "dest-queue": "to"}])
        self.assertGreater(headers["x-shovelled-timestamp"], 1_000_000_000)

    def test_moves_messages_from_an_exchange_to_an_exchange(self):
        daemon = self.start_linked(
            shovel("keeps-keys", src_exchange="amq.topic", src_exchange_key="a.#", dest_exchange="amq.direct"),
            shovel("sets-keys", src_exchange="amq.topic", src_exchange_key="a.#", dest_exchange="amq.direct",
                   dest_exchange_key="set", ack_mode="no-ack"))
        mailbox = self.mailbox(daemon)
        for queue in ("a.b", "set"):
            mailbox.declare(queue)
            mailbox.call("queue.bind", queue=queue, exchange="amq.direct", routing_key=queue)
        for name in ("keeps-keys", "sets-keys"):
            self.wait_until_running(daemon, name)
        mailbox.publish([1, 2], "a.b", "amq.topic")
        mailbox.publish([3], "other", "amq.topic")
        self.assertEqual(mailbox.take("a.b", 2), [1, 2])
        self.assertEqual(mailbox.take("set", 2), [1, 2])

    def test_ends_after_so_many_messages_and_does_not_come_back(self):
        daemon = self.start()
        self.mailbox(daemon).declare("from")
        mailbox = self.mailbox(daemon)
        mailbox.publish(range(10), "from")
        uri = f"amqp://{GUEST}@127.0.0.1:{daemon.port}"
        for mode in ("on-confirm", "on-publish"):
            with self.subTest(ack_mode=mode):
                name = f"ends-{mode}"
                mover = self.start_linked(shovel("s", src_uri=uri, src_queue="from", dest_uri=uri, dest_queue=mode,
                                                 src_delete_after=4, ack_mode=mode), name=name)
                mover.wait_for_log("has moved all that it was to move")
                self.assertEqual(len(mailbox.take(mode, 4)), 4)
                wait_for(lambda: mailbox.count("from") == (6 if mode == "on-confirm" else 2), "what is left")
                self.assertEqual(mover.terminate(), 0)
                again = self.start(data_dir=self.data_dir(name))
                self.mailbox(again)  # It serves, so its links have begun: there is none.
                self.assertIsNone(again.find_in_log("shovel 's'"))
                self.assertEqual(mailbox.count(mode), 0)

    def test_ends_when_it_has_moved_what_was_in_the_queue(self):
        daemon = self.start_linked()
        mailbox = self.mailbox(daemon)
        mailbox.declare("from")
        mailbox.publish(range(2500), "from")
        self.change(daemon, shovel("s", src_queue="from", dest_queue="to", src_delete_after="queue-length"),
                    shovel("none", src_queue="empty", dest_queue="to", src_delete_after="queue-length"))
        daemon.wait_for_log("shovel 's' .*has moved all that it was to move")
        daemon.wait_for_log("shovel 'none' .*has moved all that it was to move")
        mailbox.publish([9999], "from")
        self.assertEqual(mailbox.take("to", 2500), list(range(2500)))
        self.assertEqual((mailbox.count("from"), mailbox.count("to")), (1, 0))

    def test_follows_a_change_of_its_parameter(self):
        daemon = self.start_linked(shovel("s", src_queue="from", dest_queue="one"))
        self.wait_until_running(daemon, "s")
        mailbox = self.mailbox(daemon)
        mailbox.publish(range(100), "from")
        self.assertEqual(mailbox.take("one", 100), list(range(100)))
        self.change(daemon, shovel("s", src_queue="from", dest_queue="two"))
        self.wait_until_running(daemon, "s", 2)
        mailbox.publish(range(100, 200), "from")
        self.assertEqual(mailbox.take("two", 100), list(range(100, 200)))
        self.assertEqual(mailbox.count("one"), 0)

    def test_survives_a_restart_and_connects_again_when_the_other_broker_is_back(self):
        other = self.start(data_dir=self.data_dir("other"))
        uri = f"amqp://{GUEST}@127.0.0.1:{other.port}"
        daemon = self.start_linked(shovel("s", src_queue="from", dest_uri=uri, dest_queue="to"))
        self.wait_until_running(daemon, "s")
        self.assertEqual(other.terminate(), 0)
        mailbox = self.mailbox(daemon)
        mailbox.publish(range(50), "from")
        mailbox.drop()
        daemon.wait_for_log("shovel 's' .*cannot connect to 127.0.0.1")
        self.assertEqual(daemon.terminate(), 0)
        daemon = self.start(data_dir=self.data_dir("links"))  # Without the file: it knows.
        daemon.wait_for_log("shovel 's' .*cannot connect to 127.0.0.1")
        other = self.start_again(other, "other")
        self.wait_until_running(daemon, "s")
        self.assertEqual(self.mailbox(other).take("to", 50), list(range(50)))

    def test_says_what_is_wrong_and_does_not_show_passwords(self):
        daemon = self.start_linked(
            shovel("tls", src_uri="amqps://secret:word@127.0.0.1", src_queue="from"),
            shovel("login", src_uri=["amqp://guest:wordless@", "amqp://guest:wordless@/"], src_queue="from"),
            shovel("vhost", src_uri="amqp:///nowhere", src_queue="from"),
            shovel("exchange", src_exchange="missing", dest_queue="to"),
            shovel("once", src_exchange="missing", dest_queue="to", reconnect_delay=0))
        daemon.wait_for_log("shovel 'tls' .*amqps:// is not supported")
        daemon.wait_for_log("shovel 'login' .*403 ACCESS_REFUSED - Login was refused")
        daemon.wait_for_log("shovel 'vhost' .*530 NOT_ALLOWED - vhost nowhere not found")
        daemon.wait_for_log("shovel 'exchange' .*404 NOT_FOUND - no exchange 'missing' in vhost '/'")
        daemon.wait_for_log("shovel 'once' .*is not started again: reconnect-delay is 0")
        self.assertIsNone(daemon.find_in_log("word@|wordless|secret"))

    def test_refuses_a_parameter_that_says_too_little(self):
        daemon = self.start_linked(settings=["definitions.on_error=warn"])
        self.change(daemon, shovel("s", dest_queue="to"))
        self.assertIsNotNone(daemon.find_in_log("Must specify 'src-exchange' or 'src-queue'"))


class ShovelCrashTest(LinkedTest):
    """Nothing is lost on a way that waits for confirms, whoever is killed."""

    timeout_s = 300
    message_count = 20000

    def publish_in_the_background(self, broker):
        """Messages keep coming while something is killed."""
        mailbox = self.mailbox(broker)
        thread = threading.Thread(
            target=lambda: [mailbox.publish(range(at, at + 500), "from")
                            for at in range(0, self.message_count, 500)])
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def assert_all_arrive(self, mailbox):
        """Every number is there, in the end."""
        seen = set()

        def has_all():
            seen.update(mailbox.take_all("to"))
            return len(seen) == self.message_count

        wait_for(has_all, "message that is missing", 120, lambda: f"{len(seen)} of {self.message_count} came")

    def test_kill_of_the_destination_loses_nothing(self):
        other = self.start(data_dir=self.data_dir("other"))
        uri = f"amqp://{GUEST}@127.0.0.1:{other.port}"
        daemon = self.start_linked(shovel("s", src_queue="from", dest_uri=uri, dest_queue="to"))
        self.wait_until_running(daemon, "s")
        thread = self.publish_in_the_background(daemon)
        for _ in range(3):
            there = self.mailbox(other)
            wait_for(lambda there=there: there.count("to") > 0, "message on the way")
            self.kill(other)
            other = self.start_again(other, "other")
        thread.join()
        self.assert_all_arrive(self.mailbox(other))

    def test_kill_of_the_broker_with_the_shovel_loses_nothing(self):
        other = self.start()
        uri = f"amqp://{GUEST}@127.0.0.1:{other.port}"
        there = self.mailbox(other)
        there.declare("to")
        there.declare("from")
        daemon = self.start_linked(shovel("s", src_uri=uri, src_queue="from", dest_uri=uri, dest_queue="middle"),
                                   shovel("t", src_uri=uri, src_queue="middle", dest_queue="here"))
        self.wait_until_running(daemon, "s")
        there.publish(range(self.message_count), "from")
        for _ in range(3):
            wait_for(lambda: there.count("from") < self.message_count, "message on the way")
            self.kill(daemon)
            daemon = self.start(data_dir=self.data_dir("links"))
        seen = set()
        here = self.mailbox(daemon)
        wait_for(lambda: seen.update(here.take_all("here")) or len(seen) == self.message_count,
                 "message that is missing", 120, lambda: f"{len(seen)} came")

    def test_stopping_in_order_doubles_nothing(self):
        other = self.start()
        uri = f"amqp://{GUEST}@127.0.0.1:{other.port}"
        there = self.mailbox(other)
        there.declare("from")
        there.publish(range(self.message_count), "from")
        daemon = self.start_linked(shovel("s", src_uri=uri, src_queue="from", dest_uri=uri, dest_queue="to"))
        while True:
            self.wait_until_running(daemon, "s")
            left = there.count("from")
            self.assertEqual(daemon.terminate(), 0)
            if left == 0:
                break
            daemon = self.start(data_dir=self.data_dir("links"))
        self.assertEqual(sorted(there.take_all("to")), list(range(self.message_count)))
