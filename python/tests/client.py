"""A FastCGI client for the tests: requests as bytes, answers as they came."""

import json
import socket
import struct
from typing import Dict, List, NamedTuple, Tuple, Union

from runfcgi.fastcgi import records
from runfcgi.fastcgi.pairs import encode_pairs

TIMEOUT = 60.0

GET = {
    "REQUEST_METHOD": "GET",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "QUERY_STRING": "",
}


class Record(NamedTuple):
    kind: int
    request_id: int
    content: bytes


class Answer(NamedTuple):
    """``ended``: protocolStatus of FCGI_END_REQUEST, None when the connection was cut."""

    status: str
    headers: Dict[str, str]
    body: bytes
    errors: bytes
    ended: Union[int, None]

    def json(self):
        return json.loads(self.body)


def begin(request_id: int = 1, keep: bool = False, role: int = records.RESPONDER) -> bytes:
    body = records.BEGIN_BODY.pack(role, records.KEEP_CONN if keep else 0)
    return records.record(records.BEGIN_REQUEST, request_id, body)


def params(pairs: Dict[str, str], request_id: int = 1, piece: int = 65535) -> bytes:
    """FCGI_PARAMS in records of ``piece`` bytes, with its end."""
    return _stream(records.PARAMS, encode_pairs(pairs), request_id, piece)


def stdin(body: bytes = b"", request_id: int = 1, piece: int = 65535) -> bytes:
    return _stream(records.STDIN, body, request_id, piece)


def padded(record: bytes, padding: int) -> bytes:
    """One record with ``padding`` bytes of it, in which a careless reader finds records."""
    return record[:6] + bytes((padding, 0)) + record[8:] + (b"\x01\x0b" * 128)[:padding]


def request(
    path: str = "/", body: bytes = b"", keep: bool = False, request_id: int = 1, **more: str
) -> bytes:
    """A whole request; ``more`` are further parameters."""
    pairs = {**GET, "PATH_INFO": path, **more}
    if body:
        pairs.setdefault("CONTENT_LENGTH", str(len(body)))
        if "REQUEST_METHOD" not in more:
            pairs["REQUEST_METHOD"] = "POST"
    return begin(request_id, keep) + params(pairs, request_id) + stdin(body, request_id)


class Client:
    """One connection. ``where`` is a path or a pair of host and port."""

    def __init__(self, where: Union[str, Tuple[str, int]], timeout: float = TIMEOUT) -> None:
        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(where)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_record(self) -> Union[Record, None]:
        """None at the end of the connection, or when the response is broken off."""
        header = self._read(8)
        if not header or header == records.BROKEN_END:
            return None
        _, kind, request_id, size, padding = records.HEADER.unpack(header)
        content = self._read(size)
        self._read(padding)
        return Record(kind, request_id, content)

    def read_answer(self) -> Answer:
        """Records up to FCGI_END_REQUEST, or up to the end of the connection."""
        output: List[bytes] = []
        errors: List[bytes] = []
        ended = None
        while ended is None:
            record = self.read_record()
            if record is None:
                break
            if record.kind == records.STDOUT:
                output.append(record.content)
            elif record.kind == records.STDERR:
                errors.append(record.content)
            elif record.kind == records.END_REQUEST:
                ended = struct.unpack(">IB3x", record.content)[1]
        return _parse(b"".join(output), b"".join(errors), ended)

    def ask(self, path: str = "/", **more) -> Answer:
        self.send(request(path, **more))
        return self.read_answer()

    def is_closed(self) -> bool:
        """Waits for the other side to close. Anything it says meanwhile is a failure."""
        data = self.socket.recv(4096)
        assert not data, data
        return True

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            chunk = self.socket.recv(size - len(data))
            if not chunk:
                return b""
            data += chunk
        return bytes(data)


def ask(where, path: str = "/", **more) -> Answer:
    """One request on a connection of its own."""
    with Client(where) as client:
        return client.ask(path, **more)


def _parse(output: bytes, errors: bytes, ended: Union[int, None]) -> Answer:
    head, _, body = output.partition(b"\r\n\r\n")
    headers = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        headers[name] = value
    return Answer(headers.pop("Status", ""), headers, body, errors, ended)


def _stream(kind: int, data: bytes, request_id: int, piece: int) -> bytes:
    parts = [
        records.record(kind, request_id, data[start : start + piece])
        for start in range(0, len(data), piece)
    ]
    return b"".join(parts) + records.record(kind, request_id)
