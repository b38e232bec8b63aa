"""``wsgi.input``: the request's body, read from the connection as the application reads it."""

from __future__ import annotations

import io
from typing import List, Optional

from runfcgi.fastcgi.connection import Connection

# What is read in larger pieces passes it by.
_BUFFER_SIZE = 8192


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
        return self._move(incoming.body, target)

    def _move(self, chunks: List[memoryview], target) -> int:
        """As much as is there and has room."""
        room = len(target)
        if self._content_length is not None:
            room = min(room, self._content_length - self._taken)
        done = used = 0
        for chunk in chunks:
            size = min(len(chunk), room - done)
            target[done : done + size] = chunk[:size]
            done += size
            if size < len(chunk):
                chunks[used] = chunk[size:]
                break
            used += 1
        del chunks[:used]
        self._taken += done
        return done

    def _check_end(self) -> None:
        if self._content_length is not None and self._taken < self._content_length:
            raise BodyIncomplete(
                f"the request's body ended after {self._taken} of {self._content_length} bytes"
            )
