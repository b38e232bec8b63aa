"""Which worker serves a request: the facts about this process."""

import os
import platform
import threading
from datetime import datetime, timezone


class _Tally:
    """The requests this process has taken, and since when."""

    def __init__(self):
        self.begin()

    def begin(self):
        self._lock = threading.Lock()
        self.requests = 0
        self.started = datetime.now(timezone.utc)

    def add(self):
        with self._lock:
            self.requests += 1


_tally = _Tally()
# A worker forked from a loaded application is a process of its own: it counts from nothing.
os.register_at_fork(after_in_child=_tally.begin)


def count_request():
    """Count one request; called once at the beginning of each."""
    _tally.add()


def worker_facts(environ):
    """Return what is known about the worker serving this WSGI `environ`, ready for JSON.

    `started` is when the application was loaded or this process forked from it, in UTC.
    """
    return {
        "pid": os.getpid(),
        "requests": _tally.requests,
        "started": _tally.started.isoformat(timespec="milliseconds"),
        "thread": threading.current_thread().name,
        "multithread": bool(environ.get("wsgi.multithread")),
        "multiprocess": bool(environ.get("wsgi.multiprocess")),
        "python": platform.python_version(),
    }
