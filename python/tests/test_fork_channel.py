"""The fork server's channel, misused: it answers, forgets nothing, and leaks nothing."""

import json
import os
import random
import signal
import socket

from .engine import wait_for
from .supervisor import ForkedWorker, ForkingTest, state_of
from .test_fork_server import PLAIN, SITE


class RobustnessTest(ForkingTest):
    def settle(self, server):
        """Until the server has dealt with all that was said."""
        server.send(b'{"command":"knock","id":999999}\n')
        while True:
            event = server.next_event("spawn-failed")
            if event["id"] == 999999:
                return

    def wait_until_open(self, server, names):
        """It answers first, and then closes what came with the command."""
        wait_for("no more is open", lambda: sorted(server.descriptors()) == names)

    def descriptors(self, count):
        null = os.open(os.devnull, os.O_RDONLY)
        self.addCleanup(os.close, null)
        return [null] * count

    def test_it_answers_what_it_does_not_understand_and_goes_on(self):
        server = self.ready(PLAIN)
        before = sorted(server.descriptors())
        server.send(b"garbage\n", self.descriptors(6))
        self.assertIn("not JSON: 'garbage'", server.next_event()["message"])
        server.send(b"x" * 70000 + b"\n", self.descriptors(2))
        self.assertIn("65536 bytes", server.next_event()["message"])
        server.send(b'{"command":"dance","id":4}\n')
        event = server.next_event()
        self.assertEqual((event["event"], event["id"]), ("spawn-failed", 4))
        for count in (0, 5, 7, 253):
            server.send_spawn(10 + count, self.descriptors(count))
            event = server.next_event()
            self.assertEqual((event["event"], event["id"]), ("spawn-failed", 10 + count))
            self.assertIn(f"{count} descriptors", event["message"])
        server.send_spawn(5, self.descriptors(6))
        self.assertIn("not a listening socket", server.next_event()["message"])
        server.send_spawn("five", self.descriptors(6))
        event = server.next_event()
        self.assertEqual(event["event"], "warning")
        self.assertIn("not a whole number", event["message"])
        self.wait_until_open(server, before)
        self.assertEqual(server.spawn().pid, self.who())

    def test_commands_arrive_in_any_pieces(self):
        server = self.ready(PLAIN)
        workers = [ForkedWorker(self) for _ in range(4)]
        spawns = [self.line(number) for number in range(4)]
        # The descriptors with the first byte alone; with a middle one; behind other lines.
        server.send(spawns[0][:1], workers[0].descriptors(server.listener))
        server.send(spawns[0][1:20])
        server.send(spawns[0][20:] + spawns[1][:10])
        server.send(spawns[1][10:], workers[1].descriptors(server.listener))
        server.send(b"\n\n")
        server.send(spawns[2], workers[2].descriptors(server.listener))
        server.send(spawns[3] + b"\n", workers[3].descriptors(server.listener))
        spawned = [server.next_event("spawned") for _ in range(3)]
        self.assertEqual([event["id"] for event in spawned], [0, 1, 2])
        # A line more in the same piece: the descriptors are the last line's.
        self.assertEqual(server.next_event("spawn-failed")["id"], 3)
        for worker, event in zip(workers, spawned):
            worker.pid = event["pid"]
            worker.close_their_ends()
            self.assertEqual(worker.next_event(), {"event": "ready"})

    def test_a_worker_does_not_get_what_has_arrived_for_the_next(self):
        server = self.ready(PLAIN)
        first, second = ForkedWorker(self), ForkedWorker(self)
        server.engine.signal(signal.SIGSTOP)
        server.send(self.line(1)[:1], first.descriptors(server.listener))
        server.send(self.line(1)[1:])
        server.send(self.line(2)[:1], second.descriptors(server.listener))
        server.engine.signal(signal.SIGCONT)
        first.pid = server.next_event("spawned")["pid"]
        first.close_their_ends()
        self.assertEqual(first.next_event(), {"event": "ready"})
        server.send(self.line(2)[1:])
        second.pid = server.next_event("spawned")["pid"]
        second.close_their_ends()
        self.assertEqual(second.next_event(), {"event": "ready"})
        second.signal(signal.SIGKILL)
        self.assertIsNone(second.next_event())

    def line(self, number):
        return json.dumps({"command": "spawn", "id": number, "marker": "m"}).encode() + b"\n"

    def test_a_storm_of_garbage_leaves_nothing_behind(self):
        server = self.ready(PLAIN)
        worker = server.spawn()
        before = sorted(server.descriptors())
        nulls = self.descriptors(7)
        chance = random.Random(7)
        pieces = (b"{", b"}", b"\n", b'"id":3', b'"command":"spawn"', b",", b"\0\xff", b"[" * 999)
        for _ in range(1500):
            data = b"".join(chance.choices(pieces, k=chance.randint(1, 8)))
            server.send(data, nulls[: chance.choice((0, 0, 1, 6, 7))])
            self.read_what_is_there(server)
        server.send(b"\n")
        self.settle(server)
        self.wait_until_open(server, before)
        self.assertEqual(self.who(), worker.pid)
        worker.signal(signal.SIGKILL)
        self.assertEqual(server.next_event("exited")["pid"], worker.pid)
        server.spawn()

    def read_what_is_there(self, server):
        try:
            while server.channel.recv(65536, socket.MSG_DONTWAIT):
                pass
        except BlockingIOError:
            pass

    def test_two_hundred_workers_come_and_go_and_nothing_is_left_open(self):
        server = self.ready(PLAIN)
        before = sorted(server.descriptors())
        sizes = set()
        for _ in range(200):
            worker = server.spawn()
            sizes.add(len(os.listdir(f"/proc/{worker.pid}/fd")))
            worker.signal(signal.SIGKILL)
            server.next_event("exited")
        self.wait_until_open(server, before)
        self.assertEqual(len(sizes), 1)

    def test_a_fork_that_fails_is_told_and_the_next_may_succeed(self):
        flag = os.path.join(self.directory, "no more processes")
        server = self.ready(SITE, FORK_FAILS_WHILE=flag)
        before = sorted(server.descriptors())
        open(flag, "w").close()
        server.send_spawn(1, ForkedWorker(self).descriptors(server.listener))
        event = server.next_event()
        self.assertEqual((event["event"], event["id"]), ("spawn-failed", 1))
        self.assertIn("Resource temporarily unavailable", event["message"])
        self.wait_until_open(server, before)
        os.unlink(flag)
        server.spawn()

    def test_a_supervisor_that_does_not_read_misses_no_end(self):
        server = self.ready(PLAIN)
        workers = [server.spawn() for _ in range(5)]
        server.channel.setblocking(False)
        self.assertGreater(self.fill(server), 1000)
        for worker in workers:
            worker.signal(signal.SIGKILL)
            wait_for("it is reaped", lambda: not os.path.exists(f"/proc/{worker.pid}"))
        self.assertLess(_resident_kilobytes(server.engine.pid), 100_000)
        server.channel.setblocking(True)
        ends = [server.next_event("exited")["pid"] for _ in workers]
        self.assertEqual(sorted(ends), sorted(worker.pid for worker in workers))
        self.settle(server)
        server.spawn()

    def fill(self, server):
        """Say things without reading the answers, until they wait at the server's too."""
        line = b'{"command":"dance","id":1}\n'
        told = stalled = 0
        # It sleeps, and does so twice, although there is something to read.
        while stalled < 2:
            try:
                rest = line[server.channel.send(line) :]
                assert not rest
                told += 1
                stalled = 0
            except BlockingIOError:
                wait_for("it sleeps", lambda: state_of(server.engine.pid) == "S")
                stalled += 1
        return told


def _resident_kilobytes(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
