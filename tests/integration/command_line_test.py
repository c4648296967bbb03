"""The program's words: options, exit codes, and what it says of a configuration."""

import os
import re
import tempfile
import unittest

from support import run_leveret

USAGE_ERROR = 64
CONFIG_ERROR = 78


class CommandLineTest(unittest.TestCase):
    """The program and its options."""

    def test_version_is_one_line_with_name_version_and_level_of_compatibility(self):
        done = run_leveret("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"\Aleveret \d+\.\d+\.\d+\S* \(compatible with RabbitMQ 3\.13\)\n\Z")

    def test_help_names_every_command_and_option(self):
        self.assertIn("serve", run_leveret("--help").stdout)
        done = run_leveret("serve", "--help")
        self.assertEqual(done.returncode, 0)
        for option in ("--config", "--set", "--check-config", "--print-config", "--print-default-config"):
            self.assertIn(option, done.stdout)

    def test_wrong_use_exits_64_and_says_what_is_wrong_on_standard_error(self):
        for arguments, said in (((), "a command is required"), (("serve", "--bogus"), "--bogus"), (("sreve",), "sreve"),
                                (("serve", "--config"), "--config"), (("--bogus",), "--bogus")):
            with self.subTest(arguments=arguments):
                done = run_leveret(*arguments)
                self.assertEqual(done.returncode, USAGE_ERROR, done)
                self.assertIn(said, done.stderr)
                self.assertEqual(done.stdout, "")


class ConfigurationTest(unittest.TestCase):
    """Checking and printing a configuration, without starting anything."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="leveret-config-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, text, name="leveret.yaml"):
        """A file of the test's own; returns its path."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def check(self, *arguments, **environment):
        """serve --check-config."""
        return run_leveret("serve", "--check-config", *arguments, **environment)

    def test_a_right_configuration_is_ok(self):
        path = self.write("version: 1\nlimits: {heartbeat: 30s}\n")
        for arguments in ((), ("--config", path), ("--set", "log.level=debug")):
            done = self.check(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "OK\n", ""))

    def test_all_errors_come_at_once_with_their_places_and_a_suggestion(self):
        path = self.write("version: 1\n"
                          "listeners:\n"
                          "  amqp:\n"
                          '    - bind: ":70000"\n'
                          "limits:\n"
                          "  heartbeet: 60s\n"
                          "  heartbeat: 60\n"
                          "memory:\n"
                          "  high_watermark: 140%\n"
                          "log:\n"
                          "  level: verbose\n"
                          "  level: info\n"
                          "tls: {default: {}}\n")
        done = self.check("--config", path, LEVERET_LIMITS__FRAME_MAX="64kb")
        self.assertEqual(done.returncode, CONFIG_ERROR)
        self.assertEqual(done.stdout, "")
        for line in (f"{path}:4:13: listeners.amqp[0].bind: port 70000 is out of range (0..65535)",
                     f"{path}:6:14: limits.heartbeet: unknown key; did you mean 'heartbeat'?",
                     f"{path}:7:14: limits.heartbeat: '60' needs a unit, for example 60s",
                     f"{path}:9:19: memory.high_watermark: 140% is out of range (1%..95%)",
                     f"{path}:11:10: log.level: 'verbose' is not one of trace, debug, info, warning, error, critical",
                     f"{path}:13:6: tls: is not supported by this version of Leveret yet",
                     "8 errors; nothing was started"):
            self.assertIn(line, done.stderr.splitlines())
        self.assertRegex(done.stderr, rf"(?m)^{re.escape(path)}:12:3: 'level' is given twice in this file \(first at ")
        self.assertRegex(done.stderr, r"(?m)^environment LEVERET_LIMITS__FRAME_MAX: limits.frame_max: "
                                      r"'64kb' is not a size; write 64KB or 64KiB$")

    def test_a_number_out_of_range_is_told_the_range(self):
        done = self.check("--set", "limits.channels=70000", "--set", "limits.frame_max=100",
                          "--set", "limits.handshake_timeout=1h")
        self.assertEqual(done.returncode, CONFIG_ERROR)
        self.assertIn("--set limits.channels: limits.channels: 70000 is out of range (1..65535)", done.stderr)
        self.assertIn("limits.frame_max: 100 is out of range (4KiB..16MiB)", done.stderr)
        self.assertIn("limits.handshake_timeout: 1h is out of range (1s..10m)", done.stderr)

    def test_serving_with_a_wrong_configuration_starts_nothing(self):
        done = run_leveret("serve", "--set", "limits.heartbeet=1s")
        self.assertEqual((done.returncode, done.stdout), (CONFIG_ERROR, ""))
        self.assertTrue(done.stderr.endswith("1 error; nothing was started\n"), done.stderr)

    def test_a_file_that_cannot_be_read_is_told_why(self):
        done = self.check("--config", os.path.join(self.folder, "absent.yaml"))
        self.assertEqual(done.returncode, CONFIG_ERROR)
        self.assertIn("absent.yaml: cannot be read: No such file or directory", done.stderr)
        done = self.check("--config", self.folder)
        self.assertEqual(done.returncode, CONFIG_ERROR)
        self.assertIn("cannot be read: Is a directory", done.stderr)

    def test_what_is_not_yaml_or_no_map_is_refused_with_its_place(self):
        for text, said in (("a: [1\n", ":2:1: "), ("- a\n- b\n", "a configuration is a map of keys"),
                           ("version: !!int 1\n", "tags are not allowed"), ("limits: 5\n", "limits: must be a map")):
            with self.subTest(text=text):
                done = self.check("--config", self.write(text))
                self.assertEqual(done.returncode, CONFIG_ERROR)
                self.assertIn(said, done.stderr)

    def test_what_does_not_exist_yet_is_refused_by_name(self):
        for setting, said in (
                ("queues.default_policy=p", "queues.default_policy: is not supported by this version of Leveret yet"),
                ("http.ui=true", "http: is not supported by this version of Leveret yet"),
                ("log.levels.http=debug", "log.levels.http: is not supported by this version of Leveret yet"),
                ("limits.vhosts=30", "limits.vhosts: is not supported"),
                ("listeners.amqp=[{bind: ':0', tls: default}]", "listeners.amqp[0].tls: is not supported"),
                ("listeners.amqp=[{bind: 'unix:/run/l.sock'}]", "UNIX sockets are not supported"),
                ("log.outputs=[{syslog: daemon}]", "log.outputs[0].syslog: is not supported"),
                ("auth.mechanisms=[PLAIN, EXTERNAL]", "'EXTERNAL' is not one of PLAIN, AMQPLAIN")):
            with self.subTest(setting=setting):
                done = self.check("--set", setting)
                self.assertEqual(done.returncode, CONFIG_ERROR)
                self.assertIn(said, done.stderr)
                self.assertIn("\n1 error; nothing was started", done.stderr)

    def test_a_user_is_checked_as_a_whole(self):
        done = self.check("--set", "auth.users=[{name: a, password: x, password_hash: y}, {password: z},"
                                   " {name: b, permissions: [{vhost: absent}]}, {name: b},"
                                   " {name: c, password_hash: AAAA, hashing_algorithm: blowfish}]")
        self.assertEqual(done.returncode, CONFIG_ERROR)
        for said in ("auth.users[0]: give one of password, password_file and password_hash",
                     "auth.users[1].name: is missing", "which is not one of vhosts", "user 'b' is given twice",
                     "auth.users[4].hashing_algorithm: 'blowfish' is not one of sha256, sha512, md5"):
            self.assertIn(said, done.stderr)

    def test_patterns_and_hashes_are_checked_too(self):
        path = self.write("auth:\n  users:\n    - name: nova\n      password_hash: '!'\n"
                          "      permissions: [{vhost: /, configure: '[', write: '(', read: '.*'}]\n")
        done = self.check("--config", path)
        self.assertEqual(done.returncode, CONFIG_ERROR)
        for kind in ("password_hash", "configure", "write"):
            self.assertRegex(done.stderr, rf"(?m)^{re.escape(path)}:3:7: auth: user 'nova': {kind}: \S")
        self.assertTrue(done.stderr.endswith("\n3 errors; nothing was started\n"), done.stderr)

    def test_printing_names_the_origin_of_each_value_and_the_last_source_wins(self):
        first = self.write("limits:\n  channels: 100\n  heartbeat: 10s\nlog:\n  level: debug\n", "first.yaml")
        second = self.write("limits: {heartbeat: 20s}\n", "second.yaml")
        done = run_leveret("serve", "--print-config", "--config", first, "--config", second,
                           "--set", "log.level=warning", "--set", "limits.channels=300",
                           LEVERET_LOG__LEVEL="error", LEVERET_LIMITS__CHANNELS="200",
                           LEVERET_NETWORK__NODELAY="false")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = [line.strip() for line in done.stdout.splitlines()]
        self.assertIn("channels: 300  # --set limits.channels", lines)
        self.assertIn(f"heartbeat: 20s  # {second}:1:21", lines)
        self.assertIn("level: warning  # --set log.level", lines)
        self.assertIn("nodelay: false  # environment LEVERET_NETWORK__NODELAY", lines)
        self.assertIn("frame_max: 128KiB  # default", lines)

    def test_what_is_printed_can_be_read_again_and_says_the_same(self):
        options = ("--set", "limits.heartbeat=15s", "--set", "log.levels.auth=debug", "--set", "auth.mechanisms=[PLAIN]",
                   "--set", "listeners.amqp=[{bind: '[::1]:5673', backlog: 7}, {bind: ':5674'}]",
                   "--set", "vhosts=[/, 'it''s: \"a\"']", "--set", "compat.product=#1")
        printed = run_leveret("serve", "--print-config", *options)
        self.assertEqual(printed.returncode, 0, printed.stderr)
        again = run_leveret("serve", "--print-config", "--config", self.write(printed.stdout))
        self.assertEqual(again.returncode, 0, again.stderr)

        def values(text):
            return [line.partition("  # ")[0] for line in text.splitlines()]
        self.assertEqual(values(again.stdout), values(printed.stdout))
        self.assertIn("heartbeat: 15s", again.stdout)

    def test_printing_shows_no_secret(self):
        done = run_leveret("serve", "--print-config", "--set", "auth.users=[{name: nova, password: s3cret}]",
                           "--set", "auth.default_user.password=geheim")
        self.assertEqual(done.returncode, 0)
        self.assertIn("nova", done.stdout)
        self.assertNotIn("s3cret", done.stdout)
        self.assertNotIn("geheim", done.stdout)

    def test_the_default_file_can_be_used_as_it_is_and_changes_nothing(self):
        done = run_leveret("serve", "--print-default-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        path = self.write(done.stdout)
        self.assertEqual(self.check("--config", path).stdout, "OK\n")

        def values(*arguments):
            printed = run_leveret("serve", "--print-config", *arguments).stdout
            return [line.partition("  # ")[0] for line in printed.splitlines()]
        self.assertEqual(values("--config", path), values())

    def test_names_that_other_images_use_set_the_default_user(self):
        for prefix in ("RABBITMQ", "LEVERET"):
            done = run_leveret("serve", "--print-config", **{
                f"{prefix}_DEFAULT_USER": "admin", f"{prefix}_DEFAULT_PASS": "secret",
                f"{prefix}_DEFAULT_VHOST": "cloud"})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("# default user of a new data directory: admin, in vhost cloud\n", done.stdout)

    def test_a_variable_of_ours_that_means_nothing_is_refused(self):
        done = self.check(LEVERET_LIMITS__HEARTBEET="60s")
        self.assertEqual(done.returncode, CONFIG_ERROR)
        self.assertIn("environment LEVERET_LIMITS__HEARTBEET: limits.heartbeet: unknown key; did you mean "
                      "'heartbeat'?", done.stderr)

    def test_an_override_without_a_value_is_refused(self):
        done = self.check("--set", "log.level")
        self.assertEqual(done.returncode, CONFIG_ERROR)
        self.assertIn("--set log.level: write it as key.path=value", done.stderr)
