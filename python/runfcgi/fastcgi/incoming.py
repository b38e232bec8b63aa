"""What the peer says on one connection: bytes in; requests, body and answers out. No I/O.

A connection carries one request at a time (we answer FCGI_MPXS_CONNS=0):

    IDLE --BEGIN_REQUEST--> PARAMS --empty PARAMS--> BODY --finish()--> IDLE

* A request is *ready* in BODY: its parameters are complete, its body may still arrive.
* Once the body has ended nothing more is parsed until ``finish``: a web server that sends its
  next request early is served in order.
* A second request that begins *within* another is answered CANT_MPX_CONN (section 4.1), an
  unknown role UNKNOWN_ROLE; what follows of either is ignored like any record whose request
  is not active (section 3.3).
* ``answers`` collects what must go back at once. Its owner sends and clears it.
"""

from __future__ import annotations

from typing import Callable, Dict, List

from . import records
from .limits import Limits
from .pairs import PairsError, TooManyPairs, decode_pairs, encode_pairs

IDLE, PARAMS, BODY = "idle", "params", "body"

# FCGI_BEGIN_REQUEST, FCGI_PARAMS and the end of these.
_USUAL_RECORDS = 3
# In what nearly every request opens with.
_PARAMS_AT = records.USUAL_OPENING_SIZE + records.SIZES.size

TOO_LARGE = "431 Request Header Fields Too Large"


class ProtocolError(Exception):
    """What came is not FastCGI; the connection cannot go on."""


