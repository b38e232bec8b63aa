"""FastCGI records: their numbers and how they are written (FastCGI specification 1.0)."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple, Optional

VERSION = 1
NULL_REQUEST_ID = 0

# Section 3.3 and 8: types of records.
BEGIN_REQUEST = 1
ABORT_REQUEST = 2
END_REQUEST = 3
PARAMS = 4
STDIN = 5
STDOUT = 6
STDERR = 7
DATA = 8
GET_VALUES = 9
GET_VALUES_RESULT = 10
UNKNOWN_TYPE = 11

# Section 5.1: the body of FCGI_BEGIN_REQUEST.
RESPONDER = 1
KEEP_CONN = 1

# Section 5.5: protocolStatus of FCGI_END_REQUEST.
REQUEST_COMPLETE = 0
CANT_MPX_CONN = 1
OVERLOADED = 2
UNKNOWN_ROLE = 3

# Not a record of any version. After a response that cannot be finished it makes sure that the
# web server fails it: nginx takes a closed connection for a regular end where it does not know
# the length, and passes the torso on as a whole response.
BROKEN_END = bytes(8)

HEADER_SIZE = 8
MAX_CONTENT = 65535
# Largest multiple of eight: a long stream stays aligned without padding.
STREAM_CONTENT = 65528

# version, type, requestId, contentLength, paddingLength, reserved
HEADER = struct.Struct(">BBHHBx")
# What is left of a header behind the requestId: contentLength, paddingLength, reserved
SIZES = struct.Struct(">HBx")
# role, flags, reserved
BEGIN_BODY = struct.Struct(">HB5x")
# appStatus, protocolStatus, reserved
END_BODY = struct.Struct(">IB3x")


def record(kind: int, request_id: int, content: bytes = b"") -> bytes:
    """One whole record; ``content`` is at most 65,535 bytes."""
    return HEADER.pack(VERSION, kind, request_id, len(content), 0) + content


def end_request(request_id: int, protocol_status: int, app_status: int = 0) -> bytes:
    """FCGI_END_REQUEST: the request is over (section 5.5)."""
    return record(END_REQUEST, request_id, END_BODY.pack(app_status, protocol_status))


def unknown_type(kind: int) -> bytes:
    """FCGI_UNKNOWN_TYPE: a management record this program does not know (section 4.2)."""
    return record(UNKNOWN_TYPE, NULL_REQUEST_ID, bytes((kind, 0, 0, 0, 0, 0, 0, 0)))


@lru_cache(maxsize=64)
def stream_end(kind: int, request_id: int) -> bytes:
    """The empty record that closes a stream (section 3.3)."""
    return record(kind, request_id)


class UsualOpening(NamedTuple):
    """How a request of a Responder begins, and what then ends its parameters: with a body to come,
    or without one."""

    request_id: int
    flags: int
    end_of_params: bytes
    no_body: bytes


# FCGI_BEGIN_REQUEST as a whole, and the next header up to the requestId.
_USUAL_OPENING = struct.Struct(">BBHHBxHB5xBBH")
USUAL_OPENING_SIZE = _USUAL_OPENING.size
_USUAL_BEGINNING = (VERSION, BEGIN_REQUEST, END_BODY.size, 0, RESPONDER)


@lru_cache(maxsize=64)
def usual_opening(data: bytes) -> Optional[UsualOpening]:
    """What the first USUAL_OPENING_SIZE bytes of a request say, None for any that differ from the
    usual. A web server begins all its requests with the same ones."""
    if len(data) != USUAL_OPENING_SIZE:
        return None
    version, kind, request_id, size, padding, role, flags, *params = _USUAL_OPENING.unpack(data)
    if (version, kind, size, padding, role) != _USUAL_BEGINNING or request_id == NULL_REQUEST_ID:
        return None
    if params != [VERSION, PARAMS, request_id]:
        return None
    end_of_params = stream_end(PARAMS, request_id)
    return UsualOpening(
        request_id, flags, end_of_params, end_of_params + stream_end(STDIN, request_id)
    )


@lru_cache(maxsize=64)
def success(request_id: int) -> bytes:
    """The end of FCGI_STDOUT and of the request, as one piece."""
    return stream_end(STDOUT, request_id) + end_request(request_id, REQUEST_COMPLETE)


def stream(kind: int, request_id: int, content) -> list:
    """``content`` (any length above 0) as a list of buffers: headers and views, nothing copied."""
    size = len(content)
    if size <= MAX_CONTENT:
        return [HEADER.pack(VERSION, kind, request_id, size, 0), content]
    view = memoryview(content)
    full_header = HEADER.pack(VERSION, kind, request_id, STREAM_CONTENT, 0)
    buffers = []
    start = 0
    while size - start > MAX_CONTENT:
        buffers += (full_header, view[start : start + STREAM_CONTENT])
        start += STREAM_CONTENT
    buffers += (HEADER.pack(VERSION, kind, request_id, size - start, 0), view[start:])
    return buffers
