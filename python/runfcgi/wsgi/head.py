"""The head of a response: what ``start_response`` was given, checked, as CGI header lines."""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional, Tuple

# RFC 9110, section 7.6.1, and RFC 2616, section 13.5.1: they belong to the web server.
_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    )
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUS = re.compile(r"[1-9][0-9][0-9] [\t\x20-\x7e\xa0-\xff]*")
# Line ends are looked for by counting: they also end the lines that are ours.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MAX_LENGTH_DIGITS = 18
_MAX_KNOWN = 1000

# What passed once: applications repeat their header names (here with their lower case) and
# statuses (here with their code). Values are not kept; they may be secrets.
_known_names: Dict[str, str] = {}
_known_statuses: Dict[str, int] = {}


class HeadError(ValueError):
    """The application gave a status or header that must not be sent."""


class Head(NamedTuple):
    """``lines`` are encoded and end with a line end, but not with the one that ends the head."""

    lines: bytes
    code: int
    content_length: Optional[int]
    has_body: bool
    """May a response with this status carry a body? (RFC 9110, section 6.4.1)"""


def check_head(status: str, headers: List[Tuple[str, str]]) -> Head:
    """Raises HeadError for what PEP 3333 forbids, and for anything that could split the head."""
    code = _known_statuses.get(status) or _check_status(status)
    if not isinstance(headers, list):
        raise HeadError(f"the headers are a {type(headers).__name__}, not a list")
    length: Optional[int] = None
    lines = ["Status: " + status]
    try:
        for name, value in headers:
            lowered = _known_names.get(name) or _check_name(name)
            if lowered == "content-length":
                length = _check_length(value)
            lines.append(name + ": " + value)
        lines.append("")
        text = "\r\n".join(lines)
        raw = text.encode("latin-1")
    except (TypeError, ValueError) as error:
        raise _explain(headers, error) from None
    if not "".join(lines).isprintable():
        # Beyond ASCII some of what may be sent does not count as printable.
        ends = len(lines) - 1
        if text.count("\n") != ends or text.count("\r") != ends or _CONTROL.search(text):
            raise _explain(headers, None)
    return Head(raw, code, length, code >= 200 and code not in (204, 304))


def _check_status(status: str) -> int:
    if type(status) is not str or not _STATUS.fullmatch(status):
        raise HeadError(f"the status {status!r} is not three digits, a space and a reason")
    code = int(status[:3])
    if len(_known_statuses) < _MAX_KNOWN:
        _known_statuses[status] = code
    return code


def _check_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError
    if not _TOKEN.fullmatch(name):
        raise HeadError(f"{name!r} is no name for a header")
    lowered = name.lower()
    if lowered in _HOP_BY_HOP:
        raise HeadError(f"the header {name} is between web server and client (hop-by-hop)")
    if lowered == "status":
        raise HeadError("the header Status is CGI's own; the status goes to start_response")
    if len(_known_names) < _MAX_KNOWN:
        _known_names[name] = lowered
    return lowered


def _explain(headers: list, error: Optional[Exception]) -> HeadError:
    """Which of the headers is wrong, once it is known that one of them is."""
    if isinstance(error, HeadError):
        return error
    for header in headers:
        if not isinstance(header, tuple) or len(header) != 2:
            return HeadError(f"a header is {header!r}, not a pair of name and value")
        if not all(isinstance(part, str) for part in header):
            return HeadError(f"the header {header!r} is not made of two strings")
        name, value = header
        if value and max(value) > "\xff":
            return HeadError(f"the header {header!r} has characters beyond Latin-1")
        if _CONTROL.search(value) or "\r" in value or "\n" in value:
            return HeadError(f"the value of the header {name} has a control character: {value!r}")
    return HeadError(f"the headers {headers!r} cannot be sent")


def _check_length(value: str) -> int:
    if not (value.isdigit() and value.isascii() and len(value) <= _MAX_LENGTH_DIGITS):
        raise HeadError(f'Content-Length is "{value}", which is not a number of bytes')
    return int(value)
