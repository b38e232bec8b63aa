"""``wsgi.errors``: to FCGI_STDERR and to the process's own standard error, both.

The web server's error log gets it next to the request it belongs to, as FastCGI means it; but
web servers cut long lines, and moving a site to another socket must not move its errors out of
its own log. Whoever runs the worker (a supervisor, a terminal, ``errlog=``) always has them all.
"""

from __future__ import annotations

import sys
from typing import Callable, Iterable, List

from runfcgi.fastcgi import records

# What an application writes before it answers goes to the web server in pieces of this size.
_SEND_AT = 32 * 1024


class ErrorStream:
    """Text in; records are kept until the response takes them along.

    ``send`` gets the records when too many are kept. Once ended or detached (the request is
    over) the stream still writes to standard error: loggers keep it longer than a request lives.
    """

    __slots__ = ("_request_id", "_send", "_kept", "_kept_size", "_is_attached", "was_used")

    def __init__(self, request_id: int, send: Callable[[list], None]) -> None:
        self._request_id = request_id
        self._send = send
        self._kept: List[bytes] = []
        self._kept_size = 0
        self._is_attached = True
        self.was_used = False

    def write(self, text: str) -> int:
        write_stderr(text)
        if self._is_attached and text:
            self._keep(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing is held back from standard error; the web server's share goes at the end."""

    def take(self) -> list:
        """The buffers to send to the web server now: whole records of FCGI_STDERR."""
        data = b"".join(self._kept)
        self._kept.clear()
        self._kept_size = 0
        return records.stream(records.STDERR, self._request_id, data) if data else []

    def take_end(self) -> list:
        """The last buffers; closes the stream if it was ever used."""
        buffers = self.take()
        self.detach()
        if self.was_used:
            buffers.append(records.stream_end(records.STDERR, self._request_id))
        return buffers

    def detach(self) -> None:
        """The request is over: from now on to standard error alone."""
        if self._is_attached:
            self._is_attached = False
            self._send = _drop  # it held the connection
            self._kept.clear()

    def _keep(self, data: bytes) -> None:
        self.was_used = True
        self._kept.append(data)
        self._kept_size += len(data)
        if self._kept_size >= _SEND_AT:
            try:
                self._send(self.take())
            except ConnectionError:
                self.detach()  # the web server has gone; the response will find out


def _drop(buffers: list) -> None:
    """Takes the place of the connection when the request is over."""


def write_stderr(text: str) -> None:
    """To standard error, which may be closed or full without harming a request."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass
