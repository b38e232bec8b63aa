"""Valid conversations of a web server with the engine, with everything FastCGI allows in them."""

from __future__ import annotations

from random import Random
from typing import Dict, List, NamedTuple

from runfcgi.fastcgi import records
from runfcgi.fastcgi.limits import Limits
from runfcgi.fastcgi.pairs import encode_pairs

# Around the changes of form: empty, one byte, a length of one byte and of four.
_SIZES = (0, 1, 5, 20, 126, 127, 128, 129, 300)
_BODIES = (0, 0, 0, 1, 7, 100, 2000)
_MANY = (70_000, 100_000)
_UNKNOWN_TYPES = (0, 12, 77, 255)

# Small enough for mutations to reach, large enough for every session that is not "large".
SMALL = Limits(params_size=16_384, params_count=24, head_records=120)
LARGE = Limits(params_size=256 * 1024, params_count=24, head_records=2000)


class Request(NamedTuple):
    """A request that must be served when the first ``end`` bytes of the stream are intact."""

    end: int
    request_id: int
    params: Dict[str, str]
    body: bytes


class Session(NamedTuple):
    """``records``: whole, padding included; together they are the stream."""

    records: List[bytes]
    requests: List[Request]
    limits: Limits


def random_bytes(source: Random, size: int) -> bytes:
    """What ``Random.randbytes`` is from Python 3.9 on."""
    return source.getrandbits(8 * size).to_bytes(size, "big") if size else b""


def session(source: Random) -> Session:
    """A kept connection with up to four requests; the last may ask to close."""
    is_large = source.random() < 0.01
    parts: List[bytes] = []
    requests: List[Request] = []
    for left in range(source.randint(1, 4), 0, -1):
        keep = left > 1 or source.random() < 0.5
        _add_request(source, parts, requests, keep, is_large and left == 1)
    return Session(parts, requests, LARGE if is_large else SMALL)


def _add_request(
    source: Random, parts: List[bytes], requests: List[Request], keep: bool, is_large: bool
) -> None:
    request_id = source.choice((1, 1, 2, 255, 256, 65535))
    stray_id = request_id % 65535 + 1
    _between(source, parts, stray_id, in_params=False)
    if keep and source.random() < 0.1:
        _refused_role(source, parts, request_id)
    flags = records.KEEP_CONN if keep else 0
    begin = records.BEGIN_BODY.pack(records.RESPONDER, flags)
    _add(source, parts, records.BEGIN_REQUEST, request_id, begin)
    params = _params(source, is_large)
    body = bytes(66_000) if source.random() < 0.02 else random_bytes(source, source.choice(_BODIES))
    if body:
        params["CONTENT_LENGTH"] = str(len(body))
    aborts_in = source.choice(("params", "body")) if keep and source.random() < 0.05 else ""
    _add_stream(source, parts, records.PARAMS, request_id, encode_pairs(params), stray_id)
    if aborts_in == "params":
        _add(source, parts, records.ABORT_REQUEST, request_id, b"")
        return
    _add(source, parts, records.PARAMS, request_id, b"")
    _add_stream(source, parts, records.STDIN, request_id, body, stray_id)
    if aborts_in == "body":
        _add(source, parts, records.ABORT_REQUEST, request_id, b"")
        _add(source, parts, records.STDIN, request_id, b"")
        return
    _add(source, parts, records.STDIN, request_id, b"")
    end = sum(map(len, parts))
    requests.append(Request(end, request_id, params, body))


def _params(source: Random, is_large: bool) -> Dict[str, str]:
    pairs = {"REQUEST_METHOD": "POST", "PATH_INFO": f"/{source.randrange(1000)}"}
    for number in range(source.randint(0, 6)):
        name = f"HTTP_{number}" + "N" * source.choice(_SIZES)
        pairs[name] = chr(source.randrange(256)) * source.choice(_SIZES)
    if is_large:
        pairs["HTTP_LARGE"] = "v" * source.choice(_MANY)
    return pairs


def _refused_role(source: Random, parts: List[bytes], request_id: int) -> None:
    begin = records.BEGIN_BODY.pack(source.choice((2, 3, 9)), records.KEEP_CONN)
    _add(source, parts, records.BEGIN_REQUEST, request_id, begin)
    _add(source, parts, records.PARAMS, request_id, b"")
    _add(source, parts, records.STDIN, request_id, b"")


def _add_stream(
    source: Random, parts: List[bytes], kind: int, request_id: int, data: bytes, stray_id: int
) -> None:
    """Without the empty record that ends it."""
    whole = len(data) > 4000 or source.random() < 0.6
    start = 0
    while start < len(data):
        size = 65535 if whole else source.randint(1, max(1, len(data) // 3))
        _add(source, parts, kind, request_id, data[start : start + size])
        start += size
        _between(source, parts, stray_id, in_params=kind == records.PARAMS)


def _between(source: Random, parts: List[bytes], stray_id: int, in_params: bool) -> None:
    """What may come anywhere: management records, and records of requests that are not active."""
    if source.random() < 0.85:
        return
    what = source.randrange(4)
    if what == 0:
        asked = encode_pairs({"FCGI_MAX_CONNS": "", "FCGI_MPXS_CONNS": "", "OTHER": ""})
        _add(source, parts, records.GET_VALUES, 0, asked)
    elif what == 1:
        kind = source.choice(_UNKNOWN_TYPES)
        _add(source, parts, kind, 0, random_bytes(source, source.randrange(20)))
    elif what == 2:
        kind = source.choice((records.ABORT_REQUEST, records.PARAMS, records.STDIN, records.DATA))
        _add(source, parts, kind, stray_id, random_bytes(source, source.randrange(20)))
    elif in_params:  # within the body it would depend on whether that is read to its end
        begin = records.BEGIN_BODY.pack(records.RESPONDER, records.KEEP_CONN)
        _add(source, parts, records.BEGIN_REQUEST, stray_id, begin)


def _add(source: Random, parts: List[bytes], kind: int, request_id: int, content: bytes) -> None:
    padding = source.randrange(256) if source.random() < 0.2 else 0
    header = records.HEADER.pack(records.VERSION, kind, request_id, len(content), padding)
    parts.append(header + content + bytes(padding))
