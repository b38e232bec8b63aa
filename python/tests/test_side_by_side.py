"""Several workers on one listening socket: who takes what, and what an end among them costs."""

import os
import signal
import threading

from .client import Client, ask, request
from .engine import EngineTest, Supervised, wait_for

THREADED = ("application=plain_site", "method=threaded", "threads=2")
PREFORK = ("application=plain_site",)


class WorkersTest(EngineTest):
    def start_workers(self, count, *words):
        supervised = Supervised(self, *words)
        workers = [supervised.start() for _ in range(count)]
        for worker in workers:
            self.assertEqual(worker.next_event(), {"event": "ready"})
        return supervised, workers

    def begin_slow(self, gate):
        client = Client(self.socket_path)
        self.addCleanup(client.socket.close)
        client.send(request("/slow", QUERY_STRING=gate))
        return client

    def begun(self, workers):
        return [worker.engine.log.count("slow request has begun") for worker in workers]

    def pids(self, count):
        return {int(ask(self.socket_path, "/who").body.split()[0]) for _ in range(count)}


class SideBySideTest(WorkersTest):
    def test_no_thread_takes_a_second_request_and_none_is_refused(self):
        _, workers = self.start_workers(2, *THREADED)
        gate = os.path.join(self.directory, "gate")
        clients = [self.begin_slow(gate) for _ in range(12)]
        wait_for("every thread has one", lambda: self.begun(workers) == [2, 2])
        open(gate, "w").close()
        for client in clients:
            answer = client.read_answer()
            self.assertEqual((answer.body, answer.ended), (b"at last\n", 0))
        self.assertEqual(sum(self.begun(workers)), 12)

    def test_what_comes_goes_to_the_worker_that_is_free(self):
        for words, places in ((THREADED, 2), (PREFORK, 1)):
            with self.subTest(words=words):
                supervised, (busy,) = self.start_workers(1, *words)
                gate = os.path.join(self.directory, f"gate-{places}")
                clients = [self.begin_slow(gate) for _ in range(places)]
                wait_for("it is busy", lambda: self.begun([busy]) == [places])
                free = supervised.start()
                free.next_event()
                self.assertEqual(self.pids(50), {free.engine.pid})
                open(gate, "w").close()
                for client in clients:
                    self.assertEqual(client.read_answer().body, b"at last\n")
                for worker in (busy, free):
                    worker.engine.stop()
                os.unlink(self.socket_path)

    def test_a_worker_that_ends_takes_nothing_new_from_then_on(self):
        for words in (THREADED, PREFORK):
            with self.subTest(words=words):
                supervised, (old,) = self.start_workers(1, *words)
                gate = os.path.join(self.directory, f"gate-{len(words)}")
                client = self.begin_slow(gate)
                wait_for("it is busy", lambda: self.begun([old]) == [1])
                old.engine.signal(signal.SIGTERM)
                new = supervised.start()
                new.next_event()
                self.assertEqual(self.pids(50), {new.engine.pid})
                open(gate, "w").close()
                self.assertEqual(client.read_answer().body, b"at last\n")
                self.assertEqual(old.engine.wait_for_exit(), 0)
                new.engine.stop()
                os.unlink(self.socket_path)


class ReplacedUnderLoadTest(WorkersTest):
    """One worker after the other ends while clients ask without a pause."""

    def replace(self, times, *words):
        supervised, (worker,) = self.start_workers(1, *words)
        tally = {"answered": 0}
        lost = []
        is_over = threading.Event()

        def visit():
            while not is_over.is_set():
                try:
                    answer = ask(self.socket_path, "/echo", body=b"x" * 2000)
                    if (answer.body, answer.ended) != (b"x" * 2000, 0):
                        lost.append(answer)
                except OSError as error:
                    lost.append(error)
                tally["answered"] += 1

        visitors = [threading.Thread(target=visit) for _ in range(4)]
        for visitor in visitors:
            visitor.start()
        try:
            for _ in range(times):
                before, successor = tally["answered"], supervised.start()
                successor.next_event()
                worker.engine.signal(signal.SIGTERM)
                self.assertEqual(worker.engine.wait_for_exit(), 0, worker.engine.log)
                worker = successor
                wait_for("the next one serves", lambda: tally["answered"] > before)
        finally:
            is_over.set()
            for visitor in visitors:
                visitor.join()
        self.assertEqual(lost, [])

    def test_fifty_threaded_workers_end_and_no_request_is_lost(self):
        self.replace(50, "application=plain_site", "method=threaded", "threads=4")

    def test_ten_prefork_workers_end_and_no_request_is_lost(self):
        self.replace(10, *PREFORK)
