"""Which part of a URL's path is the application's own: SCRIPT_NAME and PATH_INFO.

Web servers disagree on what they put there. SCRIPT_NAME followed by PATH_INFO must give the
path of the request; and what each is said to send tells which of them is wrong:

================================  ==============  ===========  ==============================
web server, configuration         SCRIPT_NAME     PATH_INFO    here
================================  ==============  ===========  ==============================
nginx, PATH_INFO only             absent          /blog/1      "" and /blog/1
nginx, ``fastcgi_params`` alone   /blog/1         absent       "" and /blog/1 (DOCUMENT_URI)
nginx, both of them               /blog/1         /blog/1      "" and /blog/1
nginx, split_path_info            /app            /blog/1      as sent
lighttpd or Apache rewriting all  /site.fcgi      /blog/1      "" and /blog/1 (REQUEST_URI)
  URLs to a script
Apache mod_proxy_fcgi             /app/blog/1     absent       /app and /blog/1, by the path in
  ProxyPass /app fcgi://host                                   SCRIPT_FILENAME proxy:fcgi://…
Apache mod_fcgid, ScriptAlias     /app            /blog/1      as sent
any, REQUEST_URI only             absent          absent       "" and the path of REQUEST_URI
================================  ==============  ===========  ==============================

(Seen with nginx 1.22, Apache 2.4 and lighttpd 1.4.) What cannot be told: lighttpd with the
prefix "/" and without ``fix-root-scriptname`` takes a URL's first part for the script.

Paths are decoded bytes as Latin-1 text, as PEP 3333 has them; REQUEST_URI and the proxied
SCRIPT_FILENAME are percent-encoded.
"""

from __future__ import annotations

import re
from typing import Dict, Optional, Tuple
from urllib.parse import unquote_to_bytes

_SCHEME_AND_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")
# proxy:fcgi://host:port/path and proxy:unix:/socket|fcgi://host/path
_PROXIED = re.compile(r"proxy:(?:unix:[^|]*\|)?fcgi://[^/]*(/[^?]*)")

_ENCODED_SLASH = re.compile("(%2[fF])")


def split_path(params: Dict[str, str]) -> Tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO of a request; at least one of them is not empty."""
    script = params.get("SCRIPT_NAME", "")
    info = params.get("PATH_INFO")
    if info is None:
        script, info = _without_path_info(script, params)
    elif script and info and info in (params.get("DOCUMENT_URI"), request_path(params)):
        script = ""  # PATH_INFO is the whole path already
    return _normal(script, info)


def request_path(params: Dict[str, str]) -> Optional[str]:
    """The decoded path of REQUEST_URI, None without one."""
    uri = params.get("REQUEST_URI")
    if not uri:
        return None
    raw = _without_host(uri).partition("?")[0]
    if "%" not in raw:
        return raw
    return _decode(raw)


def query_string(params: Dict[str, str]) -> str:
    """QUERY_STRING, taken from REQUEST_URI where the web server left it out."""
    query = params.get("QUERY_STRING")
    if query is None:
        query = params.get("REQUEST_URI", "").partition("?")[2]
    return query


def _without_path_info(script: str, params: Dict[str, str]) -> Tuple[str, str]:
    path = request_path(params)
    if not script:
        return "", path or params.get("DOCUMENT_URI") or "/"
    if script == params.get("DOCUMENT_URI"):
        return "", script
    filename = params.get("SCRIPT_FILENAME", "")
    if filename.startswith("proxy:"):
        return _proxied(script, filename)
    if path is not None and path.startswith(script):
        return script, path[len(script) :]
    return script, ""


def _proxied(script: str, filename: str) -> Tuple[str, str]:
    """mod_proxy_fcgi puts the whole path in SCRIPT_NAME; what it passed on is the PATH_INFO."""
    match = _PROXIED.match(filename)
    if match is None:
        return "", script
    # "ProxyPass /app fcgi://host/" doubles the slash of what follows /app.
    raw = "/" + match.group(1).lstrip("/")
    # Under "AllowEncodedSlashes NoDecode" SCRIPT_NAME has them still encoded.
    for mapped in (_decode(raw), "".join(map(_decode_piece, _ENCODED_SLASH.split(raw)))):
        if script.endswith(mapped):
            return script[: -len(mapped)], mapped
    return (script, "") if raw == "/" else ("", script)


def _decode_piece(raw: str) -> str:
    return raw if _ENCODED_SLASH.fullmatch(raw) else _decode(raw)


def _normal(script: str, info: str) -> Tuple[str, str]:
    if script.endswith("/"):
        script = script.rstrip("/")
        if not info.startswith("/"):
            info = "/" + info
    if info and not info.startswith("/"):
        info = "/" + info
    if not script and not info:
        info = "/"
    return script, info


def _without_host(uri: str) -> str:
    if uri.startswith("/"):
        return uri
    match = _SCHEME_AND_HOST.match(uri)
    return (uri[match.end() :] or "/") if match else uri


def _decode(raw: str) -> str:
    return unquote_to_bytes(raw.encode("latin-1")).decode("latin-1")
