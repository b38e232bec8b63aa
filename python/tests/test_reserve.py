"""The reserve of a fork server: a process forked ahead of time, which becomes the next worker."""

import os
import signal

from .client import Client, request
from .engine import is_alive, wait_for
from .supervisor import (
    ForkingTest,
    inheritable_descriptors,
    mark_of,
    name_of,
    open_descriptors,
)

SITE = "application=forked_site"
PLAIN = "application=plain_site"


class ReserveTest(ForkingTest):
    def test_the_next_worker_is_the_process_that_waited(self):
        server = self.ready(PLAIN)
        first = server.spawn()
        reserve = server.wait_for_reserve()
        second = server.spawn()
        self.assertEqual(second.pid, reserve)
        self.assertNotEqual(server.wait_for_reserve(), reserve)
        self.assertEqual(sorted(server.workers()), sorted((first.pid, second.pid)))

    def test_ps_tells_server_reserve_and_workers_apart(self):
        server = self.ready(PLAIN, marker="shop/fork-server:" + "0" * 32)
        first = server.spawn("shop/1:0123")
        self.assertEqual(name_of(server.engine.pid), "shop/fork")
        self.assertEqual(name_of(first.pid), "shop/1")
        reserve = server.wait_for_reserve()
        wait_for("the reserve has its name", lambda: name_of(reserve) == "shop/next")
        second = server.spawn("a-shop-with-a-long-name/12:0123")
        self.assertEqual((second.pid, name_of(reserve)), (reserve, "a-shop-with-/12"))

    def test_it_carries_the_mark_of_its_server_until_it_is_used_and_then_its_own(self):
        server = self.ready(SITE)
        server.spawn("first").signal(signal.SIGKILL)
        server.next_event("exited")
        reserve = server.wait_for_reserve()
        self.assertEqual(mark_of(reserve), server.marker)
        worker = server.spawn("second")
        self.assertEqual(mark_of(reserve), "second")
        facts = self.facts()
        self.assertEqual((facts["pid"], facts["session"]), (reserve, reserve))
        self.assertEqual(facts["own mark"], "second")
        self.assertIn("RUNFCGID_WORKER=second", facts["what a child has"])
        self.assertEqual(facts["blocked"], [])
        self.assertEqual(facts["imported since the fork"], [])
        self.assertNotIn("socket:", facts["what a child has open"])
        self.assertEqual(worker.log, "printed by the site\n")

    def test_two_in_a_row_share_no_random_numbers(self):
        server = self.ready(SITE)
        server.spawn().signal(signal.SIGKILL)
        server.next_event("exited")
        seen = []
        for _ in range(2):
            reserve = server.wait_for_reserve()
            worker = server.spawn()
            self.assertEqual(worker.pid, reserve)
            seen.append(self.facts()["random"])
            worker.signal(signal.SIGKILL)
            server.next_event("exited")
        self.assertNotEqual(*seen)

    def test_signals_stop_what_was_a_reserve_as_they_stop_any_worker(self):
        server = self.ready(PLAIN)
        server.spawn().signal(signal.SIGTERM)
        server.next_event("exited")
        reserve = server.wait_for_reserve()
        worker = server.spawn()
        self.assertEqual(worker.pid, reserve)
        worker.signal(signal.SIGTERM)
        event = server.next_event()
        self.assertEqual(event, {"event": "exited", "pid": reserve, "status": 0})

    def test_one_that_dies_is_replaced_and_nobody_is_told(self):
        server = self.ready(PLAIN)
        server.spawn()
        for signum in (signal.SIGKILL, signal.SIGTERM):
            reserve = server.wait_for_reserve()
            os.kill(reserve, signum)
            server.wait_for_reserve(other_than=reserve)
        reserve = server.wait_for_reserve()
        worker = server.spawn()
        self.assertEqual(worker.pid, reserve)
        worker.signal(signal.SIGKILL)
        event = server.next_event()
        self.assertEqual(event, {"event": "exited", "pid": reserve, "status": 9})

    def test_one_that_hangs_and_is_killed_while_it_is_asked_for_is_a_worker_that_died(self):
        server = self.ready(PLAIN)
        server.spawn()
        reserve = server.wait_for_reserve()
        os.kill(reserve, signal.SIGSTOP)
        pid = server.request_unseen()
        self.assertEqual(pid, reserve)
        os.kill(reserve, signal.SIGKILL)
        event = server.next_event("exited")
        self.assertEqual(event, {"event": "exited", "pid": reserve, "status": 9})

    def test_it_ends_with_its_server_however_that_ends(self):
        for end in (signal.SIGKILL, signal.SIGTERM, None):
            with self.subTest(end=end):
                server = self.ready(PLAIN)
                worker = server.spawn()
                reserve = server.wait_for_reserve()
                if end is None:
                    server.channel.close()
                else:
                    server.engine.signal(end)
                server.engine.wait_for_exit()
                if end == signal.SIGKILL:
                    wait_for("it has left", lambda pid=reserve: not is_alive(pid))
                self.assertFalse(is_alive(reserve))
                self.assertEqual(self.who(), worker.pid)
                worker.signal(signal.SIGTERM)
                wait_for("the worker has left", lambda pid=worker.pid: not is_alive(pid))
                os.unlink(self.socket_path)

    def test_many_in_a_row_leave_no_descriptor_and_no_process(self):
        server = self.ready(PLAIN)
        server.spawn().signal(signal.SIGKILL)
        server.next_event("exited")
        server.wait_for_reserve()
        before = len(server.descriptors())
        for round in range(12):
            if round % 3:
                server.wait_for_reserve()
            workers = [server.spawn() for _ in range(1 + round % 2)]
            for worker in workers:
                worker.signal(signal.SIGKILL)
                server.next_event("exited")
        server.wait_for_reserve()
        self.assertEqual(len(server.descriptors()), before)
        self.assertEqual(len(server.engine.children()), 1)

    def test_it_holds_nothing_of_a_worker_and_no_worker_holds_anything_of_it(self):
        server = self.ready(PLAIN)
        first = server.spawn()
        reserve = server.wait_for_reserve()
        held = set(open_descriptors(reserve)) & set(open_descriptors(first.pid))
        held -= inheritable_descriptors()
        self.assertFalse([name for name in held if name.startswith(("socket:", "pipe:"))])
        second = server.spawn()
        server.wait_for_reserve()
        held = set(open_descriptors(second.pid)) - inheritable_descriptors()
        sockets = [name for name in held if name.startswith("socket:")]
        listener = f"socket:[{os.fstat(server.listener.fileno()).st_ino}]"
        self.assertEqual(sockets, [listener])

    def test_a_busy_worker_beside_it_goes_on(self):
        server = self.ready(PLAIN)
        server.spawn()
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as client:
            client.send(request("/slow", QUERY_STRING=gate))
            reserve = server.wait_for_reserve()
            self.assertEqual(server.spawn().pid, reserve)
            self.assertEqual(self.who(), reserve)
            open(gate, "w").close()
            self.assertEqual(client.read_answer().body, b"at last\n")
