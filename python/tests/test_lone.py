"""One worker by itself on descriptor 0, as mod_fcgid starts it."""

import os
import signal
import socket

from .client import Client, ask, request
from .engine import EngineTest


class LoneTest(EngineTest):
    def setUp(self):
        super().setUp()
        self.script = os.path.join(self.directory, "site.fcgi")
        self.touch()

    def touch(self):
        with open(self.script, "w") as file:
            file.write("#")

    def serve_alone(self, *words):
        """Nobody but the process holds the listening socket."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket_path)
            listener.listen()
            return self.start(
                "application=plain_site", "touch_reload=site.fcgi", *words, stdin=listener
            )

    def test_it_is_one_process_that_serves_until_it_is_told_to_stop(self):
        engine = self.serve_alone()
        for _ in range(20):
            self.assertEqual(int(ask(self.socket_path, "/who").body.split()[0]), engine.pid)
        engine.signal(signal.SIGTERM)
        self.assertEqual(engine.wait_for_exit(), 0)

    def test_once_the_file_is_touched_the_next_answer_is_the_last(self):
        for change in (self.touch, lambda: os.utime(self.script), lambda: os.unlink(self.script)):
            engine = self.serve_alone()
            ask(self.socket_path)
            change()
            self.assertEqual(ask(self.socket_path).body, b"hello\n")
            self.assertEqual(engine.wait_for_exit(), 0)
            self.assertIn("site.fcgi was touched", engine.log)
            os.unlink(self.socket_path)
            self.touch()

    def test_it_refuses_connections_before_it_gives_the_last_answer(self):
        engine = self.serve_alone()
        ask(self.socket_path)
        self.touch()
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as client:
            client.send(request("/slow", QUERY_STRING=gate))
            engine.wait_for_log("slow request has begun")
            with socket.socket(socket.AF_UNIX) as late, self.assertRaises(ConnectionRefusedError):
                late.connect(self.socket_path)
            open(gate, "w").close()
            self.assertEqual(client.read_answer().body, b"at last\n")
        self.assertEqual(engine.wait_for_exit(), 0)

    def test_after_so_many_requests_it_leaves_too(self):
        engine = self.serve_alone("maxrequests=3")
        for _ in range(3):
            self.assertEqual(ask(self.socket_path).body, b"hello\n")
        self.assertEqual(engine.wait_for_exit(), 0)
        self.assertIn("3 requests are served", engine.log)

    def test_words_that_do_not_go_with_it_are_refused(self):
        rows = {
            ("host=127.0.0.1", "port=0"): "descriptor 0, no address",
            ("method=threaded",): "not method=threaded",
        }
        for words, complaint in rows.items():
            engine = self.run_to_exit("application=plain_site", f"touch_reload={self.script}", *words)
            self.assertEqual(engine.process.returncode, 78)
            self.assertIn(complaint, engine.log)
