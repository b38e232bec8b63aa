"""How it ends: what is in flight is finished, and what waits is not waited for too long."""

import os
import signal
import time

from runfcgi.fastcgi import records

from .client import Client, ask, request
from .engine import EngineTest, wait_for

METHODS = {
    "prefork": ("maxspare=2", "maxchildren=2"),
    "threaded": ("method=threaded", "threads=2"),
}


class StopTest(EngineTest):
    def each_method(self, *words):
        for method, own in METHODS.items():
            with self.subTest(method=method):
                yield self.serve(*own, *words)

    def gate(self):
        return os.path.join(self.directory, f"gate-{time.monotonic()}")

    def begin_slow(self, engine, gate, keep=False):
        client = Client(self.socket_path)
        self.addCleanup(client.socket.close)
        before = engine.log.count("slow request has begun")
        client.send(request("/slow", keep=keep, QUERY_STRING=gate))
        wait_for("it begins", lambda: engine.log.count("slow request has begun") > before)
        return client

    def test_idle_it_exits_0_at_once_and_leaves_nothing(self):
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            for engine in self.each_method():
                children = engine.children()
                engine.signal(signum)
                self.assertEqual(engine.wait_for_exit(), 0, engine.log)
                self.assertFalse(os.path.exists(self.socket_path))
                for pid in children:
                    self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def test_a_request_in_flight_is_finished(self):
        for engine in self.each_method():
            gate = self.gate()
            client = self.begin_slow(engine, gate)
            engine.signal(signal.SIGTERM)
            wait_for("the address is gone", lambda: not os.path.exists(self.socket_path))
            self.assertIsNone(engine.process.poll())
            open(gate, "w").close()
            self.assertEqual(client.read_answer().body, b"at last\n")
            self.assertEqual(engine.wait_for_exit(), 0)

    def test_a_signal_to_all_processes_finishes_what_is_in_flight(self):
        """Ctrl-C, and systemd's TERM: workers get it beside what their parent says."""
        rows = [(m, s) for m in METHODS for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        for method, signum in rows:
            words = METHODS[method]
            with self.subTest(method=method, signum=signum):
                engine = self.serve(*words, start_new_session=True)
                gate = self.gate()
                client = self.begin_slow(engine, gate)
                os.killpg(engine.pid, signum)
                wait_for("the address is gone", lambda: not os.path.exists(self.socket_path))
                open(gate, "w").close()
                self.assertEqual(client.read_answer().body, b"at last\n")
                self.assertEqual(engine.wait_for_exit(), 0)

    def test_a_response_being_streamed_is_finished(self):
        for engine in self.each_method():
            gate = self.gate()
            with Client(self.socket_path) as client:
                client.send(request("/gated", QUERY_STRING=gate))
                self.assertEqual(client.read_record().kind, records.STDOUT)
                self.assertEqual(client.read_record().content, b"first\n")
                engine.signal(signal.SIGTERM)
                wait_for("the address is gone", lambda: not os.path.exists(self.socket_path))
                open(gate, "w").close()
                self.assertEqual(client.read_record().content, b"second\n")
                self.assertEqual(client.read_answer().ended, 0)
            self.assertEqual(engine.wait_for_exit(), 0)

    def test_a_second_signal_ends_now(self):
        for engine in self.each_method():
            client = self.begin_slow(engine, self.gate())
            engine.signal(signal.SIGTERM)
            wait_for("the first is seen", lambda: not os.path.exists(self.socket_path))
            engine.signal(signal.SIGTERM)
            self.assertEqual(engine.wait_for_exit(), 128 + signal.SIGTERM)
            self.assertIsNone(client.read_answer().ended)

    def test_quit_ends_now(self):
        for engine in self.each_method():
            client = self.begin_slow(engine, self.gate())
            engine.signal(signal.SIGQUIT)
            self.assertEqual(engine.wait_for_exit(), 128 + signal.SIGQUIT)
            self.assertFalse(os.path.exists(self.socket_path))
            self.assertIsNone(client.read_answer().ended)

    def test_a_request_that_does_not_end_is_cut_at_the_deadline(self):
        for engine in self.each_method("graceful_timeout=0.3"):
            self.begin_slow(engine, self.gate())
            engine.signal(signal.SIGTERM)
            self.assertEqual(engine.wait_for_exit(), 1)
            self.assertIn("within graceful_timeout", engine.log)

    def test_a_kept_connection_is_left_to_the_web_server_to_close(self):
        for engine in self.each_method():
            with Client(self.socket_path) as client:
                client.ask(keep=True)
                engine.signal(signal.SIGTERM)
                wait_for("the address is gone", lambda: not os.path.exists(self.socket_path))
                # What the web server sends meanwhile is answered, by the worker it reaches.
                self.assertEqual(client.ask(keep=True).body, b"hello\n")
                self.assertIsNone(engine.process.poll())
            self.assertEqual(engine.wait_for_exit(), 0)

    def test_a_kept_connection_is_closed_at_the_deadline(self):
        for engine in self.each_method("graceful_timeout=0.3"):
            with Client(self.socket_path) as client:
                client.ask(keep=True)
                engine.signal(signal.SIGTERM)
                self.assertTrue(client.is_closed())
            self.assertEqual(engine.wait_for_exit(), 0, engine.log)

    def test_a_silent_connection_holds_the_end_up_for_a_second_only(self):
        for engine in self.each_method():
            with Client(self.socket_path) as silent:
                ask(self.socket_path)
                ask(self.socket_path)
                engine.signal(signal.SIGTERM)
                self.assertTrue(silent.is_closed())
                # Not after graceful_timeout.
                self.assertEqual(engine.wait_for_exit(), 0)

    def test_half_a_request_may_still_be_completed(self):
        for engine in self.each_method():
            with Client(self.socket_path) as client:
                client.send(request()[:30])
                time.sleep(0.1)  # the worker's patience: then the connection is parked
                engine.signal(signal.SIGTERM)
                wait_for("the address is gone", lambda: not os.path.exists(self.socket_path))
                client.send(request()[30:])
                self.assertEqual(client.read_answer().body, b"hello\n")
            self.assertEqual(engine.wait_for_exit(), 0)

    def test_signals_that_the_launcher_blocked_or_ignored_work(self):
        for signum in (signal.SIGTERM, signal.SIGINT):
            old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
            interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                engine = self.serve(*METHODS["prefork"])
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, old)
                signal.signal(signal.SIGINT, interrupt)
            engine.signal(signum)
            self.assertEqual(engine.wait_for_exit(), 0)
