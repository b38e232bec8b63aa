"""A process that was forked ahead of time, and sleeps until it is asked to become a worker."""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
from typing import Callable, Optional

from runfcgi.serving.stop import STOP_SIGNALS

from .inbox import descriptors_in
from .messages import Descriptors, Spawn
from .newborn import Birth

_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_MOST_BYTES = 65536  # of a marker, which came in one line
_CONTROL_SIZE = socket.CMSG_SPACE(len(Descriptors._fields) * array.array("i").itemsize)


class Reserve:
    """What its server has of it. The server alone holds this end of the socket, so that the
    process ends with the server, however that ends."""

    def __init__(self, pid: int, end: socket.socket) -> None:
        self.pid = pid
        self._end = end

    def become(self, spawn: Spawn) -> bool:
        """False: it is not there any more. To be closed in either case."""
        descriptors = array.array("i", spawn.descriptors)
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
        try:
            self._end.sendmsg([spawn.marker], control, _FLAGS)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """One that was not used ends."""
        self._end.close()

    def end(self) -> None:
        """Returns when it has."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def open_ends() -> "tuple[socket.socket, socket.socket]":
    """One for the server, one for the reserve. A message is a marker and its descriptors."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def wait_for_birth(end: socket.socket, rehearse: Callable[[], None]) -> Optional[Birth]:
    """In the reserve itself. None: the server has gone.

    A stop signal ends it like any process: kept blocked, as by fork(), the signal would stop the
    worker that this one is to become. ``rehearse`` makes this process's own copies of what it
    will write to, before anybody waits for it.
    """
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    rehearse()
    try:
        marker, control, _, _ = end.recvmsg(_MOST_BYTES, _CONTROL_SIZE, socket.MSG_CMSG_CLOEXEC)
    except ConnectionError:
        marker, control = b"", []
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    end.close()
    return Birth(marker, Descriptors(*descriptors_in(control))) if marker else None