class RequestRefused(Exception):
    """The active request breaks a limit or cannot be read: answer ``status``, then close."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Incoming:
    """The incoming half of one connection.

    ``capacity`` tells how many requests this application serves at once, for FCGI_GET_VALUES.
    """

    __slots__ = (
        "state", "request_id", "keep_connection", "params", "body", "body_ended", "aborted",
        "answers", "close_wanted", "_limits", "_capacity", "_rest", "_content_left", "_skip",
        "_params_parts", "_params_size", "_records",
    )  # fmt: skip

    def __init__(self, limits: Limits, capacity: Callable[[], int]) -> None:
        self.state = IDLE
        self.request_id = 0
        self.keep_connection = False
        self.params: Dict[str, str] = {}
        self.body: List[memoryview] = []
        self.body_ended = False
        self.aborted = False
        self.answers: List[bytes] = []
        self.close_wanted = False
        self._limits = limits
        self._capacity = capacity
        self._rest = b""
        self._content_left = 0  # bytes of the current STDIN record still to come
        self._skip = 0  # bytes to pass over: padding, or a record nobody wants
        self._params_parts: List[bytes] = []
        self._params_size = 0
        self._records = 0

    @property
    def has_started(self) -> bool:
        """Has a part of a request, or of a record, arrived that is not yet served?"""
        return self.state is not IDLE or bool(self._rest)

    @property
    def is_clean(self) -> bool:
        """Is everything read that the peer is known to have sent for this request?"""
        return self.body_ended and not self._rest and not self._skip

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the connection (``b""`` parses what was held back).

        Raises ProtocolError or RequestRefused; nothing may be fed afterwards.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        position, end = 0, len(data)
        if self.state is IDLE and not self._skip:
            position = self._take_usual_head(data)
        while position < end:
            if self._content_left:
                position = self._take_content(data, position)
                continue
            if self._skip:
                step = min(self._skip, end - position)
                self._skip -= step
                position += step
                continue
            if self.body_ended or end - position < records.HEADER_SIZE:
                break
            version, kind, request_id, size, padding = records.HEADER.unpack_from(data, position)
            if version != records.VERSION:
                raise ProtocolError(f"a record of version {version}; FastCGI has only version 1")
            content = position + records.HEADER_SIZE
            if kind == records.STDIN:
                self._begin_stdin(request_id, size, padding)
                position = content
                continue
            if content + size + padding > end:
                break
            self._count_record()
            self._take_record(kind, request_id, data[content : content + size])
            position = content + size + padding
        if position < end:
            self._rest = data[position:]

    def take_params(self) -> Dict[str, str]:
        """The active request's parameters, which are then no longer held here."""
        params, self.params = self.params, {}
        return params

    def take_body(self, size: int) -> List[memoryview]:
        """What has come of the body, ``size`` bytes at most, which are then no longer held here."""
        taken: List[memoryview] = []
        for chunk in self.body:
            size -= len(chunk)
            if size < 0:
                taken.append(chunk[:size])
                self.body[: len(taken)] = [chunk[size:]]
                return taken
            taken.append(chunk)
        self.body.clear()
        return taken

    def finish(self) -> None:
        """The active request has been answered. What is left of its body will be ignored."""
        self._skip += self._content_left
        self._content_left = 0
        self.state = IDLE
        self.body = []
        self.body_ended = self.aborted = False
        self._records = 0
        if self._rest:
            self.feed(b"")

    def _take_usual_head(self, data: bytes) -> int:
        """Take what nearly every request opens with: BEGIN_REQUEST, its parameters in one record,
        and their end, in one piece; and the end of the body where there is none. The position
        after it, or 0: then nothing was taken.

        Whatever differs, or breaks a limit, is left to ``feed``: here is only less work for it.
        """
        opening = records.usual_opening(data[: records.USUAL_OPENING_SIZE])
        if opening is None or len(data) < _PARAMS_AT:
            return 0
        request_id, flags, end_of_params, no_body = opening
        size, padding = records.SIZES.unpack_from(data, records.USUAL_OPENING_SIZE)
        params_end = _PARAMS_AT + size
        end = params_end + padding
        has_no_body = data.startswith(no_body, end)
        if not (has_no_body or data.startswith(end_of_params, end)):
            return 0
        if not 0 < size <= self._limits.params_size:
            return 0
        self._records = _USUAL_RECORDS
        self._enter(request_id, flags)
        self._end_params(data[_PARAMS_AT:params_end])
        self.body_ended = has_no_body
        return end + len(no_body if has_no_body else end_of_params)

    def _take_content(self, data: bytes, position: int) -> int:
        """Take the current STDIN record's content, and the run of such records after it, to the end
        of the body where it has come. The position after it.

        A record with padding, or of any other kind, is left to ``feed``.
        """
        view, end = memoryview(data), len(data)
        take, unpack = self.body.append, records.HEADER.unpack_from
        usual = records.VERSION, records.STDIN, self.request_id, 0
        size = self._content_left
        while size:
            start, position = position, position + size
            take(view[start:position])
            if position >= end:
                self._content_left = position - end
                return end
            if self._skip or end - position < records.HEADER_SIZE:
                break
            version, kind, request_id, size, padding = unpack(data, position)
            if (version, kind, request_id, padding) != usual:
                break
            position += records.HEADER_SIZE
        else:
            self.body_ended = True
        self._content_left = 0
        return position

    def _begin_stdin(self, request_id: int, size: int, padding: int) -> None:
        if self.state is not BODY or request_id != self.request_id:
            if self.state is PARAMS:
                self._count_record()
            self._skip = size + padding
            return
        self._skip = padding
        if size:
            self._content_left = size
        else:
            self.body_ended = True

    def _count_record(self) -> None:
        self._records += 1
        if self._records > self._limits.head_records and self.state is not BODY:
            self._refuse_or_fail(f"more than {self._limits.head_records} records for one request")

    def _refuse_or_fail(self, reason: str) -> None:
        if self.state is IDLE:
            raise ProtocolError(reason)
        raise RequestRefused(TOO_LARGE, reason)

    def _take_record(self, kind: int, request_id: int, content: bytes) -> None:
        if request_id == records.NULL_REQUEST_ID:
            self._take_management(kind, content)
        elif kind == records.BEGIN_REQUEST:
            self._begin(request_id, content)
        elif self.state is IDLE or request_id != self.request_id:
            pass  # of a request that is over or was refused: "ignored" (section 3.3)
        elif kind == records.PARAMS and self.state is PARAMS:
            self._take_params(content)
        elif kind == records.ABORT_REQUEST:
            self._abort()

    def _take_management(self, kind: int, content: bytes) -> None:
        if kind == records.BEGIN_REQUEST:
            raise ProtocolError("a request with the id 0, which is kept for management")
        if kind == records.GET_VALUES:
            self._answer_values(content)
        elif kind > records.UNKNOWN_TYPE or kind == 0:
            self.answers.append(records.unknown_type(kind))

    def _answer_values(self, content: bytes) -> None:
        capacity = str(self._capacity())
        known = {
            "FCGI_MAX_CONNS": capacity,
            "FCGI_MAX_REQS": capacity,
            "FCGI_MPXS_CONNS": "0",
        }
        try:
            asked = decode_pairs(content, self._limits.params_count)
        except PairsError as error:
            raise ProtocolError(f"FCGI_GET_VALUES: {error}") from None
        result = encode_pairs({name: known[name] for name in asked if name in known})
        self.answers.append(
            records.record(records.GET_VALUES_RESULT, records.NULL_REQUEST_ID, result)
        )

    def _begin(self, request_id: int, content: bytes) -> None:
        if len(content) != records.BEGIN_BODY.size:
            raise ProtocolError(f"FCGI_BEGIN_REQUEST with {len(content)} bytes instead of 8")
        if self.state is not IDLE:
            if request_id == self.request_id:
                raise ProtocolError(f"request {request_id} begins again before it has ended")
            self.answers.append(records.end_request(request_id, records.CANT_MPX_CONN))
            return
        role, flags = records.BEGIN_BODY.unpack(content)
        if role != records.RESPONDER:
            self.answers.append(records.end_request(request_id, records.UNKNOWN_ROLE))
            self.close_wanted = not flags & records.KEEP_CONN
            return
        self._enter(request_id, flags)

    def _enter(self, request_id: int, flags: int) -> None:
        self.state = PARAMS
        self.request_id = request_id
        self.keep_connection = bool(flags & records.KEEP_CONN)
        self._params_parts = []
        self._params_size = 0

    def _take_params(self, content: bytes) -> None:
        if content:
            self._params_size += len(content)
            if self._params_size > self._limits.params_size:
                self._refuse_or_fail(f"parameters of more than {self._limits.params_size} bytes")
            self._params_parts.append(content)
        else:
            self._end_params(b"".join(self._params_parts))

    def _end_params(self, data: bytes) -> None:
        try:
            self.params = decode_pairs(data, self._limits.params_count)
        except TooManyPairs as error:
            raise RequestRefused(TOO_LARGE, str(error)) from None
        except PairsError as error:
            raise RequestRefused("400 Bad Request", str(error)) from None
        self._params_parts = []
        self.state = BODY

    def _abort(self) -> None:
        if self.state is BODY:
            self.aborted = True  # the application learns of it when it reads on
            return
        self.answers.append(records.end_request(self.request_id, records.REQUEST_COMPLETE))
        self.close_wanted = not self.keep_connection
        self.state = IDLE
