"""One worker under a supervisor: the channel, and a listener shared with others."""

import contextlib
import os
import signal
import socket
import time

from .client import Client, ask, request
from .engine import EngineTest, Supervised, wait_for
from .supervisor import name_of, state_of

SITE = "application=plain_site"


class ChannelTest(EngineTest):
    def test_ready_is_said_and_then_it_serves(self):
        worker = Supervised(self, SITE).start()
        self.assertEqual(worker.next_event(), {"event": "ready"})
        self.assertEqual(int(ask(self.socket_path, "/who").body.split()[0]), worker.engine.pid)
        self.assertEqual(worker.engine.children(), [])

    def test_ps_shows_the_place_of_a_worker(self):
        worker = Supervised(self, SITE, RUNFCGID_WORKER="shop/3:0123").start()
        worker.next_event()
        self.assertEqual(name_of(worker.engine.pid), "shop/3")

    def test_it_exits_0_on_every_graceful_signal(self):
        supervised = Supervised(self, SITE)
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            worker = supervised.start()
            worker.next_event()
            worker.engine.signal(signum)
            self.assertEqual(worker.engine.wait_for_exit(), 0)
            self.assertIsNone(worker.next_event())

    def test_threaded_is_one_process_with_threads(self):
        worker = Supervised(self, SITE, "method=threaded", "threads=3").start()
        self.assertEqual(worker.next_event(), {"event": "ready"})
        tasks = f"/proc/{worker.engine.pid}/task"
        wait_for("main and three threads run", lambda: len(os.listdir(tasks)) == 4)
        self.assertEqual(worker.engine.children(), [])

    def test_what_the_application_starts_gets_neither_channel_nor_socket(self):
        worker = Supervised(self, SITE).start()
        worker.next_event()
        listing = ask(self.socket_path, "/subprocess").body.decode()
        self.assertNotIn("socket:", listing)
        self.assertRegex(listing, r"\b0 -> /dev/null")
        self.assertNotRegex(listing, r"\b3 -> pipe:")
        with open(f"/proc/{worker.engine.pid}/environ", "rb") as file:
            self.assertIn(b"RUNFCGID_CHANNEL=3", file.read())  # as it was at the start
        code = """
import os

def application(environ, start_response):
    start_response("200 OK", [])
    return [str("RUNFCGID_CHANNEL" in os.environ).encode()]
"""
        with open(os.path.join(self.directory, "shows.py"), "w") as file:
            file.write(code)
        worker.engine.signal(signal.SIGTERM)
        worker.engine.wait_for_exit()
        worker = Supervised.start(self.again("application=shows"))
        worker.next_event()
        self.assertEqual(ask(self.socket_path).body, b"False")

    def again(self, *words):
        os.unlink(self.socket_path)
        return Supervised(self, *words)

    def test_a_load_failure_is_said_in_one_line_with_its_traceback(self):
        with open(os.path.join(self.directory, "broken.py"), "w") as file:
            file.write("def boom():\n    raise ValueError('two\\nlines')\n\nboom()\n")
        worker = Supervised(self, "application=broken").start()
        event = worker.next_event()
        self.assertEqual(event["event"], "load-failed")
        self.assertIn('importing "broken" raised ValueError: two', event["message"])
        self.assertNotIn("\n", event["message"])
        self.assertIn("in boom", event["traceback"])
        self.assertEqual(worker.engine.wait_for_exit(), 1)
        self.assertIn("in boom", worker.engine.log)

    def test_a_long_traceback_loses_its_beginning(self):
        with open(os.path.join(self.directory, "broken.py"), "w") as file:
            file.write("raise ValueError('BEGIN' + '\\u20ac' * 200000 + 'END')\n")
        event = Supervised(self, "application=broken").start().next_event()
        self.assertTrue(event["traceback"].rstrip().endswith("END"))
        self.assertGreater(len(event["traceback"]), 5000)
        self.assertNotIn("BEGIN", event["traceback"])

    def test_wrong_words_are_said_too(self):
        worker = Supervised(self, SITE, "bogus=1").start()
        self.assertIn('unknown word "bogus"', worker.next_event()["message"])
        self.assertEqual(worker.engine.wait_for_exit(), 78)

    def test_what_belongs_to_the_supervisor_is_refused(self):
        worker = Supervised(self, SITE, "socket=/tmp/x", "pidfile=/tmp/y").start()
        self.assertIn("socket, pidfile", worker.next_event()["message"])
        self.assertEqual(worker.engine.wait_for_exit(), 78)

    def test_a_descriptor_0_that_is_no_listener_is_said(self):
        supervised = Supervised(self, SITE)
        with open(os.devnull) as null:
            supervised.listener.close()
            supervised.listener = null
            worker = supervised.start()
        self.assertIn("descriptor 0", worker.next_event()["message"])
        self.assertEqual(worker.engine.wait_for_exit(), 73)

    def test_a_channel_that_is_not_open_is_an_error(self):
        engine = self.run_to_exit(SITE, RUNFCGID_CHANNEL="77")
        self.assertEqual(engine.process.returncode, 78)
        self.assertIn('RUNFCGID_CHANNEL="77"', engine.log)

    def test_at_max_requests_it_says_so_once_and_serves_until_it_is_stopped(self):
        for method in ((), ("method=threaded", "threads=2")):
            if method:
                os.unlink(self.socket_path)
            worker = Supervised(self, SITE, "maxrequests=3", *method).start()
            worker.next_event()
            for _ in range(10):
                self.assertEqual(ask(self.socket_path).body, b"hello\n")
            event = {"event": "worn", "reason": "max_requests", "detail": "3 requests"}
            self.assertEqual(worker.next_event(), event)
            worker.engine.signal(signal.SIGTERM)
            self.assertEqual(worker.engine.wait_for_exit(), 0)
            self.assertIsNone(worker.next_event())

    def test_workers_of_one_age_are_not_worn_all_at_the_same_request(self):
        details = set()
        for _ in range(6):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.socket_path)
            worker = Supervised(self, SITE, "maxrequests=200").start()
            worker.next_event()
            with Client(self.socket_path) as client:
                for _ in range(200):
                    client.ask(keep=True)
            details.add(worker.next_event()["detail"])
            worker.engine.signal(signal.SIGTERM)
            worker.engine.wait_for_exit()
        self.assertGreater(len(details), 1)
        for detail in details:
            self.assertRegex(detail, r"^(1[89]\d|200) requests$")

    def test_a_worn_worker_that_is_stopped_cuts_nothing(self):
        worker = Supervised(self, SITE, "method=threaded", "threads=2", "maxrequests=1").start()
        worker.next_event()
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as client:
            client.send(request("/slow", QUERY_STRING=gate))
            worker.engine.wait_for_log("slow request has begun")
            ask(self.socket_path)
            self.assertEqual(worker.next_event()["event"], "worn")
            worker.engine.signal(signal.SIGTERM)
            open(gate, "w").close()
            self.assertEqual(client.read_answer().body, b"at last\n")
        self.assertEqual(worker.engine.wait_for_exit(), 0)


