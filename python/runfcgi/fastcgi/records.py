"""FastCGI records: their numbers and how they are written (FastCGI specification 1.0)."""

from __future__ import annotations

import struct
from functools import lru_cache

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
# FCGI_BEGIN_REQUEST as a whole, and the header that follows it.
OPENING = struct.Struct(">BBHHBxHB5xBBHHBx")
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


@lru_cache(maxsize=64)
def no_body(request_id: int) -> bytes:
    """What follows the parameters of a request without a body: their end, and the body's."""
    return stream_end(PARAMS, request_id) + stream_end(STDIN, request_id)


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
