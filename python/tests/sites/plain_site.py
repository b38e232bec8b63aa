"""A WSGI application with one route for each thing a server can get wrong."""

import io
import json
import os
import sys
import threading
import time

KEPT = []
PNG = bytes(range(256)) * 1024


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/").replace("-", "_") or "hello"
    route = globals().get("route_" + name, route_missing)
    return route(environ, start_response)


def route_hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello\n"]


def route_missing(environ, start_response):
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"no such page\n"]


def route_environ(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    plain = {k: v for k, v in environ.items() if isinstance(v, (str, bool, tuple))}
    return [json.dumps(plain).encode()]


def route_who(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d %d" % (os.getpid(), threading.get_ident())]


def route_echo(environ, start_response):
    body = environ["wsgi.input"].read(100_000_000)
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [body]


def route_count(environ, start_response):
    """Reads in small pieces, as an upload handler does."""
    size = 0
    while True:
        piece = environ["wsgi.input"].read(10000)
        if not piece:
            break
        size += len(piece)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % size]


def route_lines(environ, start_response):
    source = environ["wsgi.input"]
    lines = [source.readline(), source.readline(), *source.readlines(), *source]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([line.decode() for line in lines]).encode()]


def route_unread(environ, start_response):
    start_response("413 Payload Too Large", [("Content-Type", "text/plain")])
    return [b"too large\n"]


def route_stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for number in range(5):
        yield b"%d\n" % number


def route_gated(environ, start_response):
    """Gives its second block only when the file named in the query exists."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first\n"
    _wait_for_file(environ["QUERY_STRING"])
    yield b"second\n"


def route_slow(environ, start_response):
    """Answers only when the file named in the query exists."""
    sys.stderr.write("slow request has begun\n")
    _wait_for_file(environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"at last\n"]


def route_stubborn(environ, start_response):
    """Goes on after any exception, until the file named in the query exists."""
    sys.stderr.write("stubborn request has begun\n")
    while True:
        try:
            _wait_for_file(environ["QUERY_STRING"])
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"all the same\n"]
        except BaseException:
            sys.stderr.write("stubborn request goes on\n")


def route_grow(environ, start_response):
    """Keeps as many MB as the query says."""
    KEPT.append(bytearray(b"x") * (int(environ["QUERY_STRING"]) << 20))
    return route_hello(environ, start_response)


def route_large(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [PNG * 40]


def route_endless(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    while True:
        yield bytes(65536)


def route_memory(environ, start_response):
    """This process's resident memory, in kilobytes."""
    with open("/proc/self/status") as status:
        size = next(line for line in status if line.startswith("VmRSS"))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [size.split()[1].encode()]


def route_download(environ, start_response):
    """As many megabytes as the query says, in blocks."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    block = bytes(1024 * 1024)
    for _ in range(int(environ["QUERY_STRING"])):
        yield block


def route_file(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](open(environ["QUERY_STRING"], "rb"))


def route_file_part(environ, start_response):
    file = open(environ["QUERY_STRING"], "rb")
    file.seek(10)
    headers = [("Content-Type", "application/octet-stream"), ("Content-Length", "20")]
    start_response("206 Partial Content", headers)
    return environ["wsgi.file_wrapper"](file)


def route_memory_file(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"in memory"), 4)


def route_write(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written, ")
    write(b"twice, ")
    return [b"and returned\n"]


def route_many_headers(environ, start_response):
    headers = [("Content-Type", "text/plain")]
    headers += [(f"X-Header-{number}", "v" * 1000) for number in range(100)]
    start_response("200 OK", headers)
    return [b"ok"]


def route_cookies(environ, start_response):
    headers = [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    start_response("200 OK", headers)
    return [b"ok"]


def route_no_content(environ, start_response):
    start_response("204 No Content", [])
    return []


def route_not_modified(environ, start_response):
    start_response("304 Not Modified", [("ETag", '"1"')])
    return []


def route_not_modified_with_body(environ, start_response):
    start_response("304 Not Modified", [("ETag", '"1"')])
    return [b"nobody may see this"]


def route_empty(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return []


def route_exact(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"four"]


def route_too_long(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    yield b"fo"
    yield b"ur and more"


def route_too_short(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "40")])
    yield b"four"


def route_raise(environ, start_response):
    raise RuntimeError("before <the> headers")


def route_raise_started(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    raise RuntimeError("after start_response")


def route_raise_late(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"some of it\n"
    raise RuntimeError("within the body")


def route_exit(environ, start_response):
    sys.exit(3)


def route_own_error(environ, start_response):
    """An application that has an error page of its own."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        raise ValueError("oops")
    except ValueError:
        start_response("503 Sorry", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"sorry\n"]