class SharedListenerTest(EngineTest):
    """Workers that share a listener, blocking or not, never hang in accept(2)."""

    def check(self, blocking, *words):
        supervised = Supervised(self, SITE, *words, blocking=blocking)
        workers = [supervised.start() for _ in range(3)]
        for worker in workers:
            worker.next_event()
        pids = set()
        for number in range(60):
            # As Node does at each spawn: the mode is shared by all holders.
            supervised.listener.setblocking(number % 2 == 0)
            pids.add(ask(self.socket_path, "/who").body.split()[0])
        for worker in workers:
            worker.engine.signal(signal.SIGTERM)
        for worker in workers:
            self.assertEqual(worker.engine.wait_for_exit(), 0)
        return pids

    def test_prefork_on_a_blocking_listener(self):
        self.check(True)

    def test_prefork_on_a_non_blocking_listener(self):
        self.check(False)

    def test_threaded_on_a_blocking_listener(self):
        self.check(True, "method=threaded", "threads=3")

    def test_a_worker_that_is_frozen_keeps_no_request_from_the_others(self):
        supervised = Supervised(self, SITE)
        workers = [supervised.start() for _ in range(2)]
        for worker in workers:
            worker.next_event()
        for frozen, other in (workers, reversed(workers)):
            os.kill(frozen.engine.pid, signal.SIGSTOP)
            # Until then it may still take a connection, on its way out of accept(2).
            wait_for("it is frozen", lambda pid=frozen.engine.pid: state_of(pid) == "T")
            for _ in range(20):
                answer = ask(self.socket_path, "/who")
                self.assertEqual(int(answer.body.split()[0]), other.engine.pid)
            os.kill(frozen.engine.pid, signal.SIGCONT)

    def test_what_arrives_while_one_drains_is_served_by_the_next(self):
        supervised = Supervised(self, SITE)
        first = supervised.start()
        first.next_event()
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as busy, Client(self.socket_path) as waiting:
            busy.send(request("/slow", QUERY_STRING=gate))
            first.engine.wait_for_log("slow request has begun")
            first.engine.signal(signal.SIGTERM)
            waiting.send(request("/who"))
            second = supervised.start()
            second.next_event()
            self.assertEqual(int(waiting.read_answer().body.split()[0]), second.engine.pid)
            open(gate, "w").close()
            self.assertEqual(busy.read_answer().body, b"at last\n")
        self.assertEqual(first.engine.wait_for_exit(), 0)

    def test_a_listener_that_is_shut_down_ends_the_worker(self):
        """As a supervisor retires a TCP socket."""
        supervised = Supervised(self, SITE)
        supervised.listener.close()
        supervised.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(supervised.listener.close)
        supervised.listener.bind(("127.0.0.1", 0))
        supervised.listener.listen()
        worker = supervised.start()
        worker.next_event()
        self.assertEqual(ask(supervised.listener.getsockname()).body, b"hello\n")
        supervised.listener.shutdown(socket.SHUT_RD)
        self.assertEqual(worker.engine.wait_for_exit(), 0)

    def test_the_worker_waits_without_using_the_processor(self):
        worker = Supervised(self, SITE).start()
        worker.next_event()
        ask(self.socket_path)
        with Client(self.socket_path) as kept:
            kept.ask(keep=True)
            wait_for("it waits", lambda: state_of(worker.engine.pid) == "S")
            before = _switches(worker.engine.pid)
            wait_for("half a second passes", _after(0.5))
            self.assertLess(_switches(worker.engine.pid) - before, 5)


def _switches(pid: int) -> int:
    """How often it has gone to sleep. That others took the processor from it says nothing."""
    with open(f"/proc/{pid}/status") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt"))


def _after(seconds: float):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
