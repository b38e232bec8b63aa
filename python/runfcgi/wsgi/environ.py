"""From a web server's FastCGI parameters to a WSGI environ (PEP 3333, "environ Variables")."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional

from .file_wrapper import FileWrapper
from .path import query_string, split_path

_LENGTH = re.compile(r"[0-9]{1,18}")
_TRUE = frozenset(("on", "1", "yes", "true", "https"))


class BadRequest(Exception):
    """The parameters contradict CGI; the answer is 400."""


def constants(multithread: bool, multiprocess: bool) -> Dict[str, Any]:
    """The part of every environ that is the same for all requests of a process."""
    return {
        "wsgi.version": (1, 0),
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        # Reading wsgi.input to its end is safe without CONTENT_LENGTH: FCGI_STDIN has an end.
        "wsgi.input_terminated": True,
    }


def complete(params: Dict[str, Any], process_constants: Dict[str, Any]) -> None:
    """Turn ``params`` into the environ, in place; wsgi.input and wsgi.errors come later."""
    # A request header "Proxy:" must not pass for the environment variable (CVE-2016-1000110).
    params.pop("HTTP_PROXY", None)
    if "HTTP_CONTENT_LENGTH" in params or "HTTP_CONTENT_TYPE" in params:
        _drop_doubled(params)
    params["SCRIPT_NAME"], params["PATH_INFO"] = split_path(params)
    if "QUERY_STRING" not in params:
        params["QUERY_STRING"] = query_string(params)
    scheme = url_scheme(params)
    if not params.get("SERVER_NAME"):
        params["SERVER_NAME"] = _host_name(params)
    if not params.get("SERVER_PORT"):
        params["SERVER_PORT"] = "443" if scheme == "https" else "80"
    if not params.get("REQUEST_METHOD"):
        params["REQUEST_METHOD"] = "GET"
    if not params.get("SERVER_PROTOCOL"):
        params["SERVER_PROTOCOL"] = "HTTP/1.0"
    params.update(process_constants)
    params["wsgi.url_scheme"] = scheme


def content_length(params: Dict[str, str]) -> Optional[int]:
    """CONTENT_LENGTH in bytes, None where the web server did not say. Raises BadRequest."""
    value = params.get("CONTENT_LENGTH")
    if not value:
        return None
    if not _LENGTH.fullmatch(value):
        raise BadRequest(f'CONTENT_LENGTH is "{value}", which is not a number of bytes')
    return int(value)


def url_scheme(params: Dict[str, str]) -> str:
    """``https`` when the web server says so; X-Forwarded-Proto is the client's word, not its."""
    https = params.get("HTTPS")
    if https:
        return "https" if https.lower() in _TRUE else "http"
    return "https" if params.get("REQUEST_SCHEME", "").lower() == "https" else "http"


def _drop_doubled(params: Dict[str, str]) -> None:
    """nginx repeats Content-Length and Content-Type as headers; CGI gives them one name only."""
    for name in ("CONTENT_LENGTH", "CONTENT_TYPE"):
        doubled = params.pop("HTTP_" + name, None)
        if doubled and not params.get(name):
            params[name] = doubled


def _host_name(params: Dict[str, str]) -> str:
    """A name for the server where the web server sent none: the one the client asked for."""
    host = params.get("HTTP_HOST", "")
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return name or params.get("SERVER_ADDR") or "localhost"