def route_late_own_error(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"begun\n")
    try:
        raise ValueError("oops after the head")
    except ValueError:
        start_response("503 Sorry", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"never\n"]


def route_empty_then_error(environ, start_response):
    """Nothing has been sent by an empty block: the head may still change."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-First", "1")])
    yield b""
    try:
        raise ValueError("oops")
    except ValueError:
        start_response("503 Sorry", [("Content-Type", "text/plain")], sys.exc_info())
    yield b""
    yield b"sorry\n"


def route_late_start(environ, start_response):
    """Starts when its first block is asked for."""

    def blocks():
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"late\n"

    return blocks()


def route_no_start_at_all(environ, start_response):
    yield b"no head\n"


def route_write_text(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write("text is not bytes")
    return []


def route_written_length(environ, start_response):
    """``write`` and the iterable share one length."""
    headers = [("Content-Type", "text/plain"), ("Content-Length", "8")]
    write = start_response("200 OK", headers)
    write(b"four")
    return [b"", b"more", b" than that"]


def route_one_block_too_long(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"four and more"]


def route_one_block_too_short(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "40")])
    return [b"four"]


def route_reads_while_answering(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])

    def blocks():
        yield b"begun\n"
        yield environ["wsgi.input"].read()

    return Closing(blocks())


def route_closing_not_modified(environ, start_response):
    return Closing(route_not_modified_with_body(environ, start_response))


def route_closing_too_long(environ, start_response):
    return Closing(route_too_long(environ, start_response))


def route_closing_no_start(environ, start_response):
    return Closing([b"no head\n"])


def route_closing_file(environ, start_response):
    class File(io.BytesIO):
        def close(self):
            super().close()
            sys.stderr.write("the iterable was closed\n")

    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](File(b"in memory"))


def route_twice(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"never\n"]


def route_no_start(environ, start_response):
    return [b"no head\n"]


def route_text(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["text is not bytes"]


def route_split_header(environ, start_response):
    start_response("200 OK", [("X-Evil", "a\r\nSet-Cookie: b")])
    return [b"never\n"]


def route_hop_by_hop(environ, start_response):
    start_response("200 OK", [("Transfer-Encoding", "chunked")])
    return [b"never\n"]


def route_complain(environ, start_response):
    environ["wsgi.errors"].write("a complaint: \u20ac\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


def route_crash(environ, start_response):
    os._exit(7)


def route_fork(environ, start_response):
    """Forks where the query says, and lets the copy come back."""
    how = environ["QUERY_STRING"]

    def fork():
        pid = os.fork()
        if pid and how != "close":
            os.waitpid(pid, 0)
        return pid

    def blocks():
        yield b"one "
        is_copy = fork() == 0
        if is_copy and how == "exit in blocks":
            sys.exit(0)
        if not (is_copy and how == "end of blocks"):
            yield b"two\n"

    class Forking(Closing):
        def close(self):
            fork()

    start_response("200 OK", [("Content-Type", "text/plain")])
    if how == "close":
        return Forking([b"one ", b"two\n"])
    if "blocks" in how:
        return blocks()
    if fork() == 0:
        if how == "exit":
            sys.exit(0)
        if how == "short body":
            environ["wsgi.input"].read()
    if how == "raise":
        raise ValueError("in both")
    return [b"one two\n"]


def route_subprocess(environ, start_response):
    """What a program that the application starts has open."""
    listing = os.popen("ls -l /proc/self/fd").read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [listing.encode()]


class Closing:
    """An iterable that tells the log when it is closed."""

    def __init__(self, blocks):
        self._blocks = iter(blocks)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._blocks)

    def close(self):
        sys.stderr.write("the iterable was closed\n")


def route_closing(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Closing([b"a", b"b"])


def route_closing_endless(environ, start_response):
    return Closing(route_endless(environ, start_response))


def route_closing_raise(environ, start_response):
    return Closing(route_raise_late(environ, start_response))


def route_close_raises(environ, start_response):
    class Bad(Closing):
        def close(self):
            raise RuntimeError("in close")

    start_response("200 OK", [("Content-Type", "text/plain")])
    return Bad([b"whole\n"])


def _wait_for_file(path):
    end = time.monotonic() + 20
    while not os.path.exists(path):
        if time.monotonic() > end:
            raise TimeoutError(path)
        time.sleep(0.01)
