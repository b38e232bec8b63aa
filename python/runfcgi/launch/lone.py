"""One worker by itself on descriptor 0: what a web server starts that counts processes itself.

mod_fcgid sends a process one request at a time and starts more of them instead; spare processes
of our own would only wait. A web server that starts a process never tells it of new code: the
worker looks at a file before each request, and when that was touched this answer is its last.

It refuses connections *before* the last answer, not after it: once it has the answer the web
server may send the next request at once, and would send it to a process about to leave.
"""

from __future__ import annotations

import os
from typing import Mapping, Optional, Tuple

from runfcgi.serving.listener import Listener
from runfcgi.serving.slot import Slot
from runfcgi.serving.stop import Stop
from runfcgi.serving.worker import Worker, WorkerSettings
from runfcgi.wsgi.error_stream import write_stderr
from runfcgi.wsgi.gateway import Application

from .options import Options


def serve_lone(options: Options, listener: Listener, application: Application) -> int:
    """The exit status, once the worker was told to stop or has given its last answer."""
    settings = WorkerSettings(
        threads=1,
        graceful_timeout=options.graceful_timeout,
        max_requests=0,
        debug=options.debug,
        capacity=1,
    )
    last = _LastRequest(listener, options.touch_reload or "", options.maxrequests)
    worker = Worker(application, settings, slots=[last])
    last.stop = worker.stop
    return worker.run(listener)


class _LastRequest(Slot):
    """Finds out that the request which begins is the last one."""

    stop: Stop

    def __init__(self, listener: Listener, path: str, max_requests: int) -> None:
        super().__init__()
        self._listener = listener
        self._path = path
        self._max_requests = max_requests
        self._served = 0
        self._loaded = _look(path)

    def busy(self, params: Mapping[str, str]) -> None:
        super().busy(params)
        self._served += 1
        if _look(self._path) != self._loaded:
            self._leave(f"{self._path} was touched")
        elif self._served == self._max_requests:
            self._leave(f"{self._served} requests are served")

    def _leave(self, reason: str) -> None:
        write_stderr(f"runfcgi: leaving after this answer: {reason}\n")
        self._listener.refuse()
        self.stop.set()


def _look(path: str) -> Optional[Tuple[int, int]]:
    """What changes when a file is touched, rewritten or replaced; None while it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
