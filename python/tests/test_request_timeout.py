"""Requests that take longer than they may, told by a signal; and memory that grows too large."""

import os
import signal
import threading
import time
import unittest

from runfcgi.serving.interruption import Interruption, RequestTimeout
from runfcgi.serving.slot import Slot

from .client import Client, ask, request
from .engine import DEADLINE, EngineTest, Supervised, wait_for
from .scoreboard import IDLE

SITE = "application=plain_site"
TIMED_OUT = {"event": "timed-out", "how": "interrupted"}
LEFT = {"event": "timed-out", "how": "left"}


class InterruptionTest(unittest.TestCase):
    """In this process, with real signals."""

    def setUp(self):
        self.slot = Slot()

    def interruption(self, timeout):
        interruption = Interruption(self.slot, timeout)
        old = signal.signal(signal.SIGUSR1, lambda signum, frame: interruption.look())
        self.addCleanup(signal.signal, signal.SIGUSR1, old)
        return interruption

    def test_it_strikes_once_and_only_while_armed(self):
        interruption = self.interruption(0.0)
        self.slot.busy({})
        os.kill(os.getpid(), signal.SIGUSR1)
        interruption.arm()
        with self.assertRaises(RequestTimeout):
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(5)
        self.assertTrue(interruption.has_struck)
        os.kill(os.getpid(), signal.SIGUSR1)
        interruption.disarm()
        os.kill(os.getpid(), signal.SIGUSR1)

    def test_a_request_that_is_young_enough_is_left_alone(self):
        interruption = self.interruption(60.0)
        self.slot.busy({})
        interruption.arm()
        os.kill(os.getpid(), signal.SIGUSR1)
        self.assertFalse(interruption.has_struck)

    def test_signals_at_any_moment_hit_the_overdue_request_or_none(self):
        """A storm of signals over requests short and long: those that are short enough must never
        be hit, and nothing may come out beside the request that is hit."""
        timeout = 0.004
        is_done = threading.Event()

        def storm():
            while not is_done.is_set():
                os.kill(os.getpid(), signal.SIGUSR1)
                time.sleep(0)

        interruption = self.interruption(timeout)
        thread = threading.Thread(target=storm)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(is_done.set)
        hit = missed = 0
        for number in range(4000):
            is_long = number % 20 == 0
            began = time.monotonic()
            self.slot.busy({})
            try:
                interruption.arm()
                try:
                    if is_long:
                        _spin(began + DEADLINE)
                finally:
                    interruption.disarm()
            except RequestTimeout:
                # What ran before the handler may have been the scheduler.
                self.assertGreaterEqual(time.monotonic() - began, timeout)
                hit += 1
            else:
                missed += is_long
            self.slot.idle()
            interruption.has_struck = False
        self.assertGreaterEqual(hit, 200)
        self.assertEqual(missed, 0)


