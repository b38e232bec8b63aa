"""What it costs a request to be shown on the scoreboard: the greeting of engine_site.py through the engine's own loop, over
a real Unix socket, with a slot in shared memory and with one that is shown to nobody, by turns. Client and worker share
a thread, so that the clock sees the worker's steps and nothing else; no web server is in it.

Usage: scoreboard.py [ROUNDS], with the engine (python/) in PYTHONPATH
"""

import os
import socket
import statistics
import sys
import tempfile
from time import perf_counter

from engine_site import application
from runfcgi.fastcgi import records
from runfcgi.fastcgi.pairs import encode_pairs
from runfcgi.serving import scoreboard
from runfcgi.serving.listener import Listener
from runfcgi.serving.loop import Loop
from runfcgi.serving.worker import Worker, WorkerSettings

_REQUESTS = 300
_PARAMS = {
    "QUERY_STRING": "",
    "REQUEST_METHOD": "GET",
    "CONTENT_TYPE": "",
    "CONTENT_LENGTH": "",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/hello",
    "REQUEST_URI": "/hello",
    "DOCUMENT_URI": "/hello",
    "DOCUMENT_ROOT": "/usr/share/nginx/html",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REQUEST_SCHEME": "http",
    "GATEWAY_INTERFACE": "CGI/1.1",
    "SERVER_SOFTWARE": "nginx/1.22.1",
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_PORT": "43210",
    "SERVER_ADDR": "127.0.0.1",
    "SERVER_PORT": "80",
    "SERVER_NAME": "localhost",
    "HTTP_HOST": "localhost",
}


def main(rounds: int = 100) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "socket")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen()
        slots = [_shown_slot(), scoreboard.open_slots(None, 1)[0]]
        settings = WorkerSettings(
            threads=1, graceful_timeout=1, max_requests=0, debug=False, capacity=1
        )
        loop = Loop(Worker(application, settings, slots[:1])._share(Listener(listening)), slots[0])
        request = _request()
        for slot in slots:
            _median_us(loop, slot, path, request)
        pairs = [[_median_us(loop, slot, path, request) for slot in slots] for _ in range(rounds)]
    shown, unshown = (statistics.median(column) for column in zip(*pairs))
    cost = statistics.median(one - other for one, other in pairs)
    print(f"a greeting takes the worker {shown:.1f} us, {unshown:.1f} us shown to nobody")
    print(f"the scoreboard costs {cost:.2f} us of it, {100 * cost / shown:.1f} %")


def _shown_slot() -> scoreboard.Slot:
    descriptor = os.memfd_create("scoreboard")
    header = scoreboard.HEADER.pack(scoreboard.MAGIC, scoreboard.VERSION, 1, scoreboard.SLOT.size)
    os.truncate(descriptor, scoreboard.SLOTS_AT + scoreboard.SLOT.size)
    os.pwrite(descriptor, header, 0)
    (slot,) = scoreboard.open_slots(descriptor, 1)
    if not isinstance(slot, scoreboard.MappedSlot):
        raise SystemExit("the engine does not take the scoreboard that was made for it")
    return slot


def _request() -> bytes:
    begin = records.BEGIN_BODY.pack(records.RESPONDER, 0)
    return (
        records.record(records.BEGIN_REQUEST, 1, begin)
        + records.record(records.PARAMS, 1, encode_pairs(_PARAMS))
        + records.stream_end(records.PARAMS, 1)
        + records.stream_end(records.STDIN, 1)
    )


def _median_us(loop, slot, path: str, request: bytes) -> float:
    """Of the requests of one turn, without what the client does."""
    loop._slot = slot
    slot.idle()
    return statistics.median(_one_us(loop, path, request) for _ in range(_REQUESTS))


def _one_us(loop, path: str, request: bytes) -> float:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.send(request)
        start = perf_counter()
        connection = loop._next_connection()
        while connection is None:
            connection = loop._next_connection()
        loop._attend(connection)
        end = perf_counter()
        if b"Hello, world!" not in client.recv(65536):
            raise SystemExit("the worker does not answer as it should")
        return (end - start) * 1e6


main(*map(int, sys.argv[1:]))
