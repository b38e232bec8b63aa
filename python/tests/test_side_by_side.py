"""Several workers on one listening socket: who takes what, and what an end among them costs."""

import contextlib
import os
import signal
import socket
import sys
import threading

from runfcgi.serving.listener import Listener
from runfcgi.serving.slot import Slot
from runfcgi.serving.worker import Worker, WorkerSettings

from .client import Client, ask, request
from .engine import SITES, EngineTest, Supervised, wait_for

sys.path.append(SITES)
import plain_site  # noqa: E402

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
                # The main thread, or its one thread that is free.
                tasks = f"/proc/{old.engine.pid}/task"
                busy = 1 if words == PREFORK else 2
                wait_for("it has heard", lambda: len(os.listdir(tasks)) == busy)
                new = supervised.start()
                new.next_event()
                self.assertEqual(self.pids(50), {new.engine.pid})
                open(gate, "w").close()
                self.assertEqual(client.read_answer().body, b"at last\n")
                self.assertEqual(old.engine.wait_for_exit(), 0)
                new.engine.stop()
                os.unlink(self.socket_path)


class ReplacedUnderLoadTest(EngineTest):
    """One worker after the other ends while clients ask without a pause.

    Workers are forked from the test, which loads nothing anew: so there is time for fifty.
    """

    def setUp(self):
        super().setUp()
        self.socket = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.socket.close)
        self.socket.bind(self.socket_path)
        self.socket.listen(128)

    def fork(self, run):
        """Returns the child's pid, once it has written to the descriptor that ``run`` gets."""
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 99
            try:
                status = run(write_end)
            finally:
                os._exit(status)
        os.close(write_end)
        self.addCleanup(reap, pid)
        with open(read_end, "rb") as told:
            self.assertEqual(told.read(1), b".")
        return pid

    def fork_worker(self, threads):
        def run(descriptor):
            settings = WorkerSettings(threads, 60.0, 0, False, threads)
            slots = [Slot() for _ in range(threads)]
            worker = Worker(plain_site.application, settings, slots)
            listener = Listener(self.socket)
            return worker.run(
                listener, lambda: os.write(descriptor, b".") and os.close(descriptor)
            )

        return self.fork(run)

    def fork_visitors(self):
        """Four who ask until the file "over" is there; the exit status is how many were lost."""

        def run(descriptor):
            lost = []
            threads = [threading.Thread(target=visit, args=(lost,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            os.write(descriptor, b".")
            for thread in threads:
                thread.join()
            print(*lost, sep="\n", end="")
            return min(len(lost), 98)

        def visit(lost):
            while not os.path.exists(self.over):
                try:
                    answer = ask(self.socket_path, "/echo", body=b"x" * 2000)
                    if (answer.body, answer.ended) != (b"x" * 2000, 0):
                        lost.append(answer)
                except OSError as error:
                    lost.append(error)

        self.over = os.path.join(self.directory, "over")
        return self.fork(run)

    def replace(self, times, threads):
        worker = self.fork_worker(threads)
        visitors = self.fork_visitors()
        for _ in range(times):
            successor = self.fork_worker(threads)
            os.kill(worker, signal.SIGTERM)
            self.assertEqual(os.waitpid(worker, 0)[1], 0)
            self.assertEqual(int(ask(self.socket_path, "/who").body.split()[0]), successor)
            worker = successor
        open(self.over, "w").close()
        self.assertEqual(os.waitpid(visitors, 0)[1], 0)
        os.kill(worker, signal.SIGTERM)
        self.assertEqual(os.waitpid(worker, 0)[1], 0)

    def test_fifty_threaded_workers_end_and_no_request_is_lost(self):
        self.replace(50, threads=4)

    def test_fifty_prefork_workers_end_and_no_request_is_lost(self):
        self.replace(50, threads=1)


def reap(pid):
    """What a failed test left; the pid of one that was waited for may be another process's by now."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == 0:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
