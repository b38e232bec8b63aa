"""The scoreboard: its bytes, what a reader sees at any moment, and a worker that shows itself."""

import os
import signal
import time
import unittest

from runfcgi.serving.scoreboard import MappedSlot, open_slots
from runfcgi.serving.slot import Slot

from .client import Client, ask, request
from .engine import EngineTest, Supervised, wait_for
from .scoreboard import BUSY, IDLE, Scoreboard

SITE = "application=plain_site"
PARAMS = {"REMOTE_ADDR": "192.0.2.7", "REQUEST_METHOD": "GET", "REQUEST_URI": "/a?b=c"}


class LayoutTest(unittest.TestCase):
    def setUp(self):
        self.board = Scoreboard(2)
        self.addCleanup(self.board.close)
        self.slots = open_slots(self.board.descriptor, 2)

    def test_a_request_is_where_the_layout_says(self):
        before = time.monotonic()
        self.slots[1].busy(PARAMS)
        self.slots[1].sent(1000)
        shown = self.board.look(1)
        self.assertEqual(shown[:3], (1, BUSY, 1000))
        self.assertEqual(shown[4:], ("192.0.2.7", "GET", "/a?b=c"))
        self.assertTrue(before <= shown.started <= time.monotonic())
        self.assertEqual(self.board.raw(0), bytes(512))

    def test_the_next_request_leaves_nothing_of_the_last(self):
        slot = self.slots[0]
        slot.busy({**PARAMS, "REQUEST_URI": "/" + "x" * 400})
        slot.sent(77)
        slot.idle()
        self.assertEqual(self.board.look()[:3], (1, IDLE, 77))
        slot.busy({**PARAMS, "REQUEST_URI": "/"})
        self.assertEqual(self.board.look()[:3], (2, BUSY, 0))
        self.assertEqual(self.board.look().uri, "/")

    def test_a_long_uri_is_cut_and_what_comes_before_it_is_not(self):
        self.slots[0].busy({**PARAMS, "REQUEST_URI": "/" + "é" * 10_000})
        shown = self.board.look()
        self.assertEqual((shown.remote, shown.method), ("192.0.2.7", "GET"))
        self.assertEqual(shown.uri, "/" + "é" * ((328 - len("192.0.2.7 GET /")) // 2))

    def test_a_web_server_that_sends_less_is_shown_all_the_same(self):
        self.slots[0].busy({"SCRIPT_NAME": "/app", "PATH_INFO": "/x", "QUERY_STRING": "q=1"})
        shown = self.board.look()
        self.assertEqual((shown.remote, shown.method, shown.uri), ("", "GET", "/app/x?q=1"))

    def test_what_is_no_scoreboard_of_ours_is_not_written_to(self):
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        self.addCleanup(os.close, write_end)
        self.assertEqual([type(slot) for slot in open_slots(write_end, 2)], [Slot, Slot])
        self.assertEqual([type(slot) for slot in open_slots(None, 1)], [Slot])
        os.pwrite(self.board.descriptor, b"\2", 4)
        self.assertEqual([type(slot) for slot in open_slots(self.board.descriptor, 1)], [Slot])

    def test_threads_beyond_its_slots_are_shown_to_nobody(self):
        slots = open_slots(self.board.descriptor, 3)
        self.assertEqual([type(slot) for slot in slots], [MappedSlot, MappedSlot, Slot])

    def test_a_reader_never_sees_two_requests_in_one(self):
        """The writer does nothing but change; each request is all of one letter and one number."""
        writer = os.fork()
        if writer == 0:
            _write_on_and_on(self.slots[0])
        self.addCleanup(os.waitpid, writer, 0)
        self.addCleanup(os.kill, writer, signal.SIGKILL)
        seen = set()
        end = time.monotonic() + 60
        while len(seen) < 500 and time.monotonic() < end:
            shown = self.board.look()
            if shown is None or not shown.number:
                continue
            letter = chr(97 + shown.number % 26)
            self.assertEqual(shown.remote + shown.method, letter * 4)
            self.assertEqual(shown.uri, letter * (1 + shown.number % 250))
            seen.add(shown.number)
        self.assertGreater(len(seen), 50)


class ShowingWorkerTest(EngineTest):
    def test_it_shows_the_request_in_hand_and_the_last_one(self):
        worker = Supervised(self, SITE, slots=1).start()
        worker.next_event()
        wait_for("the loop is there", lambda: _in_state(worker.scoreboard, IDLE))
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as client:
            uri = {"REQUEST_URI": f"/gated?{gate}", "REMOTE_ADDR": "::1"}
            client.send(request("/gated", QUERY_STRING=gate, **uri))
            shown = wait_for("the first block has gone", lambda: _with_size(worker.scoreboard))
            self.assertEqual(shown[:2], (1, BUSY))
            self.assertEqual((shown.remote, shown.method), ("::1", "GET"))
            self.assertEqual(shown.uri, uri["REQUEST_URI"])
            first = shown.size
            open(gate, "w").close()
            body = client.read_answer().body
        shown = wait_for("it is over", lambda: _in_state(worker.scoreboard, IDLE))
        self.assertEqual(shown.size - first, len(body) - len(b"first\n"))
        worker.engine.signal(signal.SIGTERM)
        self.assertEqual(worker.engine.wait_for_exit(), 0)
        self.assertEqual(worker.scoreboard.look().state, IDLE)

    def test_the_bytes_of_every_kind_of_response_are_counted(self):
        worker = Supervised(self, SITE, slots=1).start()
        worker.next_event()
        for path in ("/hello", "/stream", "/unread"):
            with Client(self.socket_path) as client:
                client.send(request(path))
                sent = b"".join(
                    record.content for record in iter(client.read_record, None) if record.kind == 6
                )
            shown = wait_for("it is over", lambda: _in_state(worker.scoreboard, IDLE))
            self.assertEqual(shown.size, len(sent), path)

    def test_each_thread_has_a_slot(self):
        worker = Supervised(self, SITE, "method=threaded", "threads=2", slots=2).start()
        worker.next_event()
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as one, Client(self.socket_path) as other:
            for client in (one, other):
                client.send(request("/slow", QUERY_STRING=gate))
            board = worker.scoreboard
            for index in (0, 1):
                wait_for("it is busy", lambda index=index: _in_state(board, BUSY, index))
            open(gate, "w").close()
            for client in (one, other):
                self.assertEqual(client.read_answer().body, b"at last\n")

    def test_a_killed_worker_leaves_its_slot_as_it_was(self):
        worker = Supervised(self, SITE, slots=1).start()
        worker.next_event()
        ask(self.socket_path)
        with Client(self.socket_path) as client:
            client.send(request("/slow", QUERY_STRING="/nowhere"))
            worker.engine.wait_for_log("slow request has begun")
            worker.engine.signal(signal.SIGKILL)
            worker.engine.wait_for_exit()
            self.assertEqual(client.read_answer().ended, None)
        self.assertEqual(worker.scoreboard.look()[:2], (2, BUSY))

    def test_a_signal_writes_the_stacks_of_all_threads_and_the_worker_goes_on(self):
        words = (SITE, "method=threaded", "threads=2")
        worker = Supervised(self, *words, slots=2).start()
        worker.next_event()
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as client:
            client.send(request("/slow", QUERY_STRING=gate))
            worker.engine.wait_for_log("slow request has begun")
            worker.engine.signal(signal.SIGUSR2)
            text = worker.read_traces("in main\n")
            self.assertIn("in route_slow", text)
            self.assertEqual(text.count("hread 0x"), 3)
            open(gate, "w").close()
            self.assertEqual(client.read_answer().body, b"at last\n")


def _write_on_and_on(slot):
    number = 0
    while True:
        number += 1
        letter = chr(97 + number % 26)
        params = {"REMOTE_ADDR": letter, "REQUEST_METHOD": letter * 3}
        slot.busy({**params, "REQUEST_URI": letter * (1 + number % 250)})


def _in_state(board, state, index=0):
    shown = board.look(index)
    return shown if shown is not None and shown.state == state else None


def _with_size(board):
    shown = board.look()
    return shown if shown is not None and shown.size else None
