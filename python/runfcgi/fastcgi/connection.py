"""One accepted connection: its socket, what came in, and sending what goes out.

Reading and sending ask the kernel first (MSG_DONTWAIT): in the common case a request costs one
``recv`` and a response one ``send``. What has to wait for the peer, a long body or a long
response, waits within the same calls, which the kernel ends at the latest after a time-out.
"""

from __future__ import annotations

import socket
import struct
from typing import List, Optional, Union

from . import records
from .incoming import Incoming, ProtocolError
from .patience import Patience

# Sixteen full records, plus headers, fit well under the kernel's limit of 1024 (IOV_MAX).
_MAX_BUFFERS = 512
_RECEIVE_SIZE = 65536
# More than a Unix socket holds (net.core.wmem_default is 208 KiB).
_RECEIVE_BODY_SIZE = 256 * 1024
_AT_ONCE = int(socket.MSG_DONTWAIT)
# struct timeval of SO_RCVTIMEO and SO_SNDTIMEO, socket(7): seconds, microseconds.
_TIMEVAL = struct.Struct("@ll")

Buffer = Union[bytes, bytearray, memoryview]


class PeerGone(ConnectionError):
    """The web server closed, reset or neglected the connection: nobody wants the response."""


class Connection:
    """Owns one socket.

    ``deadline`` (monotonic seconds, None: never) says when to give up waiting for the peer;
    it belongs to whoever keeps the connection while nothing is being served on it.
    """

    __slots__ = (
        "socket", "incoming", "deadline", "served", "is_lingering", "_io_timeout", "_can_wait",
    )  # fmt: skip

    def __init__(self, sock: socket.SocketType, incoming: Incoming, io_timeout: float) -> None:
        self.socket = sock
        self.incoming = incoming
        self.deadline: Optional[float] = None
        self.served = 0
        self.is_lingering = False
        self._io_timeout = io_timeout
        self._can_wait = False

    def fileno(self) -> int:
        return self.socket.fileno()

    def receive(self) -> bool:
        """Take in what has arrived. False: the peer has closed.

        Raises BlockingIOError when nothing has arrived; ProtocolError, RequestRefused.
        """
        return self._receive(_RECEIVE_SIZE, _AT_ONCE)

    def receive_first(self, patience: Patience) -> bool:
        """The same on a new connection, but waits a moment for its first bytes."""
        try:
            return self._receive(_RECEIVE_SIZE, _AT_ONCE)
        except BlockingIOError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience.timeval())
        try:
            return self._receive(_RECEIVE_SIZE, 0)
        except BlockingIOError:
            patience.was_in_vain()
            raise

    def _receive(self, size: int, flags: int) -> bool:
        try:
            data = self.socket.recv(size, flags)
        except BlockingIOError:
            raise
        except OSError:
            return False
        if not data:
            return False
        incoming = self.incoming
        incoming.feed(data)
        if incoming.answers:
            self.send_answers()
        return True

    def receive_body(self) -> None:
        """Wait until more of the active request's body has been taken in, or all of it.

        Raises PeerGone when it will not come: closed, aborted, malformed or too slow.
        """
        incoming = self.incoming
        while not (incoming.body or incoming.body_ended):
            if incoming.aborted:
                raise PeerGone("the web server aborted the request")
            self._allow_waiting()
            try:
                if not self._receive(_RECEIVE_BODY_SIZE, 0):
                    raise PeerGone("the web server closed the connection within the body")
            except BlockingIOError:
                raise self._overdue("the web server sent nothing") from None
            except ProtocolError as error:
                raise PeerGone(f"malformed FastCGI: {error}") from error

    def send(self, data: Buffer) -> None:
        """Send all of ``data``: whole records. Raises PeerGone."""
        try:
            sent = self.socket.send(data, _AT_ONCE)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise PeerGone(f"the web server closed the connection ({error.strerror})") from error
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:])

    def send_buffers(self, buffers: List[Buffer]) -> None:
        """Send all of ``buffers``, in order, without joining them. Raises PeerGone."""
        for start in range(0, len(buffers), _MAX_BUFFERS):
            batch = buffers[start : start + _MAX_BUFFERS]
            while batch:
                batch = _after(batch, self._send_some(batch))

    def send_answers(self) -> None:
        """Send what management records asked for. Raises PeerGone."""
        answers = b"".join(self.incoming.answers)
        self.incoming.answers.clear()
        self.send(answers)

    def finish_request(self) -> None:
        """The response is out: be ready for what the connection carries next.

        Raises ProtocolError and RequestRefused, for the request that follows.
        """
        self.served += 1
        self.deadline = None
        self.incoming.finish()
        if self.incoming.answers:
            self.send_answers()

    def end_sending(self) -> None:
        """Say that nothing more will come from here; the peer may still send."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the peer has gone first

    def discard(self) -> bool:
        """Throw away what has arrived on a lingering connection. False: the peer has closed."""
        try:
            return bool(self.socket.recv(_RECEIVE_SIZE, _AT_ONCE))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        self.socket.close()

    def _send_rest(self, view: memoryview) -> None:
        while view:
            view = view[self._send_some([view]) :]

    def _send_some(self, buffers: List[Buffer]) -> int:
        """How many bytes went; waits for room when there is none."""
        try:
            return self.socket.sendmsg(buffers, (), 0 if self._can_wait else _AT_ONCE)
        except BlockingIOError:
            if self._can_wait:
                raise self._overdue("the web server took nothing") from None
            self._allow_waiting()
            return self._send_some(buffers)
        except OSError as error:
            reason = f"the web server closed the connection ({error.strerror})"
            raise PeerGone(reason) from error

    def _allow_waiting(self) -> None:
        """From now on calls without MSG_DONTWAIT wait in the kernel, ``io_timeout`` at most each."""
        if not self._can_wait:
            seconds = int(self._io_timeout)
            timeval = _TIMEVAL.pack(seconds, round((self._io_timeout - seconds) * 1e6))
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
            self._can_wait = True

    def _overdue(self, complaint: str) -> PeerGone:
        return PeerGone(f"{complaint} for {self._io_timeout:g} s")


def refusal(request_id: int, status: str, reason: str) -> bytes:
    """A whole answer, in records, for a request that never reaches the application."""
    page = f"Status: {status}\r\nContent-Type: text/plain\r\n\r\n{status}\n{reason}\n"
    return (
        records.record(records.STDERR, request_id, f"runfcgi: {status}: {reason}\n".encode())
        + records.stream_end(records.STDERR, request_id)
        + records.record(records.STDOUT, request_id, page.encode())
        + records.success(request_id)
    )


def _after(buffers: List[Buffer], sent: int) -> List[Buffer]:
    """What remains of ``buffers`` once their first ``sent`` bytes are gone."""
    for index, buffer in enumerate(buffers):
        size = len(buffer)
        if sent < size:
            return [memoryview(buffer)[sent:], *buffers[index + 1 :]]
        sent -= size
    return []
