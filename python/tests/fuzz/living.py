"""Streams to a living worker: after each batch it is the same process, well, and not larger."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import Iterable, List, Tuple, Union

from ..client import request
from ..engine import Engine, foreground_words
from .mutations import Stream
from .parsing import Broken
from .serving import check_answers
from .sessions import Session

_PATIENCE = 15.0
_GROWTH = 24 * 1024 * 1024

METHODS = (("maxspare=1", "maxchildren=1"), ("method=threaded", "threads=2"))


class Worker:
    """An engine with one worker on a Unix socket in ``directory``; to be stopped."""

    def __init__(self, directory: str, words: Iterable[str]) -> None:
        self._path = os.path.join(directory, "s")
        site = "application=tests.fuzz.serving:application"
        self._engine = Engine(foreground_words(self._path, [site, *words]), directory)
        self._engine.wait_for_log("runfcgi: serving on")
        self._workers = self._engine.children()
        self._size = 0

    def check(self, batch: List[Tuple[Session, Stream]]) -> None:
        """Raises Broken."""
        for session, stream in batch:
            check_answers(session, stream, self._exchange(stream.data))
        if b"/hello 0 0" not in self._exchange(request("/hello")):
            raise Broken("after the batch the worker does not answer as it should")
        if self._engine.children() != self._workers:
            raise Broken(f"the worker has died: {self._engine.log[-2000:]}")
        size = resident(self._workers[0])
        self._size = self._size or size
        if size > self._size + _GROWTH:
            raise Broken(f"the worker has grown from {self._size} to {size} bytes")

    def stop(self) -> None:
        self._engine.stop()

    def _exchange(self, data: bytes) -> bytes:
        """Send all that is taken, and read up to the end, both at once."""
        output: List[bytes] = []
        view = memoryview(data)
        end = time.monotonic() + _PATIENCE
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self._path)
            sock.setblocking(False)
            while time.monotonic() < end:
                wanted = [sock] if view is not None else []
                readable, writable, _ = select.select([sock], wanted, [], 1.0)
                if readable:
                    piece = _receive(sock)
                    if not piece:
                        return b"".join(output)
                    output.append(piece)
                if writable:
                    view = _send(sock, view)
        raise Broken(f"the worker neither answered nor closed within {_PATIENCE:g} s")


def _receive(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except ConnectionError:
        return b""


def _send(sock: socket.socket, view):
    """What is left; None once the worker has been told that nothing follows, or has closed."""
    try:
        view = view[sock.send(view) :] if view else view
        if view:
            return view
        sock.shutdown(socket.SHUT_WR)
    except BlockingIOError:
        return view
    except OSError:
        pass
    return None


def resident(pid: Union[int, str] = "self") -> int:
    """Resident memory of a process, in bytes."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
