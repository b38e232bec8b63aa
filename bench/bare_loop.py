"""The floor of bench/engine.js: two processes that accept, read a FastCGI request, call the application and answer.

Right for requests of a web server that behaves, and for nothing else: no limits, no deadlines, no kept connections, no
checks, no graceful end. Usage: bare_loop.py SOCKET MODULE
"""

import importlib
import io
import os
import signal
import socket
import struct
import sys

PROCESSES = 2
PARAMS, STDIN, STDOUT = 4, 5, 6
HEADER = struct.Struct(">BBHHBx")
END = HEADER.pack(1, STDOUT, 1, 0, 0) + HEADER.pack(1, 3, 1, 8, 0) + bytes(8)
RECORD = 65528


def main(path, module):
    sys.path.insert(0, os.getcwd())
    application = importlib.import_module(module).application
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(511)
    pids = [fork(listener, application) for _ in range(PROCESSES)]
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(pid, signal.SIGKILL) for pid in pids])
    for pid in pids:
        os.waitpid(pid, 0)


def fork(listener, application):
    pid = os.fork()
    if pid:
        return pid
    while True:
        connection, _ = listener.accept()
        try:
            serve(connection, application)
        except OSError:
            pass  # the web server has gone
        connection.close()


def serve(connection, application):
    environ, body = read_request(connection)
    head = []
    environ["wsgi.version"] = (1, 0)
    environ["wsgi.url_scheme"] = "http"
    environ["wsgi.input"] = io.BytesIO(body)
    environ["wsgi.errors"] = sys.stderr
    environ["wsgi.multithread"] = environ["wsgi.run_once"] = False
    environ["wsgi.multiprocess"] = True

    def start_response(status, headers, _exc_info=None):
        lines = [f"{name}: {value}\r\n" for name, value in headers]
        head.append(f"Status: {status}\r\n{''.join(lines)}\r\n".encode("latin-1"))

    result = application(environ, start_response)
    content = b"".join((*head, *result))
    if hasattr(result, "close"):
        result.close()
    for start in range(0, len(content) - RECORD, RECORD):
        connection.sendall(HEADER.pack(1, STDOUT, 1, RECORD, 0) + content[start : start + RECORD])
    last = content[len(content) // RECORD * RECORD :]
    connection.sendall(HEADER.pack(1, STDOUT, 1, len(last), 0) + last + END)


def read_request(connection):
    data, position = b"", 0
    params, body = [], []
    while True:
        if len(data) - position < 8:
            data, position = data[position:] + receive(connection, 65536), 0
            continue
        _, kind, _, size, padding = HEADER.unpack_from(data, position)
        end = position + 8 + size + padding
        if len(data) < end:
            data += receive(connection, end - len(data), socket.MSG_WAITALL)
        content = data[position + 8 : position + 8 + size]
        position = end
        if kind == PARAMS:
            params.append(content)
        elif kind == STDIN:
            if not content:
                return decode(b"".join(params)), b"".join(body)
            body.append(content)


def receive(connection, size, flags=0):
    data = connection.recv(size, flags)
    if not data:
        raise ConnectionError("closed within a request")
    return data


def decode(data):
    text = data.decode("latin-1")
    pairs = {}
    position = 0
    while position < len(data):
        sizes = []
        for _ in range(2):
            size = data[position]
            position += 1
            if size > 127:
                size = (size & 127) << 24 | int.from_bytes(data[position : position + 3], "big")
                position += 3
            sizes.append(size)
        value = position + sizes[0]
        end = value + sizes[1]
        pairs[text[position:value]] = text[value:end]
        position = end
    return pairs


main(*sys.argv[1:])
