"""``wsgi.input`` against plain files: every way of reading, whatever pieces the body comes in."""

import io
import random
import socket
import threading
import tracemalloc
import unittest

from runfcgi.fastcgi.connection import Connection, PeerGone
from runfcgi.fastcgi.incoming import Incoming
from runfcgi.fastcgi.limits import Limits
from runfcgi.fastcgi.records import ABORT_REQUEST, GET_VALUES, STDIN, record
from runfcgi.wsgi.body import BodyIncomplete, open_body

from .client import begin, padded, params, stdin
from .engine import DEADLINE

BODY = b"first\nsecond line\n\n" + bytes(range(256)) * 4 + b"\nlast without an end"

# Each is called with the file; what it returns must be what it is with a plain file.
READINGS = {
    "read()": lambda f: f.read(),
    "read(-1)": lambda f: f.read(-1),
    "read(0), then all": lambda f: [f.read(0), f.read()],
    "read(1) to the end": lambda f: list(iter(lambda: f.read(1), b"")),
    "read(7) to the end": lambda f: list(iter(lambda: f.read(7), b"")),
    "read(more than there is)": lambda f: f.read(10_000_000),
    "read(None)": lambda f: f.read(None),
    "read(64 KiB) to the end": lambda f: list(iter(lambda: f.read(65536), b"")),
    "read(5), then large": lambda f: [f.read(5), f.read(100_000), f.read(100_000)],
    "readinto()": lambda f: [f.readinto(memory := bytearray(2000)), memory],
    "text": lambda f: io.TextIOWrapper(f, "latin-1", newline="").readlines(),
    "readline()": lambda f: list(iter(f.readline, b"")),
    "readline(4)": lambda f: list(iter(lambda: f.readline(4), b"")),
    "readline(0)": lambda f: [f.readline(0), f.readline()],
    "readlines()": lambda f: f.readlines(),
    "readlines(10)": lambda f: [f.readlines(10), f.readlines(10)],
    "iteration": list,
    "all kinds": lambda f: [f.read(3), f.readline(), next(f, b""), f.readlines(1), f.read(5), list(f)],
    "after the end": lambda f: [f.read(), f.read(), f.read(9), f.readline(), f.readlines(), list(f)],
}


def plain(body):
    """Not io.BytesIO: its ``readlines`` takes the hint a little otherwise."""
    return io.BufferedReader(io.BytesIO(body))


