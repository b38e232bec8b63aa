"""A reserve: a process forked ahead of time, which becomes a worker when it is told to."""

import os
import signal
import socket
import time

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
    def test_ps_tells_server_reserve_and_workers_apart(self):
        server = self.ready(PLAIN, marker="shop/fork-server:" + "0" * 32)
        first = server.spawn("shop/1:0123")
        self.assertEqual(name_of(server.engine.pid), "shop/fork")
        self.assertEqual(name_of(first.pid), "shop/1")
        reserve = server.prepare()
        self.assertEqual(name_of(reserve.pid), "shop/next")
        server.launch(reserve, "a-shop-with-a-long-name/12:0123")
        self.assertEqual(name_of(reserve.pid), "a-shop-with-/12")

    def test_it_becomes_a_worker_like_any_other(self):
        server = self.ready(SITE)
        reserve = server.prepare()
        worker = server.launch(reserve, "the mark")
        facts = self.facts()
        self.assertEqual((facts["pid"], facts["session"]), (reserve.pid, reserve.pid))
        self.assertEqual(facts["own mark"], "the mark")
        self.assertEqual(mark_of(reserve.pid), "the mark")
        self.assertIn("RUNFCGID_WORKER=the mark", facts["what a child has"])
        self.assertEqual(facts["blocked"], [])
        self.assertTrue(facts["SIGCHLD is default"])
        self.assertEqual(facts["imported since the fork"], [])
        self.assertNotIn("socket:", facts["what a child has open"])
        self.assertEqual(worker.log, "printed by the site\n")

    def test_before_that_it_serves_nothing_and_carries_the_mark_of_its_server(self):
        server = self.ready(PLAIN)
        reserve = server.prepare()
        self.assertEqual(mark_of(reserve.pid), server.marker)
        self.assertNotIn(_name(server.listener), open_descriptors(reserve.pid))
        self.assertEqual(server.workers(), [])
        with Client(self.socket_path) as client:
            client.send(request("/who"))
            worker = server.spawn()
            self.assertEqual(int(client.read_answer().body.split()[0]), worker.pid)
        self.assertEqual(reserve.worker.log, "")

    def test_two_share_no_random_numbers(self):
        server = self.ready(SITE)
        reserves = [server.prepare(), server.prepare()]
        seen = []
        for reserve in reserves:
            worker = server.launch(reserve)
            seen.append(self.facts()["random"])
            worker.signal(signal.SIGKILL)
            server.next_event("exited")
        self.assertNotEqual(*seen)

    def test_signals_stop_what_was_a_reserve_as_they_stop_any_worker(self):
        server = self.ready(PLAIN)
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            worker = server.launch(server.prepare())
            worker.signal(signum)
            event = server.next_event()
            self.assertEqual(event, {"event": "exited", "pid": worker.pid, "status": 0})
        worker = server.launch(server.prepare())
        worker.signal(signal.SIGQUIT)
        self.assertEqual(server.next_event()["status"], (128 + signal.SIGQUIT) << 8)

    def test_it_sleeps_for_as_long_as_it_takes_whatever_time_out_the_application_has_for_sockets(self):
        with open(os.path.join(self.directory, "hasty.py"), "w") as file:
            file.write(
                "import socket\nsocket.setdefaulttimeout(0.1)\nfrom plain_site import application\n"
            )
        server = self.ready("application=hasty")
        reserve = server.prepare()
        time.sleep(0.3)
        self.assertTrue(is_alive(reserve.pid))
        self.assertEqual(server.launch(reserve).pid, reserve.pid)
        self.assertEqual(self.who(), reserve.pid)

    def test_threaded_workers_come_of_one_too(self):
        server = self.ready(PLAIN, "method=threaded", "threads=3")
        worker = server.launch(server.prepare())
        tasks = f"/proc/{worker.pid}/task"
        wait_for("main and three threads run", lambda: len(os.listdir(tasks)) == 4)
        self.assertEqual(self.who(), worker.pid)

    def test_its_end_is_told_like_that_of_a_worker(self):
        server = self.ready(PLAIN)
        for signum in (signal.SIGKILL, signal.SIGTERM):
            reserve = server.prepare()
            os.kill(reserve.pid, signum)
            event = server.next_event()
            self.assertEqual(event, {"event": "exited", "pid": reserve.pid, "status": signum})

    def test_one_that_is_let_go_ends(self):
        server = self.ready(PLAIN)
        reserve = server.prepare()
        reserve.launch_end.close()
        event = server.next_event()
        self.assertEqual(event, {"event": "exited", "pid": reserve.pid, "status": 0})
        self.assertEqual(reserve.worker.log, "")

    def test_one_that_is_told_anything_else_ends(self):
        server = self.ready(PLAIN)
        for said in (b"\n", b"a mark without its socket\n", b"unfinished"):
            with self.subTest(said=said):
                reserve = server.prepare()
                reserve.launch_end.sendall(said)
                event = server.next_event()
                self.assertEqual(event, {"event": "exited", "pid": reserve.pid, "status": 0})

    def test_it_outlives_its_server_and_becomes_a_worker_all_the_same(self):
        server = self.ready(PLAIN)
        reserve = server.prepare()
        server.engine.signal(signal.SIGKILL)
        server.engine.wait_for_exit()
        worker = server.launch(reserve)
        self.assertEqual(self.who(), worker.pid)
        worker.signal(signal.SIGTERM)
        wait_for("it has left", lambda: not is_alive(worker.pid))

    def test_many_in_a_row_leave_no_descriptor_and_no_process(self):
        server = self.ready(PLAIN)
        before = len(server.descriptors())
        sizes = set()
        for _ in range(12):
            worker = server.launch(server.prepare())
            sizes.add(len(os.listdir(f"/proc/{worker.pid}/fd")))
            worker.signal(signal.SIGKILL)
            server.next_event("exited")
        self.assertEqual(sizes, {len(os.listdir(f"/proc/{server.spawn().pid}/fd"))})
        wait_for("nothing is left open", lambda: len(server.descriptors()) == before)
        self.assertEqual(len(server.engine.children()), 1)

    def test_it_holds_nothing_of_a_worker_and_no_worker_holds_anything_of_it(self):
        server = self.ready(PLAIN)
        first = server.spawn()
        reserve = server.prepare()
        held = set(open_descriptors(reserve.pid)) & set(open_descriptors(first.pid))
        held -= inheritable_descriptors()
        self.assertFalse([name for name in held if name.startswith(("socket:", "pipe:"))])
        server.launch(reserve)
        held = set(open_descriptors(reserve.pid)) - inheritable_descriptors()
        sockets = [name for name in held if name.startswith("socket:")]
        self.assertEqual(sockets, [_name(server.listener)])

    def test_one_that_cannot_be_forked_is_told(self):
        flag = os.path.join(self.directory, "no more processes")
        server = self.ready(SITE, FORK_FAILS_WHILE=flag)
        open(flag, "w").close()
        with self.assertRaisesRegex(AssertionError, "spawn-failed.*temporarily unavailable"):
            server.prepare()
        os.unlink(flag)
        server.launch(server.prepare())


def _name(sock: socket.socket) -> str:
    return f"socket:[{os.fstat(sock.fileno()).st_ino}]"
