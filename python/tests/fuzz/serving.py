"""Streams through ``Connection`` and ``Gateway``, over a socket pair.

* Nothing is raised but what a loop handles.
* What goes out is whole records, whatever came in.
* Requests that were intact get the right answer, in order.
"""

from __future__ import annotations

import socket
import zlib
from typing import Dict, Iterator, List, NamedTuple, Tuple

from runfcgi.fastcgi import records
from runfcgi.fastcgi.connection import Connection, PeerGone, refusal
from runfcgi.fastcgi.incoming import BODY, Incoming, ProtocolError, RequestRefused
from runfcgi.serving.slot import Slot
from runfcgi.wsgi.environ import constants
from runfcgi.wsgi.gateway import Gateway

from .mutations import Stream
from .parsing import Broken, intact_requests, leaves_body
from .sessions import Session

# What fits into a socket at once: nobody reads while the stream is served.
LONGEST = 150_000
_KINDS = {
    records.END_REQUEST: 8,
    records.STDOUT: None,
    records.STDERR: None,
    records.GET_VALUES_RESULT: None,
    records.UNKNOWN_TYPE: 8,
}


# How an application reads its body, by the last character of its path; any other at once.
_PIECES = {"1": 65536, "5": 100, "8": 100_000}


class Answer(NamedTuple):
    request_id: int
    output: bytes
    protocol_status: int


def application(environ, start_response):
    """Tells what it was asked; depending on the path it leaves the body, or reads it in pieces, or
    complains, too."""
    kind = environ["PATH_INFO"][-1:]
    if kind == "9":
        raise RuntimeError("as asked")
    body = b"" if leaves_body(environ) else _read(environ["wsgi.input"], _PIECES.get(kind))
    if kind == "7":
        environ["wsgi.errors"].write("as asked\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [_told(environ["PATH_INFO"], body)]


def _read(file, piece):
    return file.read() if piece is None else b"".join(iter(lambda: file.read(piece), b""))


class Silence:
    """Takes the place of standard error, which would be flooded."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


GATEWAY = Gateway(application, constants(False, True), debug=False)
SLOT = Slot()


def check(session: Session, stream: Stream) -> None:
    """Raises Broken; or, for what nobody foresaw, anything. Only for streams up to LONGEST."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(stream.data)
        theirs.shutdown(socket.SHUT_WR)
        _serve(Connection(ours, Incoming(session.limits, lambda: 3), io_timeout=0.2))
        ours.shutdown(socket.SHUT_WR)
        output = b"".join(iter(lambda: theirs.recv(65536), b""))
    check_answers(session, stream, output)
    if stream.intact == len(stream.data) == sum(map(len, session.records)):
        _check_management(session, output)


def check_answers(session: Session, stream: Stream, output: bytes) -> None:
    answers = iter(_answers(output))
    for request in intact_requests(session, stream):
        path = request.params["PATH_INFO"]
        body = b"" if leaves_body(request.params) else request.body
        if not any(_is_right(answer, request.request_id, path, body) for answer in answers):
            raise Broken(f"the intact request {path} was not answered as it should")


def _check_management(session: Session, output: bytes) -> None:
    """The request with the id 0 is the management's."""
    asked = sum(record[2:4] == b"\0\0" for record in session.records)
    answered = sum(request_id == records.NULL_REQUEST_ID for _, request_id, _ in _split(output))
    if answered > asked:
        raise Broken(f"{asked} management records got {answered} answers")


def _serve(connection: Connection) -> None:
    """What the engine's loop does."""
    try:
        while connection.receive():
            while connection.incoming.state is BODY:
                if not GATEWAY.serve(connection, SLOT) or not connection.incoming.keep_connection:
                    return
                connection.finish_request()
            if connection.incoming.close_wanted:
                return
    except RequestRefused as error:
        connection.send(refusal(connection.incoming.request_id, error.status, str(error)))
    except (ProtocolError, PeerGone):
        pass


def _is_right(answer: Answer, request_id: int, path: str, body: bytes) -> bool:
    if answer.request_id != request_id or answer.protocol_status != records.REQUEST_COMPLETE:
        return False
    if path.endswith("9"):
        return answer.output.startswith(b"Status: 500 ")
    return answer.output.endswith(b"\r\n\r\n" + _told(path, body))


def _told(path: str, body: bytes) -> bytes:
    return b"%s %d %d" % (path.encode("latin-1"), len(body), zlib.crc32(body))


def _answers(output: bytes) -> Iterator[Answer]:
    outputs: Dict[int, List[bytes]] = {}
    for kind, request_id, content in _split(output):
        if kind == records.STDOUT:
            outputs.setdefault(request_id, []).append(content)
        elif kind == records.END_REQUEST:
            _, status = records.END_BODY.unpack(content)
            yield Answer(request_id, b"".join(outputs.pop(request_id, [])), status)


def _split(output: bytes) -> Iterator[Tuple[int, int, bytes]]:
    position = 0
    while position < len(output):
        if len(output) - position < records.HEADER_SIZE:
            raise Broken(f"half a header goes out: {output[position:]!r}")
        version, kind, request_id, size, padding = records.HEADER.unpack_from(output, position)
        start = position + records.HEADER_SIZE
        position = start + size + padding
        if version != records.VERSION or kind not in _KINDS or position > len(output):
            raise Broken(f"what goes out is not whole records: {output[start - 8 : start]!r}")
        if size != (_KINDS[kind] or size):
            raise Broken(f"a record of type {kind} with {size} bytes goes out")
        yield kind, request_id, output[start : start + size]
