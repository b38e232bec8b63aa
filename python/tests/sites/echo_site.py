"""Tells what reached it, whatever the path; a header X-Do asks for something else."""

import hashlib
import json
import os
import signal
import sys
import time

_SIZE = 10 * 1024 * 1024


def application(environ, start_response):
    wish = environ.get("HTTP_X_DO", "tell")
    return globals()["_" + wish](environ, start_response)


def _tell(environ, start_response):
    plain = {k: v for k, v in environ.items() if isinstance(v, (str, bool))}
    body = json.dumps({**plain, "pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


def _upload(environ, start_response):
    digest = hashlib.sha256()
    for piece in iter(lambda: environ["wsgi.input"].read(50_000), b""):
        digest.update(piece)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [digest.hexdigest().encode()]


def _leave(environ, start_response):
    start_response("413 Payload Too Large", [("Content-Type", "text/plain")])
    return [b"not read\n"]


def _download(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [bytes(range(256)) * (_SIZE // 256)]


def _headers(environ, start_response):
    headers = [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    headers += [("X-Large", "v" * 3000)]
    start_response("200 OK", headers)
    return [b"ok"]


def _nothing(environ, start_response):
    start_response("204 No Content", [])
    return []


def _cut(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"some of it\n"
    raise RuntimeError("within the body")


def _killed(environ, start_response):
    """As by a kernel that is short of memory, when the web server has passed on the first part."""
    headers = [("Content-Type", "text/plain")]
    if environ.get("HTTP_X_LENGTH"):
        headers += [("Content-Length", environ["HTTP_X_LENGTH"])]
    start_response("200 OK", headers)
    yield b"some of it\n"
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)


def _endless(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    try:
        while True:
            yield bytes(65536)
    finally:
        sys.stderr.write("the endless response was closed\n")
