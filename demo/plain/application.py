"""The routes of the plain site."""

import time
from html import escape
from urllib.parse import parse_qs

from workload import bounds
from workload.bodies import MEBIBYTE, chunks, digest_body
from workload.worker import count_request, worker_facts

from .answers import Answer, data, page, refusal

READING = ("GET", "HEAD")


def application(environ, start_response):
    """The WSGI callable."""
    count_request()
    answer = _answer(environ)
    start_response(answer.status, answer.headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else answer.body


def _answer(environ):
    path = environ.get("PATH_INFO") or "/"
    route, methods = ROUTES.get(path, (None, ()))
    if route is None:
        return page("There is no such page.", f"<p>Nothing is at <code>{escape(path)}</code>.</p>", "404 Not Found")
    if environ["REQUEST_METHOD"] not in methods:
        allowed = ", ".join(methods)
        return refusal("405 Method Not Allowed", f"This page takes {allowed}.", [("Allow", allowed)])
    try:
        return route(environ)
    except bounds.OutOfBounds as problem:
        return refusal("400 Bad Request", problem)


def home(environ):
    return page(
        "It works.",
        '<p class="lead">This page came from a Python worker, over FastCGI if runfcgid started it. '
        "Django was not to be had here, so this site stands in for it.</p>\n"
        '<ul class="cards">\n'
        '<li><a href="/worker/"><strong>Worker</strong><span>Which process answers.</span></a></li>\n'
        '<li><a href="/stream/?mb=100" download><strong>Download</strong><span>100 MB, streamed.</span></a></li>\n'
        '<li><a href="/slow/?seconds=5"><strong>A slow page</strong><span>Takes five seconds.</span></a></li>\n'
        '<li><a href="/error/"><strong>A failure</strong><span>Raises an exception.</span></a></li>\n'
        "</ul>\n"
        '<p class="quiet">Upload from a terminal: <code>curl --data-binary @FILE '
        f"{escape(_origin(environ))}/upload/</code></p>",
    )


def worker(environ):
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(fact))}</td></tr>\n'
        for name, fact in worker_facts(environ).items()
    )
    return page("Worker", f"<table>\n{rows}</table>")


def worker_json(environ):
    return data(worker_facts(environ))


def slow(environ):
    wait = bounds.seconds(_query(environ, "seconds", "2"))
    time.sleep(wait)
    return page(f"That took {wait:g} seconds.", '<p class="lead">The worker was busy all the while.</p>')


def stream(environ):
    size = bounds.mebibytes(_query(environ, "mb", "10"))
    disposition = ("Content-Disposition", f'attachment; filename="{size}-mb.bin"')
    return Answer("200 OK", "application/octet-stream", chunks(size), size * MEBIBYTE, [disposition])


def upload(environ):
    if environ.get("CONTENT_TYPE", "").startswith("multipart/"):
        return refusal("415 Unsupported Media Type", "Send the file as the body: curl --data-binary @FILE.")
    length = bounds.content_length(environ.get("CONTENT_LENGTH"))
    digest = digest_body(environ["wsgi.input"], length)
    if digest.size < length:
        return refusal("400 Bad Request", f"The body ended after {digest.size} of {length} bytes.")
    return data({"name": None, "size": digest.size, "sha256": digest.sha256})


def error(environ):
    raise RuntimeError("This page fails on purpose.")


ROUTES = {
    "/": (home, READING),
    "/worker/": (worker, READING),
    "/worker.json": (worker_json, READING),
    "/slow/": (slow, READING),
    "/stream/": (stream, READING),
    "/upload/": (upload, ("POST",)),
    "/error/": (error, READING),
}


def _query(environ, name, default):
    return parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).get(name, [default])[-1]


def _origin(environ):
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return f"{environ['wsgi.url_scheme']}://{host}"
