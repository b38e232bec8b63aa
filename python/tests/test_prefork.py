"""The parent and its workers: growing, shrinking, replacing."""

import os
import signal
import threading

from .client import Client, ask, request
from .engine import EngineTest, is_alive, wait_for
from .supervisor import state_of


class PreforkTest(EngineTest):
    def begin_slow(self, engine, gate, count):
        """``count`` requests that hold a worker each."""
        clients = [Client(self.socket_path) for _ in range(count)]
        for client in clients:
            self.addCleanup(client.socket.close)
            client.send(request("/slow", QUERY_STRING=gate))
        wait_for(
            f"{count} requests have begun",
            lambda: engine.log.count("slow request has begun") >= count,
        )
        return clients

    def test_it_grows_under_load_and_shrinks_to_max_spare(self):
        engine = self.serve("minspare=1", "maxspare=2", "maxchildren=6")
        self.assertEqual(len(engine.children()), 2)
        gate = os.path.join(self.directory, "gate")
        clients = self.begin_slow(engine, gate, 6)
        self.assertEqual(len(engine.children()), 6)
        waiting = Client(self.socket_path)
        self.addCleanup(waiting.socket.close)
        waiting.send(request("/hello"))
        open(gate, "w").close()
        for client in clients:
            self.assertEqual(client.read_answer().body, b"at last\n")
        self.assertEqual(waiting.read_answer().body, b"hello\n")
        wait_for("it has shrunk", lambda: len(engine.children()) == 2)

    def test_a_killed_worker_is_replaced_and_a_waiting_request_answered(self):
        engine = self.serve("maxspare=1", "maxchildren=1")
        first = int(ask(self.socket_path, "/who").body.split()[0])
        os.kill(first, signal.SIGSTOP)
        # Until then it may still take the connection, and end with it.
        wait_for("it has stopped", lambda: state_of(first) == "T")
        with Client(self.socket_path) as client:
            client.send(request("/who"))
            os.kill(first, signal.SIGKILL)
            second = int(client.read_answer().body.split()[0])
        self.assertNotEqual(first, second)
        self.assertIn(f"worker {first} was killed by SIGKILL, perhaps out of memory", engine.log)

    def test_a_worker_that_a_view_ends_is_replaced(self):
        engine = self.serve("maxspare=1", "maxchildren=1")
        for _ in range(5):
            self.assertIsNone(ask(self.socket_path, "/crash").ended)
            self.assertEqual(ask(self.socket_path).body, b"hello\n")
        self.assertIn("exited with status 7 after", engine.log)

    def test_max_requests_counts_requests_and_loses_none(self):
        for method in (("maxspare=2", "maxchildren=2"), ("method=threaded", "threads=4")):
            with self.subTest(method=method):
                engine = self.serve("maxrequests=20", *method)
                pids = set()
                lock = threading.Lock()

                def visit():
                    for _ in range(75):
                        answer = ask(self.socket_path, "/who")
                        with lock:
                            pids.add(answer.body.split()[0])

                threads = [threading.Thread(target=visit) for _ in range(4)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertNotIn(b"", pids)
                self.assertGreater(len(pids), 1)
                engine.signal(signal.SIGTERM)
                self.assertEqual(engine.wait_for_exit(), 0)
                self.assertNotIn("worker", engine.log)

    def test_max_requests_counts_the_requests_of_a_kept_connection(self):
        self.serve("maxrequests=3", "maxspare=1", "maxchildren=1")
        with Client(self.socket_path) as client:
            first = client.ask("/who", keep=True).body
            for _ in range(9):
                # It goes on answering here: the web server has not closed the connection.
                self.assertEqual(client.ask("/who", keep=True).body.split()[0], first.split()[0])
            wait_for(
                "a replacement serves",
                lambda: ask(self.socket_path, "/who").body.split()[0] != first.split()[0],
            )

    def test_workers_whose_parent_was_killed_finish_and_leave(self):
        engine = self.serve("maxspare=2", "maxchildren=2")
        children = engine.children()
        gate = os.path.join(self.directory, "gate")
        client = self.begin_slow(engine, gate, 1)[0]
        engine.signal(signal.SIGKILL)
        engine.wait_for_exit()
        wait_for("the idle one leaves", lambda: sum(map(is_alive, children)) == 1)
        open(gate, "w").close()
        self.assertEqual(client.read_answer().body, b"at last\n")
        wait_for("the busy one leaves", lambda: not any(map(is_alive, children)))

    def test_a_worker_that_gets_a_signal_finishes_its_request(self):
        engine = self.serve("maxspare=1", "maxchildren=1")
        gate = os.path.join(self.directory, "gate")
        client = self.begin_slow(engine, gate, 1)[0]
        os.kill(engine.children()[0], signal.SIGTERM)
        open(gate, "w").close()
        self.assertEqual(client.read_answer().body, b"at last\n")
        self.assertEqual(ask(self.socket_path).body, b"hello\n")


class ThreadedTest(EngineTest):
    def test_what_no_thread_can_take_waits_and_is_not_reset(self):
        engine = self.serve("method=threaded", "threads=2")
        gate = os.path.join(self.directory, "gate")
        clients = [Client(self.socket_path) for _ in range(10)]
        for client in clients:
            self.addCleanup(client.socket.close)
            client.send(request("/slow", QUERY_STRING=gate))
        wait_for("two have begun", lambda: engine.log.count("slow request has begun") == 2)
        open(gate, "w").close()
        for client in clients:
            self.assertEqual(client.read_answer().body, b"at last\n")

    def test_kept_connections_do_not_hold_threads(self):
        self.serve("method=threaded", "threads=2")
        kept = [Client(self.socket_path) for _ in range(10)]
        for _ in range(3):
            for client in kept:
                self.assertEqual(client.ask(keep=True).body, b"hello\n")
        for client in kept:
            client.socket.close()

    def test_requests_run_at_the_same_time(self):
        engine = self.serve("method=threaded", "threads=5")
        gate = os.path.join(self.directory, "gate")
        clients = [Client(self.socket_path) for _ in range(5)]
        for client in clients:
            self.addCleanup(client.socket.close)
            client.send(request("/slow", QUERY_STRING=gate))
        wait_for("five have begun", lambda: engine.log.count("slow request has begun") == 5)
        self.assertEqual(len(engine.children()), 1)
        open(gate, "w").close()
        for client in clients:
            self.assertEqual(client.read_answer().body, b"at last\n")