class PreforkTest(EngineTest):
    def start_worker(self, *words):
        worker = Supervised(self, SITE, *words, slots=1).start()
        self.assertEqual(worker.next_event(), {"event": "ready"})
        return worker

    def test_an_overdue_request_is_answered_500_and_the_worker_leaves(self):
        worker = self.start_worker("request_timeout=0.3")
        with Client(self.socket_path) as client:
            client.send(request("/slow", QUERY_STRING="/nowhere"))
            worker.engine.wait_for_log("slow request has begun")
            _age(worker, 0.3)
            worker.engine.signal(signal.SIGUSR1)
            answer = client.read_answer()
        self.assertEqual(answer.status, "500 Internal Server Error")
        self.assertIn(b"RequestTimeout: the request has run for more than 0.3 s", answer.errors)
        self.assertIn(b"in route_slow", answer.errors)
        self.assertEqual(worker.next_event(), TIMED_OUT)
        self.assertEqual(worker.next_event()["event"], "retiring")
        self.assertEqual(worker.engine.wait_for_exit(), 0)
        self.assertEqual(worker.scoreboard.look().state, IDLE)

    def test_a_response_that_has_begun_is_broken_off(self):
        worker = self.start_worker("request_timeout=0.3")
        with Client(self.socket_path) as client:
            client.send(request("/gated", QUERY_STRING="/nowhere"))
            wait_for("the first block has gone", lambda: _bytes_sent(worker))
            _age(worker, 0.3)
            worker.engine.signal(signal.SIGUSR1)
            answer = client.read_answer()
        self.assertEqual((answer.body, answer.ended), (b"first\n", None))
        self.assertEqual(worker.next_event(), TIMED_OUT)

    def test_a_response_that_nobody_takes_is_cut_and_nothing_follows(self):
        """It would be taken for the rest of the record that has not gone."""
        worker = self.start_worker("request_timeout=0.3")
        with Client(self.socket_path) as client:
            client.send(request("/endless"))
            _age(worker, 0.3)
            worker.engine.signal(signal.SIGUSR1)
            self.assertEqual(worker.next_event(), TIMED_OUT)
            taken = b"".join(iter(lambda: client.socket.recv(1 << 20), b""))
        self.assertNotIn(b"RequestTimeout", taken)
        worker.engine.wait_for_log("is cut while it is sent: the request has run for more")
        self.assertEqual(worker.engine.wait_for_exit(), 0)

    def test_a_request_that_is_not_overdue_is_served_to_its_end(self):
        worker = self.start_worker("request_timeout=60")
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as client:
            client.send(request("/slow", QUERY_STRING=gate))
            worker.engine.wait_for_log("slow request has begun")
            for _ in range(100):
                worker.engine.signal(signal.SIGUSR1)
            open(gate, "w").close()
            self.assertEqual(client.read_answer().body, b"at last\n")
        worker.engine.signal(signal.SIGTERM)
        self.assertIsNone(worker.next_event())

    def test_without_a_timeout_the_signal_means_nothing(self):
        worker = self.start_worker()
        worker.engine.signal(signal.SIGUSR1)
        self.assertEqual(ask(self.socket_path).body, b"hello\n")

    def test_a_storm_of_signals_harms_no_request(self):
        worker = self.start_worker("request_timeout=20")
        is_done = threading.Event()

        def storm():
            while not is_done.is_set():
                worker.engine.signal(signal.SIGUSR1)
                time.sleep(0.0001)

        thread = threading.Thread(target=storm)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(is_done.set)
        with Client(self.socket_path) as kept:
            for number in range(3000):
                where = "/hello" if number % 3 else "/stream"
                answer = kept.ask(where, keep=True)
                self.assertEqual((answer.status, answer.ended), ("200 OK", 0))

    def test_code_that_swallows_it_finishes_and_the_worker_leaves(self):
        worker = self.start_worker("request_timeout=0.2")
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as client:
            client.send(request("/stubborn", QUERY_STRING=gate))
            worker.engine.wait_for_log("stubborn request has begun")
            _age(worker, 0.2)
            worker.engine.signal(signal.SIGUSR1)
            worker.engine.wait_for_log("stubborn request goes on")
            worker.engine.signal(signal.SIGUSR1)
            open(gate, "w").close()
            self.assertEqual(client.read_answer().body, b"all the same\n")
        self.assertEqual(worker.next_event(), TIMED_OUT)
        self.assertEqual(worker.engine.wait_for_exit(), 0)

    def test_alone_it_is_refused(self):
        engine = self.run_to_exit(SITE, f"socket={self.socket_path}", "request_timeout=5")
        self.assertEqual(engine.process.returncode, 78)
        self.assertIn("request_timeout= needs a supervisor", engine.log)


