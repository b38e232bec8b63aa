"""One response: ``start_response``, ``write`` and the application's iterable, as records.

    new --start--> started --first byte, or the end--> sent --send() returns--> complete

Each block is sent before the application is asked for the next (PEP 3333, "Buffering and
Streaming"). A response whose only block is known from the beginning goes out with its head,
the end of the stream and the end of the request in one piece, and gets a Content-Length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Optional, Tuple

from runfcgi.fastcgi import records
from runfcgi.fastcgi.connection import Connection

from . import forked
from .error_stream import ErrorStream
from .file_wrapper import FileWrapper
from .head import Head, HeadError, check_head

if TYPE_CHECKING:
    from runfcgi.serving.slot import Slot


class ResponseTruncated(Exception):
    """The application promised more bytes than it gave."""


class Response:
    """Writes to ``connection`` for its active request, and shows in ``slot`` how much. Whatever
    sends may raise PeerGone."""

    __slots__ = (
        "_connection", "_request_id", "_errors", "_is_head_request", "_slot", "_head",
        "_bytes_left", "_is_full", "is_sent", "is_complete",
    )  # fmt: skip

    def __init__(
        self, connection: Connection, errors: ErrorStream, method: str, slot: "Slot"
    ) -> None:
        self._connection = connection
        self._request_id = connection.incoming.request_id
        self._errors = errors
        self._is_head_request = method == "HEAD"
        self._slot = slot
        self._head: Optional[Head] = None
        self._bytes_left: Optional[int] = None
        self._is_full = False
        self.is_sent = False
        self.is_complete = False

    def start(
        self,
        status: str,
        headers: List[Tuple[str, str]],
        exc_info: Optional[Tuple[type, BaseException, Any]] = None,
    ) -> Callable[[bytes], None]:
        """PEP 3333's ``start_response``. Raises HeadError for a head that must not be sent."""
        if exc_info is not None:
            try:
                if self.is_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # it holds this frame
        elif self._head is not None:
            raise HeadError("start_response was called a second time without exc_info")
        self._head = check_head(status, headers)
        self._bytes_left = self._head.content_length
        return self.write

    def write(self, data: bytes) -> None:
        """PEP 3333's ``write``: sends ``data`` at once, and the head before it if need be."""
        if not isinstance(data, bytes):
            raise TypeError(f"the application gave {type(data).__name__}, not bytes")
        if data:
            self._send_block(data)

    def send(self, result: Iterable[bytes]) -> None:
        """Send the application's whole iterable and end the request."""
        if isinstance(result, (list, tuple)) and len(result) == 1 and not self.is_sent:
            self._send_only(result[0])
            return
        if isinstance(result, FileWrapper):
            self._send_file(result)
        else:
            for block in result:
                self.write(block)
                if self._is_full or (self.is_sent and not self._carries_body):
                    break
        self._send_end()

    @property
    def _carries_body(self) -> bool:
        """Once the response has started."""
        return self._head.has_body and not self._is_head_request

    @property
    def _started(self) -> Head:
        if self._head is None:
            raise HeadError("the application answered without calling start_response")
        return self._head

    def _send_only(self, block: bytes) -> None:
        if not isinstance(block, bytes):
            raise TypeError(f"the application gave {type(block).__name__}, not bytes")
        head = self._started
        size = len(block)
        if head.content_length is not None and head.content_length != size:
            self.write(block)
            self._send_end()
            return
        raw_head = _encode(head, size)
        if self._is_head_request or not head.has_body:
            block = b""
        self.is_sent = True
        request_id = self._request_id
        self._slot.size = size = len(raw_head) + len(block)
        if size <= records.MAX_CONTENT and not self._errors.was_used:
            content = raw_head + block
            header = records.HEADER.pack(1, records.STDOUT, request_id, size, 0)
            self._connection.send(header + content + records.success(request_id))
            self._errors.detach()
        else:
            buffers = records.stream(records.STDOUT, request_id, raw_head)
            if block:
                buffers += records.stream(records.STDOUT, request_id, block)
            self._send_with_end(buffers)
        self.is_complete = True

    def _send_file(self, wrapper: FileWrapper) -> None:
        head = self._started
        if not self.is_sent and head.content_length is None:
            size = wrapper.remaining()
            if size is not None:
                self._send_head(size)
                self._bytes_left = size
        if not self.is_sent:
            self._send_head(None)
        if self._carries_body:
            for block in wrapper.blocks():
                if block:
                    self._send_block(block)
                if self._bytes_left == 0:
                    break  # a file that grew meanwhile, or a part that was asked for

    def _send_block(self, block) -> None:
        if forked.is_copy:
            forked.end("a response in blocks")
        prefix = b"" if self.is_sent else self._encode_head(None)
        if self._carries_body:
            block = self._within_length(block)
        else:
            block = b""
        buffers = self._errors.take()
        if prefix:
            buffers += records.stream(records.STDOUT, self._request_id, prefix)
        if block:
            buffers += records.stream(records.STDOUT, self._request_id, block)
        self.is_sent = True
        if buffers:
            self._connection.send_buffers(buffers)
            self._slot.sent(len(prefix) + len(block))

    def _within_length(self, block):
        left = self._bytes_left
        if left is None:
            return block
        if len(block) > left:
            if not self._is_full:
                self._is_full = True
                self._errors.write(
                    "runfcgi: the application gave more than its Content-Length of"
                    f" {self._started.content_length} bytes; the rest is not sent\n"
                )
            block = block[:left]
        self._bytes_left = left - len(block)
        return block

    def _send_head(self, known_size: Optional[int]) -> None:
        raw_head = self._encode_head(known_size)
        self.is_sent = True
        self._connection.send_buffers(
            self._errors.take() + records.stream(records.STDOUT, self._request_id, raw_head)
        )
        self._slot.sent(len(raw_head))

    def _send_end(self) -> None:
        if forked.is_copy:
            forked.end("a response in blocks")
        buffers = []
        if not self.is_sent:
            known_size = None if self._is_head_request else 0
            raw_head = self._encode_head(known_size)
            buffers = records.stream(records.STDOUT, self._request_id, raw_head)
            self.is_sent = True
            self._slot.size = len(raw_head)
        if self._bytes_left and self._carries_body:
            raise ResponseTruncated(
                f"the response ended {self._bytes_left} bytes before its Content-Length of"
                f" {self._started.content_length}"
            )
        self._send_with_end(buffers)
        self.is_complete = True

    def _send_with_end(self, buffers: list) -> None:
        buffers += self._errors.take_end()
        buffers.append(records.success(self._request_id))
        self._connection.send_buffers(buffers)

    def _encode_head(self, known_size: Optional[int]) -> bytes:
        return _encode(self._started, known_size)


def _encode(head: Head, known_size: Optional[int]) -> bytes:
    """With a Content-Length where the application gave none and the size is known."""
    if known_size is None or head.content_length is not None or not head.has_body:
        return head.lines + b"\r\n"
    return b"%sContent-Length: %d\r\n\r\n" % (head.lines, known_size)
