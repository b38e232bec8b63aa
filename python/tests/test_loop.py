"""A loop with limits small enough to reach, in a thread of the test itself."""

import contextlib
import io
import os
import resource
import shutil
import socket
import struct
import tempfile
import threading
import time
import unittest
from unittest import mock

from runfcgi.fastcgi.limits import Limits
from runfcgi.fastcgi.patience import LONG, SHORT, Patience
from runfcgi.serving.listener import Listener
from runfcgi.serving.loop import Loop
from runfcgi.serving.parking import Parking
from runfcgi.serving.shared import Shared, open_door
from runfcgi.serving.slot import Slot
from runfcgi.serving.stop import Stop
from runfcgi.wsgi.environ import constants
from runfcgi.wsgi.gateway import Gateway

from .client import TIMEOUT, Client, ask, begin, params, request, stdin
from .engine import wait_for

# In seconds. Whoever does send its parameters must have done so by then, on a busy machine, too.
_HEAD_TIMEOUT = 2.0


# The paths asked for, in the order in which they were.
seen = []


def application(environ, start_response):
    seen.append(environ["PATH_INFO"])
    if environ["PATH_INFO"] == "/large":
        start_response("200 OK", [])
        return [bytes(20_000_000)]
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d\n" % len(body)]


class LoopTest(unittest.TestCase):
    def serve(self, **limits):
        loop, stop = self.loop(interrupts={}, **limits)
        thread = threading.Thread(target=loop.run)
        thread.start()
        self.addCleanup(thread.join, TIMEOUT)
        self.addCleanup(stop.set)

    def loop(self, interrupts, **limits):
        """A loop on a listening socket at ``self.path``, not running yet, and what stops it."""
        directory = tempfile.mkdtemp(prefix="runfcgi-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.path = os.path.join(directory, "s")
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(self.path)
        listening.listen()
        self.errors = io.StringIO()
        redirect = contextlib.redirect_stderr(self.errors)
        redirect.__enter__()
        self.addCleanup(redirect.__exit__, None, None, None)
        self.parking = Parking()
        stop = Stop(graceful_timeout=5.0)
        listener = Listener(listening)
        shared = Shared(
            door=open_door((listener, self.parking, stop, *interrupts)),
            listener=listener,
            gateway=Gateway(application, constants(False, True), debug=False),
            parking=self.parking,
            stop=stop,
            limits=Limits(**limits),
            capacity=lambda: 1,
            on_served=lambda: None,
            interrupts=interrupts,
            is_alone=True,
        )
        return Loop(shared, Slot()), stop

    def client(self):
        client = Client(self.path)
        self.addCleanup(client.socket.close)
        return client

    def test_parameters_that_do_not_arrive_are_answered_408(self):
        self.serve(head_timeout=_HEAD_TIMEOUT)
        client = self.client()
        client.send(begin() + params({"A": "b"})[:10])
        answer = client.read_answer()
        self.assertEqual((answer.status, answer.ended), ("408 Request Timeout", 0))
        self.assertIn("did not arrive within 2 s", self.errors.getvalue())
        self.assertEqual(ask(self.path).body, b"0\n")

    def test_the_time_for_parameters_is_not_renewed_by_each_byte(self):
        self.serve(head_timeout=0.3)
        client = self.client()
        client.send(begin())
        data = params({"A": "b" * 60_000})
        sent = iter(range(len(data) - 20))

        def drip():
            client.send(data[next(sent) :][:1])
            return "408" in self.errors.getvalue()

        with contextlib.suppress(BrokenPipeError):
            wait_for("it is refused", drip)
        self.assertEqual(client.read_answer().status, "408 Request Timeout")

    def test_a_connection_that_says_nothing_is_closed(self):
        self.serve(head_timeout=_HEAD_TIMEOUT)
        self.assertTrue(self.client().is_closed())

    def test_a_web_server_that_is_held_up_after_its_connect_is_not_passed_by(self):
        self.serve()
        for _ in range(20):
            seen.clear()
            begun = time.monotonic()
            held_up, other = self.client(), self.client()
            other.send(request("/other"))
            time.sleep(0.15)
            held_up.send(request("/held-up"))
            took = time.monotonic() - begun
            for client in (held_up, other):
                self.assertEqual(client.read_answer().body, b"0\n")
            if took < 0.4:
                self.assertEqual(seen, ["/held-up", "/other"])
                return
        self.fail("this machine never did that within 0.4 s")

    def test_connections_that_say_nothing_hold_up_those_that_do_for_a_tenth_of_that_time_each(self):
        a_second = struct.pack("@ll", 1, 0)
        with mock.patch("runfcgi.fastcgi.patience.LONG", a_second):
            self.serve(open_connections=100)
            silent = [self.client() for _ in range(30)]
            begun = time.monotonic()
            self.assertEqual(ask(self.path).body, b"0\n")
            self.assertLess(time.monotonic() - begun, len(silent) / 2)

    def test_patience_comes_back(self):
        with mock.patch("time.monotonic", return_value=1000.0) as now:
            patience = Patience()
            self.assertEqual(patience.timeval(), LONG)
            patience.was_in_vain()
            self.assertEqual(patience.timeval(), SHORT)
            now.return_value += 11
            self.assertEqual(patience.timeval(), LONG)

    def test_a_kept_connection_is_not_closed_for_saying_nothing(self):
        self.serve(head_timeout=_HEAD_TIMEOUT)
        client = self.client()
        client.ask(keep=True)
        self.assertTrue(self.client().is_closed())  # a silent one of the same time is
        self.assertEqual(client.ask(keep=True).body, b"0\n")

    def test_a_body_that_does_not_arrive_ends_the_request(self):
        self.serve(io_timeout=0.2)
        client = self.client()
        client.send(begin() + params({"CONTENT_LENGTH": "9"}) + stdin(b"some")[:-8])
        self.assertIsNone(client.read_answer().ended)
        self.assertIn("the web server sent nothing for 0.2 s", self.errors.getvalue())

    def test_a_response_that_nobody_takes_ends_the_request(self):
        self.serve(io_timeout=0.2, linger_timeout=0.2)
        client = self.client()
        client.send(request("/large"))
        wait_for("it gives up", lambda: "took nothing for 0.2 s" in self.errors.getvalue())
        self.assertEqual(ask(self.path).body, b"0\n")

    def test_a_web_server_that_never_closes_is_not_waited_for_for_ever(self):
        self.serve(linger_timeout=0.2)
        client = self.client()
        client.send(begin() + params({"CONTENT_LENGTH": "x"}) + stdin(b"unread")[:-8])
        self.assertEqual(client.read_answer().status, "400 Bad Request")
        wait_for("it is closed", lambda: len(self.parking) == 0)

    def test_above_the_limit_of_connections_the_idlest_is_closed(self):
        self.serve(open_connections=3)
        kept = [self.client() for _ in range(5)]
        for client in kept:
            self.assertEqual(client.ask(keep=True).body, b"0\n")
        for client in kept[:2]:
            self.assertTrue(client.is_closed())
        for client in kept[2:]:
            self.assertEqual(client.ask(keep=True).body, b"0\n")

    def test_without_descriptors_it_gives_up_idle_connections_and_lives_on(self):
        self.serve()
        kept = [self.client() for _ in range(3)]
        for client in kept:
            client.ask(keep=True)
        waiting = socket.socket(socket.AF_UNIX)  # connected when there is no descriptor left
        self.addCleanup(waiting.close)
        waiting.settimeout(TIMEOUT)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(0)
        os.close(lowest)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
        waiting.connect(self.path)
        waiting.sendall(request())
        self.assertIn(b"\r\n\r\n0\n", waiting.recv(4096))
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        self.assertIn("cannot accept: Too many open files", self.errors.getvalue())

    def test_what_interrupts_is_heard_although_the_queue_is_never_empty(self):
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        os.close(write_end)
        loop, stop = self.loop(interrupts={read_end: lambda: stop.set()})
        clients = [self.client() for _ in range(100)]
        for client in clients:
            client.send(request())
        loop.run()
        answered = sum(has_answer(client) for client in clients)
        self.assertTrue(0 < answered < 100, answered)


def has_answer(client):
    client.socket.setblocking(False)
    try:
        return client.socket.recv(1) != b""
    except BlockingIOError:
        return False
