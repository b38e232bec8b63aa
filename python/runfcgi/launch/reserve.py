"""The story of a reserve: rehearse, sleep, become a worker.

Between the word that it is wanted and its first accept nothing is left to do for the first time:
the memory that all this writes to is the process's own by then, and need not be copied page by
page while visitors wait.
"""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
from typing import Iterator, Optional

from runfcgi.fork_server.marker import VARIABLE, MarkerPlace
from runfcgi.fork_server.messages import Part, Prepare
from runfcgi.fork_server.newborn import take_mark
from runfcgi.fork_server.reserve import say_asleep, wait_for_part
from runfcgi.serving import process_name
from runfcgi.serving.rehearsal import rehearse_worker
from runfcgi.serving.worker import WorkerSettings

from .application import Loaded
from .channel import Channel

_SETTINGS = WorkerSettings(
    threads=1, graceful_timeout=0, max_requests=0, debug=False, capacity=1
)
# In seconds. What hangs longer will not come back: a lock that a thread held at the fork.
_LONGEST_REHEARSAL = 30


def await_part(prepare: Prepare, loaded: Loaded, place: Optional[MarkerPlace]) -> Part:
    """Returns in a process that is to be a worker; any other ends here."""
    with _time_limit():
        for rehearsal in (lambda: _rehearse_part(place), loaded.rehearse, _rehearse_work):
            with contextlib.suppress(Exception):
                rehearsal()
    process_name.show(os.environ.get(VARIABLE, ""), "next")
    launch = socket.socket(fileno=prepare.launch)
    say_asleep(launch)
    part = wait_for_part(launch)
    if part is None:
        os._exit(0)
    return part


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    """SIGALRM ends the process, whatever the application does with it."""
    handler = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_LONGEST_REHEARSAL)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)


def _rehearse_part(place: Optional[MarkerPlace]) -> None:
    """Takes the mark that it has."""
    mark = os.fsencode(os.environ[VARIABLE])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [ours.fileno()]))
        ours.sendmsg([mark + b"\n"], [rights])
        part = wait_for_part(theirs)
    if part is not None:
        socket.socket(fileno=part.listen).close()
        take_mark(part.marker, place)


def _rehearse_work() -> None:
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    try:
        rehearse_worker(_SETTINGS, Channel(null).ready)
    finally:
        os.close(null)
