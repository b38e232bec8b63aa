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
_LENGTH = re.compile(r"[0-9]{1,18}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUS = re.compile(r"[1-9][0-9][0-9] [\t\x20-\x7e\xa0-\xff]*")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MAX_KNOWN = 1000

# Names that passed once, with their lower case: applications repeat theirs at each response.
_known: Dict[str, str] = {}


class HeadError(ValueError):
    """The application gave a status or header that must not be sent."""


class Head(NamedTuple):
    """``lines`` ends with a line end, but not with the empty line that ends the head."""

    lines: str
    code: int
    content_length: Optional[int]

    @property
    def has_body(self) -> bool:
        """May a response with this status carry a body? (RFC 9110, section 6.4.1)"""
        return self.code >= 200 and self.code not in (204, 304)


def check_head(status: str, headers: List[Tuple[str, str]]) -> Head:
    """Raises HeadError for what PEP 3333 forbids, and for anything that could split the head."""
    if type(status) is not str or not _STATUS.fullmatch(status):
        raise HeadError(f"the status {status!r} is not three digits, a space and a reason")
    if not isinstance(headers, list):
        raise HeadError(f"the headers are a {type(headers).__name__}, not a list")
    length: Optional[int] = None
    lines = [f"Status: {status}\r\n"]
    for header in headers:
        name, value = _pair(header)
        lowered = _known.get(name) or _check_name(name)
        if lowered == "content-length":
            length = _check_length(value)
        if _CONTROL.search(value):
            raise HeadError(f"the value of the header {name} has a control character: {value!r}")
        lines.append(f"{name}: {value}\r\n")
    return Head("".join(lines), int(status[:3]), length)


def _pair(header: Tuple[str, str]) -> Tuple[str, str]:
    try:
        name, value = header
    except (TypeError, ValueError):
        raise HeadError(f"a header is {header!r}, not a pair of name and value") from None
    if not isinstance(name, str) or not isinstance(value, str):
        raise HeadError(f"the header {header!r} is not made of two strings")
    if not value.isascii() and max(value) > "\xff":
        raise HeadError(f"the header {header!r} has characters beyond Latin-1")
    return name, value


def _check_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise HeadError(f"{name!r} is no name for a header")
    lowered = name.lower()
    if lowered in _HOP_BY_HOP:
        raise HeadError(f"the header {name} is between web server and client (hop-by-hop)")
    if lowered == "status":
        raise HeadError("the header Status is CGI's own; the status goes to start_response")
    if len(_known) < _MAX_KNOWN:
        _known[name] = lowered
    return lowered


def _check_length(value: str) -> int:
    if not _LENGTH.fullmatch(value):
        raise HeadError(f'Content-Length is "{value}", which is not a number of bytes')
    return int(value)
