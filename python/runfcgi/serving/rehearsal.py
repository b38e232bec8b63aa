"""Requests of our own, answered by an application of our own, before there are others.

What the engine builds at its first requests, down to the interpreter's own caches in its code, is
then built once in the process that others are forked from. And in a forked process the memory
that every request writes to is its own afterwards, so that the first visitor does not wait for
the kernel to copy it page by page.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Callable, Iterable

from runfcgi.fastcgi import records
from runfcgi.fastcgi.limits import Limits
from runfcgi.fastcgi.pairs import encode_pairs
from runfcgi.wsgi.environ import constants
from runfcgi.wsgi.gateway import Application, Gateway

from .listener import Listener
from .loop import Loop
from .parking import Parking
from .shared import Shared, open_door
from .slot import Slot
from .stop import Stop
from .worker import Worker, WorkerSettings

_PARAMS = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "a=b",
    "REQUEST_URI": "/?a=b",
    "CONTENT_TYPE": "",
    "CONTENT_LENGTH": "",
    "DOCUMENT_ROOT": "/",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REQUEST_SCHEME": "http",
    "GATEWAY_INTERFACE": "CGI/1.1",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "REMOTE_ADDR": "127.0.0.1",
    "HTTP_HOST": "localhost",
    "HTTP_COOKIE": "a=b",
    "HTTP_ACCEPT": "*/*",
}


def rehearse(times: int) -> None:
    """Serve so many requests in this thread, on a socket that nobody else knows. Leaves nothing
    open; what the system refuses is not rehearsed."""
    with contextlib.suppress(OSError), _listen() as listening:
        for _ in range(times):
            _serve_one(listening)


def rehearse_worker(settings: WorkerSettings, on_ready: Callable[[], None]) -> None:
    """Like :func:`rehearse`, one request and all of a worker, which leaves its signal handlers."""
    with contextlib.suppress(OSError), _listen() as listening, _visit(listening):
        worker: Worker = Worker(_answer(lambda: worker.stop.set()), settings, [Slot()])
        worker.run(Listener(listening), on_ready)
        worker.close()


def _listen() -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("")  # a name that is free, of no file: autobind, unix(7)
    listening.listen(1)
    return listening


def _serve_one(listening: socket.socket) -> None:
    stop = Stop(graceful_timeout=0)
    parking = Parking()
    with _visit(listening), contextlib.closing(stop):
        listener = Listener(listening)
        with open_door((listener, parking, stop)) as door:
            shared = Shared(
                door=door,
                listener=listener,
                gateway=Gateway(_answer(stop.set), constants(False, True), debug=False),
                parking=parking,
                stop=stop,
                limits=Limits(),
                capacity=lambda: 1,
                on_served=lambda: None,
                interrupts={},
                is_alone=True,
            )
            Loop(shared, Slot()).run()


def _visit(listening: socket.socket) -> socket.socket:
    """A connection with a request."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(listening.getsockname())
    client.sendall(_request())
    return client


def _answer(end: Callable[[], None]) -> Application:
    """An application that ends the loop with its answer."""

    def answer(environ: "dict[str, Any]", start_response: Callable[..., Any]) -> Iterable[bytes]:
        end()
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Frame-Options", "DENY")])
        return (b"rehearsed",)

    return answer


def _request() -> bytes:
    """With a question to the engine before it."""
    begin = records.BEGIN_BODY.pack(records.RESPONDER, 0)
    return (
        records.record(records.GET_VALUES, 0, encode_pairs({"FCGI_MAX_CONNS": ""}))
        + records.record(records.BEGIN_REQUEST, 1, begin)
        + records.record(records.PARAMS, 1, encode_pairs(_PARAMS))
        + records.record(records.PARAMS, 1)
        + records.record(records.STDIN, 1)
    )
