"""The story of a reserve: rehearse, sleep, become a worker.

Between the word that it is wanted and its first accept nothing is left to do for the first time:
the memory that all this writes to is the process's own by then, and need not be copied page by
page while visitors wait.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
from typing import Optional

from runfcgi.fork_server.marker import VARIABLE, MarkerPlace
from runfcgi.fork_server.messages import Part, Prepare
from runfcgi.fork_server.newborn import take_mark
from runfcgi.fork_server.reserve import wait_for_part
from runfcgi.serving import process_name
from runfcgi.serving.rehearsal import rehearse_worker
from runfcgi.serving.worker import WorkerSettings

from .application import Loaded
from .channel import Channel

_SETTINGS = WorkerSettings(
    threads=1, graceful_timeout=0, max_requests=0, debug=False, capacity=1
)


def await_part(prepare: Prepare, loaded: Loaded, place: Optional[MarkerPlace]) -> Part:
    """Returns in a process that is to be a worker; any other ends here."""
    for rehearsal in (lambda: _rehearse_part(place), loaded.rehearse, _rehearse_work):
        with contextlib.suppress(Exception):
            rehearsal()
    process_name.show(os.environ.get(VARIABLE, ""), "next")
    part = wait_for_part(socket.socket(fileno=prepare.launch))
    if part is None:
        os._exit(0)
    return part


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
