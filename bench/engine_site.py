"""What bench/engine.js asks for: a greeting, a response of a mebibyte, and an upload, which is read in pieces."""

_MEBIBYTE = b"x" * 1048576
_PIECE = 65536


def application(environ, start_response):
    body = _answers[environ["PATH_INFO"]](environ)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _hello(_environ):
    return b"Hello, world!\n"


def _response(_environ):
    return _MEBIBYTE


def _upload(environ):
    read = environ["wsgi.input"].read
    left = int(environ["CONTENT_LENGTH"])
    while left:
        piece = read(min(_PIECE, left))
        if not piece:
            break
        left -= len(piece)
    return b"%d bytes are missing\n" % left


_answers = {"/hello": _hello, "/response": _response, "/upload": _upload}
