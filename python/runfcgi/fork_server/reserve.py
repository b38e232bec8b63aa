"""A process that was forked ahead of time, and sleeps until it is given the part of a worker."""

from __future__ import annotations

import array
import os
import signal
import socket
from typing import Optional

from runfcgi.serving.stop import STOP_SIGNALS

from .inbox import descriptors_in
from .messages import Part

# More than any marker. What was sent in one piece of this size is received in one (unix(7)).
_LONGEST = 4096
_CONTROL_SIZE = socket.CMSG_SPACE(array.array("i").itemsize)


def say_asleep(launch: socket.socket) -> None:
    """It may be given a part from now on."""
    try:
        launch.send(b".")
    except OSError:
        pass  # let go of, as it will find out


def wait_for_part(launch: socket.socket) -> Optional[Part]:
    """None: the supervisor has let go of it, or has said something else.

    A stop signal ends it meanwhile like any process: kept blocked, as by fork(), the signal would
    stop the worker that this one is to become.
    """
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    launch.settimeout(None)  # The application's default is not meant for this one.
    part = _receive(launch)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    launch.close()
    return part


def _receive(launch: socket.socket) -> Optional[Part]:
    try:
        line, control, _, _ = launch.recvmsg(_LONGEST, _CONTROL_SIZE, socket.MSG_CMSG_CLOEXEC)
    except OSError:
        return None
    descriptors = descriptors_in(control)
    if len(descriptors) == 1 and len(line) > 1 and line.endswith(b"\n"):
        return Part(line[:-1], descriptors[0])
    for descriptor in descriptors:
        os.close(descriptor)
    return None
