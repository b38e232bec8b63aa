"""``wsgi.input``: the request's body, read from the connection as the application reads it."""

from __future__ import annotations

import io
import sys
from typing import List, Optional

from runfcgi.fastcgi.connection import Connection

# What is read in pieces of this size or larger passes it by. Django reads uploads so.
_BUFFER_SIZE = 64 * 1024

# What is freed at the top of the heap goes back to the kernel when it is more than 128 KiB, and
# each body would have the same pages mapped and cleared again. glibc raises that limit, to twice
# the size, when so large a block is freed for the first time: M_MMAP_THRESHOLD in mallopt(3).
bytes(1024 * 1024)


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
    return _Body(_RawBody(connection, content_length), _BUFFER_SIZE)


class _Body(io.BufferedReader):
    """Buffers what is read in small pieces. Large ones are put together from what has come, until
    the first small one: then there may be something in the buffer, which comes first."""

    raw: "_RawBody"

    def read(self, size: Optional[int] = -1, /) -> bytes:
        raw = self.raw
        if size is not None and size >= _BUFFER_SIZE and not raw.has_filled_buffer:
            return raw.take(size)
        return super().read(size)


class _RawBody(io.RawIOBase):
    """What io.BufferedReader reads from. Once the request is over it is empty."""

    def __init__(self, connection: Connection, content_length: Optional[int]) -> None:
        self.has_filled_buffer = False
        self._connection = connection
        self._served = connection.served
        self._content_length = content_length
        self._taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, target) -> int:
        self.has_filled_buffer = True
        done = 0
        for chunk in self._receive(len(target)):
            start, done = done, done + len(chunk)
            target[start:done] = chunk
        return done

    def readall(self) -> bytes:
        return self.take(sys.maxsize)

    def take(self, size: int) -> bytes:
        """``size`` bytes; fewer only at the end."""
        if self.closed:
            raise ValueError("read of closed file")
        parts: List[memoryview] = []
        while size:
            chunks = self._receive(size)
            if not chunks:
                break
            parts += chunks
            size -= sum(map(len, chunks))
        return b"".join(parts)

    def _receive(self, size: int) -> List[memoryview]:
        """Some of the next ``size`` bytes, waited for if need be; empty at the end."""
        connection = self._connection
        if connection.served != self._served:
            return []  # the connection may carry another request by now
        if self._content_length is not None:
            size = min(size, self._content_length - self._taken)
            if not size:
                return []
        incoming = connection.incoming
        if not incoming.body:
            connection.receive_body()
        chunks = incoming.take_body(size)
        if not chunks:
            self._check_end()
        self._taken += sum(map(len, chunks))
        return chunks

    def _check_end(self) -> None:
        if self._content_length is not None and self._taken < self._content_length:
            raise BodyIncomplete(
                f"the request's body ended after {self._taken} of {self._content_length} bytes"
            )
