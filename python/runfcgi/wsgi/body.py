"""``wsgi.input``: the request's body, read from the connection as the application reads it."""

from __future__ import annotations

import io
from typing import Optional

from runfcgi.fastcgi.connection import Connection

_BUFFER_SIZE = 65536


class BodyIncomplete(ConnectionError):
    """The web server ended the body before its announced length: an upload that was cut."""


def open_body(connection: Connection, content_length: Optional[int]) -> io.BufferedIOBase:
    """A file of the active request's body. Reading raises PeerGone or BodyIncomplete.

    A short body has usually arrived with the request and is a file in memory.
    """
    incoming = connection.incoming
    if incoming.body_ended:
        body = b"".join(incoming.body)
        if content_length is None or len(body) == content_length:
            incoming.body = []
            return io.BytesIO(body)
    return io.BufferedReader(_RawBody(connection, content_length), _BUFFER_SIZE)


class _RawBody(io.RawIOBase):
    """What io.BufferedReader reads from; detached at the end of the request, then it is empty."""

    def __init__(self, connection: Connection, content_length: Optional[int]) -> None:
        self._connection: Optional[Connection] = connection
        self._served = connection.served
        self._content_length = content_length
        self._taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, target) -> int:
        connection = self._connection
        if connection is None or connection.served != self._served:
            return 0  # the request is over; the connection may carry another one by now
        if self._content_length is not None and self._taken >= self._content_length:
            return 0
        incoming = connection.incoming
        if not incoming.body:
            connection.receive_body()
            if not incoming.body:
                self._check_end()
                return 0
        return self._move(incoming, target)

    def _move(self, incoming, target) -> int:
        chunk = incoming.body[0]
        size = min(len(chunk), len(target))
        if self._content_length is not None:
            size = min(size, self._content_length - self._taken)
        target[:size] = chunk[:size]
        if size == len(chunk):
            del incoming.body[0]
        else:
            incoming.body[0] = chunk[size:]
        self._taken += size
        return size

    def _check_end(self) -> None:
        if self._content_length is not None and self._taken < self._content_length:
            raise BodyIncomplete(
                f"the request's body ended after {self._taken} of {self._content_length} bytes"
            )