class ThreadedTest(EngineTest):
    def start_worker(self):
        # So much that only the request is overdue that shall be.
        words = ("method=threaded", "threads=3", "request_timeout=5")
        worker = Supervised(self, SITE, *words, slots=3).start()
        worker.next_event()
        return worker

    def test_the_others_finish_first_and_the_overdue_one_is_left(self):
        worker = self.start_worker()
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as stuck, Client(self.socket_path) as fine:
            stuck.send(request("/slow", QUERY_STRING="/nowhere"))
            worker.engine.wait_for_log("slow request has begun")
            _age(worker, 4.9)
            fine.send(request("/slow", QUERY_STRING=gate))
            worker.engine.wait_for_log("(?s)has begun.*has begun")
            _age(worker, 5)
            worker.engine.signal(signal.SIGUSR1)
            self.assertEqual(worker.next_event(), LEFT)
            self.assertEqual(worker.next_event()["reason"], "request_timeout")
            open(gate, "w").close()
            self.assertEqual(fine.read_answer().body, b"at last\n")
            self.assertEqual(worker.engine.wait_for_exit(), 0)
            self.assertIsNone(stuck.read_answer().ended)
        self.assertIn("1 request did not finish within request_timeout (5 s)", worker.engine.log)
        self.assertEqual(sum(worker.scoreboard.look(i).state != IDLE for i in range(3)), 1)

    def test_it_accepts_nothing_more(self):
        supervised = Supervised(
            self, SITE, "method=threaded", "threads=2", "request_timeout=0.3", slots=2
        )
        worker = supervised.start()
        worker.next_event()
        with Client(self.socket_path) as stuck:
            stuck.send(request("/slow", QUERY_STRING="/nowhere"))
            worker.engine.wait_for_log("slow request has begun")
            _age(worker, 0.3)
            worker.engine.signal(signal.SIGUSR1)
            self.assertEqual(worker.next_event(), LEFT)
            waiting = Client(self.socket_path)
            self.addCleanup(waiting.socket.close)
            waiting.send(request("/who"))
            self.assertEqual(worker.engine.wait_for_exit(), 0)
            next_worker = supervised.start()
            self.assertEqual(next_worker.next_event(), {"event": "ready"})
            pid = int(waiting.read_answer().body.split()[0])
            self.assertEqual(pid, next_worker.engine.pid)

    def test_an_overdue_request_that_ends_by_itself_is_answered(self):
        worker = self.start_worker()
        gates = [os.path.join(self.directory, name) for name in ("one", "two")]
        with Client(self.socket_path) as late, Client(self.socket_path) as other:
            late.send(request("/slow", QUERY_STRING=gates[0]))
            worker.engine.wait_for_log("slow request has begun")
            _age(worker, 5)
            other.send(request("/slow", QUERY_STRING=gates[1]))
            worker.engine.wait_for_log("(?s)has begun.*has begun")
            worker.engine.signal(signal.SIGUSR1)
            self.assertEqual(worker.next_event(), LEFT)
            open(gates[0], "w").close()
            self.assertEqual(late.read_answer().body, b"at last\n")
            open(gates[1], "w").close()
            self.assertEqual(other.read_answer().body, b"at last\n")
        self.assertEqual(worker.engine.wait_for_exit(), 0)
        self.assertNotIn("did not finish", worker.engine.log)


class MemoryTest(EngineTest):
    def check(self, *words):
        worker = Supervised(self, SITE, "max_memory=100000000", *words).start()
        worker.next_event()
        for _ in range(20):
            ask(self.socket_path)
        ask(self.socket_path, "/grow", QUERY_STRING="150")

        def has_served_and_said_something():
            self.assertEqual(ask(self.socket_path).body, b"hello\n")
            return worker.has_said_something()

        # It looks at its memory now and then, after a request.
        wait_for("it says so", has_served_and_said_something)
        event = worker.next_event()
        self.assertEqual((event["event"], event["reason"]), ("worn", "max_memory"))
        self.assertEqual(ask(self.socket_path).body, b"hello\n")
        worker.engine.signal(signal.SIGTERM)
        self.assertEqual(worker.engine.wait_for_exit(), 0)
        self.assertIsNone(worker.next_event())
        return event["detail"]

    def test_a_worker_that_grew_says_so_once_and_serves_on(self):
        self.assertRegex(self.check(), r"^\d{3} MB RSS, more than 95 MB$")

    def test_pss_and_threads_are_measured_too(self):
        words = ("memory_measure=pss", "method=threaded", "threads=3")
        self.assertRegex(self.check(*words), r"^\d{3} MB PSS, more than 95 MB$")

    def test_alone_it_is_replaced(self):
        engine = self.serve("max_memory=100000000", "maxspare=1", "minspare=1", "maxchildren=2")
        first = engine.children()
        ask(self.socket_path, "/grow", QUERY_STRING="150")

        def is_replaced():
            ask(self.socket_path)
            return not set(first) & set(engine.children())

        wait_for("another worker serves", is_replaced)


def _spin(end: float) -> None:
    """A loop in a function of its own, as an application's: in CPython 3.13.0 the jump at the end
    of a loop is outside of the ``try`` around it, and what a signal raises there passes it by."""
    while time.monotonic() < end:
        pass


def _bytes_sent(worker) -> int:
    shown = worker.scoreboard.look()
    return 0 if shown is None else shown.size


def _age(worker, seconds: float) -> None:
    """Wait until the oldest request is that old."""

    def is_old_enough():
        shown = worker.scoreboard.look()
        starts = [shown.started] if shown is not None and shown.state == 2 else []
        for index in (1, 2):
            if len(worker.scoreboard.raw(index)) == 512:
                other = worker.scoreboard.look(index)
                starts += [other.started] if other is not None and other.state == 2 else []
        return bool(starts) and time.monotonic() - min(starts) >= seconds

    wait_for("the request is old enough", is_old_enough)