class BodyTest(unittest.TestCase):
    def connect(self, limits=Limits(), io_timeout=DEADLINE):
        ours, self.peer = socket.socketpair()
        self.addCleanup(self.peer.close)
        connection = Connection(ours, Incoming(limits, lambda: 1), io_timeout)
        self.addCleanup(connection.close)
        return connection

    def open(self, data, length, **options):
        """A body that arrives as ``data``, of which nothing is there when the request begins."""
        connection = self.connect(**options)
        self.peer.sendall(begin() + params({"A": "b"}))
        connection.receive()
        self.peer.sendall(data)
        return open_body(connection, length)

    def test_every_way_of_reading_in_records_of_every_size(self):
        for length in (len(BODY), None):
            for piece in (1, 2, 3, 5, 64, 1000, 65535):
                for name, reading in READINGS.items():
                    with self.subTest(reading=name, piece=piece, length=length):
                        file = self.open(stdin(BODY, piece=piece), length)
                        self.assertEqual(reading(file), reading(plain(BODY)))

    def test_a_body_that_came_with_its_request(self):
        for name, reading in READINGS.items():
            with self.subTest(reading=name):
                connection = self.connect()
                self.peer.sendall(begin() + params({"A": "b"}) + stdin(BODY, piece=100))
                connection.receive()
                reading_of_it = reading(open_body(connection, len(BODY)))
                self.assertEqual(reading_of_it, reading(io.BytesIO(BODY)))

    def test_no_body(self):
        for length in (0, None):
            for reading in READINGS.values():
                self.assertEqual(reading(self.open(stdin(), length)), reading(plain(b"")))

    def test_any_readings_after_each_other(self):
        source = random.Random(5)
        for _ in range(200):
            mine = self.open(stdin(BODY, piece=source.randint(1, 300)), None)
            theirs = plain(BODY)
            for _ in range(12):
                name = source.choice(("read", "readline", "readlines"))
                size = source.choice((0, 1, 10, 200, -1 if name == "readline" else 50))
                self.assertEqual(getattr(mine, name)(size), getattr(theirs, name)(size))

    def send_slowly(self, data):
        """More than the socket holds: sent while the test reads."""
        sender = threading.Thread(target=self.peer.sendall, args=(data,))
        sender.start()
        self.addCleanup(sender.join)

    def open_long(self, data, length):
        file = self.open(b"", length)
        self.send_slowly(data)
        return file

    def test_any_readings_of_a_long_body_in_records_of_any_size_and_kind(self):
        source = random.Random(7)
        for _ in range(30):
            records = [_any_record(source) for _ in range(40)]
            body = b"".join(content for _, content in records)
            data = b"".join(wire for wire, _ in records) + stdin()
            length = source.choice((None, len(body)))
            mine, theirs = self.open_long(data, length), plain(body)
            while True:
                size = source.choice((65535, 65536, 65537, 100_000, 300_000))
                if source.random() < 0.05:
                    size = source.choice((1, 100, 8192, 20_000))
                expected = theirs.read(size)
                self.assertEqual(mine.read(size), expected)
                if not expected:
                    break

    def test_all_of_a_long_body_at_once(self):
        body = BODY * 800
        for piece in (5000, 32768, 65535):
            for length in (None, len(body)):
                for size in (-1, None, len(body), 10_000_000):
                    file = self.open_long(stdin(body, piece=piece), length)
                    self.assertEqual([file.read(size), file.read(size)], [body, b""])

    def test_no_more_is_held_than_a_buffer_and_what_was_asked_for(self):
        body = bytes(8_000_000)
        file = self.open_long(stdin(body, piece=32768), len(body))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        while file.read(65536):
            pass
        self.assertLess(tracemalloc.get_traced_memory()[1], 1_000_000)

    def test_once_closed_it_cannot_be_read_in_whatever_size(self):
        for size in (-1, 1, 65536):
            file = self.open(stdin(b"closed"), 6)
            file.close()
            with self.assertRaises(ValueError):
                file.read(size)

    def test_it_ends_at_its_announced_length(self):
        for size in (-1, 1000, 65536):
            file = self.open(stdin(b"four and more"), 4)
            self.assertEqual([file.read(size), file.read(size), file.readline()], [b"four", b"", b""])

    def test_it_does_not_wait_for_more_than_was_asked_for(self):
        file = self.open(stdin(b"half")[:-8], 8)
        self.assertEqual(file.read(4), b"half")

    def test_an_early_end_is_an_error_each_time(self):
        for size in (-1, 5, 65536):
            file = self.open(stdin(b"half"), 8)
            for _ in range(2):
                with self.assertRaisesRegex(BodyIncomplete, "after 4 of 8 bytes"):
                    file.read(size)

    def test_a_peer_that_goes_aborts_or_falls_silent_is_an_error(self):
        half = stdin(b"half")[:-8]
        rows = {
            "aborted the request": half + record(ABORT_REQUEST, 1),
            "sent nothing for 0.2 s": half,
            "malformed FastCGI": half + b"\x09" * 8,
        }
        for complaint, data in rows.items():
            for size in (-1, 5, 65536):
                with self.subTest(complaint, size=size):
                    with self.assertRaisesRegex(PeerGone, complaint):
                        self.open(data, None, io_timeout=0.2).read(size)
        for size in (-1, 5, 65536):
            file = self.open(half, None)
            self.peer.close()
            with self.assertRaisesRegex(PeerGone, "closed the connection within the body"):
                file.read(size)

    def test_once_the_request_is_over_it_is_empty(self):
        connection = self.connect()
        self.peer.sendall(begin(keep=True) + params({"A": "b"}) + stdin(b"mine")[:-8])
        connection.receive()
        file = open_body(connection, None)
        self.peer.sendall(stdin() + begin(keep=True) + params({"C": "d"}) + stdin(b"another's"))
        connection.finish_request()
        connection.receive()
        self.assertEqual([file.read(65536), file.read(5), file.read()], [b"", b"", b""])


def _any_record(source):
    """On the wire, and what of it belongs to the body."""
    kind = source.random()
    if kind < 0.1:
        return record(GET_VALUES, 0, b""), b""
    if kind < 0.2:
        return record(STDIN, 2, b"another's"), b""
    size = source.choice((source.randint(1, 100), source.randint(1, 65535), 32768, 32768, 32768))
    content = bytes((source.randrange(256),)) * size
    padding = source.choice((0, 0, 0, source.randint(1, 255)))
    return padded(record(STDIN, 1, content), padding), content
