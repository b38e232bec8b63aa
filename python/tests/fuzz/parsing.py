"""Streams through ``Incoming`` alone.

* Nothing is raised but ProtocolError and RequestRefused.
* What is held never exceeds the limit of parameters, one record, and what came in one piece.
* Requests that were intact are served as they were meant, in order.
* How the stream is cut into pieces makes no difference.
"""

from __future__ import annotations

from random import Random
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from runfcgi.fastcgi.incoming import BODY, Incoming, ProtocolError, RequestRefused
from runfcgi.fastcgi.limits import Limits

from .mutations import Stream, in_any_pieces, in_full_pieces
from .sessions import Request, Session

_RECORD = 8 + 65535 + 255
# An answer is at most this many times as long as what asked for it; and there are copies.
_PER_PIECE = 4
_STATUSES = ("400 Bad Request", "431 Request Header Fields Too Large")

MakeIncoming = Callable[[Limits, Callable[[], int]], Incoming]


class Served(NamedTuple):
    request_id: int
    params: Dict[str, str]
    body: bytes


class Outcome(NamedTuple):
    """``is_timed``: a request was left before its body had ended, because of an abort or because
    nobody wanted it. Then what follows depends on how much had arrived, and so on the cuts.
    ``held_back``: not all that came has been taken in."""

    served: List[Served]
    answers: bytes
    error: str
    is_timed: bool
    held_back: bool = False


class Broken(AssertionError):
    """A property that does not hold."""


def check(source: Random, session: Session, stream: Stream, make: MakeIncoming = Incoming) -> None:
    """Raises Broken; or, for what nobody foresaw, anything."""
    cut = _converse(make, session.limits, in_any_pieces(source, stream.data))
    check_served(session, stream, cut.served)
    if cut.held_back and stream.intact == len(stream.data) == sum(map(len, session.records)):
        raise Broken("a whole session has come, and something of it is held back")
    whole = _converse(make, session.limits, in_full_pieces(stream.data))
    if whole != cut and not (whole.is_timed or cut.is_timed):
        raise Broken(f"in pieces it is another conversation: {_brief(cut)}, not {_brief(whole)}")


def intact_requests(session: Session, stream: Stream) -> List[Request]:
    return [request for request in session.requests if request.end <= stream.intact]


def check_served(session: Session, stream: Stream, served: List[Served]) -> None:
    rest = iter(served)
    for request in intact_requests(session, stream):
        body = b"" if leaves_body(request.params) else request.body
        if not any(tuple(one) == (request.request_id, request.params, body) for one in rest):
            raise Broken(f"the intact request {request.params['PATH_INFO']} was not served")


def leaves_body(params: Dict[str, str]) -> bool:
    """Some applications answer without reading."""
    return params.get("PATH_INFO", "").endswith("3")


def _converse(make: MakeIncoming, limits: Limits, pieces: List[bytes]) -> Outcome:
    """What the engine's loop does with a connection, without one."""
    incoming = make(limits, lambda: 3)
    served: List[Served] = []
    answers: List[bytes] = []
    error, is_timed = "", False
    params: Optional[Dict[str, str]] = None
    body: List[bytes] = []
    try:
        for piece in pieces:
            incoming.feed(piece)
            _check_held(incoming, limits, len(piece))
            while True:
                answers += incoming.answers
                incoming.answers.clear()
                is_timed = is_timed or incoming.aborted
                if incoming.state is not BODY:
                    break
                if params is None:
                    params = incoming.take_params()
                if leaves_body(params):
                    is_timed = True
                else:
                    body += incoming.body
                    incoming.body = []
                    if not (incoming.body_ended or incoming.aborted):
                        break
                served.append(Served(incoming.request_id, params, b"".join(body)))
                params, body = None, []
                if not incoming.keep_connection:
                    return Outcome(served, b"".join(answers), error, is_timed)
                incoming.finish()
    except ProtocolError as problem:
        error = f"malformed: {problem}"
    except RequestRefused as problem:
        error = f"{problem.status}: {problem}"
        if problem.status not in _STATUSES:
            raise Broken(f"an unknown refusal, {error}") from problem
    answers += incoming.answers
    held_back = not error and incoming.has_started
    return Outcome(served, b"".join(answers), error, is_timed or incoming.aborted, held_back)


def _check_held(incoming: Incoming, limits: Limits, piece: int) -> None:
    held = sum(_size(getattr(incoming, name)) for name in Incoming.__slots__)
    most = limits.params_size + _RECORD + _PER_PIECE * piece
    if held > most:
        raise Broken(f"{held} bytes are held, where {most} is the most")


def _size(value: Any) -> int:
    kind = type(value)
    if kind in (bytes, bytearray, memoryview, str):
        return len(value)
    if kind is list:
        return sum(map(_size, value))
    if kind is dict:
        return sum(map(len, value)) + sum(map(len, value.values()))
    return 0


def _brief(outcome: Outcome) -> str:
    sizes = [len(one.body) for one in outcome.served]
    return f"bodies of {sizes}, {len(outcome.answers)} bytes of answers, {outcome.error!r}"
